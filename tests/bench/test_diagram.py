"""Pictures of block structures, against pictures drawn by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from vbench.architectures._blocks import Concat, Residual, SqueezeExcite, conv_norm, conv_relu
from vbench.cli import _diagram
from vbench.counting import graph
from vbench.counting.structure import Layer, structure
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vbench.counting.structure import Item

load_all()


def picture(*layers: nn.Module) -> str:
    return "\n".join(_diagram.of(lambda: nn.Sequential(*layers).to("meta"), (8, 6, 6)))


def drawn(text: str) -> str:
    return "\n".join(line[4:] for line in text.strip("\n").splitlines()).rstrip()


def test_norms_and_activations_join_their_convolution() -> None:
    assert picture(conv_norm(8, 4, 3, stride=2), nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)) == drawn("""
    input                         8x6x6
    3x3 conv 4 /2, BN, ReLU       4x3x3
    3x3 conv 4, rate 2, 2 groups  4x3x3
    """)


def test_other_layers_are_named() -> None:
    layers = nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.Upsample(scale_factor=2), nn.AvgPool2d(2), nn.MaxPool2d((2, 1)), nn.Flatten()
    assert picture(*layers, nn.Linear(288, 3), nn.Tanh()) == drawn("""
    input                       8x6x6
    4x4 transposed conv 4 /2    4x12x12
    nearest to 24x24            4x24x24
    2x2 avg pool /2             4x12x12
    2x1 max pool /2x1, Flatten  288
    linear 3, Tanh              3
    """)


def test_a_residual_block_that_repeats_is_drawn_once() -> None:
    blocks = [Residual(nn.Sequential(conv_norm(8, 8, 3), conv_norm(8, 8, 3, relu=False))) for _ in range(3)]
    assert picture(*blocks, nn.AdaptiveAvgPool2d(1)) == drawn("""
    input            8x6x6
    3 x ╭ ┌──────────────────────┐
        │ 3x3 conv 8, BN, ReLU   │
        │ 3x3 conv 8, BN         │
        │ └──────────────────────┘
        ╰ add, ReLU  8x6x6
    global avg pool  8x1x1
    """)


def test_ways_may_part_again() -> None:
    assert picture(Concat(one=conv_relu(8, 4, 1), gated=Residual(SqueezeExcite(8, 2)))) == drawn("""
    input   8x6x6
    ┌──────────────────┐
    1x1 conv 4, ReLU   ┌─────────────────────────┐
    │                  ┌─────────────────────┐   │
    │                  global avg pool       │   │
    │                  1x1 conv 2, ReLU      │   │
    │                  1x1 conv 8, Sigmoid   │   │
    │                  └─────────────────────┘   │
    │                  multiply                  │
    │                  └─────────────────────────┘
    │                  add, ReLU
    └──────────────────┘
    concat  12x6x6
    """)


class Crossing(nn.Module):
    """Ways that cross, which no drawing in series and parallel can show."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)
        self.c = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.a(x), self.b(x)
        return self.c(a) * (a + b) + b


def test_ways_that_cross_are_listed_with_what_they_read() -> None:
    assert picture(nn.ReLU(), Crossing()) == drawn("""
    input  8x6x6
    ReLU   8x6x6
    1x1 conv 8 (#1 of input)
    1x1 conv 8 (#2 of input)
    3x3 conv 8 (#3 of #1)
    add (#4 of #1, #2)
    multiply (#5 of #3, #4)
    add    8x6x6
    """)


def layers(items: Iterable[Item]) -> Iterator[Layer]:
    for item in items:
        if isinstance(item, Layer):
            yield item
        else:
            for way in item.ways:
                yield from layers(way)


@pytest.mark.parametrize("name", ["densenet/121", "inception/v4", "shufflenet/v2-1.0", "squeezenet/complex-bypass"])
def test_every_convolution_of_a_network_is_in_its_picture_once(name: str) -> None:
    found = ARCHITECTURES.get(name)
    with torch.device("meta"):
        network = found.build()
    drawn_ = list(layers(structure(network, graph(network, found.input))))
    assert sum("conv" in layer.label for layer in drawn_) == sum(isinstance(m, nn.Conv2d) for m in network.modules())
    assert not any(layer.reads for layer in drawn_), "drawn in series and parallel"
    assert drawn_[-1].shape == (1000,)
