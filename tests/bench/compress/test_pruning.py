"""Structured pruning: what is left answers as the whole network with the same channels read as zeros, however they are wired."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from vbench import compression, data
from vbench.compress import _building, _choice, _follow, _surgery, filters
from vbench.compress._building import Smaller
from vbench.compress._choice import Group
from vbench.compress._labels import Axis
from vbench.core import Architecture, Source
from vbench.errors import VbenchError
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES, COMPRESSORS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

load_all()

CRITERIA = ("random", "l1-filter", "l2-filter", "mean-activation", "apoz", "taylor")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


def _conv(inputs: int, outputs: int, size: int = 3, **more: Any) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, **more), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Wired(nn.Module):
    """Two convolutions, what is between them, and a head; `middle` says how many channels come out of what is between."""

    def __init__(self, between: nn.Module, channels: int = 12, middle: int | None = None) -> None:
        super().__init__()
        self.stem = _conv(3, channels)
        self.between = between
        self.last = _conv(middle or channels, 10)
        self.head = nn.Linear(10, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.last(self.between(self.stem(x))).mean((2, 3)))


class Residual(nn.Module):
    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(channels, 8), nn.Conv2d(8, channels, 3, padding=1), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.body(x))


class Concatenated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = _conv(12, 6, 1), _conv(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.one(x), x, self.two(x)), 1)


class Shuffled(nn.Module):
    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.one, self.two = _conv(12, 12, 1, groups=groups), _conv(12, 12, groups=12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        n, c, h, w = y.shape
        return self.two(y.view(n, self.groups, c // self.groups, h, w).transpose(1, 2).reshape(n, c, h, w))


class Halves(nn.Module):
    """The unit of ShuffleNet v2."""

    def __init__(self) -> None:
        super().__init__()
        self.way = nn.Sequential(_conv(6, 6, 1), _conv(6, 6, groups=6), _conv(6, 6, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, two = x.chunk(2, 1)
        y = torch.cat((one, self.way(two)), 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).flatten(1, 2)


class Excited(nn.Module):
    """Squeeze and excitation, with an activation that does not map 0 to 0 in its middle."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(12, 6), nn.Linear(6, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.excite(torch.sigmoid(self.squeeze(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class Attended(nn.Module):
    """One map weighs all channels, spread over them or not."""

    def __init__(self, *, spread: bool) -> None:
        super().__init__()
        self.map, self.spread = nn.Conv2d(12, 1, 3, padding=1), spread

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.map(x))
        return x * (gate.expand_as(x) if self.spread else gate)


