"""Receptive fields: the recurrence against the gradient of one unit, against published tables, and against small sums by hand."""

from __future__ import annotations

import copy
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vbench.architectures._blocks import Concat, Padded, Residual, Shuffle, SqueezeExcite
from vbench.counting import coverage, effective_kernel, geometry, graph, last_map, propagate
from vbench.counting.footprint import footprint
from vbench.counting.geometry import Geometry, last_node
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

load_all()

# Araujo, Norris and Sim, Distill 2019, table of common networks, where the network there and here are the same. Its residual
# networks put the strides elsewhere; those of SE-ResNet's Caffe port stand where its own do.
PUBLISHED = {
    "alexnet/one-tower": 195, "vgg/16": 212, "mobilenet/v1-1.0": 315, "se/resnet-50": 483, "se/resnet-101": 1027,
    "se/resnet-152": 1507, "inception/v2-bn": 699, "inception/v3": 1311, "inception/v4": 2071, "inception/resnet-v2": 3039,
}  # fmt: skip


def _meta(name: str) -> nn.Module:
    with torch.device("meta"):
        network: nn.Module = ARCHITECTURES.get(name).build()
    return network


@pytest.mark.parametrize(("name", "side"), PUBLISHED.items())
def test_fields_are_those_of_the_published_table(name: str, side: int) -> None:
    found = geometry(_meta(name), ARCHITECTURES.get(name).input)
    assert found is not None
    assert found.size == (side, side)
    assert found.stride == (32, 32)
    assert found.exact


def _positive(network: nn.Module) -> nn.Module:
    """The same paths, each with a positive weight: what a unit depends on has a positive gradient, and nothing cancels."""
    for path, module in list(network.named_modules()):
        if isinstance(module, nn.MaxPool2d):  # a maximum hands its gradient to one pixel of the window
            parent, _, name = path.rpartition(".")
            average = nn.AvgPool2d(module.kernel_size, module.stride, module.padding, ceil_mode=module.ceil_mode)
            setattr(network.get_submodule(parent), name, average)
    network = network.double().eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                module.weight.fill_(1 / module.weight[0].numel())
                if module.bias is not None:
                    module.bias.zero_()
    return network


def _gradient(network: nn.Module, module: nn.Module, shape: tuple[int, ...]) -> tuple[torch.Tensor, tuple[int, int]]:
    """Where the middle unit of the module's output has a gradient, as a picture; and which unit that is."""
    kept: list[torch.Tensor] = []
    handle = module.register_forward_hook(lambda _, __, output: kept.append(output))
    pixels = torch.full((1, *shape), 1e-9, dtype=torch.float64, requires_grad=True)
    network(pixels)
    handle.remove()
    height, width = kept[0].shape[2] // 2, kept[0].shape[3] // 2
    (gradient,) = torch.autograd.grad(kept[0][0, :, height, width].sum(), pixels)
    return gradient[0].sum(dim=0) > 0, (height, width)


def _box(seen: torch.Tensor) -> list[tuple[int, int]]:
    return [(int(found[0]), int(found[-1])) for found in (seen.any(dim=1).nonzero(), seen.any(dim=0).nonzero())]


def _predicted(found: Geometry, unit: tuple[int, int], sides: tuple[int, ...]) -> list[tuple[int, int]]:
    boxes = []
    for start, size, jump, index, side in zip(found.start, found.size, found.stride, unit, sides, strict=True):
        first = start + index * jump
        boxes.append((max(0, int(first)), min(side - 1, int(first + size - 1))))
    return boxes


