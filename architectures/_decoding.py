"""From heat maps to places: one joint a map by arg-max or soft-argmax, or as many as there are peaks.

What is measured comes in two forms. The vectorised one works on all maps at once, in tensors whose shapes do not depend on what
is found; the looped one takes the maps one by one in plain Python, as the text of a paper does, and leaves the device for it.
Both give the same. Everything here gives x and y in cells, the first cell's centre being 0, and a confidence that is 0 where
nothing was found.
"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from ._blocks import SoftArgmax

if TYPE_CHECKING:
    from collections.abc import Callable

THRESHOLD = 0.1
"""A peak is higher than this, as in OpenPose's code."""
Found = tuple[float, float, float]
"""x, y and confidence of a joint."""


def arg_max(maps: torch.Tensor) -> torch.Tensor:
    """Place each joint at its map's highest cell, moved a quarter towards the higher neighbour, along x and along y.

    Maps `(batch, joints, height, width)` to `(batch, joints, 3)`: x, y and the map's value there. A maximum at the border stays
    where it is. The quarter is Hourglass's (Newell et al. 2016); it halves the largest error, from half a cell, on
    any peak that falls alike on both sides. No gradient reaches the map by way of x and y.
    """
    return _placed(maps, maps.flatten(2).argmax(2, keepdim=True))[:, :, 0]


def _placed(maps: torch.Tensor, cell: torch.Tensor) -> torch.Tensor:
    """Place cells `(batch, joints, cells)`, numbered row by row: x and y, each moved a quarter, and the map's value there."""
    height, width = maps.shape[2:]
    flat, x, y = maps.flatten(2), cell % width, cell // width

    def quarter(at: torch.Tensor, size: int, step: int) -> torch.Tensor:
        inside = (at > 0) & (at < size - 1)
        before, after = (flat.gather(2, torch.where(inside, cell + away, cell)) for away in (-step, step))
        return 0.25 * (after - before).sign()

    return torch.stack([x + quarter(x, width, 1), y + quarter(y, height, width), flat.gather(2, cell)], dim=3)


