"""DeepLabv3: keep the map large by convolving with holes, where a classifier would halve it once more.

Every network is the paper's ResNet-50, whose stages ("blocks") end in a stride of 2, all but the last. Behind its four stand up
to three more copies of the fourth. Where the map is as coarse as it may be, a stride becomes 1 and all later 3x3 convolutions
take twice the rate (the distance of their taps), so that each still sees as much of the picture, and no weight is added.

The number in a name is the output stride: pixels of the picture to a pixel of the map. `cascaded` has all seven blocks (Table 1):
at 256 nothing is dilated, which is the paper's "going deeper without atrous convolution", and at 8 the map has 65x65 pixels
instead of 3x3. `block4`, `block5` and `block6` end earlier (Table 2), each at 16 and at the stride that it has without holes.
`undilated` keeps the strides of its namesake and forgets the holes: the same layers on the same maps, at the same counted cost.
`aspp` ends four blocks in parallel convolutions at several rates beside a pooled one. All logits are enlarged to the size of the
picture, bilinearly, as in the paper's training and inference.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from vbench import architecture

from ._blocks import Concat, Padded, Residual, bottleneck, conv_norm, projected
from ._papers import DEEPLAB
from ._published import overlap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

UNITS = (3, 4, 6, 3)  # of ResNet-50; blocks behind the fourth are copies of it
GRID = (1, 1, 1)  # unit rates of the three convolutions from block 4 on, which Tables 1 and 2 leave alone
MULTI_GRID = (1, 2, 4)  # the best ones with ASPP (Table 5)
ATROUS = (6, 12, 18)  # rates of ASPP's 3x3 convolutions at output stride 16; at 8 they are doubled
SIDE = 513  # pixels of a crop, in training and on the validation set
VOC = "513 px, VOC 2012 val"


class Row(NamedTuple):
    """A unit of the trunk: the block that it belongs to, its stride, and the rate of its 3x3 convolution."""

    block: int
    stride: int
    rate: int


class Enlarged(nn.Module):
    """Enlarge the map that the body makes of a picture to the picture's size, bilinearly.

    `corners` says what stays in place: the centres of the corner pixels, as in the paper's framework, or their outer edges.
    """

    def __init__(self, body: nn.Module, *, corners: bool = True) -> None:
        super().__init__()
        self.body = body
        self.corners = corners

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, 3, height, width)` to `(batch, classes, height, width)`."""
        return functional.interpolate(self.body(x), x.shape[2:], mode="bilinear", align_corners=self.corners)


class Summary(nn.Module):
    """Average the whole map, convolve what is left, and spread it over the map again: ASPP's image-level features."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv_norm(cin, cout, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels, height, width)` to as large a map."""
        return functional.interpolate(self.body(x), x.shape[2:], mode="bilinear", align_corners=False)


def aspp(cin: int, rates: Sequence[int]) -> nn.Sequential:
    """Look at a map at several rates at once: a 1x1, a 3x3 for each rate, and the whole map's average; 256 channels each."""
    spread = {f"rate{rate}": conv_norm(cin, 256, 3, dilation=rate) for rate in rates}
    branches = Concat(point=conv_norm(cin, 256, 1), **spread, image=Summary(cin, 256))
    return nn.Sequential(branches, conv_norm(256 * (2 + len(rates)), 256, 1))


def paper_units(blocks: int, stride: int, grid: Sequence[int] = GRID) -> Iterator[Row]:
    """Say where the trunk strides and at which rates it looks, for a map `stride` times as coarse as the picture.

    A unit whose stride is taken away keeps the rate of those before it; only what follows would see less.
    """
    reached, rate = 4, 1
    for block in range(1, blocks + 1):
        count = UNITS[min(block, 4) - 1]
        for unit in range(count):
            wanted = 2 if unit == count - 1 and block < blocks else 1
            step = wanted if reached < stride else 1
            yield Row(block, step, rate * (grid[unit] if block >= 4 else 1))  # noqa: PLR2004 - the grid is that of block 4 and its copies
            reached *= step
            rate *= wanted // step


def torchvision_units() -> Iterator[Row]:
    """Say the same of torchvision's trunk: a block strides in its first unit, and the last two blocks dilate instead."""
    rate = 1
    for block, count in enumerate(UNITS, 1):
        for unit in range(count):
            yield Row(block, 2 if (block, unit) == (2, 0) else 1, rate)
            if block > 2 and unit == 0:  # noqa: PLR2004 - the blocks whose strides are taken away
                rate *= 2


def _unit(cin: int, cout: int, stride: int, rate: int) -> Residual:
    """Add a bottleneck to its input, projected where the channels change, and thinned where the map does."""
    shortcut = Padded(0, stride) if cin == cout and stride > 1 else projected(cin, cout, stride)
    return Residual(bottleneck(cin, cout, stride, dilation=rate), shortcut)


def _trunk(rows: Iterable[Row], *, dilated: bool = True) -> OrderedDict[str, nn.Module]:
    """Stack units as the rows say, up to a map of 2048 channels."""
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, 64, 7, stride=2), pool=nn.MaxPool2d(3, 2, 1))
    blocks: dict[str, list[nn.Module]] = {}
    cin = 64
    for row in rows:
        cout = 256 * 2 ** (min(row.block, 4) - 1)
        blocks.setdefault(f"block{row.block}", []).append(_unit(cin, cout, row.stride, row.rate if dilated else 1))
        cin = cout
    net |= {name: nn.Sequential(*units) for name, units in blocks.items()}
    return net