# One of each kind of path: plain, with ceiling pools, residual, per channel, shuffled, concatenated, halved by slices.
@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("alexnet/two-group", (259, 291)),
        ("squeezenet/1.1", (287, 255)),
        ("mobilenet/v1-0.25", (416, 448)),
        ("resnet/cifar-20", (96, 120)),
        ("resnet/18-a", (448, 480)),
        ("shufflenet/v1-g8-no-shuffle", (224, 320)),
        ("shufflenet/v2-0.5", (224, 320)),
        ("googlenet/bottleneck-bn", (256, 224)),
    ],
)
def test_fields_are_where_the_gradient_of_one_unit_is(name: str, sides: tuple[int, int]) -> None:
    shape = (3, *sides)
    traced = graph(_meta(name), shape)
    found = last_map(traced)
    assert found is not None
    node = last_node(traced, propagate(traced))
    last = next(path for path, made in traced.modules.items() if made == node)
    network = _positive(ARCHITECTURES.get(name).build())
    seen, unit = _gradient(network, network.get_submodule(last), shape)
    assert _box(seen) == _predicted(found, unit, sides)


@st.composite
def _layers(draw: st.DrawFn) -> nn.Module:
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, min(kernel) // 2))
    kind = draw(st.sampled_from(["conv", "pool", "residual", "branches", "pad"]))
    if kind == "conv":
        return nn.Conv2d(2, 2, kernel, stride, padding, dilation)
    if kind == "pool":
        return nn.AvgPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans()))
    if kind == "residual":
        return Residual(nn.Conv2d(2, 2, 3, 1, dilation, dilation))
    if kind == "branches":
        wide, tall = nn.Conv2d(2, 1, (1, 5), padding=(0, 2)), nn.Conv2d(2, 1, (3, 1), padding=(1, 0))
        return Concat(wide=wide, tall=tall)
    return nn.ZeroPad2d((draw(st.integers(0, 2)), 0, draw(st.integers(0, 2)), 1))


def _fits(layers: list[nn.Module]) -> bool:
    """Whether each layer's window fits in the map before it, at the size the test below uses."""
    try:
        copy.deepcopy(nn.Sequential(*layers)).to("meta")(torch.empty(1, 2, 120, 130, device="meta"))
    except RuntimeError:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(st.lists(_layers(), min_size=1, max_size=4).filter(_fits))
def test_any_chain_has_the_field_of_its_gradient(layers: list[nn.Module]) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), *layers)
    found = geometry(network, (1, 120, 130))
    assert found is not None
    network = _positive(network)
    seen, unit = _gradient(network, network, (1, 120, 130))
    # Where a field reaches beyond the border, its first taps inside may lie further in.
    for (first, last), (low, high), side in zip(_box(seen), _predicted(found, unit, (120, 130)), (120, 130), strict=True):
        assert first == low if low else first >= 0
        assert last == high if high < side - 1 else last < side
    picture = footprint(graph(network, (1, 120, 130), device="cpu"))
    assert picture is not None
    # The same pixels in the middle of the larger picture; here some may lie beyond the border.
    (top, bottom), (left, right) = _box(seen)
    (first, _), (second, _) = _box(picture)
    if bottom - top + 1 == found.size[0] and right - left + 1 == found.size[1]:
        assert torch.equal(
            seen[top : bottom + 1, left : right + 1], picture[first:, second:][: bottom - top + 1, : right - left + 1]
        )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.sampled_from(["nearest", "bilinear", "transposed"]))
