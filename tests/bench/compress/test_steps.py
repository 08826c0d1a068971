"""Pruning in steps, of one layer alone, and what a file of weights says of what was done to its network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vbench import compress, compression, lineage, weights
from vbench.compress import _choice, _stages, _surgery
from vbench.compress._building import Smaller
from vbench.compress._choice import Group
from vbench.compress._labels import Axis
from vbench.core import Architecture, Source
from vbench.errors import UsageError, VbenchError
from vbench.lineage import Lineage, Written
from vbench.plan import _whole
from vbench.registry import ARCHITECTURES, COMPRESSORS
from vbench.tuning import tuner

if TYPE_CHECKING:
    from pathlib import Path

compress.load_builtin()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


class Net(nn.Module):
    """A stem, a residual sum, and a head."""

    def __init__(self, classes: int = 7) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(3, 12, 3, padding=1), nn.Conv2d(12, 9, 3, padding=1)
        self.back, self.last = nn.Conv2d(9, 12, 1), nn.Conv2d(12, 10, 3)
        self.head = nn.Linear(10, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).relu()
        return self.head(self.last((x + self.back(self.body(x).relu())).relu()).mean((2, 3)))


def _architecture(**more: Any) -> Architecture:
    return Architecture(name="a/b", build=Net, source=Source(kind="module", value="m"), input=(3, 8, 8), **more)


def _channels(net: Any) -> tuple[int, ...]:
    return net.stem.out_channels, net.body.out_channels, net.back.out_channels, net.last.out_channels


@pytest.mark.parametrize("words", ["", ":global", ":round=2"])
@pytest.mark.parametrize("criterion", ["random", "l1-filter", "taylor"])
def test_in_steps_the_check_still_holds_and_as_many_go(criterion: str, words: str) -> None:
    once = Smaller(_architecture(), f"{criterion}:0.5{words}", seed=0, verify=True)
    parted = Smaller(_architecture(), f"{criterion}:0.5{words}:steps=3", seed=0, verify=True)
    first, second = once.take({}), parted.take(notes := {})
    assert notes[f"{criterion} verified"]
    if words != ":global":
        assert _channels(first) == _channels(second)
        assert once.values["removed_channels"] == parted.values["removed_channels"]


def test_each_step_ranks_what_the_last_one_left() -> None:
    seen: list[tuple[int, ...]] = []
    step = compression.steps("l1-filter:0.5:steps=3+finetune:1", ARCHITECTURES.options)
    net, whole = Net(), Net()
    for part in [one for one in _stages.stages(step) if isinstance(one, _stages.Part)]:
        net = _stages.done(net, part, whole, _stages.task(_architecture(), 0))  # type: ignore[assignment]  # the same class
        seen.append(_channels(net))
    assert seen == [(10, 8, 10, 9), (8, 6, 8, 7), (6, 5, 6, 5)]


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(2, 40), min_size=1, max_size=4), ratio=st.floats(0.05, 0.95), steps=st.integers(1, 6))
def test_any_number_of_steps_ends_where_one_does(sizes: list[int], ratio: float, steps: int) -> None:
    labels = iter(range(2, 1000))
    groups = [
        Group(units := [next(labels) for _ in range(size)], {Axis(f"{i}.weight", 0): units}) for i, size in enumerate(sizes)
    ]
    scores = {unit: float((unit * 7919) % 1009) for group in groups for unit in group.units}
    once = _choice.removed(groups, scores, ratio)
    before, left = _choice.sizes(groups), groups
    for number in range(1, steps + 1):
        gone = _choice.removed(left, scores, ratio * (number / steps), before=before)
        left = [Group([u for u in g.units if u not in gone], {a: [u for u in own if u not in gone] for a, own in g.made.items()})
                for g in left]  # fmt: skip
    assert {unit for group in left for unit in group.units} == set(scores) - once


def test_one_layer_alone_takes_those_along_that_share_its_channels() -> None:
    net: Any = Smaller(_architecture(), "l2-filter:0.5:only=body", seed=0, verify=True).take({})
    assert _channels(net) == (12, 5, 12, 10)
    net = Smaller(_architecture(), "l2-filter:0.5:only=back", seed=0, verify=True).take({})
    assert _channels(net) == (6, 9, 6, 10)
    found = _stages.layers(_architecture(), "l1-filter")
    assert [layer.members for layer in found] == [("stem", "back"), ("body",), ("last",)]
    assert found[1].least == pytest.approx(1 / 9)
    net = Smaller(_architecture(), "magnitude:0.5:only=last", seed=0).take({})
    assert int((net.last.weight == 0).sum()) == net.last.weight.numel() // 2
    assert not (net.body.weight == 0).any()
    assert [layer.name for layer in _stages.layers(_architecture(), "magnitude")] == ["stem", "body", "back", "last", "head"]


@pytest.mark.parametrize("text", ["l1-filter:0.5:only=bdy", "magnitude:0.5:only=bdy"])
def test_a_layer_that_there_is_not_is_said_with_the_nearest(text: str) -> None:
    with pytest.raises(VbenchError, match="only=bdy: did you mean body"):
        Smaller(_architecture(), text, seed=0).take({})


def test_two_cuts_are_one_of_the_network_before_both() -> None:
    def cut(size: int, gone: tuple[int, ...], zeroed: tuple[int, ...]) -> _surgery.Cut:
        return _surgery.Cut((_surgery.Dimension("w", 0, size, gone, zeroed, makes=True),))

    assert _surgery.joined(cut(6, (1, 4), (4,)), cut(4, (0, 2), (2,))) == cut(6, (0, 1, 3, 4), (3, 4))


KEPT = Lineage(
    architecture="a/b", compression="l1-filter:0.5+finetune:3", of="net:abc", data="digits train",
    written={"head.weight": Written("codebook", 4)}, values={"removed_channels": 20.0}, notes={"l1-filter removed": "some"},
)  # fmt: skip


def test_what_a_file_says_of_itself_is_read_again_and_a_strangers_is_none() -> None:
    assert lineage.read(lineage.metadata(KEPT)) == KEPT
    for strange in ({}, {"format": "pt"}, {"vbench": "no json"}, {"vbench": "{}"}, {"vbench": '{"architecture": 3}'}):
        assert lineage.read(strange) is None


def test_a_file_of_a_smaller_network_is_built_in_its_shapes(tmp_path: Path) -> None:
    smaller = Smaller(_architecture(), "l1-filter:0.5", seed=0).take({})
    path = tmp_path / "net.safetensors"
    tuner.write(smaller, path, KEPT)
    fitted = weights.fit(_architecture(), path)
    assert fitted.lineage == KEPT
    build = Smaller(msgspec.structs.replace(_architecture(), build=fitted), KEPT.compression, seed=0, verify=True)
    found = build.take(notes := {})
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), smaller.parameters(), strict=True))
    assert build.values["removed_channels"] == 20
    assert notes["weights"] == "loaded"
    assert notes["fidelity"].startswith("left empty")
    more = Smaller(msgspec.structs.replace(_architecture(), build=fitted), f"{KEPT.compression}+magnitude:0.5", seed=0).take({})
    assert int((more.get_parameter("body.weight") == 0).sum()) == more.get_parameter("body.weight").numel() // 2
    with pytest.raises(UsageError, match=r"is of a/b@l1-filter:0\.5\+finetune:3, and not of a/c"):
        weights.fit(msgspec.structs.replace(_architecture(), name="a/c"), path)
    tuner.write(nn.Linear(3, 3), path, KEPT)
    with pytest.raises(UsageError, match="does not fit a/b"):
        weights.fit(_architecture(), path)


def test_a_compression_that_only_a_file_can_hold_is_refused_and_one_that_it_holds_may_be_said_again() -> None:
    held = KEPT.compression
    assert _whole("a/b", "none", "none", held) == held
    assert _whole("a/b", "none", held, held) == held
    assert _whole("a/b", "none", "codebook:4", held) == f"{held}+codebook:4"
    assert _whole("a/b", "none", f"{held}+codebook:4", held) == f"{held}+codebook:4"
    assert _whole("a/b@l1-filter:0.5", "l1-filter:0.5", "none", held) == held
    assert _whole("a/b@magnitude:0.5", "magnitude:0.5", "none", "none") == "magnitude:0.5"
    for text in ("l1-filter:0.5+finetune:3", "finetune:1"):
        with pytest.raises(UsageError, match=r"is training, which a file of weights must hold: .*--finetune 3"):
            _whole("a/b", "none", text, "none")
    with pytest.raises(VbenchError, match="training is done by `vbench evaluate --finetune`"):
        Smaller(_architecture(), "finetune:1", seed=0).take({})


def test_a_step_that_says_noise_gets_noise_whatever_pictures_are_at_hand() -> None:
    at_hand = torch.full((2, 3, 8, 8), 7.0)
    for text, same in (("taylor:0.5", True), ("taylor:0.5:data=noise", False)):
        (step,) = compression.steps(text, lambda name: COMPRESSORS.get(name).options)
        seen = _stages.task(_architecture(), 0, "", lambda count: at_hand[:count], step=step).pictures(2)
        assert bool((seen == 7.0).all()) is same
