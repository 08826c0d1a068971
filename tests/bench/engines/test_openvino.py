"""The openvino engine: what it refuses without the runtime, and with it what it exports, computes in and counts."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from vbench import agreement, data
from vbench.engines import _openvino_account as accounts
from vbench.engines import _openvino_ir as ir
from vbench.engines import openvino as engines
from vbench.engines.openvino import OpenVino
from vbench.errors import VbenchError
from vbench.preparation import Preparation

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Case, Operator

SHAPE = (3, 16, 16)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a processor that computes in bf16, a GPU that computes in fp16, and every package."""
    able = {"CPU": {"FP32", "BF16", "INT8"}, "GPU.1": {"FP32", "FP16", "INT8"}}
    monkeypatch.setattr(engines, "_capabilities", lambda place: frozenset(able.get(place, ())))
    monkeypatch.setattr(metadata, "version", {"openvino": "2026.4.1", "nncf": "3.4.0"}.__getitem__)


@pytest.mark.usefixtures("here")
def test_what_cannot_be_is_one_line(make: Any) -> None:
    def skip(**axes: Any) -> str:
        reason = OpenVino().skip(make.case(**axes))
        assert reason is not None
        assert "\n" not in reason
        return reason

    assert OpenVino().skip(make.case()) is None
    assert OpenVino().skip(make.case(precision="int8")) is None
    assert OpenVino().skip(make.case(precision="fp16", device="xpu:1")) is None
    assert "runs on cpu" in skip(device="cuda:0")
    assert "no tf32" in skip(precision="tf32")
    assert skip(precision="fp16") == "OpenVINO computes no fp16 on this cpu: it has fp32, bf16, int8"
    assert "sees no GPU.0" in skip(device="xpu:0")
    assert "--layout nchw" in skip(layout="nhwc", input_shape=(12,))


