"""Small networks for the keypoints of a picture of 64 px: five heads on one trunk, and maps of four sizes.

They are trained by `vbench study keypoints`, which measures what the lecture says of such heads. `connected` and `pooled` answer
with coordinates; `heatmap` with a map for each joint, trained towards a bell; `integral` with the same maps, trained towards the
coordinate that a soft-argmax reads off them; `paf` with a map for each joint and a field of two maps for each limb. A cell of
their maps is 2 px wide, or as many as the name ends in: `heatmap-s8`. Coordinates are those of the picture: the first pixel's
centre is 0.

Each knows its `loss`, which takes what it answers and people `(batch, people, joints, 3)` in pixels of the picture (x, y, and 1
where the joint is seen), and its `decoders`, the usual one first, which make people of the same shape from what it answers: x, y,
and a confidence, 0 for a joint that was not found. All but `paf` look for one person: the first.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from vbench import Preprocess, architecture

from ._blocks import conv_norm, pooled_head
from ._decoding import arg_max, cells, soft_argmax, taylor
from ._grouping import people as grouped
from ._papers import DEEPPOSE, INTEGRAL, OPENPOSE, SIMPLE_BASELINE
from ._targets import Skeleton, affinity_fields, heat_maps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vbench import Paper

    Decode = Callable[[torch.Tensor], torch.Tensor]

SIDE = 64
WIDTHS = (24, 32, 64)  # channels at a half, a quarter and an eighth of the picture
HIDDEN = 128
COARSEST = 8  # pixels between units of the trunk's last layer
SIGMA, REACH = 1.0, 1.0
"""Width of a bell and half the width of a limb, in cells."""
WINDOW = 6.0  # pixels around a soft-argmax's answer within which its confidence is counted
MOST = 4
CLEAR = 0.4  # a peak of people is higher than this
# The drawn figure of the study: head, neck, hands, hip, feet, in this order.
LIMBS = ((1, 0), (1, 2), (1, 3), (1, 4), (4, 5), (4, 6))


def _trunk() -> list[nn.Module]:
    """Stack five convolutions, from a picture to 64 maps of an eighth; a unit of the last sees 39 px."""
    half, quarter, eighth = WIDTHS
    return [
        conv_norm(3, half, 3, stride=2),
        nn.Sequential(conv_norm(half, quarter, 3, stride=2), conv_norm(quarter, quarter, 3)),
        nn.Sequential(conv_norm(quarter, eighth, 3, stride=2), conv_norm(eighth, eighth, 3)),
    ]


def distance(found: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
    """Average |x| + |y| to the joints of the first person that are seen, `(batch, joints, 2)` against people, in pixels."""
    wanted, there = people[:, 0, :, :2], people[:, 0, :, 2:]
    return ((found - wanted).abs() * there).sum() / there.sum().clamp(min=1)


def in_pixels(found: torch.Tensor, stride: float) -> torch.Tensor:
    """Take x and y from cells of `stride` pixels to pixels; what follows them stays."""
    return torch.cat([(found[..., :2] + 0.5) * stride - 0.5, found[..., 2:]], dim=-1)


class Regressor(nn.Sequential):
    """Emit coordinates `(batch, joints, 2)`: 0 is the middle of the picture, and 1 its width. It always answers."""

    def loss(self, answer: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
        """Take the mean distance in pixels."""
        return distance(in_pixels(answer, SIDE), people)

    @property
    def decoders(self) -> Mapping[str, Decode]:
        """There is but one, and it is as sure of a joint that is not there as of any other."""
        return {"coordinates": lambda answer: in_pixels(functional.pad(answer, (0, 1), value=1.0), SIDE)[:, None]}


class Maps(nn.Module):
    """Emit so many maps, whose cells are `stride` pixels wide: the trunk, and back up to there beside what it was made of."""

    def __init__(self, maps: int, stride: int, *, bias: bool = True) -> None:
        super().__init__()
        self.stride = stride
        self.trunk = nn.ModuleList(_trunk())
        width = WIDTHS[-1]
        if stride > COARSEST:
            self.trunk.append(conv_norm(width, width, 3, stride=2))
        self.narrow, self.smooth = nn.ModuleList(), nn.ModuleList()
        for skip in [channels for level, channels in enumerate(WIDTHS[:-1]) if 2 ** (level + 1) >= stride][::-1]:
            self.narrow.append(conv_norm(width, skip, 1))
            self.smooth.append(conv_norm(skip, skip, 3))
            width = skip
        self.head = nn.Conv2d(width, maps, 1, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, 3, height, width)` to `(batch, maps, height / stride, width / stride)`."""
        levels = []
        for layer in self.trunk:
            x = layer(x)
            levels.append(x)
        # Under the last one lie those of the way down, the nearest first.
        for narrow, smooth, skip in zip(self.narrow, self.smooth, levels[-2::-1], strict=False):
            x = smooth(functional.interpolate(narrow(x), skip.shape[2:]) + skip)
        maps: torch.Tensor = self.head(x)
        return maps


