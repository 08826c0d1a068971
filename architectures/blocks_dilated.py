"""Convolutions with holes: how far a 3x3 sees at each rate, at one cost, and ESPNet's way to fill the holes.

`dilated-3x3-r8` has its taps 8 pixels apart, so that it reaches over (3 - 1) 8 + 1 = 17: parameters and MACs do not depend on the
rate, time may. The map is 33 x 33 x 256, what a crop of 513 px leaves at output stride 16, where DeepLabv3 dilates; at rate 16 a
filter is as wide as it. `r1` is the ordinary 3x3.

`esp-*` is ESPNet's unit on the 64 x 128 map of 128 channels that its third level makes of 512 x 1024 px: a 1x1 to a fifth of the
channels, and there five 3x3 at rates 1, 2, 4, 8 and 16 side by side. `fused` adds up what they find, from narrow to wide, before
it is stacked (hierarchical feature fusion); `unfused` only stacks it, which leaves a checkerboard. The fusion has no weights.
"""

from __future__ import annotations

from functools import partial

from vbench import architecture

from ._blocks import conv_norm
from ._modules import Block, esp
from ._papers import DEEPLAB, ESPNET

MAP = (256, 33, 33)
ESP_MAP = (128, 64, 128)
RATES = (1, 2, 4, 6, 8, 12, 16)
DILATED = (590_336, 642_318_336)  # parameters, MACs; at every rate

for _rate in RATES:
    architecture(
        f"block/dilated-3x3-r{_rate}",
        input=MAP,
        topic="dilated",
        paper=DEEPLAB,
        params=DILATED[0],
        macs=DILATED[1],
        task="block",
    )(partial(conv_norm, MAP[0], MAP[0], 3, dilation=_rate))

ESP = {
    "fused": Block(partial(esp, ESP_MAP[0]), ESP_MAP, 32_384, 262_144_000),
    "unfused": Block(partial(esp, ESP_MAP[0], fused=False), ESP_MAP, 32_384, 262_144_000),
}

for _name, _block in ESP.items():
    architecture(
        f"block/esp-{_name}",
        input=_block.input,
        topic="dilated",
        paper=ESPNET,
        params=_block.params,
        macs=_block.macs,
        task="block",
    )(_block.build)