def cells(maps: torch.Tensor) -> torch.Tensor:
    """Place each joint in the middle of its map's highest cell, and refine nothing: as `arg_max`, without the quarter."""
    value, cell = maps.flatten(2).max(2)
    width = maps.shape[3]
    return torch.stack([cell % width, cell // width, value], dim=2)


def taylor(maps: torch.Tensor) -> torch.Tensor:
    """Place each joint at the top of the bell that the nine cells around its map's highest one lie on (Zhang et al. 2020).

    Maps `(batch, joints, height, width)` to `(batch, joints, 3)`. The logarithm of a bell is a parabola, and one step of Newton's
    from the highest cell leads to its top; on a bell this is exact. The authors smooth the map before, which is left out. Where
    the nine cells have no top, or at the border, the cell's middle is the answer, and none lies outside of the cell.
    """
    height, width = maps.shape[2:]
    found = cells(maps)
    x, y = found[..., 0].long(), found[..., 1].long()
    inside = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
    # A network answers with values below zero too, which have no logarithm.
    logs = maps.flatten(2).clamp(min=1e-3).log()
    cell = torch.where(inside, y * width + x, width + 1 if min(height, width) > 2 else 0)  # noqa: PLR2004 - nine cells fit

    def at(dx: int, dy: int) -> torch.Tensor:
        place = (cell + dy * width + dx).clamp(0, height * width - 1)
        return logs.gather(2, place[..., None])[..., 0]

    slope_x, slope_y = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    bend_x, bend_y = at(1, 0) - 2 * at(0, 0) + at(-1, 0), at(0, 1) - 2 * at(0, 0) + at(0, -1)
    twist = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    area = bend_x * bend_y - twist**2
    top = inside & (area > 0) & (bend_x < 0)
    area = torch.where(top, area, 1)
    step = torch.stack([twist * slope_y - bend_y * slope_x, twist * slope_x - bend_x * slope_y], dim=2) / area[..., None]
    step = torch.where(top[..., None], step, 0).clamp(-0.5, 0.5)
    return torch.cat([found[..., :2] + step, found[..., 2:]], dim=2)


def arg_max_looped(maps: torch.Tensor) -> torch.Tensor:
    """Do what `arg_max` does, map by map and cell by cell."""
    return maps.new_tensor([[_highest(grid) for grid in image] for image in maps.tolist()])


def _highest(grid: list[list[float]]) -> Found:
    value, x, y = grid[0][0], 0, 0
    for row, cells in enumerate(grid):
        for column, cell in enumerate(cells):
            if cell > value:
                value, x, y = cell, column, row
    return _refined(grid, x, y)


def _refined(grid: list[list[float]], x: int, y: int) -> Found:
    """The cell's place, a quarter nearer to its higher neighbours, and its value."""
    dx = grid[y][x + 1] - grid[y][x - 1] if 0 < x < len(grid[0]) - 1 else 0.0
    dy = grid[y + 1][x] - grid[y - 1][x] if 0 < y < len(grid) - 1 else 0.0
    return x + 0.25 * ((dx > 0) - (dx < 0)), y + 0.25 * ((dy > 0) - (dy < 0)), grid[y][x]


def highest(maps: torch.Tensor, most: int, threshold: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Find up to `most` peaks of each map: cells above the threshold that none of their eight neighbours exceeds.

    Maps `(batch, maps, height, width)` to two of `(batch, maps, most)`, the highest first: values, 0 where there are no more
    peaks, and cells, numbered row by row. Of equal neighbours the first counts: a joint halfway between two cells is one joint.
    """
    rows = functional.max_pool2d(maps, (1, 3), 1, (0, 1))
    walled = functional.pad(maps, (1, 1), value=-torch.inf)
    above, below = (functional.pad(rows, pad, value=-torch.inf) for pad in ((0, 0, 1, 0), (0, 0, 0, 1)))
    earlier = torch.maximum(above[:, :, :-1], walled[:, :, :, :-2])
    later = torch.maximum(below[:, :, 1:], walled[:, :, :, 2:])
    peak = (maps > threshold) & (maps > earlier) & (maps >= later)
    value, cell = torch.where(peak, maps, 0).flatten(2).topk(most, dim=2)
    return value, cell


def peaks(maps: torch.Tensor, most: int, threshold: float = THRESHOLD) -> torch.Tensor:
    """Place up to `most` joints at the peaks of each map, moved by a quarter as in `arg_max`.

    Maps `(batch, joints, height, width)` to `(batch, joints, most, 3)`: x, y and value, highest first, filled up with zeros. This
    is the non-maximum suppression of Cao et al. 2017 on the map as it is: their code first enlarges it eight times.
    """
    value, cell = highest(maps, most, threshold)
    return _placed(maps, cell) * (value > 0)[..., None]


def peaks_looped(grid: list[list[float]], threshold: float = THRESHOLD) -> list[Found]:
    """Find all peaks of one map, highest first: what `peaks` finds, and no limit to how many."""
    height, width = len(grid), len(grid[0])
    found = []
    for y, row in enumerate(grid):
        for x, value in enumerate(row):
            if value <= threshold:
                continue
            around = [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
            inside = [(r, c) for r, c in around if 0 <= r < height and 0 <= c < width]
            if all(value > grid[r][c] if (r, c) < (y, x) else value >= grid[r][c] for r, c in inside):
                found.append((x, y))
    return sorted(starmap(lambda x, y: _refined(grid, x, y), found), key=lambda peak: -peak[2])


def soft_argmax(maps: torch.Tensor, beta: float, reach: float = 3.0) -> torch.Tensor:
    """Place each joint at the mean of its cells under a softmax, and say how much of that softmax lies around the place.

    Maps `(batch, joints, height, width)` to `(batch, joints, 3)`: x, y, and the share within `reach` cells of them along x and
    along y. That share is the confidence: a flat map is answered with its centre, and two equal peaks with the point between,
    and in both next to nothing lies there. `beta` is the inverse of the temperature. For maps of values in [0, 1] it must be
    well above the logarithm of the number of cells, or the flat rest of the map draws every answer to the centre (Sun et al.
    2017; Gu et al. 2021); the larger it is, the more the answer sticks to the highest cell.
    """
    places = SoftArgmax(beta)(maps)
    shares = torch.softmax(beta * maps.flatten(2), dim=2).view(maps.shape)
    x, y = places[..., None, None].unbind(2)
    height, width = maps.shape[2:]
    dx = torch.arange(width, device=maps.device) - x
    dy = torch.arange(height, device=maps.device)[:, None] - y
    around = (dx.abs() <= reach) & (dy.abs() <= reach)
    return torch.cat([places, (shares * around).sum((2, 3))[..., None]], dim=2)


class Decoder(nn.Module):
    """Make a layer of a decoder, to stand behind a network."""

    def __init__(self, decode: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.decode = decode

    def forward(self, maps: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Decode `(batch, maps, height, width)`; of a network that also hands on what it trains by, the first."""
        return self.decode(maps[0] if isinstance(maps, tuple) else maps)
