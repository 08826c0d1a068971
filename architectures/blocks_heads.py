"""How the last map becomes a vector: fully-connected layers against averages, and a pyramid of bins against flattening.

`head-*` is the end of a network at VGG's last map, 7 x 7 x 512, with its 1000 classes: two fully-connected layers of 4096 and the
classifier, or one average per map and the classifier. `spp-*` is the first fully-connected layer behind the 13 x 13 x 256 of
SPP-net's ZF-5: `flatten` pools as usual and flattens, which fixes the size of the picture; a pyramid takes any size. The layer
costs what reaches it: 6 x 6 = 36 numbers per map, or the 50 bins of 6x6, 3x3, 2x2 and 1x1, or 30 with 4x4 in place of 6x6.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import architecture

from ._blocks import pooled_head, wide_head
from ._modules import Block, Pyramid
from ._papers import NIN, SPP

VGG_MAP, CLASSES = (512, 7, 7), 1000
ZF_MAP, UNITS = (256, 13, 13), 4096


def _connected(pooling: nn.Module, numbers: int) -> nn.Sequential:
    """Put the first layer behind a pooling that hands on so many numbers of each map."""
    return nn.Sequential(pooling, nn.Flatten(), nn.Linear(ZF_MAP[0] * numbers, UNITS), nn.ReLU(inplace=True))


def _pyramid(*sizes: int) -> nn.Sequential:
    return _connected(Pyramid(sizes, nn.AdaptiveMaxPool2d), sum(size * size for size in sizes))


def _flattened() -> nn.Sequential:
    return _connected(nn.MaxPool2d(3, 2, ceil_mode=True), 6 * 6)


HEADS = {
    "connected": Block(partial(wide_head, *VGG_MAP[:2], CLASSES), VGG_MAP, 123_642_856, 123_633_664),
    "pooled": Block(partial(pooled_head, VGG_MAP[0], CLASSES), VGG_MAP, 513_000, 512_000),
}
PYRAMIDS = {
    "flatten": Block(_flattened, ZF_MAP, 37_752_832, 37_748_736),
    "6321": Block(partial(_pyramid, 6, 3, 2, 1), ZF_MAP, 52_432_896, 52_428_800),
    "4321": Block(partial(_pyramid, 4, 3, 2, 1), ZF_MAP, 31_461_376, 31_457_280),
}

for _kind, _blocks, _topic, _paper in (("head", HEADS, "fully-connected", NIN), ("spp", PYRAMIDS, "pyramid", SPP)):
    for _name, _block in _blocks.items():
        architecture(
            f"block/{_kind}-{_name}",
            input=_block.input,
            topic=_topic,
            paper=_paper,
            params=_block.params,
            macs=_block.macs,
            task="block",
        )(_block.build)
