"""Small forms for `vbench study`: six Fire modules, with late and with early poolings.

The weights are the same; `fire-late` works on large maps for as long as it can, and pays for it in MACs. Unlike SqueezeNet's, its
convolutions are normalised, since all small forms are trained by one recipe.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from vbench import architecture

from ._blocks import conv_norm, pooled_head
from ._modules import fire
from ._papers import SQUEEZENET
from ._small import CLASSES, WIDTHS, Small

FIRES = ((8, 16), (8, 16), (12, 24), (12, 24), (16, 32), (16, 32))  # squeeze, and each of the two expanding
LATE, EARLY = (4, 6), (0, 2)  # the modules that a pooling follows; 0 is the first convolution


def _pooled(classes: int, *, after: tuple[int, ...]) -> nn.Sequential:
    """Stack the modules with poolings `after` these, for inputs of shape `(batch, 3, 32, 32)`."""
    cin = WIDTHS[0]
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, cin, 3, stride=2))
    for number, (squeeze, expand) in enumerate(FIRES, 1):
        if number - 1 in after:
            net[f"pool{number - 1}"] = nn.MaxPool2d(3, 2, 1)
        net[f"fire{number}"] = fire(cin, squeeze, expand, expand, conv_norm)
        cin = 2 * expand
    if len(FIRES) in after:
        net["pool"] = nn.MaxPool2d(3, 2, 1)
    net["head"] = pooled_head(cin, classes)
    return nn.Sequential(net)


NETS = {
    "fire-late": Small(partial(_pooled, after=LATE), 23_530, 3_355_264, "squeezed", SQUEEZENET),
    "fire-early": Small(partial(_pooled, after=EARLY), 23_530, 599_680, "squeezed", SQUEEZENET),
}

for _name, _small in NETS.items():
    architecture(f"small/{_name}", **_small.facts)(partial(_small.build, classes=CLASSES))
