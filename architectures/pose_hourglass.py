"""Stacked hourglass: down to 4 px and up again, up to eight times, so that local and global evidence meet at every stage.

An hourglass halves the map four times and doubles it four times; on each way down a branch keeps the resolution that is left
behind, and on the way up it is added. A map per joint comes out of each, and goes back in. `1`, `2` and `8` say how many stand in
a row. In training each answers, the last first.

The counts are those of the authors' code, in which every convolution has a bias. A port that many use has 160,512 weights more,
since its second block is wider; mmpose's `hourglass52` is another network of the name.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from vbench import Accuracy, Paper, Preprocess, architecture

from ._blocks import Residual, conv_norm, norm_relu
from ._pose import supervised

PAPER = Paper(
    title="Stacked Hourglass Networks for Human Pose Estimation",
    authors="Newell, Yang, Deng",
    year=2016,
    link="https://arxiv.org/abs/1603.06937",
)

WIDTH = 256
HALVINGS = 4


def _residual(cin: int, cout: int) -> Residual:
    """Make a bottleneck that normalises before it convolves, and has biases all the same; the sum is passed on as it is."""
    mid = cout // 2
    body = nn.Sequential(
        *(*norm_relu(cin), nn.Conv2d(cin, mid, 1)),
        *(*norm_relu(mid), nn.Conv2d(mid, mid, 3, 1, 1)),
        *(*norm_relu(mid), nn.Conv2d(mid, cout, 1)),
    )
    return Residual(body, None if cin == cout else nn.Conv2d(cin, cout, 1), relu=False)


def hourglass(halvings: int) -> Residual:
    """Add what a smaller hourglass sees on half the resolution to what one block sees on this one."""
    inner = hourglass(halvings - 1) if halvings > 1 else _residual(WIDTH, WIDTH)
    body = nn.Sequential(nn.MaxPool2d(2), _residual(WIDTH, WIDTH), inner, _residual(WIDTH, WIDTH), nn.Upsample(scale_factor=2))
    return Residual(body, _residual(WIDTH, WIDTH), relu=False)


class Stack(nn.Module):
    """Hourglasses in a row: each reads what the one before read, plus its features, plus its maps."""

    def __init__(self, count: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv_norm(3, 64, 7, stride=2, bias=True),
            _residual(64, 128),
            nn.MaxPool2d(2),
            _residual(128, 128),
            _residual(128, WIDTH),
        )
        self.hourglasses = nn.ModuleList(
            nn.Sequential(hourglass(HALVINGS), _residual(WIDTH, WIDTH), conv_norm(WIDTH, WIDTH, 1, bias=True))
            for _ in range(count)
        )
        self.heads = nn.ModuleList(nn.Conv2d(WIDTH, classes, 1) for _ in range(count))
        self.features = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 1) for _ in range(count - 1))
        self.beliefs = nn.ModuleList(nn.Conv2d(classes, WIDTH, 1) for _ in range(count - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Map `(batch, 3, height, width)` to `(batch, classes, height / 4, width / 4)`; in training to every hourglass's."""
        x = self.stem(x)
        answers: list[torch.Tensor] = []
        for stage, (glass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            features = glass(x)
            answers.append(head(features))
            if stage < len(self.features):
                x = x + self.features[stage](features) + self.beliefs[stage](answers[-1])
        return supervised(answers if self.training else answers[-1:])


NEWELL = [
    Accuracy(
        source="Sun et al. 2019, row of Newell et al.",
        protocol="1 model, MPII test, 256x256 px",
        recipe="paper",
        value=90.9,
        metric="PCKh@0.5",
    ),
    Accuracy(
        source="Sun et al. 2019, Table 1", protocol="1 model, COCO val2017, 256x192 px", recipe="paper", value=66.9, metric="AP"
    ),
]
STACKS: dict[int, tuple[int, int, list[Accuracy]]] = {  # hourglasses: parameters, MACs, accuracies
    1: (3_426_448, 5_150_343_168, []),
    2: (6_570_400, 8_334_606_336, []),
    8: (25_434_112, 27_440_185_344, NEWELL),
}


def _net(count: int, classes: int = 16) -> nn.Module:
    """Build the network for inputs of shape `(batch, 3, 256, 256)`."""
    return Stack(count, classes)


for _count, (_params, _macs, _accuracy) in STACKS.items():
    architecture(
        f"pose/hourglass-{_count}",
        input=(3, 256, 256),
        topic="keypoints",
        task="keypoints",
        paper=PAPER,
        params=_params,
        macs=_macs,
        accuracy=_accuracy,
        preprocess=Preprocess(resize=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
    )(partial(_net, _count))