class Sizes(nn.Module):
    """Knows how many channels it gets."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(-1, 12, 4, 2, 8).flatten(2, 3)


class Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, 8)
        self.fc = nn.Sequential(nn.Linear(8 * 4 * 4, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(functional.max_pool2d(self.stem(x), 2).flatten(1))


class Shared(nn.Module):
    """One convolution that runs twice, on what it made itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(12, 12, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(torch.relu(self.conv(x)))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Conv2d(12, size, 1) for size in (6, 6, 12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (layer(x).flatten(2) for layer in (self.q, self.k, self.v))
        weights = torch.softmax(q.transpose(1, 2) @ k, -1)
        return (v @ weights.transpose(1, 2)).view_as(x)


WIRINGS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    # How it is wired, and of how many layers something must go at one half.
    "plain": (lambda: Wired(_conv(12, 12)), 3),
    "residual": (lambda: Wired(nn.Sequential(Residual(), Residual())), 6),
    "concatenated": (lambda: Wired(Concatenated(), middle=28), 4),
    "depthwise": (lambda: Wired(nn.Sequential(_conv(12, 12, groups=12), _conv(12, 12, 1))), 4),
    "multiplied": (lambda: Wired(nn.Conv2d(12, 24, 3, padding=1, groups=12), middle=24), 3),
    "grouped": (lambda: Wired(nn.Sequential(_conv(12, 24, groups=3), _conv(24, 12, 1))), 4),
    "shuffled": (lambda: Wired(Shuffled(3)), 4),
    "halves": (lambda: Wired(nn.Sequential(Halves(), Halves())), 8),
    "excited": (lambda: Wired(Excited()), 4),
    "attended": (lambda: Wired(Attended(spread=False)), 2),
    "spread": (lambda: Wired(Attended(spread=True)), 2),
    "flat": (Flat, 2),
    "prelu": (lambda: Wired(nn.Sequential(nn.PReLU(12), nn.PReLU())), 2),
    "swish": (lambda: Wired(nn.Sequential(nn.Conv2d(12, 16, 1), nn.Hardswish(), nn.Conv2d(16, 12, 1), nn.Hardsigmoid())), 4),
    "transposed": (lambda: Wired(nn.ConvTranspose2d(12, 8, 2, 2), middle=8), 3),
    "upsampled": (lambda: Wired(nn.Upsample(scale_factor=2, mode="bilinear")), 2),
    "pixels": (lambda: Wired(nn.Sequential(nn.Conv2d(12, 48, 1), nn.PixelShuffle(2))), 3),
    "padded": (lambda: Wired(nn.Sequential(nn.ReflectionPad2d(1), nn.ZeroPad2d(1))), 2),
    "shared": (lambda: Wired(Shared()), 3),
    "attention": (lambda: Wired(Attention()), 5),
    "response": (lambda: Wired(nn.LocalResponseNorm(5)), 1),
    "layer norm": (lambda: Wired(nn.GroupNorm(1, 12)), 1),
    "sizes": (lambda: Wired(Sizes()), 1),
}


def _architecture(make: Callable[[], nn.Module], shape: tuple[int, ...] = (3, 8, 8), **more: Any) -> Architecture:
    return Architecture(name="a/b", build=make, source=Source(kind="module", value="m"), input=shape, **more)


def _weights(module: nn.Module) -> nn.Module:
    """Nothing is an identity or zero by chance: norms and biases are those of a network that learned."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * (0.3 if tensor.dim() > 1 else 0.5))
                if name.endswith("running_var"):
                    tensor.abs_().add_(0.5)
    return module.eval()


def _plan(module: nn.Module, shape: tuple[int, ...]) -> _surgery.Cut:
    task = _building.Task(_architecture(list, shape), 0)
    return filters.L1().plan(module, task, {"ratio": 0.5, "global": False, "round": 1})


@pytest.mark.parametrize("wiring", WIRINGS)
def test_what_is_left_answers_as_it_must(wiring: str) -> None:
    make, layers = WIRINGS[wiring]
    module = _weights(make())
    before = sum(parameter.numel() for parameter in module.parameters())
    whole = _weights(make())
    plan = _plan(module, (3, 8, 8))
    smaller = _surgery.remove(module, plan)
    assert sum(bool(one.gone) for one in plan.layers) == layers
    assert sum(parameter.numel() for parameter in smaller.parameters()) < before
    x = torch.randn(2, 3, 8, 8)
    assert _building.difference(_weights(make()), _weights(make()), x) == 0
    apart = _building.difference(whole, smaller, x)
    assert apart > 1e-3, "the whole network answers the same: nothing that matters was taken out"
    assert _building.difference(_surgery.zeroed(whole, plan), smaller, x) < filters.TOLERANCE
    for part in smaller.modules():
        if isinstance(part, nn.Conv2d):
            assert part.weight.shape[:2] == (part.out_channels, part.in_channels // part.groups)
        elif isinstance(part, nn.Linear):
            assert part.weight.shape == (part.out_features, part.in_features)
        elif isinstance(part, nn.BatchNorm2d):
            assert {tensor.numel() for tensor in (part.weight, part.bias, part.running_mean)} == {part.num_features}


def _residual(channels: int) -> tuple[nn.Module, int]:
    return Residual(channels), channels


def _doubled(channels: int) -> tuple[nn.Module, int]:
    return Doubled(channels), 2 * channels


class Doubled(nn.Module):
    """What comes in, beside what a convolution makes of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.way = _conv(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.way(x), x), 1)