def test_finer_maps_see_at_most_the_field(kernel: int, factor: int, padding: int, kind: str) -> None:
    up: nn.Module = nn.ConvTranspose2d(1, 1, kernel, factor, min(padding, (kernel - 1) // 2))
    if kind != "transposed":
        up = nn.Upsample(scale_factor=factor, mode=kind)
    network = nn.Sequential(nn.Conv2d(1, 1, 3, 2, 1), up)
    found = geometry(network, (1, 40, 40))
    assert found is not None
    assert found.stride == (Fraction(2, factor),) * 2
    network = _positive(network)
    sizes = set()
    pixels = torch.ones(1, 1, 40, 40, dtype=torch.float64, requires_grad=True)
    output = network(pixels)
    for index in range(12, 12 + 2 * factor):
        (gradient,) = torch.autograd.grad(output[0, 0, 12:18, index].sum(), pixels, retain_graph=True)
        columns = gradient[0, 0].any(dim=0).nonzero()
        sizes.add(int(columns[-1] - columns[0]) + 1 if len(columns) else 0)
        if len(columns):
            first = found.start[1] + index * found.stride[1]
            assert first <= int(columns[0]) + 2  # within a unit of the coarse map
    assert max(sizes) <= found.size[1]
    assert max(sizes) == found.size[1] or kind == "bilinear"


@pytest.mark.parametrize(
    ("rates", "share"),
    [
        ([2], 9 / 25),
        ([2, 2], 25 / 81),
        ([4, 4], 25 / 289),
        ([1, 2, 3], 1.0),
        ([1, 2, 4], 1.0),
        ([2, 4, 8], 225 / 841),
        ([1], 1.0),
    ],
)
def test_dilated_chains_leave_a_grid(rates: list[int], share: float) -> None:
    network = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=rate, dilation=rate) for rate in rates))
    traced = graph(network.to("meta"), (1, 56, 56))
    found = last_map(traced)
    assert found is not None
    assert found.size[0] == 1 + sum(effective_kernel(3, rate) - 1 for rate in rates)
    assert coverage(traced) == pytest.approx(share)


@pytest.mark.parametrize(("kernel", "rate", "reach"), [(3, 1, 3), (3, 2, 5), (3, 12, 25), (3, 36, 73), (7, 2, 13), (1, 9, 1)])
def test_effective_kernels(kernel: int, rate: int, reach: int) -> None:
    assert effective_kernel(kernel, rate) == reach


@pytest.mark.parametrize(
    ("layer", "whole"),
    [
        (nn.Identity(), False),
        (Shuffle(2), False),
        (nn.LocalResponseNorm(5), False),
        (nn.PReLU(4), False),
        (nn.GroupNorm(2, 4), False),
        (nn.Softmax(dim=1), False),
        (SqueezeExcite(4, 2), True),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_moves_nothing_leaves_the_field(layer: nn.Module, *, whole: bool) -> None:
    found = geometry(nn.Sequential(nn.Conv2d(3, 4, 5, 2, 2), layer, nn.Conv2d(4, 4, 3)).to("meta"), (3, 33, 47))
    assert found is not None
    assert (found.size, found.stride, found.start, found.map) == ((9, 9), (2, 2), (-2, -2), (15, 22))
    assert found.whole is whole


class _Channels(nn.Module):
    """Normalise channels last, as ConvNeXt does."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.permute(0, 2, 3, 1).mean(dim=-1, keepdim=True)
        return (x.permute(0, 2, 3, 1) - mean).transpose(1, 3).transpose(2, 3)


def test_maps_are_followed_through_other_orders_of_their_dimensions() -> None:
    found = geometry(nn.Sequential(nn.Conv2d(3, 4, (3, 5)), _Channels(), Padded(2, 2), nn.Conv2d(6, 4, 3)), (3, 30, 40))
    assert found is not None
    assert (found.size, found.stride, found.map) == ((7, 9), (2, 2), (12, 16))


@pytest.mark.parametrize(
    "head",
    [
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)],
        [nn.AvgPool2d(16), nn.Flatten()],
        [nn.Flatten(), nn.Linear(4 * 256, 2)],
        [nn.AdaptiveMaxPool2d(3), nn.Flatten()],
    ],
)
def test_a_head_does_not_hide_the_last_map(head: list[nn.Module]) -> None:
    found = geometry(
        nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), nn.Conv2d(4, 64, 1), nn.Conv2d(64, 4, 3, 1, 1), *head).to("meta"), (3, 16, 16)
    )
    assert found is not None
    assert (found.size, found.stride, found.map) == ((5, 5), (1, 1), (16, 16))


@pytest.mark.parametrize("name", ["mlp/3x2048", "mlp/1x512"])
def test_what_has_no_place_has_no_field(name: str) -> None:
    assert geometry(_meta(name), ARCHITECTURES.get(name).input) is None


def test_a_sequence_has_no_field() -> None:
    assert geometry(nn.Conv1d(3, 3, 3), (3, 100)) is None
