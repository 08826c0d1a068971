"""What a keypoint network is trained to emit, made from where the joints are: heat maps and part affinity fields.

A person is a tensor of shape `(joints, 3)`: x and y in cells of the map, the first cell's centre being 0, and 1 where the joint
is there, 0 where it is not. As inputs of a decoder these maps are an oracle: what it makes of a perfect network.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Skeleton(NamedTuple):
    """Which joints there are, and which limbs join them, each from a joint to a joint, in the order of the field's maps.

    `tree` are the positions of those limbs by which every joint is reached from the root exactly once.
    """

    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    tree: tuple[int, ...]


# OpenPose's 18 joints for COCO, whose neck is the middle of the shoulders, and its 19 limbs in the order of its 38 maps. Two of
# them, from shoulder to ear, join what the others join already.
COCO = Skeleton(
    joints=(
        *("nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist"),
        *("right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle"),
        *("right eye", "left eye", "right ear", "left ear"),
    ),
    limbs=(
        *((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
        *((1, 2), (2, 3), (3, 4), (2, 16), (1, 5), (5, 6), (6, 7), (5, 17)),
        *((1, 0), (0, 14), (0, 15), (14, 16), (15, 17)),
    ),
    tree=(0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 14, 15, 16, 17, 18),
)

# Each joint's place in the box of a standing figure, of which it takes the share x of the width and y of the height. The head is
# a child's drawing's, so that on a map of 46x46 every limb is several cells long.
FIGURE = (
    *((0.5, 0.2), (0.5, 0.35), (0.3, 0.35), (0.16, 0.55), (0.05, 0.75), (0.7, 0.35), (0.84, 0.55), (0.95, 0.75)),
    *((0.38, 0.6), (0.34, 0.8), (0.3, 1.0), (0.62, 0.6), (0.66, 0.8), (0.7, 1.0)),
    *((0.32, 0.08), (0.68, 0.08), (0.08, 0.14), (0.92, 0.14)),
)


def heat_maps(people: Tensor, height: int, width: int, sigma: float) -> Tensor:
    """Draw a bell of height 1 around each joint: `(people, joints, 3)` to `(joints, height, width)`.

    A bell that lies wholly on the map sums to 2 pi sigma^2, and not to 1: it is no distribution. Where bells of two people
    meet, the higher one counts, so that both stay peaks; their sum would melt into one (Cao et al. 2017).
    """
    x, y, there = people.unbind(2)
    across = torch.exp((torch.arange(width, device=people.device) - x[..., None]).square() / (-2 * sigma**2))
    down = torch.exp((torch.arange(height, device=people.device) - y[..., None]).square() / (-2 * sigma**2))
    return ((there[..., None] * down)[..., None] * across[..., None, :]).amax(0)


def affinity_fields(people: Tensor, limbs: Sequence[tuple[int, int]], height: int, width: int, reach: float) -> Tensor:
    """Draw each limb as its direction: `(people, joints, 3)` to `(2 times limbs, height, width)`, x and y of a limb in turn.

    A cell p is on the limb from a to b, l long and of unit vector v, where 0 <= v (p - a) <= l and where it lies at most `reach`
    beside the line. There the field is v, elsewhere 0; where limbs of several people cross it is the mean of theirs
    (Cao et al. 2017).
    """
    start, end = (people[:, [limb[side] for limb in limbs]] for side in (0, 1))
    step = end[..., :2] - start[..., :2]
    # A limb without a length has no direction: it stays 0.
    length = step.norm(dim=2, keepdim=True).clamp(min=1e-6)
    vx, vy = (step / length)[..., None, None].unbind(2)
    dx = torch.arange(width, device=people.device) - start[..., 0, None, None]
    dy = torch.arange(height, device=people.device)[:, None] - start[..., 1, None, None]
    along, beside = vx * dx + vy * dy, (vx * dy - vy * dx).abs()
    there = (start[..., 2] * end[..., 2])[..., None, None] > 0
    on = there & (along >= 0) & (along <= length[..., None]) & (beside <= reach)
    count = on.sum(0).clamp(min=1)
    return torch.stack([(vx * on).sum(0) / count, (vy * on).sum(0) / count], dim=1).flatten(0, 1)


def crowd(count: int, height: int, width: int) -> Tensor:
    """Stand `count` figures of COCO's joints beside each other in as many rows as columns: `(count, 18, 3)`."""
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    box_width, box_height = width / columns, height / rows
    people = []
    for number in range(count):
        row, column = divmod(number, columns)
        # A tenth of the box on each side keeps the bells of neighbours apart.
        places = [((column + 0.1 + 0.8 * x) * box_width - 0.5, (row + 0.1 + 0.8 * y) * box_height - 0.5) for x, y in FIGURE]
        people.append([(x, y, 1.0) for x, y in places])
    return torch.tensor(people)
