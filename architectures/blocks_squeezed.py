"""SqueezeNet's strategies one at a time: fewer channels before a 3x3, and what it takes to make a map smaller.

`fire-*` is the network's second layer, at the 55 x 55 x 96 of the paper's Table 1: the Fire module, and the full 3x3 that emits
as many channels with nine times its weights. `downsample-*` halves the 112 x 112 x 64 of ResNet's stem over windows of 3x3: by
their maximum, by their average, or by a convolution with stride 2, which learns what to keep and is the only one with weights.
When to do so is the third strategy, which takes a whole network: `squeezenet/1.0`, `1.0-middle` and `1.0-early`.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import architecture

from ._blocks import conv_norm, conv_relu
from ._modules import Block, fire
from ._papers import ALL_CONVOLUTIONAL, SQUEEZENET

FIRE_2 = (16, 64, 64)  # Table 1: squeeze 1x1, expand 1x1, expand 3x3
MAP, STEM = (96, 55, 55), (64, 112, 112)

FIRE = {
    "squeezed": Block(partial(fire, MAP[0], *FIRE_2), MAP, 11_920, 35_622_400),
    "full": Block(partial(conv_relu, MAP[0], sum(FIRE_2[1:]), 3), MAP, 110_720, 334_540_800),
}
DOWNSAMPLE = {
    "max": Block(partial(nn.MaxPool2d, 3, 2, 1), STEM, 0, 0),
    "average": Block(partial(nn.AvgPool2d, 3, 2, 1), STEM, 0, 0),
    "strided": Block(partial(conv_norm, STEM[0], STEM[0], 3, stride=2), STEM, 36_992, 115_605_504),
}

for _kind, _blocks, _paper in (("fire", FIRE, SQUEEZENET), ("downsample", DOWNSAMPLE, ALL_CONVOLUTIONAL)):
    for _name, _block in _blocks.items():
        architecture(
            f"block/{_kind}-{_name}",
            input=_block.input,
            topic="squeezed",
            paper=_paper,
            params=_block.params,
            macs=_block.macs,
            task="block",
        )(_block.build)
