"""ShuffleNet v2: half of the channels pass each unit untouched, since what memory moves costs as much as what is computed.

Two networks go by this name. `v2-1.0` is the authors' code: a unit that halves the map passes on all of its input channels
beside those that it makes, and the next unit deals even channels to one half and odd ones to the other. `v2-1.0-torchvision`
makes half of the output on each side, and shuffles after every unit. The authors' costs are those that the paper prints (41, 146,
299 and 591 million); torchvision's are lower at every width but the narrowest, where the two agree.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from vbench import Accuracy, Naming, Paper, architecture

from ._blocks import Concat, Shuffle, conv_norm, pooled_head
from ._published import ONE_CROP, ported, released

PAPER = Paper(
    title="ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
    authors="Ma, Zhang, Zheng, Sun",
    year=2018,
    link="https://arxiv.org/abs/1807.11164",
)
RELEASE = "megvii-model/ShuffleNet-Series README"
RETRAINED, RESIZED = "pull request 5906", f"{ONE_CROP}, resize 232"

UNITS = (4, 8, 4)  # Table 5: units in stages 2, 3 and 4
STEM = 24


class Form(NamedTuple):
    """A width of Table 5: channels of stage 2, which later stages double, and of the last convolution; published and counted."""

    width: int
    last: int
    params: int
    macs: int
    accuracy: Accuracy


AUTHORS = {
    "0.5": Form(48, 1024, 1_365_792, 40_476_448, released(RELEASE, 61.1, 82.6)),
    "1.0": Form(116, 1024, 2_278_760, 145_814_296, released(RELEASE, 69.4, 88.9)),
    "1.5": Form(176, 1024, 3_506_720, 298_970_656, released(RELEASE, 72.6, 90.6)),
    "2.0": Form(244, 2048, 7_402_600, 590_783_000, released(RELEASE, 75.0, 92.4)),
}
TORCHVISION = {
    "0.5": Form(48, 1024, 1_366_792, 40_476_448, ported("ericsun99/Shufflenet-v2-Pytorch", 60.552, 81.746)),
    "1.0": Form(116, 1024, 2_278_604, 144_907_992, ported("ericsun99/Shufflenet-v2-Pytorch", 69.362, 88.316)),
    "1.5": Form(176, 1024, 3_503_624, 295_759_392, ported(RETRAINED, 72.996, 91.086, RESIZED)),
    "2.0": Form(244, 2048, 7_393_996, 583_253_464, ported(RETRAINED, 76.23, 93.006, RESIZED)),
}


class Half(nn.Module):
    """Pass the first half of the channels on unchanged, and the other half through the body."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape `(batch, channels, height, width)`."""
        kept, used = x.chunk(2, dim=1)
        return torch.cat((kept, self.body(used)), dim=1)


NAMES = (  # torchvision's: a unit is one module with its shuffle, and its layers stand in one row
    *(("stem", "conv1"), ("head.#", "fc"), ("stage2.#", "stage2.{n}"), ("stage3.#", "stage3.{n}"), ("stage4.#", "stage4.{n}")),
    *(("old.1.0", "branch1.2"), ("old.1.1", "branch1.3"), ("old.0", "branch1"), ("body", "branch2"), ("new", "branch2")),
    *(
        ("branch2.2.0", "branch2.5"),
        ("branch2.2.1", "branch2.6"),
        ("branch2.1.0", "branch2.3"),
        ("branch2.1.1", "branch2.4"),
        ("branch2.0.#", "branch2.{0}"),
    ),
)


def _made(cin: int, mid: int, cout: int, stride: int) -> nn.Sequential:
    """The branch that makes new channels: 1x1, 3x3 per channel, 1x1; only the middle one has no ReLU."""
    return nn.Sequential(
        conv_norm(cin, mid, 1), conv_norm(mid, mid, 3, stride=stride, groups=mid, relu=False), conv_norm(mid, cout, 1)
    )


def _halving(cin: int, kept: int, cout: int) -> Concat:
    """Figure 3(d): both branches see all channels and halve the map; `kept` channels come from the one with one 1x1."""
    old = nn.Sequential(conv_norm(cin, cin, 3, stride=2, groups=cin, relu=False), conv_norm(cin, kept, 1))
    return Concat(old=old, new=_made(cin, cout // 2, cout - kept, 2))


def _stage(cin: int, cout: int, units: int, *, torchvision: bool) -> nn.Sequential:
    first = _halving(cin, cout // 2 if torchvision else cin, cout)
    units_of_one_size = [Half(_made(cout // 2, cout // 2, cout // 2, 1)) for _ in range(units - 1)]
    stage = nn.Sequential(first, Shuffle(2)) if torchvision else nn.Sequential(first)
    for unit in units_of_one_size:
        # Dealing to half as many groups as there are channels puts the even ones into the first half and the odd ones behind.
        stage.extend((unit, Shuffle(2)) if torchvision else (Shuffle(cout // 2), unit))
    return stage


def _net(form: Form, classes: int = 1000, *, torchvision: bool) -> nn.Sequential:
    """Stack the units of Table 5, for inputs of shape `(batch, 3, 224, 224)`."""
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, STEM, 3, stride=2), pool=nn.MaxPool2d(3, 2, 1))
    cin = STEM
    for index, units in enumerate(UNITS):
        cout = form.width * 2**index
        net[f"stage{index + 2}"] = _stage(cin, cout, units, torchvision=torchvision)
        cin = cout
    net["conv5"] = conv_norm(cin, form.last, 1)
    # The authors' last layer has no bias, and a dropout before it at the largest width only.
    dropout = 0.0 if torchvision or form is not AUTHORS["2.0"] else 0.2
    net["head"] = pooled_head(form.last, classes, dropout, bias=torchvision)
    return nn.Sequential(net)


def _register(
    forms: dict[str, Form], *, torchvision: bool, suffix: str = "", deviation: str = "", weights: tuple[Naming, ...] = ()
) -> None:
    for width, form in forms.items():
        architecture(
            f"shufflenet/v2-{width}{suffix}",
            input=(3, 224, 224),
            topic="grouped",
            paper=PAPER,
            params=form.params,
            macs=form.macs,
            accuracy=[form.accuracy],
            deviation=deviation,
            weights=weights,
        )(partial(_net, form, torchvision=torchvision))


_register(AUTHORS, torchvision=False)
_register(
    TORCHVISION,
    torchvision=True,
    suffix="-torchvision",
    deviation="a unit that halves the map makes half of its output in each branch, where the authors' code passes on all of its"
    " input channels; a shuffle ends every unit, and the last layer has a bias",
    weights=(Naming(library="torchvision", rules=NAMES),),
)
