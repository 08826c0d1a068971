"""Two stages: find people on a coarse picture, cut each out of the fine one, and place the joints in each cut.

For N persons it costs D + N P products: D the detector's, P the pose network's. A network that finds the joints of all persons at
once costs the same for one as for a crowd: HigherHRNet-W32 on the same picture as much as 7.9 persons here, OpenPose on 368 px as
much as 24.5. The number in a name is N, and as many cuts are made, of the highest detections,
whoever is there: with `two-stage-8` the pose network runs on a batch of eight. The picture is square, 512 px; the detector sees
half of its side, and a cut is 256x192 px, as the simple baseline is published for.

The detector is a stand-in, small and of the usual kind, for which no accuracy is known: CenterNet's way to emit a person as the
peak of a map, with its size and what the grid took from its centre (Zhou et al. 2019, "Objects as Points"), on the trunk of
ResNet-18 and three upsamplings.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional

from vbench import Paper, architecture

from ._blocks import Concat, conv_relu
from ._decoding import highest
from ._pose import FILLED, upsampled, upsampled_trunk
from ._trunks import basic, residual_trunk

PAPER = Paper(
    title="Simple Baselines for Human Pose Estimation and Tracking",
    authors="Xiao, Wu, Wei",
    year=2018,
    link="https://arxiv.org/abs/1804.06208",
)

PERSONS = (1, 2, 4, 8)
DETECTOR = (14_041_029, 3_225_681_920)  # parameters and MACs
POSE = (33_999_697, 5_426_380_800)  # those of `pose/simple-baseline-50`
STAND_IN = (
    "the detector is a stand-in: the paper has Faster R-CNN, and places the joints on each cut and on its mirror image, at twice"
    " the cost per person"
)


def _head(maps: int) -> nn.Sequential:
    """Read one property of a person at each cell: 3x3 to 64 maps, then 1x1."""
    return nn.Sequential(conv_relu(64, 64, 3), nn.Conv2d(64, maps, 1))


def detector() -> nn.Sequential:
    """Build the detector for inputs of shape `(batch, 3, 256, 256)`; it emits `(batch, 5, 64, 64)`.

    The five maps are how sure a person's centre is there, its place in the cell along x and y, and the person's width and height.
    """
    net = residual_trunk(basic, (2, 2, 2, 2), expansion=1)
    net["up"] = nn.Sequential(upsampled(512, 256), upsampled(256, 128), upsampled(128, 64))
    net["heads"] = Concat(person=_head(1), offset=_head(2), size=_head(2))
    return nn.Sequential(net)


def boxes(maps: torch.Tensor, most: int) -> torch.Tensor:
    """Turn a detector's maps `(batch, 5, height, width)` into its `most` highest boxes: `(batch, most, 5)`.

    A box is x and y of its centre, its width and height, all as shares of the picture's, and how sure it is, 0 where there are
    no more peaks. What the layers emit is brought to between 0 and 1 by sigmoids, so that any weights give boxes.
    """
    height, width = maps.shape[2:]
    shares = maps.sigmoid()
    sure, cell = highest(shares[:, :1], most, 0.0)
    dx, dy, *size = shares[:, 1:].flatten(2).gather(2, cell.expand(-1, 4, -1)).unbind(1)
    cell = cell[:, 0]
    return torch.stack([(cell % width + dx) / width, (cell // width + dy) / height, *size, sure[:, 0]], dim=2)


def cuts(picture: torch.Tensor, found: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Cut boxes out of pictures and scale them to `height` x `width`: `(batch times boxes, 3, height, width)`.

    A box grows to the shape of the cut, along one side, so that no person is stretched. Outside of the picture there is black.
    Written out rather than by torch's `affine_grid`, whose matrix product would be counted as the network's.
    """
    batch, persons = found.shape[:2]
    x, y, across, down = (side[:, :, None] for side in found[..., :4].unbind(2))
    # In pixels a side of the box is its share of the picture's; only there do shapes compare.
    aspect = (picture.shape[3] * height) / (picture.shape[2] * width)
    down = torch.maximum(down, across * aspect)
    across = down / aspect
    steps = ((torch.arange(size, device=picture.device) + 0.5) / size - 0.5 for size in (height, width))
    rows, columns = (2 * (centre + side * step) - 1 for centre, side, step in zip((y, x), (down, across), steps, strict=True))
    shape = (batch, persons, height, width)
    grid = torch.stack([columns[:, :, None].expand(shape), rows[..., None].expand(shape)], dim=4)
    # The cuts of a picture are sampled as one, each below the other: no picture is copied.
    cut = functional.grid_sample(picture, grid.flatten(1, 2), align_corners=False)
    return cut.view(batch, -1, persons, height, width).transpose(1, 2).flatten(0, 1)


class TwoStage(nn.Module):
    """A detector, and a pose network for each of so many persons."""

    def __init__(self, persons: int, pose: nn.Module) -> None:
        super().__init__()
        self.persons = persons
        self.detector = detector()
        self.pose = pose

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `(batch, 3, height, width)` to maps and boxes.

        The maps, `(batch, persons, joints, height / 8, 3 width / 32)`, are on the grid of each cut; the boxes are as in `boxes`.
        """
        height, width = picture.shape[2:]
        coarse = functional.interpolate(picture, scale_factor=0.5, mode="bilinear", antialias=True)
        found = boxes(self.detector(coarse), self.persons)
        maps = self.pose(cuts(picture, found, height // 2, width * 3 // 8))
        return maps.unflatten(0, (-1, self.persons)), found


def _net(persons: int, classes: int = 17) -> TwoStage:
    """Build the pipeline for inputs of shape `(batch, 3, 512, 512)`."""
    return TwoStage(persons, nn.Sequential(upsampled_trunk(50, classes)))


for _persons in PERSONS:
    architecture(
        f"pipeline/two-stage-{_persons}",
        input=(3, 512, 512),
        topic="keypoints",
        task="keypoints",
        paper=PAPER,
        params=DETECTOR[0] + POSE[0],
        macs=DETECTOR[1] + _persons * POSE[1],
        preprocess=FILLED,
        deviation=STAND_IN,
    )(partial(_net, _persons))
