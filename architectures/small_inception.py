"""Small forms for `vbench study`: four Inception modules, naive and with reductions.

The rows are the same, so the filters are; in `inception-naive` each of them reads all channels, and the pooling hands on all of
them, so that every module is wider than the one before.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from vbench import architecture

from ._blocks import conv_norm, pooled_head
from ._modules import inception_naive, inception_reduced
from ._papers import GOOGLENET
from ._small import CLASSES, WIDTHS, Small

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._modules import InceptionRow

ROWS: tuple[InceptionRow, ...] = ((8, 8, 16, 4, 8, 8), (8, 8, 16, 4, 8, 8), (16, 16, 32, 8, 16, 16), (16, 16, 32, 8, 16, 16))
POOLED = (0, 2)  # the modules before which the map is halved


def _stacked(classes: int, *, module: Callable[..., tuple[nn.Module, int]]) -> nn.Sequential:
    """Stack the modules behind a 3x3 of stride 2, for inputs of shape `(batch, 3, 32, 32)`."""
    cin = WIDTHS[0]
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, cin, 3, stride=2))
    for index, row in enumerate(ROWS):
        if index in POOLED:
            net[f"pool{index}"] = nn.MaxPool2d(3, 2, 1)
        net[f"inception{index}"], cin = module(conv_norm, cin, row)
    net["head"] = pooled_head(cin, classes)
    return nn.Sequential(net)


NETS = {
    "inception-naive": Small(partial(_stacked, module=inception_naive), 183_162, 4_077_600, "inception", GOOGLENET),
    "inception-bottleneck": Small(partial(_stacked, module=inception_reduced), 29_706, 818_976, "inception", GOOGLENET),
}

for _name, _small in NETS.items():
    architecture(f"small/{_name}", **_small.facts)(partial(_small.build, classes=CLASSES))
