"""OpenPose: all persons of a picture at once, with fields that say which joint belongs to which.

Beside a map per joint, and one for the background, the network emits two per limb: a part affinity field, the direction of the
limb wherever there is one. Adding a field up along the line between two joints tells whether they are one person's. The cost of
the network does not depend on how many persons there are. `coco` and `mpi` are the paper's, two branches in six stages;
`mpi-4` stops two stages earlier. `body25` is the authors' later network: fields first, then maps that read them, and three 3x3
whose outputs are all kept in place of each 7x7, for 59 % of the MACs.

A network emits one tensor: `classes` maps first, the background's the last of them, then the fields, two maps for each limb.
`coco-people` goes on to the people: peaks, line integrals and grouping are part of it, with room for 20 persons.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from vbench import Accuracy, Paper, architecture

from ._blocks import conv_relu
from ._decoding import Decoder
from ._grouping import in_one
from ._papers import OPENPOSE
from ._pose import CENTRED, chain, supervised, vgg_19_start
from ._targets import COCO
from ._trunks import vgg_convolutions

LATER = Paper(
    title="OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
    authors="Cao, Hidalgo, Simon, Wei, Sheikh",
    year=2018,
    link="https://arxiv.org/abs/1812.08008",
)


class TwoBranches(nn.Module):
    """In each stage one branch for maps and one for fields; both read the features and what both said before."""

    def __init__(self, stages: int, fields: int, classes: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*vgg_19_start(), conv_relu(512, 256, 3), conv_relu(256, 128, 3))
        cin, layers = 128, [(128, 3)] * 3 + [(512, 1)]
        self.maps, self.fields = nn.ModuleList(), nn.ModuleList()
        for _ in range(stages):
            self.maps.append(chain(cin, *layers, last=classes))
            self.fields.append(chain(cin, *layers, last=fields))
            cin, layers = 128 + classes + fields, [(128, 7)] * 5 + [(128, 1)]

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Map `(batch, 3, height, width)` to `(batch, classes + fields, height / 8, width / 8)`; in training to every stage's."""
        seen = features = self.trunk(x)
        answers = []
        for maps, fields in zip(self.maps, self.fields, strict=True):
            answers.append([maps(seen), fields(seen)])
            seen = torch.cat([*answers[-1], features], dim=1)
        return supervised([torch.cat(answer, dim=1) for answer in (answers if self.training else answers[-1:])])


