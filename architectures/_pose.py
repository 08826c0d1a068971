"""What several pose networks are made of, and how their accuracies are worded.

Networks that work on one person at a time see its box, cut out and scaled to the input's size; theirs are the accuracies with
detected or given persons. Those that see the whole picture find all persons at once.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from torch import nn

from vbench import Accuracy, Preprocess

from ._blocks import bottleneck, conv_norm, conv_relu
from ._trunks import BOTTLENECK, basic, residual, residual_trunk, stages, vgg_convolutions

if TYPE_CHECKING:
    from collections import OrderedDict
    from collections.abc import Sequence

    import torch

FILLED = Preprocess(resize=1.0)
"""A person's box, or the whole picture, fills the input; colours as ResNet's."""
CENTRED = Preprocess(resize=1.0, mean=(0.5, 0.5, 0.5), std=(1.0, 1.0, 1.0))
"""Colours from -0.5 to 0.5, as the first networks with stages take them."""

AUTHORS = "authors' release"
MMPOSE = "mmpose"


def coco(value: float, px: str, source: str, recipe: str = AUTHORS) -> Accuracy:
    """State the average precision on COCO with the detector that nearly all use, whose own for persons is 56.4."""
    protocol = f"1 model, COCO val2017, persons detected at 56.4 AP, {px} px, flip"
    return Accuracy(source=source, protocol=protocol, recipe=recipe, value=value, metric="AP")


def mpii(value: float, px: str, source: str, recipe: str = AUTHORS) -> Accuracy:
    """State the share of joints on MPII that are at most half a head's length off, with 16 joints and given persons."""
    return Accuracy(source=source, protocol=f"1 model, MPII val, {px} px, flip", recipe=recipe, value=value, metric="PCKh@0.5")


def supervised(answers: Sequence[torch.Tensor]) -> torch.Tensor | tuple[torch.Tensor, ...]:
    """Answer with the last stage's maps; where the others' are kept too, as training does, they follow, the latest first."""
    return answers[0] if len(answers) == 1 else tuple(reversed(answers))


def vgg_19_start() -> list[nn.Module]:
    """Stack the first ten convolutions of VGG-19, from a picture to 512 maps of an eighth of its size."""
    return vgg_convolutions((2, 2, 4, 2), (64, 128, 256, 512))[:-1]


def chain(cin: int, *layers: tuple[int, int], last: int) -> nn.Sequential:
    """Convolve to so many channels with such a kernel, each with its ReLU, then 1x1 to the `last` ones without."""
    net = nn.Sequential()
    for cout, kernel in layers:
        net.append(conv_relu(cin, cout, kernel))
        cin = cout
    return net.append(nn.Conv2d(cin, last, 1))


def upsampled(cin: int, cout: int) -> nn.Sequential:
    """Double the map with a transposed 4x4 convolution, then batch norm and ReLU."""
    return nn.Sequential(nn.ConvTranspose2d(cin, cout, 4, 2, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


def bottleneck_trunk(depth: int) -> OrderedDict[str, nn.Module]:
    """Start as ResNet-50, 101 or 152, from a picture to 2048 maps of a 32nd of its size."""
    return residual_trunk(bottleneck, BOTTLENECK[depth], expansion=4)


def upsampled_trunk(depth: int, maps: int) -> OrderedDict[str, nn.Module]:
    """Put three upsamplings behind such a trunk and a 1x1 for `maps` maps of a quarter of the picture's size."""
    net = bottleneck_trunk(depth)
    net["up"] = nn.Sequential(upsampled(2048, 256), upsampled(256, 256), upsampled(256, 256))
    net["head"] = nn.Conv2d(256, maps, 1)
    return net


block = residual(basic)


def _exchanged(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """Take maps from the resolution `source` to `target`, each number one being half of the one before."""
    if source == target:
        return nn.Identity()
    cin, cout = widths[source], widths[target]
    if source > target:
        return nn.Sequential(conv_norm(cin, cout, 1, relu=False), nn.Upsample(scale_factor=2 ** (source - target)))
    down = [conv_norm(cin, cin, 3, stride=2) for _ in range(target - source - 1)]
    return nn.Sequential(*down, conv_norm(cin, cout, 3, stride=2, relu=False))


class Gather(nn.Module):
    """Bring the maps of all resolutions to one of them and add them up, then ReLU."""

    def __init__(self, widths: Sequence[int], target: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList(_exchanged(widths, source, target) for source in range(len(widths)))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Map one tensor per resolution, the finest first, to one."""
        total: torch.Tensor = self.relu(reduce(add, [path(x) for path, x in zip(self.paths, maps, strict=True)]))
        return total


class Exchange(nn.Module):
    """Work on several resolutions side by side, four blocks on each, then give each the sum of what all have to say."""

    def __init__(self, widths: Sequence[int], targets: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(block(width, width, 1) for _ in range(4))) for width in widths)
        self.gathers = nn.ModuleList(Gather(widths, target) for target in range(targets))

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Map one tensor per resolution, the finest first, to the first so many of them."""
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        return [gather(maps) for gather in self.gathers]


MODULES = (1, 4, 3)  # how often resolutions exchange while there are two, three and four of them


class HighResolution(nn.Module):
    """HRNet's trunk: a quarter of the picture's resolution from beginning to end, and coarser ones beside it, one by one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 64, 3, stride=2), conv_norm(64, 64, 3, stride=2))
        self.first = stages(residual(bottleneck), (4,), (256,), 64)["stage1"]
        # The finest resolution narrows once, from 256 maps; each further one starts from the coarsest so far.
        self.finest = conv_norm(256, width, 3)
        self.starts = nn.ModuleList()
        self.stages = nn.ModuleList()
        for stage, count in enumerate(MODULES):
            widths = [width * 2**resolution for resolution in range(stage + 2)]
            self.starts.append(conv_norm(widths[-2] if stage else 256, widths[-1], 3, stride=2))
            # Only the finest maps of the last module are read.
            targets = [len(widths)] * (count - 1) + [1 if stage == len(MODULES) - 1 else len(widths)]
            self.stages.append(nn.Sequential(*(Exchange(widths, target) for target in targets)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, 3, height, width)` to `(batch, width, height / 4, width / 4)`."""
        x = self.first(self.stem(x))
        maps, coarsest = [self.finest(x)], x
        for start, stage in zip(self.starts, self.stages, strict=True):
            maps = stage([*maps, start(coarsest)])
            coarsest = maps[-1]
        finest: torch.Tensor = maps[0]
        return finest
