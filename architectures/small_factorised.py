"""Small forms for `vbench study`: one convolution in several ways, separable, stacked and split.

`separable-8` is `plain-8` with every 3x3 but the first taken apart as MobileNet does; `separable-8-wide` spends what that
saves on channels, to the same MACs within 2 %. `single-5x5` has one 5x5 where `plain-8` has two 3x3. `separated-7x7` is
`full-7x7` with a 1x7 and a 7x1 for every 7x7.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from vbench import architecture

from ._blocks import conv_chain, conv_norm
from ._modules import separable
from ._papers import INCEPTION_V3, MOBILENET, VGG
from ._small import CLASSES, WIDTHS, Small, three_stages

if TYPE_CHECKING:
    from ._trunks import Layer

WIDE = (44, 88, 176)
NARROW = (12, 24, 48)


def _separable(classes: int, *, widths: tuple[int, int, int]) -> nn.Sequential:
    def layer(cin: int, cout: int, stride: int) -> nn.Module:
        return nn.Sequential(separable(cin, cout, stride), separable(cout, cout, 1))

    return three_stages(layer, classes, widths=widths)


def _split(cin: int, cout: int, stride: int) -> nn.Module:
    """Look along rows, then along columns; the stride is in the second."""
    return conv_chain(conv_norm, cin, (cin, (1, 7)), (cout, (7, 1)), stride=stride)


def _large(kernel: int) -> Layer:
    return lambda cin, cout, stride: conv_norm(cin, cout, kernel, stride=stride)


def _one(classes: int, *, layer: Layer, widths: tuple[int, int, int]) -> nn.Sequential:
    return three_stages(layer, classes, widths=widths)


NETS = {
    "separable-8": Small(partial(_separable, widths=WIDTHS), 11_690, 554_112, "separable", MOBILENET),
    "separable-8-wide": Small(partial(_separable, widths=WIDE), 71_554, 3_100_768, "separable", MOBILENET),
    "single-5x5": Small(partial(_one, layer=_large(5), widths=WIDTHS), 71_738, 3_388_032, "separable", VGG),
    "full-7x7": Small(partial(_one, layer=_large(7), widths=NARROW), 78_622, 3_696_096, "separable", INCEPTION_V3),
    "separated-7x7": Small(partial(_one, layer=_split, widths=NARROW), 18_238, 1_373_664, "separable", INCEPTION_V3),
}

for _name, _small in NETS.items():
    architecture(f"small/{_name}", **_small.facts)(partial(_small.build, classes=CLASSES))
