"""ShuffleNet v1: even the 1x1 convolutions are grouped, and a channel shuffle lets the groups talk.

At a fixed budget, more groups buy wider maps: Table 1 lists the widths for each number of groups.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from torch import nn

from vbench import Accuracy, Paper, architecture

from ._blocks import Concat, Residual, conv_norm, pooled_head

if TYPE_CHECKING:
    import torch

PAPER = Paper(
    title="ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
    authors="Zhang, Zhou, Lin, Sun",
    year=2017,
    link="https://arxiv.org/abs/1707.01083",
)

UNITS = (4, 8, 4)  # Table 1: units in stages 2, 3 and 4
WIDTHS = {3: 240}  # Table 1: output channels of stage 2 by number of groups; each later stage doubles them
STEM = 24


class Shuffle(nn.Module):
    """Deal the channels of each group out to all groups, as cards are dealt."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape `(batch, channels, height, width)`."""
        batch, channels, height, width = x.shape
        return x.view(batch, self.groups, channels // self.groups, height, width).transpose(1, 2).reshape(x.shape)


def _unit(cin: int, cout: int, groups: int) -> nn.Module:
    """Figure 2(b), or 2(c) where the width changes: there the body makes the new channels and a pooling hands on the old."""
    grows = cin != cout
    made = cout - cin if grows else cout
    mid, stride = cout // 4, 2 if grows else 1
    body = nn.Sequential(
        # The first 1x1 of stage 2 is not grouped: the paper finds its 24 input channels too few for that.
        conv_norm(cin, mid, 1, groups=1 if cin == STEM else groups),
        Shuffle(groups),
        conv_norm(mid, mid, 3, stride=stride, groups=mid, relu=False),
        conv_norm(mid, made, 1, groups=groups, relu=False),
    )
    if not grows:
        return Residual(body)
    return nn.Sequential(Concat(old=nn.AvgPool2d(3, 2, 1), new=body), nn.ReLU(inplace=True))


def _net(groups: int, classes: int) -> nn.Sequential:
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, STEM, 3, stride=2), pool=nn.MaxPool2d(3, 2, 1))
    cin = STEM
    for index, units in enumerate(UNITS):
        cout = WIDTHS[groups] * 2**index
        stage = [_unit(cin, cout, groups), *(_unit(cout, cout, groups) for _ in range(units - 1))]
        net[f"stage{index + 2}"] = nn.Sequential(*stage)
        cin = cout
    net["head"] = pooled_head(cin, classes)
    return nn.Sequential(net)


@architecture(
    "shufflenet/v1-g3",
    input=(3, 224, 224),
    topic="grouped",
    paper=PAPER,
    params=1_865_728,
    macs=137_460_672,
    accuracy=[Accuracy(source="Zhang et al. 2017, Table 2", protocol="1 model, 1 crop, 224 px", recipe="paper", top1=67.4)],
)
def v1_g3(classes: int = 1000) -> nn.Module:
    """Build ShuffleNet 1x with three groups, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(3, classes)
