"""Which layers destroy agreement: the rounding, the order of trials, what is refused, and one network with one such layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vbench import culprits, sensitivity
from vbench.cli import _sensitivity
from vbench.culprits import Culprits, Layer, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

PLUGIN = str(Path(__file__).parents[1] / "plugins" / "quantisers.py")
values = st.lists(st.floats(-1e3, 1e3, width=32), min_size=4, max_size=4)


@settings(max_examples=30)
@given(given_=values, low=st.floats(-100, 0), high=st.floats(0, 100))
def test_inputs_are_rounded_to_a_step_of_their_range_and_cut_outside(given_: list[float], low: float, high: float) -> None:
    wanted = torch.tensor(given_)
    found = sensitivity.rounded_input(wanted, (low, high))
    step = (high - low) / 255
    inside = wanted.clamp(low, high)
    assert bool(((found - inside).abs() <= step * 1.001 + 1e-4).all())
    assert len(found.unique()) <= 256
    if high > low:
        assert float(sensitivity.rounded_input(torch.zeros(1), (low, high))) == 0.0


@settings(max_examples=30)
@given(rows=st.lists(values, min_size=1, max_size=3))
def test_weights_are_rounded_by_the_scale_of_their_channel(rows: list[list[float]]) -> None:
    weight = torch.tensor(rows)
    found = sensitivity.rounded_weight(weight, 0)
    largest = weight.abs().amax(1, keepdim=True)
    assert bool(((found - weight).abs() <= largest / 127 * 0.5001 + 1e-30).all())
    torch.testing.assert_close(sensitivity.rounded_weight(weight.T, 1), found.T)
    torch.testing.assert_close(sensitivity.rounded_weight(found, 0), found)


def test_one_layer_is_quantised_and_put_back_and_others_that_share_its_weights_are_not() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
    network[2].weight = network[0].weight
    inputs = torch.randn(4, 6)
    before = network(inputs)
    ranges = sensitivity.observed(network, [inputs])
    assert list(ranges) == ["0", "2"]
    assert ranges["0"] == (float(inputs.min()), float(inputs.max()))
    assert ranges["2"][0] == 0.0
    with sensitivity.quantised(network[0], ranges["0"]):
        assert network[2].weight is not network[0].weight
        assert not torch.equal(network(inputs), before)
        assert torch.allclose(network(inputs), before, atol=0.1)
    assert network[2].weight is network[0].weight
    assert torch.equal(network(inputs), before)


def test_a_transposed_convolution_has_its_channels_in_the_second_place() -> None:
    layer = nn.ConvTranspose2d(2, 3, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, 100.0, 1e4], [0.5, 50.0, 5e3]]).reshape(2, 3, 1, 1)
    with sensitivity.quantised(layer, (-1.0, 1.0)):
        torch.testing.assert_close(layer.weight[0, :, 0, 0], torch.tensor([1.0, 100.0, 1e4]))


LAYERS = tuple(
    Layer(path=f"l{number}", kind="Conv2d", macs_share=0.1, sqnr_db=float(number), error_share=0.1) for number in range(10)
)


def trials(*scores: float | None) -> list[Trial]:
    return [Trial(full_precision=(), sqnr_db=score) for score in scores]


@pytest.mark.parametrize(
    ("scores", "layers", "left"),
    [
        ((), LAYERS, 0),
        ((5.0,), LAYERS, 1),
        ((5.0, 9.0), LAYERS, 2),
        ((5.0, 5.1), LAYERS, 2),
        ((5.0, 5.1, 9.0), LAYERS, 4),
        ((5.0, 9.0, 12.0, 15.0), LAYERS, 8),
        ((5.0, 9.0), LAYERS[:2], 2),
        ((20.0,), LAYERS, None),
        ((5.0, 20.5), LAYERS, None),
        ((5.0, 5.1, 5.2), LAYERS, 4),
        ((5.0, 5.1, 5.2, 5.9), LAYERS, 8),
        ((5.0, 9.0, 9.1, 9.2), LAYERS, None),
        ((5.0, 9.0, None), LAYERS, None),
        ((5.0, 9.0, 12.0, 15.0, 18.0), LAYERS, None),
        ((5.0, 9.0, 12.0), LAYERS[:2], None),
        ((), (), 0),
        ((5.0,), (), None),
    ],
)
def test_more_layers_are_left_out_until_it_is_enough_or_brings_nothing(
    scores: Sequence[float | None], layers: Sequence[Layer], left: int | None
) -> None:
    found = culprits._next(layers, trials(*scores))
    assert found == (None if left is None else tuple(layer.path for layer in layers[:left]))


def test_people_read_two_tables() -> None:
    found = Culprits(
        case_id="a/b", pictures=8, calibration="64 smooth seeded pictures", layers=LAYERS[:2],
        trials=(Trial(full_precision=(), sqnr_db=5.0, share=1.0), Trial(full_precision=("l0",), reason="failed: it cannot")),
    )  # fmt: skip
    assert _sensitivity.text(found).splitlines() == [
        "a/b",
        "8 pictures; calibrated with 64 smooth seeded pictures",
        "",
        "layer alone in int8  kind      MACs   output  of all errors",
        "l0                   Conv2d  10.0 %     0 dB         10.0 %",
        "l1                   Conv2d  10.0 %  1.00 dB         10.0 %",
        "",
        "layers in floating point             output  MACs in int8",
        "none                                5.00 dB       100.0 %",
        "the worst 1: l0           failed: it cannot             –",
        "MACs by the layers left out: the engine gives no account",
    ]


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, commands: Any) -> Any:
    folder = tmp_path_factory.mktemp("sensitivity")
    return lambda *words: commands(folder, "show", "odd/outlier", "--plugin", PLUGIN, *words)


def test_the_layer_that_destroys_agreement_is_named_and_leaving_it_out_mends_it(cli: Any) -> None:
    done = cli("--sensitivity", "--engine", "mimic", "--pictures", "8", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["case_id"].startswith("odd/outlier@none,3x8x8,b1,mimic,int8,cpu,")
    assert found["calibration"] == "64 smooth seeded pictures (seed 1000)"
    assert found["pictures"] == 8
    first, *others = found["layers"]
    assert first["path"] == "odd"
    assert first["sqnr_db"] < 15.0
    assert {layer["path"] for layer in others} == {"stem", "head"}
    assert all(layer["sqnr_db"] > 25.0 for layer in others)
    assert first["error_share"] > 0.9
    assert sum(layer["error_share"] for layer in found["layers"]) == pytest.approx(1.0)
    assert sum(layer["macs_share"] for layer in found["layers"]) == pytest.approx(1.0)
    as_it_is, mended = found["trials"]
    assert (as_it_is["full_precision"], as_it_is["share"], as_it_is["accounted"]) == ([], 1.0, True)
    assert as_it_is["sqnr_db"] < 15.0
    assert mended["full_precision"] == ["odd"]
    assert mended["sqnr_db"] > culprits.ENOUGH_DB
    assert mended["share"] == pytest.approx(1.0 - first["macs_share"])
    assert "layer 3 of 3: head" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sensitivity", "--engine", "eager"), ("eager", "int8", "those that quantise here: ", "mimic")),
        (("--sensitivity", "--engine", "mimic", "--precision", "bf16"), ("bf16 is none", "--precision int8")),
        (("--sensitivity", "--engine", "mimic,eager"), ("one --engine",)),
        (("--sensitivity",), ("one --engine",)),
        (("--sensitivity", "--engine", "mimick"), ("unknown engine 'mimick'", "mimic")),
        (("--sensitivity", "--engine", "mimic", "--pictures", "1"), ("--pictures 1", "at least 2")),
        (("--sensitivity", "--engine", "mimic", "--images", "."), ("--images .", "no pictures")),
        (("--engine", "mimic"), ("--engine", "--sensitivity")),
    ],
)
def test_what_cannot_be_asked_is_one_line(cli: Any, words: Sequence[str], said: Sequence[str]) -> None:
    done = cli(*words)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert [word for word in said if word not in done.stderr] == []
