"""VGG: nothing but 3x3 convolutions, stacked; a stack of two sees 5x5 for fewer weights than one 5x5.

Nine tenths of the weights are in the linear head and nearly all of the work is in the convolutions. `-bn` normalises after every
convolution.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from torch import nn

from vbench import Accuracy, Naming, architecture

from ._blocks import conv_norm, conv_relu, wide_head
from ._papers import VGG as PAPER
from ._published import paper, torchvision_v1
from ._trunks import vgg_convolutions

WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = {  # Table 1, columns A, B, D, E: convolutions per stage, each stage ending in a 2x2 max pooling
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def _dense(row: str, scale: int, trained: str, top1: float, top5: float) -> Accuracy:
    """State a line of Table 3: the network slides over the picture, whose short side has `scale` pixels."""
    source = f"Simonyan and Zisserman 2014, Table 3, row {row}"
    recipe = f"paper, trained at {trained}"
    return paper(source, f"1 model, dense, scale {scale}", recipe=recipe, top1=top1, top5=top5)


class Variant(NamedTuple):
    """What is known of one depth, and of the same with batch norm."""

    params: int
    params_bn: int
    macs: int
    accuracy: tuple[Accuracy, ...]
    accuracy_bn: tuple[Accuracy, ...]


VARIANTS = {
    11: Variant(
        132_863_336,
        132_868_840,
        7_609_090_048,
        (torchvision_v1(69.02, 88.628), _dense("A", 256, "scale 256", 70.4, 89.6)),
        (torchvision_v1(70.37, 89.81),),
    ),
    13: Variant(
        133_047_848,
        133_053_736,
        11_308_466_176,
        (torchvision_v1(69.928, 89.246), _dense("B", 256, "scale 256", 71.3, 90.1)),
        (torchvision_v1(71.586, 90.374),),
    ),
    16: Variant(
        138_357_544,
        138_365_992,
        15_470_264_320,
        (
            torchvision_v1(71.592, 90.382),
            _dense("D", 256, "scale 256", 73.0, 91.2),
            _dense("D", 384, "scale 384", 73.2, 91.3),
            _dense("D", 384, "scales 256 to 512", 74.4, 91.9),
        ),
        (torchvision_v1(73.36, 91.516),),
    ),
    19: Variant(
        143_667_240,
        143_678_248,
        19_632_062_464,
        (
            torchvision_v1(72.376, 90.876),
            _dense("E", 256, "scale 256", 72.7, 91.0),
            _dense("E", 384, "scale 384", 73.1, 91.3),
            _dense("E", 384, "scales 256 to 512", 74.5, 92.0),
        ),
        (torchvision_v1(74.218, 91.842),),
    ),
}


def _net(depth: int, classes: int = 1000, *, norm: bool = False) -> nn.Sequential:
    """Build a column of Table 1 for inputs of shape `(batch, 3, 224, 224)`."""
    conv = partial(conv_norm, bias=True) if norm else conv_relu
    return nn.Sequential(*vgg_convolutions(DEPTHS[depth], WIDTHS, conv), wide_head(WIDTHS[-1], 7, classes))


def _names(depth: int, *, norm: bool = False) -> list[Naming]:
    """State the names of torchvision, and those of timm, which writes the wide layers as convolutions."""
    rules, theirs, ours = [], 0, 0
    for count in DEPTHS[depth]:
        for _ in range(count):
            rules.append((f"^{ours}.0", f"features.{theirs}"))
            if norm:
                rules.append((f"^{ours}.1", f"features.{theirs + 1}"))
            theirs, ours = theirs + (3 if norm else 2), ours + 1
        theirs, ours = theirs + 1, ours + 1
    head, other = [], []
    for index, number, name in ((2, 0, "pre_logits.fc1"), (5, 3, "pre_logits.fc2"), (8, 6, "head.fc")):
        head.append((f"^{ours}.{index}", f"classifier.{number}"))
        other.append((f"^{ours}.{index}", name))
    return [
        Naming(library="torchvision", rules=(*rules, *head)),
        Naming(library="timm", rules=(*rules, *other), flattened=True),
    ]


for _depth, _variant in VARIANTS.items():
    architecture(
        f"vgg/{_depth}",
        input=(3, 224, 224),
        topic="baseline",
        paper=PAPER,
        params=_variant.params,
        macs=_variant.macs,
        accuracy=_variant.accuracy,
        weights=_names(_depth),
    )(partial(_net, _depth))
    architecture(
        f"vgg/{_depth}-bn",
        input=(3, 224, 224),
        topic="baseline",
        paper=PAPER,
        params=_variant.params_bn,
        macs=_variant.macs,
        accuracy=_variant.accuracy_bn,
        weights=_names(_depth, norm=True),
        deviation="batch norm after every convolution, which came a year after the paper; the convolutions keep their bias, as in"
        " torchvision, though batch norm has one",
    )(partial(_net, _depth, norm=True))