def _conv_prelu(cin: int, cout: int, kernel: int) -> nn.Sequential:
    """Convolve with a bias, then a ReLU that learns a slope per channel."""
    return nn.Sequential(nn.Conv2d(cin, cout, kernel, 1, kernel // 2), nn.PReLU(cout))


class Kept(nn.Module):
    """Three 3x3 convolutions in a row, which see what a 7x7 sees, and the outputs of all three."""

    def __init__(self, cin: int, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_conv_prelu(before, width, 3) for before in (cin, width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, cin, height, width)` to three times `width` channels."""
        outputs = []
        for conv in self.convs:
            x = conv(x)
            outputs.append(x)
        return torch.cat(outputs, dim=1)


def _kept_stage(cin: int, width: int, between: int, last: int) -> nn.Sequential:
    """Keep five times, then 1x1 twice."""
    convs = [Kept(before, width) for before in (cin, *[3 * width] * 4)]
    return nn.Sequential(*convs, _conv_prelu(3 * width, between, 1), nn.Conv2d(between, last, 1))


class FieldsFirst(nn.Module):
    """Four stages for fields, then two for maps, which read the last fields: to know where limbs are tells where joints are."""

    def __init__(self, fields: int, classes: int) -> None:
        super().__init__()
        begin = [*vgg_convolutions((2, 2, 4, 1), (64, 128, 256, 512))[:-1], _conv_prelu(512, 512, 3)]
        self.trunk = nn.Sequential(*begin, _conv_prelu(512, 256, 3), _conv_prelu(256, 128, 3))
        first = _kept_stage(128, 96, 256, fields)
        self.fields = nn.ModuleList([first, *(_kept_stage(128 + fields, 128, 512, fields) for _ in range(3))])
        self.maps = nn.ModuleList(
            [_kept_stage(128 + fields, 96, 256, classes), _kept_stage(128 + classes + fields, 128, 512, classes)]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Map `(batch, 3, height, width)` to `(batch, classes + fields, height / 8, width / 8)`.

        In training what the earlier stages said follows, the latest first: maps, then fields three times.
        """
        seen = features = self.trunk(x)
        said = []
        for stage in self.fields:
            said.append(stage(seen))
            seen = torch.cat([features, said[-1]], dim=1)
        fields = said.pop()
        said.append(self.maps[0](seen))
        maps = self.maps[1](torch.cat([features, said[-1], fields], dim=1))
        answer = torch.cat([maps, fields], dim=1)
        return supervised([*said, answer] if self.training else [answer])


def _two_branches(stages: int, limbs: int, classes: int) -> nn.Module:
    """Build the paper's network for inputs of shape `(batch, 3, 368, 368)`."""
    return TwoBranches(stages, 2 * limbs, classes)


def _whole_pictures(value: float, metric: str, protocol: str, table: str) -> Accuracy:
    """State what the paper reports for all persons of a picture, who are not cut out first."""
    return Accuracy(
        source=f"Cao et al. 2017, {table}", protocol=f"1 model, {protocol}", recipe="paper", value=value, metric=metric
    )


SIX_STAGES = {  # name: limbs, joints and background, parameters, MACs, accuracy
    "coco": (
        *(19, 19, 52_311_446, 135_934_006_784),
        [_whole_pictures(58.4, "AP", "COCO val, 1160 pictures, not refined", "Table 4")],
    ),
    "mpi": (
        *(14, 16, 51_481_032, 134_177_015_808),
        [
            _whole_pictures(72.5, "mAP", "MPII multi-person test, 1 scale", "Table 1"),
            _whole_pictures(75.6, "mAP", "MPII multi-person test, 3 scales", "Table 1"),
            _whole_pictures(79.7, "mAP", "MPII multi-person test, 288 pictures, 3 scales", "Table 1"),
        ],
    ),
}
register = partial(architecture, input=(3, 368, 368), topic="keypoints", task="keypoints", preprocess=CENTRED)

for _name, (_limbs, _classes, _params, _macs, _accuracy) in SIX_STAGES.items():
    register(f"pose/openpose-{_name}", paper=OPENPOSE, params=_params, macs=_macs, accuracy=_accuracy)(
        partial(_two_branches, 6, _limbs, classes=_classes)
    )


@register(
    "pose/openpose-coco-people",
    paper=OPENPOSE,
    params=SIX_STAGES["coco"][2],
    macs=SIX_STAGES["coco"][3],
    deviation="decodes the map as it is, along the 17 limbs that make a tree; the authors' code enlarges it eight times and"
    " follows the other two limbs too",
)
def coco_people(classes: int = 19) -> nn.Sequential:  # noqa: ARG001 - every builder takes it
    """Build the network for inputs of shape `(batch, 3, 368, 368)`; it emits people, `(batch, 20, 18, 3)`, whatever `classes`."""
    joints, limbs = len(COCO.joints), len(COCO.limbs)
    return nn.Sequential(_two_branches(6, limbs, joints + 1), Decoder(partial(in_one, skeleton=COCO, most=20)))


@register(
    "pose/openpose-mpi-4",
    paper=OPENPOSE,
    params=34_240_880,
    macs=97_703_540_736,
    deviation="four of the six stages: what the authors released as the faster network for MPII, without a figure",
)
def mpi_4(classes: int = 16) -> nn.Module:
    """Build the network for 15 joints and 14 limbs, for inputs of shape `(batch, 3, 368, 368)`."""
    return TwoBranches(4, 2 * 14, classes)


@register(
    "pose/openpose-body25",
    paper=LATER,
    params=26_166_084,
    macs=80_573_217_280,
    deviation="the authors' release. 26,152,068 of its parameters are weights and biases, the others the slopes of PReLU",
)
def body25(classes: int = 26) -> nn.Module:
    """Build the network for 25 joints and 26 limbs, for inputs of shape `(batch, 3, 368, 368)`."""
    return FieldsFirst(2 * 26, classes)