def _cascaded(blocks: int, stride: int, classes: int = 21, *, dilated: bool = True) -> Enlarged:
    """Build Figure 3 for inputs of shape `(batch, 3, 513, 513)`; the logits have the input's resolution."""
    net = _trunk(paper_units(blocks, stride), dilated=dilated)
    net["classifier"] = nn.Conv2d(2048, classes, 1)
    return Enlarged(nn.Sequential(net))


def _parallel(stride: int, classes: int = 21) -> Enlarged:
    """Build Figure 5 for inputs of shape `(batch, 3, 513, 513)`; the logits have the input's resolution."""
    net = _trunk(paper_units(4, stride, MULTI_GRID))
    net["aspp"] = aspp(2048, [rate * 16 // stride for rate in ATROUS])
    net["classifier"] = nn.Conv2d(256, classes, 1)
    return Enlarged(nn.Sequential(net))


class Variant(NamedTuple):
    """A network of ResNet-50 with blocks in cascade: its blocks, its output stride, its costs, and its mIoU where it has one."""

    blocks: int
    stride: int
    params: int
    macs: int
    miou: float | None = None
    dilated: bool = True


TABLE_1, TABLE_2 = "Chen et al. 2017, Table 1", "Chen et al. 2017, Table 2"
CASCADES = {
    "cascaded-8": Variant(7, 8, 63_714_389, 271_300_168_896, 75.18),
    "cascaded-16": Variant(7, 16, 63_714_389, 75_663_543_488, 73.88),
    "cascaded-32": Variant(7, 32, 63_714_389, 30_907_370_688, 70.06),
    "cascaded-64": Variant(7, 64, 63_714_389, 21_847_116_992, 59.99),
    "cascaded-128": Variant(7, 128, 63_714_389, 20_156_501_184, 42.34),
    "cascaded-256": Variant(7, 256, 63_714_389, 19_887_377_600, 20.29),
    "cascaded-8-undilated": Variant(7, 8, 63_714_389, 271_300_168_896, dilated=False),
    "cascaded-16-undilated": Variant(7, 16, 63_714_389, 75_663_543_488, dilated=False),
    "block4-16": Variant(4, 16, 23_551_061, 31_985_896_640, 64.81),
    "block4-32": Variant(4, 32, 23_551_061, 19_316_149_440),
    "block5-16": Variant(5, 16, 36_938_837, 46_545_112_256, 72.14),
    "block5-64": Variant(5, 64, 36_938_837, 19_681_283_264),
    "block6-16": Variant(6, 16, 50_326_613, 61_104_327_872, 74.29),
    "block6-128": Variant(6, 128, 50_326_613, 19_822_267_584),
}

for _name, _variant in CASCADES.items():
    architecture(
        f"deeplabv3/{_name}",
        input=(3, SIDE, SIDE),
        task="segmentation",
        topic="dilated",
        paper=DEEPLAB,
        params=_variant.params,
        macs=_variant.macs,
        accuracy=[] if _variant.miou is None else [overlap(TABLE_1 if _variant.blocks == 7 else TABLE_2, VOC, _variant.miou)],  # noqa: PLR2004 - all
    )(partial(_cascaded, _variant.blocks, _variant.stride, dilated=_variant.dilated))

for _stride, _params, _macs in ((16, 39_048_533, 48_288_872_896), (8, 39_048_533, 165_092_981_184)):
    architecture(
        f"deeplabv3/aspp-{_stride}",
        input=(3, SIDE, SIDE),
        task="segmentation",
        topic="dilated",
        paper=DEEPLAB,
        params=_params,
        macs=_macs,
        deviation="ResNet-50, where the paper prints the accuracy of this head with ResNet-101 only",
    )(partial(_parallel, _stride))


@architecture(
    "deeplabv3/torchvision",
    input=(3, 520, 520),
    task="segmentation",
    topic="dilated",
    paper=DEEPLAB,
    params=39_638_869,
    macs=168_731_205_888,
    accuracy=[
        overlap(
            "torchvision weights COCO_WITH_VOC_LABELS_V1",
            "short side 520 px, COCO val 2017 with VOC labels",
            66.4,
            "torchvision V1",
        )
    ],
    deviation="strides in the first unit of a block, whose rate is the one before it; no multi-grid; a dropout and a 3x3"
    " convolution of 256 channels stand between ASPP and the classifier; the head that only training uses is left out",
)
def torchvision(classes: int = 21) -> nn.Module:
    """Build what torchvision calls deeplabv3_resnet50, for inputs of shape `(batch, 3, 520, 520)`; output stride 8."""
    net = _trunk(torchvision_units())
    net["aspp"] = aspp(2048, [rate * 2 for rate in ATROUS])
    net["head"] = nn.Sequential(nn.Dropout(), conv_norm(256, 256, 3), nn.Conv2d(256, classes, 1))
    return Enlarged(nn.Sequential(net), corners=False)
