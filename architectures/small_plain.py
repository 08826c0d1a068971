"""Small forms for `vbench study`: fully-connected, plain, residual, gated; with and without normalisation; two heads.

`fully-connected` has the MACs of `plain-8`, and forty times its parameters. `plain-26` and `residual-26` differ by the shortcuts
alone, which have no weights, as do the two of 8 layers. `se-8` gates each of the three blocks of `residual-8`. `plain-8-flatten`
reads every place of the last map with weights of its own, where the others average it; `plain-8-no-norm` has biases in place of
batch norm. The numbers are layers with weights.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from vbench import architecture

from ._blocks import conv_relu, padded
from ._modules import gated
from ._papers import BATCH_NORM, HORNIK, NIN, RESNET, SQUEEZE_EXCITE
from ._small import CLASSES, INPUT, Small, three_stages
from ._trunks import basic, residual

if TYPE_CHECKING:
    from ._trunks import Layer

HIDDEN = 790  # units in each hidden layer: as many MACs as the plain network, to a thousandth
DEEP = (8, 16, 32)
SIDE = 4  # of the last map


def _connected(classes: int) -> nn.Sequential:
    """Take the picture as one vector through two hidden layers."""
    first, second = nn.Linear(INPUT[0] * INPUT[1] * INPUT[2], HIDDEN), nn.Linear(HIDDEN, HIDDEN)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True), nn.Linear(HIDDEN, classes))


def _unnormalised(cin: int, cout: int, stride: int) -> nn.Module:
    return nn.Sequential(conv_relu(cin, cout, 3, stride=stride), conv_relu(cout, cout, 3))


def _flat(cin: int, classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(cin * SIDE * SIDE, classes))


def _deep(classes: int, *, shortcut: Layer | None) -> nn.Sequential:
    return three_stages(residual(basic, shortcut), classes, widths=DEEP, depth=4)


def _shallow(classes: int, *, body: Layer = basic, shortcut: Layer | None = padded) -> nn.Sequential:
    return three_stages(residual(body, shortcut), classes)


def _flattened(classes: int) -> nn.Sequential:
    return three_stages(residual(basic, None), classes, head=_flat)


def _bare(classes: int) -> nn.Sequential:
    return three_stages(_unnormalised, classes, conv=conv_relu)


NETS = {
    "fully-connected": Small(_connected, 3_060_470, 3_058_880, "fully-connected", HORNIK),
    "plain-8": Small(partial(_shallow, shortcut=None), 75_290, 3_060_352, "residual", RESNET),
    "plain-8-flatten": Small(_flattened, 84_890, 3_069_952, "baseline", NIN),
    "plain-8-no-norm": Small(_bare, 75_050, 3_060_352, "baseline", BATCH_NORM),
    "plain-26": Small(partial(_deep, shortcut=None), 92_466, 3_447_104, "residual", RESNET),
    "residual-8": Small(_shallow, 75_290, 3_060_352, "residual", RESNET),
    "residual-26": Small(partial(_deep, shortcut=padded), 92_466, 3_447_104, "residual", RESNET),
    "se-8": Small(partial(_shallow, body=gated(basic, 4)), 78_118, 3_063_040, "squeeze-excite", SQUEEZE_EXCITE),
}

for _name, _small in NETS.items():
    architecture(f"small/{_name}", **_small.facts)(partial(_small.build, classes=CLASSES))
