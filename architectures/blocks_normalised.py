"""A convolution with its batch norm, and with the batch norm folded into its weights, as engines do before they infer.

In eval mode batch norm multiplies each channel by one number and adds another. Both can be written into the convolution: its
filters are scaled, and it gets a bias. The answers are the same, with one parameter per filter fewer and no MAC changed; what is
saved is a pass over the map. The block is a 3x3 of ResNet's first stage, 56 x 56 x 64, with the ReLU that usually follows
(`-relu`) and without.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import architecture

from ._blocks import conv_norm, conv_relu
from ._modules import Block
from ._papers import BATCH_NORM

CHANNELS = 64
MAP = (CHANNELS, 56, 56)

BLOCKS = {
    "unfolded": Block(partial(conv_norm, CHANNELS, CHANNELS, 3, relu=False), MAP, 36_992, 115_605_504),
    "folded": Block(partial(nn.Conv2d, CHANNELS, CHANNELS, 3, padding=1), MAP, 36_928, 115_605_504),
    "unfolded-relu": Block(partial(conv_norm, CHANNELS, CHANNELS, 3), MAP, 36_992, 115_605_504),
    "folded-relu": Block(partial(conv_relu, CHANNELS, CHANNELS, 3), MAP, 36_928, 115_605_504),
}

for _name, _block in BLOCKS.items():
    architecture(
        f"block/norm-{_name}",
        input=_block.input,
        topic="inception",
        paper=BATCH_NORM,
        params=_block.params,
        macs=_block.macs,
        task="block",
    )(_block.build)
