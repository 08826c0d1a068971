"""How points, their intervals and the front are inked, the same in every chart of points."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from ._style import SOFT, marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from ._points import Point

ACROSS = 5.0  # points
CORNER = math.sqrt(2)  # how much farther the corners of the other markers reach than a circle
REACH = ACROSS / 2 * CORNER


def front(points: Iterable[tuple[float, float]], *, rising: bool = False) -> list[tuple[float, float]]:
    """The points that no other dominates, by x, equal ones once.

    One dominates that has at most the x, at least the y, and one of them better; where `rising`, more x is better too.
    """
    best, found = -math.inf, []
    sign = -1 if rising else 1
    for x, y in sorted(set(points), key=lambda p: (sign * p[0], -p[1])):
        if y > best:
            best = y
            found.append((x, y))
    return found[::sign]


def segments(steps: Sequence[tuple[float, float]], *, rising: bool = False) -> list[tuple[float, float, float, float]]:
    """The step line as boxes without thickness: along each level, then up to the next; where `rising`, down first."""
    pairs = list(itertools.pairwise(steps))
    if rising:
        return [(a, d, c, d) for (a, _), (c, d) in pairs] + [(a, d, a, b) for (a, b), (_, d) in pairs]
    return [(a, b, c, b) for (a, b), (c, _) in pairs] + [(c, b, c, d) for (_, b), (c, d) in pairs]


def paint(axes: Axes, points: Sequence[Point], *, hollow: bool = True) -> list[float]:
    """Draw each point with its interval; a flagged one is hollow, unless nothing here was timed. Returns the radii in points."""
    looks = marks(point.family for point in points)
    for family, look in looks.items():
        _bars(axes, [point for point in points if point.family == family], look.color)
    radii = []
    for point in points:
        look = looks[point.family]
        face = "white" if hollow and point.row.result.flags else look.color
        axes.scatter([point.x], [point.y], s=ACROSS**2 * look.area, marker=look.marker, facecolors=face, edgecolors=look.color,
                     linewidths=1.0, zorder=3, gid="point")  # fmt: skip
        radii.append(ACROSS / 2 * math.sqrt(look.area) * (1 if look.marker == "o" else CORNER) + 0.5)
    return radii


def _bars(axes: Axes, points: Sequence[Point], hue: str) -> None:
    """The intervals of a family's points, each along the axis that has one."""
    style: dict[str, Any] = {"fmt": "none", "ecolor": hue, "elinewidth": 0.9, "capsize": 1.6, "capthick": 0.9, "zorder": 2}
    along = [(p.x, p.y, p.x - p.low, p.high - p.x) for p in points if p.low is not None and p.high is not None]
    up = [(p.x, p.y, p.y - p.y_low, p.y_high - p.y) for p in points if p.y_low is not None and p.y_high is not None]
    if along:
        xs, ys, below, above = zip(*along, strict=True)
        axes.errorbar(xs, ys, xerr=[below, above], **style)
    if up:
        xs, ys, below, above = zip(*up, strict=True)
        axes.errorbar(xs, ys, yerr=[below, above], **style)


def paint_front(axes: Axes, steps: Sequence[tuple[float, float]], *, rising: bool = False) -> None:
    """Draw the front as a line of steps."""
    axes.step(*zip(*steps, strict=True), where="pre" if rising else "post", color=SOFT, linewidth=0.8, linestyle=(0, (4, 2)),
              zorder=1, gid="front")  # fmt: skip