def test_a_package_that_is_missing_or_too_old_says_what_installs_it(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "nncf":
            raise metadata.PackageNotFoundError(name)
        return "2024.6.0"

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(
        ImportError, match=r"^openvino 2024\.6\.0 is too old, 2025\.2 is needed: pip install 'vbench\[engines\]'$"
    ):
        OpenVino().version()
    reason = OpenVino().skip(make.case(precision="int8"))
    assert reason == "int8 by OpenVINO's quantiser: nncf is not installed: pip install 'vbench[engines]'"


def test_each_mode_has_its_values_and_an_option() -> None:
    assert set(OpenVino.modes) == set(OpenVino.options)


def test_a_configuration_always_says_what_to_compute_in(make: Any) -> None:
    found = {p: engines.configuration(make.case(precision=p, threads=2), many=False) for p in ("fp32", "bf16", "fp16", "int8")}
    hints = {precision: configuration["INFERENCE_PRECISION_HINT"] for precision, configuration in found.items()}
    assert hints == {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}
    assert (found["fp32"]["INFERENCE_NUM_THREADS"], found["fp32"]["NUM_STREAMS"]) == (2, 1)
    many = engines.configuration(make.case(threads=2), many=True)
    assert (many["PERFORMANCE_HINT"], many["INFERENCE_NUM_THREADS"]) == ("THROUGHPUT", 2)
    assert "NUM_STREAMS" not in many
    assert "INFERENCE_NUM_THREADS" not in engines.configuration(make.case(device="xpu:0"), many=False)


def test_what_a_converter_says_becomes_one_line() -> None:
    long = RuntimeError(
        "Check 'x' failed at src/frontend.cpp:171:\nNo conversion rule found for operations: aten::foo, aten::bar\nDetails:"
    )
    assert ir.one_line(long) == "it has no rule for aten::foo, aten::bar"
    assert ir.one_line(RuntimeError("Exception from src/core.cpp:12:\n  no such thing \n")) == "no such thing"
    assert ir.one_line(RuntimeError()) == "RuntimeError"


sizes = st.integers(1, 6)


@given(batch=sizes, groups=sizes, made=sizes, read=sizes, kernel=sizes, width=sizes)
def test_products_are_those_of_the_formula(  # noqa: PLR0913, PLR0917 - the sizes of a convolution
    batch: int, groups: int, made: int, read: int, kernel: int, width: int
) -> None:
    out = (batch, groups * made, width, width)
    inside = (batch, groups * read, width, width)
    grouped = (groups, made, read, kernel, kernel)
    macs = batch * groups * made * width * width * read * kernel * kernel
    assert accounts.products("Convolution", inside, grouped, out) == macs
    if groups == 1:
        assert accounts.products("Convolution", inside, grouped[1:], out) == macs
        assert accounts.products("Deconvolution", inside, (read, made, kernel, kernel), out) == macs
    assert accounts.products("Deconvolution", inside, (groups, read, made, kernel, kernel), out) == macs
    product = batch * made * read * width
    for one in ((batch, made, read), (batch, read, made)):
        for other in ((read, width), (batch, width, read)):
            assert accounts.products("MatMul", one, other, (batch, made, width)) == product
    assert accounts.products("FullyConnected", (made, read), (width, read), (made, width)) == made * read * width


class Forked(nn.Module):
    """Grouped and transposed convolutions, and answers in a nest."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.head = nn.Linear(8, 5)

    def forward(self, pictures: torch.Tensor) -> dict[str, Any]:
        found = self.grouped(self.stem(pictures))
        return {"maps": [self.up(found), found], "classes": self.head(found.mean((2, 3)))}


MACS = 8 * 3 * 9 * 256 + 8 * 2 * 9 * 256 + 8 * 4 * 4 * 256 + 8 * 5


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


def answers(case: Case, module: nn.Module, preparation: Preparation) -> tuple[torch.Tensor, torch.Tensor, tuple[Operator, ...]]:
    """Eager's answers, the engine's in its rotation, and its account."""
    inputs = list(data.smooth(case.input_shape, 4 * case.batch, 0).split(case.batch))
    with torch.inference_mode():
        wanted = torch.cat([agreement.flatten(module(batch)) for batch in inputs])
    session = OpenVino().prepare(module, case, preparation)
    session.load(inputs)
    got = []
    for _ in inputs:
        session.step()
        session.synchronize()
        got.append(agreement.flatten(session.output()).clone())
    operators = session.operators()
    session.close()
    return wanted, torch.cat(got), operators


def network() -> nn.Module:
    return data.build(Forked, 0)[0]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("batch", "layout", "options"), [(1, "nchw", ()), (3, "nhwc", ()), (2, "nchw", (("hint", "throughput"),))]
)
def test_it_answers_as_eager_does_in_eagers_order(make: Any, batch: int, layout: str, options: Any) -> None:
    case = make.case(input_shape=SHAPE, batch=batch, layout=layout, engine="openvino", engine_options=options)
    module = network()
    preparation = Preparation(module, case)
    wanted, got, operators = answers(case, module, preparation)
    found = agreement.compare(wanted, got, classes=False)
    assert found.sqnr_db is not None
    assert found.sqnr_db > 100.0
    assert sum(operator.macs for operator in operators) == MACS
    assert {operator.precision for operator in operators if operator.macs} == {"fp32"}
    assert [operator.count for operator in operators if operator.place] == [1, 1]
    assert all(operator.seconds is not None and operator.seconds >= 0 for operator in operators)


@pytest.mark.usefixtures("cache")
def test_one_export_serves_other_batches_and_the_next_process(make: Any) -> None:
    module = network()
    made = []
    for batch in (1, 1, 4):
        case = make.case(input_shape=SHAPE, batch=batch, engine="openvino")
        preparation = Preparation(module, case)
        answers(case, module, preparation)
        made.append(preparation.made_s > 0)
    assert made == [True, False, False]


class Fixed(nn.Module):
    """A network that was written for the batch that it was traced with."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.reshape(int(pictures.shape[0]), 4, -1).sum(2)


@pytest.mark.usefixtures("cache")
def test_a_network_that_cannot_be_reshaped_is_exported_at_its_batch(make: Any) -> None:
    case = make.case(input_shape=SHAPE, batch=3, engine="openvino")
    preparation = Preparation(Fixed(), case)
    found = ir.exported(Fixed(), case, preparation, {"openvino": "1"})
    assert found.batch == 3
    wanted, got, _ = answers(case, Fixed(), Preparation(Fixed(), case))
    assert torch.allclose(wanted, got, atol=1e-3)


@pytest.mark.usefixtures("cache")
def test_int8_is_quantised_once_seeded_and_spares_what_it_was_told_to(make: Any, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nncf")
    case = make.case(input_shape=SHAPE, precision="int8", engine="openvino")
    module = network()
    preparation = Preparation(module, case)
    wanted, got, operators = answers(case, module, preparation)
    found = agreement.compare(wanted, got, classes=False)
    assert found.sqnr_db is not None
    assert found.sqnr_db > 20.0
    assert sum(operator.macs for operator in operators) == MACS
    # On some processors a transposed convolution has no int8 kernel, and the account says so.
    assert sum(operator.macs for operator in operators if operator.precision == "int8") >= MACS - 8 * 4 * 4 * 256
    assert preparation.notes["quantiser"].startswith("nncf ")
    assert preparation.notes["calibration"] == "64 smooth seeded pictures (seed 1000)"
    again = Preparation(module, case)
    _, same, _ = answers(case, module, again)
    assert again.made_s == 0.0
    assert torch.equal(got, same)
    spared = Preparation(module, case, full_precision=("stem", "nothing"))
    _, _, operators = answers(case, module, spared)
    assert spared.notes["full_precision"] == "stem, nothing (no operator is made of it)"
    first = next(operator for operator in operators if operator.place == "first")
    assert (first.precision, first.macs) == ("fp32", 8 * 3 * 9 * 256)
    # A worker's standard output is the way to its parent, and its error is the user's screen.
    assert capfd.readouterr() == ("", "")
    assert sys.modules["openvino_telemetry"] is None


class Unknown(nn.Module):
    """Calls an operator that no frontend has a rule for."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.special.bessel_j0(pictures)


class Broken(nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        message = "no such size:\n16"
        raise ValueError(message)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(("kind", "words"), [(Unknown, "aten::special_bessel_j0"), (Broken, "16")])
def test_what_cannot_be_converted_is_one_line(make: Any, kind: type[nn.Module], words: str) -> None:
    case = make.case(input_shape=SHAPE, engine="openvino")
    with pytest.raises(VbenchError, match="OpenVINO could not convert the network") as caught:
        OpenVino().prepare(kind(), case, Preparation(kind(), case))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.usefixtures("cache", "registries")
@pytest.mark.parametrize("name", ["resnet/18", "resnext/50-32x4d", "googlenet/aux", "pose/hourglass-1"])
def test_networks_of_the_catalogue_are_counted_alike(make: Any, name: str) -> None:
    from vbench.counting import count  # noqa: PLC0415 - only here
    from vbench.registry import ARCHITECTURES  # noqa: PLC0415 - as above

    architecture = ARCHITECTURES.get(name)
    case = make.case(name, input_shape=(3, 64, 64), engine="openvino")
    module = data.build(architecture.build, 0)[0]
    wanted, got, operators = answers(case, module, Preparation(module, case))
    found = agreement.compare(wanted, got, classes=False)
    assert found.sqnr_db is not None
    assert found.sqnr_db > 90.0
    assert sum(operator.macs for operator in operators) == count(architecture.build, (3, 64, 64), second=False).macs
