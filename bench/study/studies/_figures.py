"""Stick figures: seven joints, six limbs and a head, drawn with soft edges, so that a joint lies anywhere in its pixel.

Each faces the one who looks, so that its right hand is on the picture's left; arms and legs are at any angle that leaves them on
their side. Sizes are in units of the figure's height.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ._scenes import Cast, between, blend, stroke

if TYPE_CHECKING:
    from torch import Generator, Tensor

HEAD, NECK, RIGHT_HAND, LEFT_HAND, HIP, RIGHT_FOOT, LEFT_FOOT = range(7)
_UP, _TRUNK, _ARM, _LEG = 0.17, 0.34, 0.34, 0.42
_THICK, _ROUND = 0.03, 0.09  # radii of a limb and of the head
_TILT = 0.25  # radians
_ARMS, _LEGS = (0.3, 2.4), (0.1, 0.65)


class Figures:
    """A source of stick figures; there are as many as are asked for."""

    joints = ("head", "neck", "right hand", "left hand", "hip", "right foot", "left foot")
    limbs = ((NECK, HEAD), (NECK, RIGHT_HAND), (NECK, LEFT_HAND), (NECK, HIP), (HIP, RIGHT_FOOT), (HIP, LEFT_FOOT))
    channels = 1

    def cast(self, count: int, generator: Generator, *, testing: bool) -> Cast:
        """So many figures. Training and tests draw from different seeds, and no two figures are the same."""
        del testing
        joints = poses(count, generator)
        tint = between(0.6, 1.0, (count,), generator)

        def paint(canvas: Tensor, origin: Tensor, height: Tensor) -> None:
            places = joints[..., :2] * height[:, None, None] + origin[:, None]
            # The head is a line without a length.
            starts, ends = ([limb[side] for limb in (*self.limbs, (HEAD, HEAD))] for side in (0, 1))
            radius = torch.full((count, len(starts)), _THICK)
            radius[:, -1] = _ROUND
            lines = torch.cat([places[:, starts], places[:, ends]], dim=2)
            blend(canvas, stroke(lines, radius * height[:, None]), tint)

        return Cast(joints, paint)


def poses(count: int, generator: Generator) -> Tensor:
    """Joints `(count, 7, 3)` in units of the height, the neck at 0, all of them there."""
    tilt = between(-_TILT, _TILT, (count,), generator)
    nod = tilt + between(-_TILT, _TILT, (count,), generator)
    right, left = (between(*_ARMS, (count,), generator) for _ in range(2))
    stand, step = (between(*_LEGS, (count,), generator) for _ in range(2))

    def away(angle: Tensor, length: float) -> Tensor:
        """So far in the direction `angle`, from straight down towards the picture's right."""
        return length * torch.stack([angle.sin(), angle.cos()], dim=1)

    neck = torch.zeros(count, 2)
    hip = away(tilt, _TRUNK)
    hands = neck + away(tilt - right, _ARM), neck + away(tilt + left, _ARM)
    feet = hip + away(tilt - stand, _LEG), hip + away(tilt + step, _LEG)
    places = torch.stack([-away(nod, _UP), neck, *hands, hip, *feet], dim=1)
    return torch.cat([places, torch.ones(count, 7, 1)], dim=2)