class Heatmap(Maps):
    """A map for each joint, trained towards a bell around it; where it is highest, there is the joint."""

    def __init__(self, joints: int, stride: int) -> None:
        super().__init__(joints, stride)

    def loss(self, answer: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
        """Take the mean squared error, a cell of a bell's top counting as much as ten of the flat rest."""
        return weighted(answer, bells(people, self.stride, answer))

    @property
    def decoders(self) -> Mapping[str, Decode]:
        """There are three: the highest cell moved by a quarter, as it is, and the top of its parabola."""
        found = {"quarter": arg_max, "cell": cells, "taylor": taylor}
        return {name: partial(_first, decode, self.stride) for name, decode in found.items()}


def _first(decode: Decode, stride: int, maps: torch.Tensor) -> torch.Tensor:
    return in_pixels(decode(maps), stride)[:, None]


def bells(people: torch.Tensor, stride: int, like: torch.Tensor) -> torch.Tensor:
    """Draw the targets of a batch: people `(batch, people, joints, 3)` to `(batch, joints, height, width)`."""
    batch, _, joints, _ = people.shape
    height, width = like.shape[2:]
    in_cells = _in_cells(people, stride).transpose(0, 1).flatten(1, 2)
    return heat_maps(in_cells, height, width, SIGMA).view(batch, joints, height, width)


def fields(people: torch.Tensor, limbs: tuple[tuple[int, int], ...], stride: int, like: torch.Tensor) -> torch.Tensor:
    """Draw the fields of a batch, `(batch, 2 times limbs, height, width)`."""
    batch, _, joints, _ = people.shape
    height, width = like.shape[2:]
    in_cells = _in_cells(people, stride).transpose(0, 1).flatten(1, 2)
    every = [(a + image * joints, b + image * joints) for image in range(batch) for a, b in limbs]
    return affinity_fields(in_cells, every, height, width, REACH).view(batch, 2 * len(limbs), height, width)


def _in_cells(people: torch.Tensor, stride: int) -> torch.Tensor:
    return torch.cat([(people[..., :2] + 0.5) / stride - 0.5, people[..., 2:]], dim=3)


def weighted(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Take the mean squared error, in which what the target shows weighs ten times as much as where it is flat."""
    return ((answer - target).square() * (1 + 9 * target.abs())).mean()


class Integral(Maps):
    """The same maps, read off by a soft-argmax and trained towards the joint itself: nothing is said of how they should look."""

    def __init__(self, joints: int, stride: int) -> None:
        # Softmax takes no notice of a bias.
        super().__init__(joints, stride, bias=False)

    def loss(self, answer: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
        """Take the mean distance in pixels."""
        return distance(in_pixels(soft_argmax(answer, 1.0)[..., :2], self.stride), people)

    @property
    def decoders(self) -> Mapping[str, Decode]:
        """There is but one, whose confidence is the share of the softmax that lies around the answer."""
        # The same window in pixels at every size of the map, as far as a cell allows.
        decode = partial(soft_argmax, beta=1.0, reach=max(1.0, WINDOW / self.stride))
        return {"soft-argmax": partial(_first, decode, self.stride)}


class Affinity(Maps):
    """Maps as `Heatmap`, and for each limb of a tree the field of its direction: joints, and which of them are one person's."""

    def __init__(self, joints: int, stride: int) -> None:
        super().__init__(joints + 2 * (joints - 1), stride)
        self.joints = joints
        self.limbs = LIMBS if len(LIMBS) == joints - 1 else tuple((joint, joint + 1) for joint in range(joints - 1))
        """Pairs of joints that make a tree; who trains on other people sets those of their skeleton."""

    def loss(self, answer: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
        """Take the mean squared errors of the maps and of the fields, the maps' threefold: without them a field finds nothing."""
        heat, field = answer[:, : self.joints], answer[:, self.joints :]
        drawn = fields(people, self.limbs, self.stride, answer)
        return 3 * weighted(heat, bells(people, self.stride, answer)) + weighted(field, drawn)

    @property
    def decoders(self) -> Mapping[str, Decode]:
        """There is but one, which finds up to four people."""
        return {"people": self._people}

    def _people(self, answer: torch.Tensor) -> torch.Tensor:
        skeleton = Skeleton(tuple(map(str, range(self.joints))), self.limbs, tuple(range(self.joints - 1)))
        # The weights of the loss raise what is flat, and a peak is looked for among what is clearly above that.
        heat = functional.threshold(answer[:, : self.joints], CLEAR, 0.0)
        found = grouped(heat, answer[:, self.joints :], skeleton, MOST)
        return in_pixels(found, self.stride)


def _connected(classes: int = 7) -> Regressor:
    """Build the regressor for inputs of shape `(batch, 3, 64, 64)`; it emits `(batch, classes, 2)`."""
    layers = (nn.Flatten(), nn.Linear(WIDTHS[-1] * (SIDE // 8) ** 2, HIDDEN), nn.ReLU(inplace=True))
    return Regressor(*_trunk(), *layers, nn.Linear(HIDDEN, 2 * classes), nn.Unflatten(1, (classes, 2)))


def _pooled(classes: int = 7) -> Regressor:
    """Build the regressor for inputs of shape `(batch, 3, 64, 64)`; it emits `(batch, classes, 2)`."""
    return Regressor(*_trunk(), pooled_head(WIDTHS[-1], 2 * classes), nn.Unflatten(1, (classes, 2)))


def _maps(kind: Callable[[int, int], Maps], stride: int, classes: int = 7) -> Maps:
    """Build the network for inputs of shape `(batch, 3, 64, 64)`; its maps are a `stride`-th of that."""
    return kind(classes, stride)


PREPROCESS = Preprocess(resize=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
DEVIATION = "a small form of the paper's idea, made for `vbench study`; no network of the paper"
# How it is built, where its idea is from, parameters and MACs with seven joints.
NETS: dict[str, tuple[Callable[..., nn.Module], Paper, int, int]] = {
    "connected": (_connected, DEEPPOSE, 598_726, 8_857_344),
    "pooled": (_pooled, DEEPPOSE, 73_414, 8_332_160),
    "heatmap": (partial(_maps, Heatmap, 2), SIMPLE_BASELINE, 90_119, 16_498_688),
    "heatmap-s4": (partial(_maps, Heatmap, 4), SIMPLE_BASELINE, 84_127, 10_878_976),
    "heatmap-s8": (partial(_maps, Heatmap, 8), SIMPLE_BASELINE, 72_959, 8_359_936),
    "heatmap-s16": (partial(_maps, Heatmap, 16), SIMPLE_BASELINE, 109_951, 8_928_256),
    "integral": (partial(_maps, Integral, 2), INTEGRAL, 90_112, 16_498_688),
    "integral-s4": (partial(_maps, Integral, 4), INTEGRAL, 84_120, 10_878_976),
    "integral-s8": (partial(_maps, Integral, 8), INTEGRAL, 72_952, 8_359_936),
    "integral-s16": (partial(_maps, Integral, 16), INTEGRAL, 109_944, 8_928_256),
    "paf": (partial(_maps, Affinity, 2), OPENPOSE, 90_419, 16_793_600),
}

for _name, (_build, _paper, _params, _macs) in NETS.items():
    architecture(
        f"small/pose-{_name}",
        input=(3, SIDE, SIDE),
        topic="keypoints",
        task="keypoints",
        paper=_paper,
        params=_params,
        macs=_macs,
        preprocess=PREPROCESS,
        deviation=DEVIATION,
    )(_build)
