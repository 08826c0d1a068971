"""Convolutional pose machines: stages that look at the picture again, and at what the stage before believed.

Each stage emits a map per joint, and one for the background; kernels are so large that a stage sees most of a person on them. In
training every stage is told what is right, since gradients vanish on their way back through all of them. `cpm` is the paper's
network, with 9x9 and 11x11 kernels, `cpm-vgg` the one that its authors released later: VGG-19's first layers, and 7x7 kernels, at
half the cost. Both want a fourth channel beside the picture, a bell that says which person is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from vbench import Accuracy, Paper, architecture

from ._blocks import conv_relu
from ._pose import CENTRED, chain, supervised, vgg_19_start

if TYPE_CHECKING:
    from collections.abc import Iterable

PAPER = Paper(
    title="Convolutional Pose Machines",
    authors="Wei, Ramakrishna, Kanade, Sheikh",
    year=2016,
    link="https://arxiv.org/abs/1602.00134",
)

STAGES = 6


class Stage(nn.Module):
    """A later stage: choose from the features, look at them beside the beliefs so far, and believe anew."""

    def __init__(self, choose: nn.Module, believe: nn.Module) -> None:
        super().__init__()
        self.choose = choose
        self.believe = believe

    def forward(self, features: torch.Tensor, beliefs: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
        """All of the same height and width; the answer has the shape of `beliefs`."""
        answer: torch.Tensor = self.believe(torch.cat([self.choose(features), beliefs, centre], dim=1))
        return answer


class PoseMachine(nn.Module):
    """Stages in turn. The first reads the picture itself where it is `apart`, otherwise the features that the later ones read."""

    def __init__(self, trunk: nn.Module, first: nn.Module, later: Iterable[nn.Module], *, apart: bool) -> None:
        super().__init__()
        self.trunk = trunk
        self.first = first
        self.later = nn.ModuleList(later)
        self.apart = apart
        self.centre = nn.AvgPool2d(9, 8, ceil_mode=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Map `(batch, 4, height, width)` to `(batch, maps, height / 8, width / 8)`; in training to those of every stage."""
        picture, centre = x[:, :3], self.centre(x[:, 3:])
        features = self.trunk(picture)
        answers = [self.first(picture if self.apart else features)]
        for stage in self.later:
            answers.append(stage(features, answers[-1], centre))
        return supervised(answers if self.training else answers[-1:])


def _trunk() -> nn.Sequential:
    """Convolve 9x9 and pool, three times; pooling rounds up, as in the authors' framework."""
    layers: list[nn.Module] = []
    for cin in (3, 128, 128):
        layers += [conv_relu(cin, 128, 9), nn.MaxPool2d(3, 2, ceil_mode=True)]
    return nn.Sequential(*layers)


@architecture(
    "pose/cpm",
    input=(4, 368, 368),
    topic="keypoints",
    task="keypoints",
    paper=PAPER,
    params=31_219_866,
    macs=175_437_729_280,
    accuracy=[
        Accuracy(
            source="Wei et al. 2016, section 4.2",
            protocol=f"1 model, {data}, 368 px, several scales",
            recipe=recipe,
            value=value,
            metric=metric,
        )
        for data, recipe, value, metric in (
            ("MPII test", "paper", 87.95, "PCKh@0.5"),
            ("MPII test", "paper, with Leeds Sports", 88.52, "PCKh@0.5"),
            ("Leeds Sports, person-centric", "paper", 84.32, "PCK"),
            ("Leeds Sports, person-centric", "paper, with MPII", 90.5, "PCK"),
        )
    ],
    preprocess=CENTRED,
)
def paper_net(classes: int = 15) -> nn.Module:
    """Build the paper's network for inputs of shape `(batch, 4, 368, 368)`; `classes` counts the background's map."""
    first = nn.Sequential(_trunk(), conv_relu(128, 32, 5), chain(32, (512, 9), (512, 1), last=classes))
    later = [
        Stage(conv_relu(128, 32, 5), chain(32 + classes + 1, *[(128, 11)] * 3, (128, 1), last=classes)) for _ in range(STAGES - 1)
    ]
    return PoseMachine(_trunk(), first, later, apart=True)


@architecture(
    "pose/cpm-vgg",
    input=(4, 368, 368),
    topic="keypoints",
    task="keypoints",
    paper=PAPER,
    params=29_852_058,
    macs=88_419_683_840,
    preprocess=CENTRED,
    deviation="the network of the authors' release for MPII that starts as VGG-19; the paper has no figure for it",
)
def vgg(classes: int = 15) -> nn.Module:
    """Build the released network for inputs of shape `(batch, 4, 368, 368)`; `classes` counts the background's map."""
    narrow = [conv_relu(cin, cout, 3) for cin, cout in ((512, 256), (256, 256), (256, 256), (256, 256), (256, 128))]
    first = chain(128, (512, 1), last=classes)
    later = [Stage(nn.Identity(), chain(128 + classes + 1, *[(128, 7)] * 5, (128, 1), last=classes)) for _ in range(STAGES - 1)]
    return PoseMachine(nn.Sequential(*vgg_19_start(), *narrow), first, later, apart=False)
