"""Inception modules, one at a time: the lecture's arithmetic at 28 x 28 x 256, and addition in place of concatenation.

`inception-slide-*` is what the lecture's slide adds up. Its naive module takes 854,196,224 multiply-accumulates, as it says. For
the module with 1x1 bottlenecks it prints 358M, but the layers that it lists take 271,351,808: the sum counts the 3x3, which
takes 86.7M, a second time. So the bottlenecks save 68 % of the work there, not the "approximately 60 %" of the lecture.
`inception-3b-*` is the paper's module of the same size, whose 5x5 reads 32 channels where the slide has 64: it saves 64 %. The
slide took its naive module's filters from it, so these two are the same.

`inception-resnet-*` is the first module of Inception-ResNet-v2, at 35 x 35 x 320: the sum needs a 1x1 that brings the channels
back, which costs a third of the module, and the width stays; concatenation needs nothing, and the width grows with every module.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import architecture

from ._blocks import Concat, conv_norm, conv_relu
from ._modules import Block, InceptionRow, branches, inception_added, inception_naive, inception_reduced
from ._papers import GOOGLENET, INCEPTION_V4

SLIDE: InceptionRow = (128, 64, 192, 64, 96, 64)
ROW_3B: InceptionRow = (128, 128, 192, 32, 96, 64)
FIGURE_16 = (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3)))  # with the channels of the published weights
SIZE = (256, 28, 28)

conv = partial(conv_norm, eps=1e-3)


def _naive(row: InceptionRow) -> nn.Module:
    return inception_naive(conv_relu, SIZE[0], row)[0]


def _reduced(row: InceptionRow) -> nn.Module:
    return inception_reduced(conv_relu, SIZE[0], row)[0]


def _added() -> nn.Module:
    return inception_added(conv, 320, FIGURE_16, 0.17)


def _concatenated() -> nn.Module:
    return Concat(input=nn.Identity(), **branches(conv, 320, FIGURE_16))


BLOCKS = {
    "slide-naive": Block(partial(_naive, SLIDE), SIZE, 1_089_952, 854_196_224),
    "slide-bottleneck": Block(
        partial(_reduced, SLIDE), SIZE, 346_720, 271_351_808, "the slide prints 358M: it counts the 3x3 twice"
    ),
    "3b-naive": Block(partial(_naive, ROW_3B), SIZE, 1_089_952, 854_196_224, "never part of a network; the slide's naive module"),
    "3b-bottleneck": Block(partial(_reduced, ROW_3B), SIZE, 388_736, 304_267_264),
    "resnet-add": Block(_added, (320, 35, 35), 123_168, 149_900_800),
    "resnet-concat": Block(
        _concatenated,
        (320, 35, 35),
        81_888,
        99_724_800,
        "never part of a network: the same branches, with the input handed on beside them where the paper adds to it",
    ),
}

for _name, _block in BLOCKS.items():
    architecture(
        f"block/inception-{_name}",
        input=_block.input,
        topic="inception",
        paper=INCEPTION_V4 if "resnet" in _name else GOOGLENET,
        params=_block.params,
        macs=_block.macs,
        task="block",
        deviation=_block.deviation,
    )(_block.build)
