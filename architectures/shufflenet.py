"""ShuffleNet v1: even the 1x1 convolutions are grouped, and a channel shuffle lets the groups talk.

At a fixed budget, more groups buy wider maps: Table 1 lists the widths for each number of groups. `no-shuffle` is the same
network with groups that never talk (Table 3); `dense` has the widths of its groups and none of the grouping, so that what
grouping saves can be measured at one width.

The paper scales widths by 0.5 and 0.25 in a sentence, without a table. With 2, 4 or 8 groups the scaled channels do not divide
by the groups, so those forms of Table 2 cannot be built from the paper. Those here are the ones that divide, and the half
width with 8 groups as the authors released it: there the first layer has 16 channels where scaling gives 12.

Table 1 prints 133 and 137 million for 4 and 8 groups; its layers cost 134.3 and 138.4, as do those of the authors' release.
The release has no bias in its last layer, so 1000 parameters fewer than are declared here.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import NamedTuple

from torch import nn

from vbench import Accuracy, Naming, architecture

from ._blocks import Concat, Residual, Shuffle, conv_norm, pooled_head
from ._papers import SHUFFLENET as PAPER
from ._published import paper, pytorchcv, released

TABLE_2, TABLE_3 = "Zhang et al. 2017, Table 2", "Zhang et al. 2017, Table 3"
RELEASE = "megvii-model/ShuffleNet-Series README"

UNITS = (4, 8, 4)  # Table 1: units in stages 2, 3 and 4
WIDTHS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}  # Table 1: channels of stage 2 by groups; each later stage doubles them
STEM = 24


class Form(NamedTuple):
    """A network of the family: its groups, the width of stage 2 and of the first layer, and what is published and counted."""

    groups: int
    width: int
    stem: int
    params: int
    macs: int
    accuracy: tuple[Accuracy, ...] = ()
    shuffle: bool = True
    deviation: str = ""


FORMS = {
    "v1-g1": Form(1, WIDTHS[1], STEM, 1_531_936, 143_078_976, (paper(TABLE_2, top1=66.4), pytorchcv(65.07, 86.11))),
    "v1-g2": Form(2, WIDTHS[2], STEM, 1_733_848, 140_836_512, (paper(TABLE_2, top1=67.3), pytorchcv(65.75, 86.37))),
    "v1-g3": Form(3, WIDTHS[3], STEM, 1_865_728, 137_460_672, (paper(TABLE_2, top1=67.4), released(RELEASE, 67.8, 87.7))),
    "v1-g4": Form(4, WIDTHS[4], STEM, 1_968_344, 134_339_776, (paper(TABLE_2, top1=67.2), pytorchcv(65.81, 86.65))),
    "v1-g8": Form(8, WIDTHS[8], STEM, 2_434_768, 138_365_952, (paper(TABLE_2, top1=67.6), released(RELEASE, 68.0, 86.4))),
    "v1-g1-0.5": Form(1, 72, 12, 534_484, 38_517_408, (paper(TABLE_2, top1=54.9), pytorchcv(53.41, 77.39))),
    "v1-g3-0.5": Form(3, 120, 12, 718_324, 37_589_856, (paper(TABLE_2, top1=56.8), released(RELEASE, 57.3, 80.0))),
    "v1-g8-0.5": Form(
        8,
        192,
        16,
        1_011_448,
        40_469_760,
        (released(RELEASE, 58.8, 81.0),),
        deviation="the authors' later release, with 16 channels in the first layer; the row of the paper's Table 2 (57.7 % at"
        " 38 M MACs) is of a network that it does not describe",
    ),
    "v1-g1-0.25": Form(1, 36, 6, 209_746, 11_003_184, (paper(TABLE_2, top1=42.9),)),
    "v1-g3-0.25": Form(3, 60, 6, 305_902, 11_009_808, (paper(TABLE_2, top1=45.0),)),
    "v1-g3-no-shuffle": Form(3, WIDTHS[3], STEM, 1_865_728, 137_460_672, (paper(TABLE_3, top1=65.5),), shuffle=False),
    "v1-g8-no-shuffle": Form(8, WIDTHS[8], STEM, 2_434_768, 138_365_952, (paper(TABLE_3, top1=62.4),), shuffle=False),
    "v1-g3-dense": Form(
        1,
        WIDTHS[3],
        STEM,
        3_583_168,
        377_552_832,
        deviation="never published: the widths of three groups with every 1x1 convolution ungrouped, and so nothing to shuffle",
    ),
    "v1-g8-dense": Form(
        1,
        WIDTHS[8],
        STEM,
        8_206_576,
        946_023_936,
        deviation="never published: the widths of eight groups with every 1x1 convolution ungrouped, and so nothing to shuffle",
    ),
}


def _unit(cin: int, cout: int, groups: int, *, first: bool = False, shuffle: bool = True) -> nn.Module:
    """Figure 2(b), or 2(c) where the width changes: there the body makes the new channels and a pooling hands on the old."""
    grows = cin != cout
    made = cout - cin if grows else cout
    mid, stride = cout // 4, 2 if grows else 1
    # The first 1x1 of stage 2 is not grouped: the paper finds its 24 input channels too few for that.
    body = nn.Sequential(conv_norm(cin, mid, 1, groups=1 if first else groups))
    if shuffle and groups > 1:
        body.append(Shuffle(groups))
    body.append(conv_norm(mid, mid, 3, stride=stride, groups=mid, relu=False))
    body.append(conv_norm(mid, made, 1, groups=groups, relu=False))
    if not grows:
        return Residual(body)
    return nn.Sequential(Concat(old=nn.AvgPool2d(3, 2, 1), new=body), nn.ReLU(inplace=True))


def _net(form: Form, classes: int = 1000) -> nn.Sequential:
    """Stack the units of Table 1, for inputs of shape `(batch, 3, 224, 224)`."""
    cin = form.stem
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, cin, 3, stride=2), pool=nn.MaxPool2d(3, 2, 1))
    unit = partial(_unit, groups=form.groups, shuffle=form.shuffle)
    for index, units in enumerate(UNITS):
        cout = form.width * 2**index
        net[f"stage{index + 2}"] = nn.Sequential(unit(cin, cout, first=not index), *(unit(cout, cout) for _ in range(units - 1)))
        cin = cout
    net["head"] = pooled_head(cin, classes)
    return nn.Sequential(net)


def _names(form: Form) -> list[Naming]:
    """State pytorchcv's names. Where channels are shuffled, the layers of a unit are one place further down here."""
    rules = [("stem.0", "features.init_block.conv"), ("stem.1", "features.init_block.bn"), ("head.#", "output")]
    rules += [("stage#.0.0.new", "features.stage{0-1}.unit1"), ("stage#.#.body", "features.stage{0-1}.unit{1+1}")]
    for index, name in enumerate(("compress", "dw", "expand")):
        place = index + 1 if index and form.groups > 1 and form.shuffle else index
        number = index + 1
        rules += [(f"unit#.{place}.0", f"unit{{0}}.{name}_conv{number}"), (f"unit#.{place}.1", f"unit{{0}}.{name}_bn{number}")]
    return [Naming(library="pytorchcv", rules=tuple(rules))]


for _name, _form in FORMS.items():
    architecture(
        f"shufflenet/{_name}",
        input=(3, 224, 224),
        topic="grouped",
        paper=PAPER,
        params=_form.params,
        macs=_form.macs,
        accuracy=_form.accuracy,
        deviation=_form.deviation,
        weights=_names(_form),
    )(partial(_net, _form))
