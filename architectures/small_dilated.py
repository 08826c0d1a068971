"""Small forms for `vbench study`: four 3x3 on one map of 16 px, with and without holes.

Weights and work are equal; `dilated` sees 35 px of the picture, and `undilated` 19.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from vbench import architecture

from ._blocks import conv_norm, pooled_head
from ._papers import DEEPLAB
from ._small import CLASSES, Small

RATES = (1, 2, 4, 1)
CHANNELS = (16, 16, 16, 16, 32)  # of the first convolution, and of those with a rate


def _flat_map(classes: int, *, rates: tuple[int, ...]) -> nn.Sequential:
    """Keep the map behind a 3x3 of stride 2, for inputs of shape `(batch, 3, 32, 32)`."""
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, CHANNELS[0], 3, stride=2))
    for index, rate in enumerate(rates):
        net[f"conv{index + 1}"] = conv_norm(CHANNELS[index], CHANNELS[index + 1], 3, dilation=rate)
    net["head"] = pooled_head(CHANNELS[-1], classes)
    return nn.Sequential(net)


NETS = {
    "dilated": Small(partial(_flat_map, rates=RATES), 12_474, 3_060_032, "dilated", DEEPLAB),
    "undilated": Small(partial(_flat_map, rates=(1,) * len(RATES)), 12_474, 3_060_032, "dilated", DEEPLAB),
}

for _name, _small in NETS.items():
    architecture(f"small/{_name}", **_small.facts)(partial(_small.build, classes=CLASSES))
