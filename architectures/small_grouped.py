"""Small forms for `vbench study`: grouped convolutions, in ShuffleNet's way and in ResNeXt's.

`grouped-1x1` has the MACs of `dense-1x1` within 2 %, spent on nearly twice the channels, in four groups (17 and 32 are the
widths that come so near); `grouped-1x1-no-shuffle` is the same with groups that never talk. `cardinality` has the MACs of
`bottleneck` within 3 %, spent on a 3x3 that is half as wide again, in four groups.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import architecture

from ._blocks import Residual, Shuffle, bottleneck, conv_norm, projected
from ._papers import RESNEXT, SHUFFLENET
from ._small import CLASSES, Small, three_stages

GROUPS = 4
STEM = 16
DENSE, GROUPED = (17, 34, 68), (32, 64, 128)
CARDINAL_STEM, CARDINAL = 16, (32, 64, 128)


def _unit(cin: int, cout: int, stride: int, *, groups: int, shuffle: bool) -> nn.Module:
    """Work across channels, across places, across channels: a 1x1, a depthwise 3x3, a 1x1, and the input where it fits."""
    body = nn.Sequential(conv_norm(cin, cout, 1, groups=groups))
    if shuffle:
        body.append(Shuffle(groups))
    body.append(conv_norm(cout, cout, 3, stride=stride, groups=cout, relu=False))
    body.append(conv_norm(cout, cout, 1, groups=groups, relu=False))
    return Residual(body) if cin == cout else body.append(nn.ReLU(inplace=True))


def _pointwise(
    classes: int, *, widths: tuple[int, int, int] = GROUPED, groups: int = GROUPS, shuffle: bool = True
) -> nn.Sequential:
    return three_stages(partial(_unit, groups=groups, shuffle=shuffle), classes, widths=widths, stem=STEM, depth=2)


def _squeezed(classes: int, *, share: int, groups: int) -> nn.Sequential:
    """Residual blocks whose 3x3 has `share` eighths of the channels."""

    def block(cin: int, cout: int, stride: int) -> nn.Module:
        body = bottleneck(cin, cout, stride, mid=cout * share // 8, groups=groups)
        return Residual(body, projected(cin, cout, stride))

    return three_stages(block, classes, widths=CARDINAL, stem=CARDINAL_STEM, depth=2)


NETS = {
    "dense-1x1": Small(partial(_pointwise, widths=DENSE, groups=1, shuffle=False), 26_093, 1_279_784, "grouped", SHUFFLENET),
    "grouped-1x1": Small(_pointwise, 27_290, 1_254_656, "grouped", SHUFFLENET),
    "grouped-1x1-no-shuffle": Small(partial(_pointwise, shuffle=False), 27_290, 1_254_656, "grouped", SHUFFLENET),
    "bottleneck": Small(partial(_squeezed, share=2, groups=1), 57_306, 2_274_560, "grouped", RESNEXT),
    "cardinality": Small(partial(_squeezed, share=3, groups=GROUPS), 56_354, 2_329_856, "grouped", RESNEXT),
}

for _name, _small in NETS.items():
    architecture(f"small/{_name}", **_small.facts)(partial(_small.build, classes=CLASSES))