PARTS: list[Callable[[int], tuple[nn.Module, int]]] = [
    lambda channels: (_conv(channels, 12), 12),
    lambda channels: (_conv(channels, channels, groups=channels), channels),
    lambda channels: (_conv(channels, 24, groups=3), 24),
    lambda channels: (nn.ChannelShuffle(3), channels),
    lambda channels: (nn.AvgPool2d(3, 1, 1), channels),
    lambda channels: (nn.Sequential(nn.Conv2d(channels, 12, 1), nn.Hardswish()), 12),
    _residual,
    _doubled,
]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.integers(0, len(PARTS) - 1), min_size=1, max_size=6), ratio=st.sampled_from((0.25, 0.5, 0.75)))
def test_any_wiring_of_these_is_pruned_right(parts: list[int], ratio: float) -> None:
    def make() -> nn.Module:
        torch.manual_seed(0)
        layers: list[nn.Module] = [_conv(3, 12)]
        channels = 12
        for number in parts:
            layer, channels = PARTS[number](channels)
            layers.append(layer)
        return nn.Sequential(*layers, _conv(channels, 6, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))

    module, whole = _weights(make()), _weights(make())
    task = _building.Task(_architecture(list, (3, 6, 6)), 0)
    plan = filters.L1().plan(module, task, {"ratio": ratio, "global": False, "round": 1})
    smaller = _surgery.remove(module, plan)
    assert plan.removed > 0
    assert _building.difference(_surgery.zeroed(whole, plan), smaller, torch.randn(2, 3, 6, 6)) < filters.TOLERANCE


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_takes_half_and_is_verified(criterion: str) -> None:
    build = Smaller(_architecture(lambda: Wired(Residual())), f"{criterion}:0.5", seed=0, verify=True)
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
        options = {"ratio": ratio, "global": False, "round": 1, "pictures": 8}
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
    from vbench.compress import _scores  # noqa: PLC0415 - beside what it is held against

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
        (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(2)), "l1-filter:0.5", "no channel can go: it is an output"),
        (lambda: nn.AvgPool2d(2), "random:0.5", "no channel can go: no convolution or linear layer makes any"),
        (lambda: Wired(_conv(12, 12)), "l1-filter:0.01", "at most 12 can be told apart in any layer"),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 2, 1), nn.Flatten(2)),
            "l1-filter:0.5", "native_group_norm works across channels",
        ),
        (lambda: Wired(_conv(12, 12)), "l1-filter:0.98:global", r"leave none of the 1[02] channels of .*: a lower"),
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
        assert len(own) == int(ratio * size) < size
        assert not own or max(scores[unit] for unit in own) <= min(scores[unit] for unit in set(group.units) - own)
        left = size - len(rounded & set(group.units))
        assert left % multiple == 0 or left == size
    together = _choice.removed(made, scores, ratio, together=True)
    assert len(together) == int(ratio * sum(sizes))


def test_a_group_that_not_everything_can_be_said_of_stays_whole() -> None:
    group = Group([2, 3], {Axis("a.weight", 0): [2, 3]})
    assert _choice.removed([group], {2: 1.0}, 0.5) == set()


@pytest.mark.parametrize("name", ["resnet/18", "squeezenet/1.1", "mobilenet/v1-0.25"])
def test_torch_pruning_takes_out_the_same(name: str) -> None:
    """Another's dependency graph, where it is right: from one layer of each group it finds all that must go with it."""
    reference = pytest.importorskip("torch_pruning")
    shape = (3, 64, 64)
    architecture = msgspec.structs.replace(ARCHITECTURES.get(name), input=shape)
    module, _ = data.build(architecture.build, 0)
    theirs, _ = data.build(architecture.build, 0)
    plan = _plan(module, shape)
    ours = _surgery.remove(module, plan)
    graph = reference.DependencyGraph().build_dependency(theirs, torch.randn(1, *shape))
    groups = _choice.groups(_follow.follow(data.build(architecture.build, 0)[0], shape))
    for group in groups:
        name = next(iter(group.made)).tensor
        gone = next(one.gone for one in plan.layers if one.tensor == name)
        layer = theirs.get_submodule(name.removesuffix(".weight"))
        graph.get_pruning_group(layer, reference.prune_conv_out_channels, idxs=list(gone)).prune()
    sizes = [tuple(parameter.shape) for parameter in ours.parameters()]
    assert sizes == [tuple(parameter.shape) for parameter in theirs.parameters()]
    assert _building.difference(theirs, ours, data.smooth(shape, 2, 0)) < filters.TOLERANCE


def test_a_network_of_the_catalogue_with_shuffles_is_pruned_right() -> None:
    """torch-pruning 1.6.1 raises on this one."""
    architecture = msgspec.structs.replace(ARCHITECTURES.get("shufflenet/v1-g3"), input=(3, 64, 64))
    build = Smaller(architecture, "l1-filter:0.5", seed=0, verify=True)
    build.take({})
    assert build.values["removed_channels"] > 0


def test_what_was_found_once_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = _architecture(lambda: Wired(Residual()))
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
