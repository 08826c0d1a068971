"""Structured pruning: which channels each criterion takes out, how many of them, and what is said where none can go."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from vbench import compress, compression
from vbench.compress import _building, _choice, _follow, _scores, filters
from vbench.compress._building import Smaller
from vbench.compress._choice import Group
from vbench.compress._labels import Axis
from vbench.core import Architecture, Source
from vbench.errors import VbenchError
from vbench.registry import ARCHITECTURES, COMPRESSORS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

compress.load_builtin()

CRITERIA = ("random", "l1-filter", "l2-filter", "mean-activation", "apoz", "taylor")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


def _conv(inputs: int, outputs: int, size: int = 3, **more: Any) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, **more), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(channels, 8), nn.Conv2d(8, channels, 3, padding=1), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.body(x))


class Net(nn.Module):
    """A stem, a residual unit, a last convolution and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.between, self.last, self.head = _conv(3, 12), Residual(), _conv(12, 10), nn.Linear(10, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.last(self.between(self.stem(x))).mean((2, 3)))


def _plain() -> nn.Module:
    return nn.Sequential(_conv(3, 12), _conv(12, 12), _conv(12, 10), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 7))


def _architecture(make: Callable[[], nn.Module], shape: tuple[int, ...] = (3, 8, 8), **more: Any) -> Architecture:
    return Architecture(name="a/b", build=make, source=Source(kind="module", value="m"), input=shape, **more)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_takes_half_and_is_verified(criterion: str) -> None:
    build = Smaller(_architecture(Net), f"{criterion}:0.5", seed=0, verify=True)
    notes: dict[str, str] = {}
    smaller: Any = build.take(notes)
    assert (smaller.stem[0].out_channels, smaller.between.body[0][0].out_channels, smaller.last[0].out_channels) == (6, 4, 5)
    assert smaller.head.out_features == 7
    assert build.values["removed_channels"] == 6 + 4 + 6 + 5
    assert notes[f"{criterion} removed"] == "21 of 49 output channels, in 4 of 5 convolutions and linear layers"
    assert notes[f"{criterion} verified"].startswith(("0 of", "1e-", "2e-", "3e-", "4e-", "5e-", "6e-", "7e-", "8e-", "9e-"))
    assert ("data" in {key.removeprefix(f"{criterion} ") for key in notes}) == (COMPRESSORS.get(criterion).needs != "")
    again: Any = build.take({})
    assert all(torch.equal(a, b) for a, b in zip(smaller.parameters(), again.parameters(), strict=True))


def test_the_smallest_filters_go() -> None:
    module: Any = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Conv2d(4, 1, 1))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([3.0, -1.0, 2.0, -4.0]).reshape(4, 1, 1, 1))
        module[2].weight.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1, 1))
    for name in ("l1-filter", "l2-filter"):
        smaller: Any = COMPRESSORS.get(name)().apply(
            copy.deepcopy(module), _building.Task(_architecture(list, (1, 4, 4)), 0), ratio=0.5, round=1, **{"global": False}
        )
        assert smaller[0].weight.flatten().tolist() == [3.0, -4.0]
        assert smaller[2].weight.flatten().tolist() == [1.0, 4.0]


