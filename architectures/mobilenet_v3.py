"""MobileNet v3: the blocks of v2 with squeeze-and-excitation and cheap activations, chosen by a search for a phone's processor.

The last stage is reordered: the map is pooled to one pixel before the widest layer, which is linear then and costs little.
Both are torchvision's networks. The first version on arXiv describes an earlier small one (2.9 M parameters and 66 M MACs; 2.5 M
and 56 M are those of the final one), and prints the last stride 2 of its Table 1 a row later than it stands here.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from vbench import Naming, Paper, architecture

from ._blocks import SqueezeExcite, conv_norm, round_to_eight
from ._modules import inverted_residual
from ._published import paper, torchvision_v1, torchvision_v2

PAPER = Paper(
    title="Searching for MobileNetV3",
    authors="Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam",
    year=2019,
    link="https://arxiv.org/abs/1905.02244",
)

Row = tuple[int, int, int, bool, str, int]

LARGE: tuple[Row, ...] = (  # Table 1: kernel, expanded and output channels, squeeze-and-excitation, activation, stride
    (3, 16, 16, False, "RE", 1),
    (3, 64, 24, False, "RE", 2),
    (3, 72, 24, False, "RE", 1),
    (5, 72, 40, True, "RE", 2),
    (5, 120, 40, True, "RE", 1),
    (5, 120, 40, True, "RE", 1),
    (3, 240, 80, False, "HS", 2),
    (3, 200, 80, False, "HS", 1),
    (3, 184, 80, False, "HS", 1),
    (3, 184, 80, False, "HS", 1),
    (3, 480, 112, True, "HS", 1),
    (3, 672, 112, True, "HS", 1),
    (5, 672, 160, True, "HS", 2),
    (5, 960, 160, True, "HS", 1),
    (5, 960, 160, True, "HS", 1),
)
SMALL: tuple[Row, ...] = (  # Table 2
    (3, 16, 16, True, "RE", 2),
    (3, 72, 24, False, "RE", 2),
    (3, 88, 24, False, "RE", 1),
    (5, 96, 40, True, "HS", 2),
    (5, 240, 40, True, "HS", 1),
    (5, 240, 40, True, "HS", 1),
    (5, 120, 48, True, "HS", 1),
    (5, 144, 48, True, "HS", 1),
    (5, 288, 96, True, "HS", 2),
    (5, 576, 96, True, "HS", 1),
    (5, 576, 96, True, "HS", 1),
)
ACTIVATIONS = {"RE": nn.ReLU, "HS": nn.Hardswish}
STEM = 16


def _net(rows: tuple[Row, ...], wide: int, classes: int) -> nn.Sequential:
    """Stack the rows of a table; `wide` is the width of the linear layer behind the pooling."""
    conv = partial(conv_norm, eps=1e-3)
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv(3, STEM, 3, stride=2, activation=nn.Hardswish))
    cin = STEM
    for index, (kernel, expanded, cout, squeezes, activation, stride) in enumerate(rows):
        squeeze = SqueezeExcite(expanded, round_to_eight(expanded / 4), gate=nn.Hardsigmoid) if squeezes else None
        own = partial(conv, activation=ACTIVATIONS[activation])
        net[f"block{index + 1}"] = inverted_residual(own, cin, cout, kernel, stride, expanded=expanded, squeeze=squeeze)
        cin = cout
    net["last"] = conv(cin, 6 * cin, 1, activation=nn.Hardswish)
    net["head"] = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6 * cin, wide),
        nn.Hardswish(inplace=True),
        nn.Dropout(0.2),
        nn.Linear(wide, classes),
    )
    return nn.Sequential(net)


def _names(rows: tuple[Row, ...]) -> list[Naming]:
    """State what torchvision calls the layers, which it counts from the stem on."""
    rules = (
        *(("stem", "features.0"), ("last", f"features.{len(rows) + 1}"), ("head.2", "classifier.0"), ("head.5", "classifier.3")),
        *(("body", ""), ("block#", "features.{0}.block"), ("gate.1", "fc1"), ("gate.3", "fc2")),
    )
    return [Naming(library="torchvision", rules=rules)]


@architecture(
    "mobilenet/v3-large",
    input=(3, 224, 224),
    topic="separable",
    paper=PAPER,
    params=5_483_032,
    macs=216_589_760,
    accuracy=[
        torchvision_v1(74.042, 91.34),
        torchvision_v2(75.274, 92.566),
        paper("Howard et al. 2019, Table 3", top1=75.2),
    ],
    weights=_names(LARGE),
)
def v3_large(classes: int = 1000) -> nn.Module:
    """Build the larger network (Table 1), for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(LARGE, 1280, classes)


@architecture(
    "mobilenet/v3-small",
    input=(3, 224, 224),
    topic="separable",
    paper=PAPER,
    params=2_542_856,
    macs=56_510_400,
    accuracy=[torchvision_v1(67.668, 87.402), paper("Howard et al. 2019, Table 3", top1=67.4)],
    weights=_names(SMALL),
)
def v3_small(classes: int = 1000) -> nn.Module:
    """Build the smaller network (Table 2), for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(SMALL, 1024, classes)
