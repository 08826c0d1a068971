"""Grouped convolutions: what groups save, what a shuffle costs, and ResNeXt's three ways of writing one block.

`grouped-1x1-g4` is a 1x1 convolution in four groups, with its batch norm, at the 28 x 28 x 240 of ShuffleNet's second stage: 2,
3, 4 and 8 divide these channels. `g1` is the dense one. Weights and MACs of the convolution are exactly 1/g of the dense one's;
the 480 parameters of the batch norm stay. `-shuffle` deals the channels out behind it: no weight and no MAC, but every value is
moved.

`resnext-*` are the three equivalent forms of ResNeXt's Figure 3 at the first stage, 56 x 56 x 256, with 32 paths of 4 channels:
`summed` (a) adds up whole paths, `concatenated` (b) shares their last 1x1, `grouped` (c) is what the networks here are made of.
With the weights carried over they answer the same, for the same weights and MACs.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from vbench import architecture

from ._blocks import Concat, Residual, Shuffle, bottleneck, conv_norm
from ._modules import Block
from ._papers import RESNEXT, SHUFFLENET

if TYPE_CHECKING:
    import torch

CHANNELS, SIDE = 240, 28
GROUPS = {
    1: (58_080, 45_158_400),
    2: (29_280, 22_579_200),
    3: (19_680, 15_052_800),
    4: (14_880, 11_289_600),
    8: (7_680, 5_644_800),
}  # parameters, MACs
PATHS, PATH_WIDTH = 32, 4
STAGE_1 = (256, 56, 56)


class Summed(nn.Module):
    """Run the branches side by side on the same input, and add up what they answer."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels, height, width)` to the shape that every branch gives."""
        first, *others = self.branches
        total: torch.Tensor = first(x)
        for branch in others:
            total = total + branch(x)
        return total


def _path(cin: int) -> nn.Sequential:
    """Squeeze and look around: what every path does before the channels are brought back."""
    return nn.Sequential(conv_norm(cin, PATH_WIDTH, 1), conv_norm(PATH_WIDTH, PATH_WIDTH, 3))


def _summed() -> Residual:
    """Form (a). The batch norm of the last 1x1 stands behind the sum, since it normalises what the other forms' 1x1 computes."""
    cin = STAGE_1[0]
    paths = [nn.Sequential(*_path(cin), nn.Conv2d(PATH_WIDTH, cin, 1, bias=False)) for _ in range(PATHS)]
    return Residual(nn.Sequential(Summed(*paths), nn.BatchNorm2d(cin)))


def _concatenated() -> Residual:
    """Form (b)."""
    cin = STAGE_1[0]
    paths = {f"path{index}": _path(cin) for index in range(PATHS)}
    return Residual(nn.Sequential(Concat(**paths), conv_norm(PATHS * PATH_WIDTH, cin, 1, relu=False)))


def _grouped() -> Residual:
    """Form (c)."""
    return Residual(bottleneck(STAGE_1[0], STAGE_1[0], 1, mid=PATHS * PATH_WIDTH, groups=PATHS))


def _dealt(groups: int) -> nn.Sequential:
    convolution = conv_norm(CHANNELS, CHANNELS, 1, groups=groups, relu=False)
    return nn.Sequential(OrderedDict(convolution=convolution, shuffle=Shuffle(groups)))


FORMS = {
    "summed": Block(_summed, STAGE_1, 71_168, 219_971_584),
    "concatenated": Block(_concatenated, STAGE_1, 71_168, 219_971_584),
    "grouped": Block(_grouped, STAGE_1, 71_168, 219_971_584),
}

for _groups, (_params, _macs) in GROUPS.items():
    _builds = {"": partial(conv_norm, CHANNELS, CHANNELS, 1, groups=_groups, relu=False), "-shuffle": partial(_dealt, _groups)}
    for _suffix, _build in _builds.items():
        if _groups == 1 and _suffix:
            continue  # the cards of one hand are already dealt
        architecture(
            f"block/grouped-1x1-g{_groups}{_suffix}",
            input=(CHANNELS, SIDE, SIDE),
            topic="grouped",
            paper=SHUFFLENET,
            params=_params,
            macs=_macs,
            task="block",
        )(_build)

for _name, _block in FORMS.items():
    architecture(
        f"block/resnext-{_name}",
        input=_block.input,
        topic="grouped",
        paper=RESNEXT,
        params=_block.params,
        macs=_block.macs,
        task="block",
    )(_block.build)
