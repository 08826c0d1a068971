"""ResNet: layers learn what to add to their input, so that depth no longer hurts.

Up to 34 layers a block is a pair of 3x3 convolutions; from 50 on, a bottleneck keeps the 3x3 affordable. All share the trunk of
Table 1. What the shortcut does where the shape changes is a letter in the name: `-a` pads with zeros, `-c` has a 1x1 convolution
on every shortcut, and a name without a letter is option B, a 1x1 convolution where one is needed. With bottlenecks option C
nearly doubles the cost of a block: 57 % more weights at 50 layers. `plain` has no shortcuts at all: the networks that got worse
with depth (Table 2). `cifar` is section 4.2: three stages on 32 px, with option A.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

from vbench import Accuracy, architecture

from ._blocks import bottleneck, conv_norm, padded, pooled_head, projected
from ._modules import projected_always
from ._papers import RESNET as PAPER
from ._published import CIFAR_10, MULTI_SCALE, TEN_CROPS, fb_resnet_torch, paper, torchvision_v1, torchvision_v2
from ._trunks import BOTTLENECK, RESIDUAL_WEIGHTS, basic, residual, residual_net, stages

if TYPE_CHECKING:
    from ._trunks import Layer


# Table 1: the number of blocks in each stage; those of deeper networks stand with the trunk, which other papers take over.
BASIC = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}

TABLE_3 = "He et al. 2015, Table 3 (stride in the 1x1)"
TABLE_4 = "He et al. 2015, Table 4 (stride in the 1x1)"
STRIDE = (
    "stride 2 in the 3x3 of a stage's first block, as in torchvision; the authors' code has it in the first 1x1, which"
    " costs {} MACs with the same weights"
)
UNTRAINED = "the paper tries this option with 34 layers only; stride 2 in the 3x3"


class Variant(NamedTuple):
    """One network on 224 px: its depth, its shortcuts, and its facts."""

    depth: int
    shortcut: Layer | None
    params: int
    macs: int
    accuracy: tuple[Accuracy, ...] = ()
    deviation: str = ""


VARIANTS = {
    "18": Variant(
        18,
        projected,
        11_689_512,
        1_814_073_344,
        (torchvision_v1(69.758, 89.078), fb_resnet_torch(69.57, 89.24)),
        "projection shortcuts where the shape changes (option B), as in every published set of weights; the paper's own"
        " 18-layer row pads with zeros (option A), so its accuracy does not apply",
    ),
    "18-a": Variant(18, padded, 11_515_688, 1_794_805_760, (paper("He et al. 2015, Table 2", TEN_CROPS, top1=72.12),)),
    "34": Variant(
        34,
        projected,
        21_797_672,
        3_663_761_408,
        (
            torchvision_v1(73.314, 91.42),
            fb_resnet_torch(73.27, 91.26),
            paper("He et al. 2015, Table 3", TEN_CROPS, top1=75.48, top5=92.54),
            paper("He et al. 2015, Table 4", MULTI_SCALE, top1=78.16, top5=94.29),
        ),
    ),
    "34-a": Variant(
        34, padded, 21_623_848, 3_644_493_824, (paper("He et al. 2015, Table 3", TEN_CROPS, top1=74.97, top5=92.24),)
    ),
    "34-c": Variant(
        34,
        projected_always,
        22_716_840,
        3_830_747_136,
        (
            paper("He et al. 2015, Table 3", TEN_CROPS, top1=75.81, top5=92.6),
            paper("He et al. 2015, Table 4", MULTI_SCALE, top1=78.47, top5=94.4),
        ),
    ),
    "50": Variant(
        50,
        projected,
        25_557_032,
        4_089_184_256,
        (
            torchvision_v1(76.13, 92.862),
            torchvision_v2(80.858, 95.434),
            paper("Xie et al. 2016, Table 3 (1x64d)", recipe="ResNeXt paper", top1=76.1),
            paper(TABLE_3, TEN_CROPS, top1=77.15, top5=93.29),
            paper(TABLE_4, MULTI_SCALE, top1=79.26, top5=94.75),
        ),
        STRIDE.format("3,857,973,248"),
    ),
    "50-a": Variant(50, padded, 22_780_456, 3_729_522_688, deviation=UNTRAINED),
    "50-c": Variant(50, projected_always, 40_128_552, 6_555_435_008, deviation=UNTRAINED),
    "101": Variant(
        101,
        projected,
        44_549_160,
        7_801_405_440,
        (
            torchvision_v1(77.374, 93.546),
            torchvision_v2(81.886, 95.78),
            fb_resnet_torch(77.56, 93.79),
            paper("Xie et al. 2016, Table 3 (1x64d)", recipe="ResNeXt paper", top1=78.0),
            paper(TABLE_3, TEN_CROPS, top1=78.25, top5=93.95),
            paper(TABLE_4, MULTI_SCALE, top1=80.13, top5=95.4),
        ),
        STRIDE.format("7,570,194,432"),
    ),
    "152": Variant(
        152,
        projected,
        60_192_808,
        11_513_626_624,
        (
            torchvision_v1(78.312, 94.046),
            torchvision_v2(82.284, 96.002),
            fb_resnet_torch(77.84, 93.84),
            paper(TABLE_3, TEN_CROPS, top1=78.57, top5=94.29),
            paper(TABLE_4, MULTI_SCALE, top1=80.62, top5=95.51),
        ),
        STRIDE.format("11,282,415,616"),
    ),
    "plain-18": Variant(18, None, 11_515_688, 1_794_805_760, (paper("He et al. 2015, Table 2", TEN_CROPS, top1=72.06),)),
    "plain-34": Variant(
        34, None, 21_623_848, 3_644_493_824, (paper("He et al. 2015, Table 3", TEN_CROPS, top1=71.46, top5=89.98),)
    ),
}


def _net(depth: int, shortcut: Layer | None, classes: int = 1000) -> nn.Sequential:
    """Build a column of Table 1 for inputs of shape `(batch, 3, 224, 224)`."""
    if depth in BASIC:
        return residual_net(basic, BASIC[depth], expansion=1, classes=classes, shortcut=shortcut)
    return residual_net(bottleneck, BOTTLENECK[depth], expansion=4, classes=classes, shortcut=shortcut)


for _name, _variant in VARIANTS.items():
    # Nobody else has the other shortcuts, and the plain networks have none to name.
    architecture(
        f"resnet/{_name}",
        input=(3, 224, 224),
        topic="residual",
        paper=PAPER,
        params=_variant.params,
        macs=_variant.macs,
        accuracy=_variant.accuracy,
        deviation=_variant.deviation,
        weights=RESIDUAL_WEIGHTS if _variant.shortcut is projected else (),
    )(partial(_net, _variant.depth, _variant.shortcut))

CIFAR_WIDTHS = (16, 32, 64)  # section 4.2: channels of the three stages, on maps of 32, 16 and 8 px
CIFAR = {  # layers: parameters, MACs, accuracy of Table 6; 6n + 2 layers are n blocks in each stage
    20: (269_722, 40_551_040, 91.25),
    32: (464_154, 68_862_592, 92.49),
    44: (658_586, 97_174_144, 92.83),
    56: (853_018, 125_485_696, 93.03),
    110: (1_727_962, 252_887_680, 93.57),  # the best of five runs, as the paper says
}


def _cifar(depth: int, classes: int = 10) -> nn.Sequential:
    """Build a network of section 4.2 for inputs of shape `(batch, 3, 32, 32)`."""
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, 16, 3))
    net |= stages(residual(basic, padded), [(depth - 2) // 6] * 3, CIFAR_WIDTHS, cin=16)
    net["head"] = pooled_head(64, classes)
    return nn.Sequential(net)


for _depth, (_params, _macs, _top1) in CIFAR.items():
    architecture(
        f"resnet/cifar-{_depth}",
        input=(3, 32, 32),
        topic="residual",
        paper=PAPER,
        params=_params,
        macs=_macs,
        accuracy=[paper("He et al. 2015, Table 6", CIFAR_10, top1=_top1)],
    )(partial(_cifar, _depth))
