"""GoogLeNet: filters of three sizes side by side, made affordable by 1x1 reductions.

`naive` is the paper's Figure 2(a): every filter sees every input channel. `bottleneck` is Figure 2(b), the network of
Table 1 as published: biases, local response norm, no batch norm, without the auxiliary heads that only training uses.

Two rows of the paper's Table 1 do not follow from the filters that it prints: 4c has 509,440 weights (printed 463K) and 5a
has 1,042,432 weights and 51.1 M MACs (printed 1072K and 54M). The first convolution has 9,408 weights and 118.0 M MACs
(printed 2.7K and 34M, which would fit a 7x1 followed by a 1x7). The declared counts follow the filters.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from torch import nn

from vbench import Accuracy, Paper, architecture

from ._blocks import Concat, conv_relu, pooled_head

if TYPE_CHECKING:
    from collections.abc import Callable

PAPER = Paper(
    title="Going Deeper with Convolutions",
    authors="Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich",
    year=2014,
    link="https://arxiv.org/abs/1409.4842",
)

Row = tuple[int, int, int, int, int, int]

INCEPTION: dict[str, Row] = {  # Table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOL_AFTER = ("3b", "4e")


def _naive(cin: int, row: Row) -> tuple[nn.Module, int]:
    """Figure 2(a): the pooling branch hands on all `cin` channels, so the module can only get wider."""
    one, _, three, _, five, _ = row
    module = Concat(
        one=conv_relu(cin, one, 1),
        three=conv_relu(cin, three, 3),
        five=conv_relu(cin, five, 5),
        pool=nn.MaxPool2d(3, 1, 1),
    )
    return module, one + three + five + cin


def _bottleneck(cin: int, row: Row) -> tuple[nn.Module, int]:
    """Figure 2(b): a 1x1 before each large filter, and one after the pooling."""
    one, reduce3, three, reduce5, five, projection = row
    module = Concat(
        one=conv_relu(cin, one, 1),
        three=nn.Sequential(conv_relu(cin, reduce3, 1), conv_relu(reduce3, three, 3)),
        five=nn.Sequential(conv_relu(cin, reduce5, 1), conv_relu(reduce5, five, 5)),
        pool=nn.Sequential(nn.MaxPool2d(3, 1, 1), conv_relu(cin, projection, 1)),
    )
    return module, one + three + five + projection


def _net(inception: Callable[[int, Row], tuple[nn.Module, int]], classes: int) -> nn.Sequential:
    # Pooling rounds up, as in the authors' framework: otherwise the maps are 27 and 13 instead of 28 and 14.
    net: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=conv_relu(3, 64, 7, stride=2),
        pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
        norm1=nn.LocalResponseNorm(5),
        reduce2=conv_relu(64, 64, 1),
        conv2=conv_relu(64, 192, 3),
        norm2=nn.LocalResponseNorm(5),
        pool2=nn.MaxPool2d(3, 2, ceil_mode=True),
    )
    cin = 192
    for name, row in INCEPTION.items():
        net[name], cin = inception(cin, row)
        if name in POOL_AFTER:
            net[f"pool{name}"] = nn.MaxPool2d(3, 2, ceil_mode=True)
    net["head"] = pooled_head(cin, classes, dropout=0.4)
    return nn.Sequential(net)


@architecture(
    "googlenet/naive",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=97_526_008,
    macs=12_568_061_056,
    deviation="never published as a network and never trained: Table 1 with every reduction and pool projection removed and the"
    " filters kept. The pooling branches then forward all of their input, so the width grows from 192 to 4944 channels",
)
def naive(classes: int = 1000) -> nn.Module:
    """Build the whole network out of Figure 2(a), for inputs of shape `(batch, 3, 224, 224)`.

    The paper draws the module only to reject it. No accuracy was ever published for it; its cost is what it shows.
    """
    return _net(_naive, classes)


@architecture(
    "googlenet/bottleneck",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=6_998_552,
    macs=1_582_671_872,
    accuracy=[
        Accuracy(
            source="BVLC/caffe models/bvlc_googlenet, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px",
            recipe="BVLC",
            top1=68.7,
            top5=88.9,
        ),
        Accuracy(source="Szegedy et al. 2014, Table 3", protocol="1 model, 1 crop, 224 px", recipe="paper", top5=89.93),
        Accuracy(source="Szegedy et al. 2014, Table 3", protocol="1 model, 10 crops", recipe="paper", top5=90.85),
        Accuracy(source="Szegedy et al. 2014, Table 3", protocol="1 model, 144 crops", recipe="paper", top5=92.11),
        Accuracy(source="Szegedy et al. 2014, Table 3", protocol="7 models, 144 crops", recipe="paper", top5=93.33),
    ],
    deviation="without the two auxiliary heads, which only training uses; with them 13,378,280 parameters",
)
def bottleneck(classes: int = 1000) -> nn.Module:
    """Build the network of Table 1, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(_bottleneck, classes)
