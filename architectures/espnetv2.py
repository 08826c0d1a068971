"""ESPNetv2: the ESP unit made of grouped 1x1 and depthwise 3x3 convolutions, in a network that classifies.

An EESP unit squeezes its channels with a 1x1 in four groups, looks at them through four depthwise 3x3 convolutions whose rates
grow, each over what the one before it found (hierarchical feature fusion), and mixes the stack by another 1x1 in four groups. The
deeper the level, the smaller its map, and the fewer of the four rates are above 1. Where the map is halved, the averaged input
stands beside the unit's output, and the picture itself, averaged down to the same grid, is added through two small convolutions.

The name says the factor on the channels. Costs are those of the authors' code; the table in its README prints some 1 % less.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from vbench import Paper, architecture

from ._blocks import Fused, Residual, conv_norm, norm_prelu, pooled_head
from ._published import released

PAPER = Paper(
    title="ESPNetv2: A Light-weight, Power Efficient, and General Purpose Convolutional Neural Network",
    authors="Mehta, Rastegari, Shapiro, Hajishirzi",
    year=2018,
    link="https://arxiv.org/abs/1811.11431",
)
RELEASE = "sacmehta/ESPNetv2 imagenet/README"
GROUPS = 4


class Level(NamedTuple):
    """How many units follow the one that halves the map, the rates of that one and of those, whether it sees the picture."""

    units: int
    down: tuple[int, ...]
    rates: tuple[int, ...]
    picture: bool = True


# Rates follow from the widest field that the authors allow at each level: 13, 11, 9, 7 and 5 pixels of its map. The branches
# that would see more have a rate of 1, and stand first.
LEVELS = (
    Level(0, (1, 2, 3, 4), (1, 2, 3, 4)),
    Level(3, (1, 2, 3, 4), (1, 2, 3, 4)),
    Level(7, (1, 2, 3, 4), (1, 1, 2, 3)),
    Level(3, (1, 1, 2, 3), (1, 1, 1, 2), picture=False),
)


def _conv(cin: int, cout: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolve, normalise, PReLU."""
    layers = conv_norm(cin, cout, kernel, stride=stride, groups=groups, relu=False)
    return layers.append(nn.PReLU(cout))


def eesp(cin: int, cout: int, rates: tuple[int, ...], stride: int = 1) -> nn.Sequential:
    """Make the body of an EESP unit, up to what its input is added to."""
    thin = cout // len(rates)
    branches = [nn.Conv2d(thin, thin, 3, stride, rate, rate, thin, bias=False) for rate in rates]
    return nn.Sequential(
        _conv(cin, thin, 1, groups=GROUPS),
        Fused(*branches),
        *norm_prelu(cout, 1e-5),
        conv_norm(cout, cout, 1, groups=GROUPS, relu=False),
    )


class Down(nn.Module):
    """Halve the map: a strided unit beside the averaged input, and the picture on top of both where the level sees it."""

    def __init__(self, cin: int, cout: int, rates: tuple[int, ...], depth: int, *, picture: bool) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(3, 2, 1)
        self.body = eesp(cin, cout - cin, rates, 2)
        shrink = [nn.AvgPool2d(3, 2, 1) for _ in range(depth)]
        mix = (_conv(3, 3, 3), conv_norm(3, cout, 1, relu=False))
        self.picture = nn.Sequential(*shrink, *mix) if picture else None
        self.act = nn.PReLU(cout)

    def forward(self, x: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels, height, width)` to half the sides; `picture` is what the network was given."""
        y = torch.cat((self.pool(x), self.body(x)), dim=1)
        if self.picture is not None:
            y = y + self.picture(picture)
        shaped: torch.Tensor = self.act(y)
        return shaped


class ESPNetv2(nn.Module):
    """A convolution, four levels that each halve the map, and a classifier."""

    def __init__(self, factor: float, classes: int) -> None:
        super().__init__()
        base = math.ceil(int(32 * factor) / GROUPS) * GROUPS
        cin = min(32, base)
        self.stem = _conv(3, cin, 3, stride=2)
        self.downs, self.levels = nn.ModuleList(), nn.ModuleList()
        for depth, level in enumerate(LEVELS, 1):
            cout = base * 2**depth
            self.downs.append(Down(cin, cout, level.down, depth + 1, picture=level.picture))
            units = (
                nn.Sequential(Residual(eesp(cout, cout, level.rates), relu=False), nn.PReLU(cout)) for _ in range(level.units)
            )
            self.levels.append(nn.Sequential(*units))
            cin = cout
        last = 1024 if factor <= 1.5 else 1280  # noqa: PLR2004 - the authors' rule
        self.last = nn.Sequential(_conv(cin, cin, 3, groups=cin), _conv(cin, last, 1, groups=GROUPS))
        self.head = pooled_head(last, classes, dropout=0.2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, 3, height, width)` to `(batch, classes)`."""
        y = self.stem(x)
        for down, level in zip(self.downs, self.levels, strict=True):
            y = level(down(y, x))
        logits: torch.Tensor = self.head(self.last(y))
        return logits


def _net(factor: float, classes: int = 1000) -> nn.Module:
    """Build the network for inputs of shape `(batch, 3, 224, 224)`."""
    return ESPNetv2(factor, classes)


DEAD = (
    "without what the authors' module holds and never reads, up to 0.3 % more parameters: the last level's path from the picture,"
    " and an activation in each unit that halves the map"
)
FACTORS = {  # parameters, MACs, top-1
    0.5: (1_239_722, 29_399_508, 57.7),
    1.0: (1_666_942, 86_744_404, 66.1),
    1.25: (1_961_542, 124_423_444, 67.9),
    1.5: (2_310_190, 169_628_884, 69.2),
    2.0: (3_491_934, 286_086_228, 72.1),
}

for _factor, (_params, _macs, _top1) in FACTORS.items():
    architecture(
        f"espnetv2/{_factor}",
        input=(3, 224, 224),
        topic="dilated",
        paper=PAPER,
        params=_params,
        macs=_macs,
        accuracy=[released(RELEASE, _top1)],
        deviation=DEAD,
    )(partial(_net, _factor))
