"""HigherHRNet: HRNet on the whole picture, with a second map of half its resolution for persons who are small on it.

The first output has two maps per joint at a quarter of the resolution: where the joint is, and a tag that is alike for the joints
of one person (associative embedding). The second, at half, is made from the first and from what it was made of; it has no tags.
Both are read: the network emits a pair.

The authors' table charges the transposed convolution at the size of its output: it prints 47.9 where 46.2 billion products are
made.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from vbench import Accuracy, Paper, architecture

from ._pose import AUTHORS, FILLED, HighResolution, block, upsampled

PAPER = Paper(
    title="HigherHRNet: Scale-Aware Representation Learning for Bottom-Up Human Pose Estimation",
    authors="Cheng, Xiao, Wang, Shi, Huang, Zhang",
    year=2019,
    link="https://arxiv.org/abs/1908.10357",
)


class TwoResolutions(nn.Module):
    """Maps and tags at a quarter of the resolution, and from these and their features maps at half of it."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.trunk = HighResolution(width)
        self.coarse = nn.Conv2d(width, 2 * classes, 1)
        self.up = nn.Sequential(upsampled(width + 2 * classes, width), *(block(width, width, 1) for _ in range(4)))
        self.fine = nn.Conv2d(width, classes, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `(batch, 3, height, width)` to `(batch, 2 classes, height / 4, width / 4)` and `(batch, classes, .. / 2, .. / 2)`.

        The first half of the first output are maps, the second half tags.
        """
        features = self.trunk(x)
        coarse = self.coarse(features)
        return coarse, self.fine(self.up(torch.cat([features, coarse], dim=1)))


def _accuracy(value: float, data: str) -> Accuracy:
    return Accuracy(
        source="HRNet/HigherHRNet-Human-Pose-Estimation README",
        protocol=f"1 model, {data}",
        recipe=AUTHORS,
        value=value,
        metric="AP",
    )


VARIANTS = {  # width: side of the input, parameters, MACs, accuracies
    32: (
        *(512, 28_645_331, 46_203_404_288),
        [
            _accuracy(67.1, "COCO val2017, short side 512 px, 1 scale"),
            _accuracy(68.5, "COCO val2017, short side 640 px, 1 scale"),
            _accuracy(69.9, "COCO val2017, short side 512 px, several scales"),
            _accuracy(70.6, "COCO val2017, short side 640 px, several scales"),
            _accuracy(66.4, "COCO test-dev2017, short side 512 px, 1 scale"),
        ],
    ),
    48: (
        *(640, 63_827_139, 149_468_774_400),
        [
            _accuracy(69.9, "COCO val2017, short side 640 px, 1 scale"),
            _accuracy(72.1, "COCO val2017, short side 640 px, several scales"),
            _accuracy(68.4, "COCO test-dev2017, short side 640 px, 1 scale"),
            _accuracy(70.5, "COCO test-dev2017, short side 640 px, several scales"),
        ],
    ),
}


def _net(width: int, classes: int = 17) -> nn.Module:
    """Build the network for square inputs of shape `(batch, 3, side, side)`."""
    return TwoResolutions(width, classes)


for _width, (_side, _params, _macs, _list) in VARIANTS.items():
    architecture(
        f"pose/higher-hrnet-w{_width}",
        input=(3, _side, _side),
        topic="keypoints",
        task="keypoints",
        paper=PAPER,
        params=_params,
        macs=_macs,
        accuracy=_list,
        preprocess=FILLED,
    )(partial(_net, _width))