def test_what_pictures_show_decides() -> None:
    """Of four channels the first is always zero, the second large and rarely there, the third small and always there."""

    class Planted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.make, self.read = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1, bias=False)
            with torch.no_grad():
                self.make.weight.copy_(torch.tensor([0.0, 100.0, 0.0, 1.0]).reshape(4, 1, 1, 1))
                self.make.bias.copy_(torch.tensor([-1.0, -150.0, 0.1, 5.0]))
                self.read.weight.copy_(torch.tensor([[9.0, 1e-6, 1.0, 0.5], [9.0, 1e-6, 1.0, -0.5]]).reshape(2, 4, 1, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.read(torch.relu(self.make(x))).mean((2, 3))

    def left(criterion: str, ratio: float) -> list[float]:
        task = _building.Task(_architecture(Planted, (1, 16, 16), task="other"), 0)
        options = {"ratio": ratio, "global": False, "round": 1, "pictures": 8, "data": "noise"}
        smaller: Any = COMPRESSORS.get(criterion)().apply(Planted().eval(), task, **options)
        return sorted(round(bias, 3) for bias in smaller.make.bias.tolist())

    assert left("apoz", 0.5) == [0.1, 5.0]
    assert left("mean-activation", 0.25) == [-150.0, 0.1, 5.0]
    assert left("mean-activation", 0.5) == [-150.0, 5.0]
    assert left("taylor", 0.5) == [0.1, 5.0]


def test_taylor_is_activation_times_gradient_by_hand() -> None:
    make = nn.Conv2d(2, 3, 1, bias=False)
    read = nn.Conv2d(3, 1, 1, bias=False)
    module = nn.Sequential(make, nn.ReLU(), read, nn.Flatten()).eval()
    found = _follow.follow(module, (2, 2, 2))
    x = torch.randn(3, 2, 2, 2)
    scores = _scores.of_gradients(module, found, x, classes=False)
    wanted = torch.zeros(3)
    for picture in x:
        h = torch.relu(make(picture[None])).detach().requires_grad_()
        (slope,) = torch.autograd.grad(read(h).square().mean(), h)
        wanted += (h * slope).mean((2, 3)).abs()[0] / 3
    labels = found.labels.roots(found.axes[Axis("0.weight", 0)]).tolist()
    assert [scores[label] for label in labels] == pytest.approx(wanted.tolist(), rel=1e-4)


@pytest.mark.parametrize(
    ("text", "widths"),
    [
        ("l1-filter:0.5", [10, 15]),
        ("l1-filter:0.5:round=8", [16, 16]),
        ("l1-filter:0.2:round=8", [16, 24]),
        ("l1-filter:0.9:round=4", [4, 4]),
    ],
)
def test_channel_counts_are_rounded_on_request(text: str, widths: list[int]) -> None:
    def make() -> nn.Module:
        return nn.Sequential(_conv(3, 20), _conv(20, 30), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(30, 4))

    smaller: Any = Smaller(_architecture(make), text, seed=0, verify=True).take({})
    assert [smaller[0][0].out_channels, smaller[1][0].out_channels] == widths


@pytest.mark.parametrize(
    ("make", "text", "said"),
    [
        (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(2)), "l1-filter:0.5", "no channel can go, because they are out"),
        (lambda: nn.AvgPool2d(2), "random:0.5", "no channel can go, because no convolution or linear layer makes any"),
        (_plain, "l1-filter:0.01", "at most 12 can be told apart in any layer"),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 2, 1), nn.Flatten(2)),
            "l1-filter:0.5", "a group norm works across them",
        ),
        (_plain, "l1-filter:0.98:global", r"leave none of the 1[02] channels of .*: a lower"),
    ],
)  # fmt: skip
def test_what_cannot_be_pruned_says_why(make: Callable[[], nn.Module], text: str, said: str) -> None:
    with pytest.raises(VbenchError, match=said) as caught:
        Smaller(_architecture(make), text, seed=0, verify=True)()
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    ratio=st.floats(0.01, 0.99),
    multiple=st.integers(1, 9),
    seed=st.integers(0, 5),
)
def test_the_share_that_goes_is_rounded_down_and_no_layer_is_emptied(
    sizes: list[int], ratio: float, multiple: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    made, first = [], 2
    for number, size in enumerate(sizes):
        units = list(range(first, first + size))
        made.append(Group(units, {Axis(f"{number}.weight", 0): units}))
        first += size
    scores = {unit: float(torch.rand((), generator=generator)) for group in made for unit in group.units}
    gone = _choice.removed(made, scores, ratio)
    rounded = _choice.removed(made, scores, ratio, multiple=multiple)
    assert rounded <= gone
    for group, size in zip(made, sizes, strict=True):
        own = gone & set(group.units)
        assert len(own) == math.floor(round(ratio * size, 9)) < size
        assert not own or max(scores[unit] for unit in own) <= min(scores[unit] for unit in set(group.units) - own)
        left = size - len(rounded & set(group.units))
        assert left % multiple == 0 or left == size
    together = _choice.removed(made, scores, ratio, together=True)
    assert len(together) == math.floor(round(ratio * sum(sizes), 9))


@pytest.mark.parametrize(
    ("ratio", "count", "gone"), [(0.29, 100, 29), (0.57, 100, 57), (0.5, 5, 2), (0.5, 1, 0), (1 - 1e-12, 4, 3)]
)
def test_the_share_is_that_of_the_number_as_it_is_written(ratio: float, count: int, gone: int) -> None:
    units = list(range(2, 2 + count))
    scores = {unit: float(unit) for unit in units}
    assert _choice.removed([Group(units, {Axis("a.weight", 0): units})], scores, ratio) == set(units[:gone])


def test_a_group_that_not_everything_can_be_said_of_stays_whole() -> None:
    group = Group([2, 3], {Axis("a.weight", 0): [2, 3]})
    assert _choice.removed([group], {2: 1.0}, 0.5) == set()


def test_what_was_found_once_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = _architecture(Net)
    first: dict[str, str] = {}
    found = Smaller(architecture, "taylor:0.5", seed=0).take(first)

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(filters.Taylor, "scores", never)
    second: dict[str, str] = {}
    again = Smaller(architecture, "taylor:0.5", seed=0, verify=True).take(second)
    assert first.items() <= second.items()
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), again.parameters(), strict=True))
    for text, seed in (("taylor:0.25", 0), ("taylor:0.5", 1)):
        with pytest.raises(AssertionError):
            Smaller(architecture, text, seed=seed).take({})


def test_options_are_those_of_the_page() -> None:
    for name in CRITERIA:
        known = COMPRESSORS.get(name).options
        assert compression.example(name, known) == f"{name}:0.5"
        assert [option.name for option in known][:3] == ["ratio", "global", "round"]


def test_each_seed_of_the_control_draws_others() -> None:
    def gone(text: str, **more: Any) -> list[tuple[int, ...]]:
        build = Smaller(_architecture(Net), text, **{"seed": 0} | more)
        return [tuple(parameter.flatten()[:3].tolist()) for parameter in build.take({}).parameters()]

    assert gone("random:0.5") == gone("random:0.5:seed=0") != gone("random:0.5:seed=1")
    assert compression.canonical("random:0.5:seed=0", ARCHITECTURES.options) == "random:0.5"
