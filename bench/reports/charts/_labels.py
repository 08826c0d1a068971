"""Where the names go: beside their markers, over nothing else, and the same in every run.

Each name has places around its marker, in rings of growing distance. A name takes the cheapest place given where the
others are, in turn, until none moves. There is no random number in it. Coordinates are display pixels, boxes are rows of
`x0, y0, x1, y1`, lines are rows of `x0, y0, x1, y1` from end to end.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

# Directions in degrees with what each costs: readers look right of a mark first, and above before below.
_DIRECTIONS = {0: 0.0, 180: 1.0, 90: 1.2, 270: 1.6, 45: 0.8, 315: 1.0, 135: 1.4, 225: 1.6, 20: 1.5, 340: 1.5, 160: 2.0, 200: 2.0,
               65: 2.0, 295: 2.2, 115: 2.2, 245: 2.4}  # fmt: skip
_RINGS = (0.0, 2.0, 5.0, 9.0, 14.0, 20.0, 27.0, 35.0, 44.0, 54.0, 66.0, 80.0)
_GAP = 1.6  # points between a marker and its name
_AIR = 0.6  # points around a name that nothing else may enter
_NEAR = 3.0  # beyond this many points a thin line leads from the marker to its name
_SWEEPS = 12
_MANY = 40  # names of which a second look at each place is worth its time, but not a tenth
_PLACES = 48  # of each name's places, so many that are cheapest on their own are tried
_TINY = 1e-9  # keeps divisions finite, and is far below a pixel

# What a place costs. Overlaps outweigh everything else together; the rest is taste.
_OVERLAP = 1000.0
_STRIKE = 400.0  # a leader through another name, or under this one
_CROSSING = 60.0  # two leaders that cross
_THROUGH = 120.0  # a leader over another marker, or along a bar
_DOUBT = 15.0  # a name that is nearer to another marker than to its own
_FRONT = 10.0  # a name on the step line of the front
_PER_POINT = 0.35


class Placement(NamedTuple):
    """A box per name, the leader of each (a row of NaN where it needs none), and whether it stands free."""

    boxes: Array
    leaders: Array
    clear: Mask


class Scene(NamedTuple):
    """What names have to respect: circles around the points, bars and the front as boxes, the axes; pixels per point.

    `bars` has a row per point, of NaN where it has no bar.
    """

    centres: Array
    radii: Array
    bars: Array
    front: Array
    bounds: tuple[float, float, float, float]
    point: float


def place(sizes: Array, scene: Scene, far: float = math.inf) -> Placement:
    """Find a place for each name. `sizes` are width and height in pixels, one row per point of the scene.

    No name stands farther from its marker than `far` points.
    """
    many = len(sizes)
    if not many:
        return Placement(np.empty((0, 4)), np.empty((0, 4)), np.empty(0, dtype=bool))
    options = [_options(i, sizes[i], scene, far) for i in range(many)]
    fixed = [cost for *_, cost in options]
    # Whoever has the fewest good places chooses first.
    order = sorted(range(many), key=lambda i: (-float(fixed[i][:8].sum()), i))
    regions = [_region(boxes, leaders, _AIR * scene.point + 1) for boxes, leaders, _ in options]
    # Where the names are now; of NaN before they have a place, which overlaps nothing.
    boxes, leaders = np.full((many, 4), np.nan), np.full((many, 4), np.nan)
    chosen: dict[int, int] = {}
    for _ in range(_SWEEPS if many <= _MANY else 2):
        moved = False
        for i in order:
            near = _box_box(regions[i], boxes)[0] | _box_box(regions[i], _spans(leaders))[0]
            near[i] = False
            total = fixed[i] + _mutual_cost(*options[i][:2], boxes[near], leaders[near], scene.point)
            best = int(np.argmin(total))
            # Only a better place is worth moving to, or two names could swap for ever.
            if i not in chosen or total[best] < total[chosen[i]] - _TINY:
                moved, chosen[i] = True, best
                boxes[i], leaders[i] = options[i][0][best], options[i][1][best]
        if not moved:
            break
    return Placement(boxes, leaders, _clear(boxes, leaders, scene))


def _options(i: int, size: Array, scene: Scene, far: float) -> tuple[Array, Array, Array]:
    """The places of a name, cheapest first: boxes, leaders, and what each costs whatever the other names do."""
    near = [ring for ring in _RINGS if ring <= far]
    angles, rings = np.meshgrid(np.radians(list(_DIRECTIONS)), np.array(near) * scene.point, indexing="ij")
    taste = np.repeat(np.array(list(_DIRECTIONS.values()))[:, None], len(near), axis=1).ravel()
    unit = np.stack([np.cos(angles).ravel(), np.sin(angles).ravel()], axis=1)
    unit[np.abs(unit) < _TINY] = 0.0
    reach = scene.radii[i] + _GAP * scene.point + rings.ravel()
    # The side or corner of the box that faces the marker touches the ring; a box straight above is centred.
    centre = scene.centres[i] + unit * reach[:, None] + np.clip(2 * unit, -1, 1) * size / 2
    boxes = np.hstack([centre - size / 2, centre + size / 2])
    nearest = np.clip(scene.centres[i], boxes[:, :2], boxes[:, 2:])
    step = nearest - scene.centres[i]
    away = np.hypot(*step.T)
    start = scene.centres[i] + step / np.maximum(away, _TINY)[:, None] * scene.radii[i]
    leaders = np.hstack([start, nearest])
    # Beside its marker, or at the end of its bar, a name needs no line.
    beside = np.maximum(0.0, np.maximum(scene.bars[i, :2] - boxes[:, 2:], boxes[:, :2] - scene.bars[i, 2:]))
    leaders[np.fmin(away - scene.radii[i], np.hypot(*beside.T)) < _NEAR * scene.point] = np.nan
    cost = taste + _PER_POINT * np.maximum(0.0, away - scene.radii[i]) / scene.point
    cost += _fixed_cost(i, boxes, leaders, scene)
    best = np.argsort(cost, kind="stable")[:_PLACES]
    return boxes[best], leaders[best], cost[best]


def _fixed_cost(i: int, boxes: Array, leaders: Array, scene: Scene) -> Array:
    """What each place costs for the markers, the bars, the front and the axes."""
    own = _gaps(boxes, scene.centres[[i]]).max()
    # What lies farther off than this from all places has no part in any: of many points most do.
    near = _box_box(_region(boxes, leaders, own + scene.radii.max() + 2 * scene.point), np.tile(scene.centres, 2))[0]
    near[i] = True
    scene, i = _at(scene, near, _box_box(_region(boxes, leaders, scene.point), scene.bars)[0]), int(near[:i].sum())
    others = np.arange(len(scene.centres)) != i
    gaps = _gaps(boxes, scene.centres) - scene.radii
    cost = _OVERLAP * _blocked(boxes, scene)
    cost += _THROUGH * _line_circle(leaders, scene.centres[others], scene.radii[others]).sum(axis=1)
    cost += _THROUGH * _line_box(leaders, scene.bars).sum(axis=1)
    cost += _DOUBT * (gaps[:, others] < gaps[:, [i]] + scene.point).any(axis=1)
    cost += _FRONT * _box_box(boxes, scene.front).any(axis=1)
    return np.asarray(cost, dtype=float)


def _at(scene: Scene, points: Mask, bars: Mask) -> Scene:
    """The scene with these points and these bars alone."""
    return scene._replace(centres=scene.centres[points], radii=scene.radii[points], bars=scene.bars[bars])


def _region(boxes: Array, leaders: Array, margin: float) -> Array:
    """The box around all of these boxes and lines, and so much around it, as a row."""
    ends = np.vstack([boxes, leaders]).reshape(-1, 2)
    return np.hstack([np.nanmin(ends, axis=0) - margin, np.nanmax(ends, axis=0) + margin])[None]


def _spans(lines: Array) -> Array:
    """The box around each line."""
    return np.hstack([np.minimum(lines[:, :2], lines[:, 2:]), np.maximum(lines[:, :2], lines[:, 2:])])


def _blocked(boxes: Array, scene: Scene) -> Array:
    """How many markers, bars and edges of the axes each box lies on."""
    air = _AIR * scene.point
    x0, y0, x1, y1 = scene.bounds
    outside = (boxes[:, 0] < x0 + air) | (boxes[:, 1] < y0 + air) | (boxes[:, 2] > x1 - air) | (boxes[:, 3] > y1 - air)
    markers = (_gaps(boxes, scene.centres) < scene.radii + air).sum(axis=1)
    return np.asarray(markers + _box_box(_grown(boxes, air), scene.bars).sum(axis=1) + outside, dtype=float)


def _mutual_cost(boxes: Array, leaders: Array, placed: Array, lines: Array, point: float) -> Array:
    """What each place costs for where the other names are now, and their leaders."""
    cost = _OVERLAP * _box_box(_grown(boxes, _AIR * point), placed).sum(axis=1)
    cost += _STRIKE * (_line_box(leaders, placed).sum(axis=1) + _line_box(lines, boxes).sum(axis=0))
    cost += _CROSSING * _line_line(leaders, lines).sum(axis=1)
    return np.asarray(cost, dtype=float)


def _clear(boxes: Array, leaders: Array, scene: Scene) -> Mask:
    """Which names lie on nothing else, and under no other name's leader."""
    alone = ~np.eye(len(boxes), dtype=bool)
    touching = (_box_box(_grown(boxes, _AIR * scene.point), boxes) & alone).any(axis=1)
    struck = (_line_box(leaders, boxes) & alone).any(axis=0)
    return np.asarray((_blocked(boxes, scene) == 0) & ~touching & ~struck)


def _grown(boxes: Array, by: float) -> Array:
    return np.asarray(boxes + np.array([-by, -by, by, by]), dtype=float)


def _box_box(first: Array, second: Array) -> Mask:
    """Which of the first boxes overlap which of the second."""
    a, b = first[:, None], second[None]
    return np.asarray((a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3]))


def _gaps(boxes: Array, centres: Array) -> Array:
    """How far each box is from each centre."""
    gap = centres[None] - np.clip(centres[None], boxes[:, None, :2], boxes[:, None, 2:])
    return np.asarray(np.hypot(gap[..., 0], gap[..., 1]))


def _line_circle(lines: Array, centres: Array, radii: Array) -> Mask:
    start, way = lines[:, None, :2], lines[:, None, 2:] - lines[:, None, :2]
    along = ((centres[None] - start) * way).sum(-1) / np.maximum((way**2).sum(-1), _TINY)
    gap = start + np.clip(along, 0, 1)[..., None] * way - centres[None]
    return np.asarray(np.hypot(gap[..., 0], gap[..., 1]) < radii[None])  # NaN compares false: no leader strikes nothing


def _line_box(lines: Array, boxes: Array) -> Mask:
    """Which lines pass through which boxes, by clipping each line to the slab of each axis."""
    start, way = lines[:, None, :2], lines[:, None, 2:] - lines[:, None, :2]
    way = np.where(np.abs(way) < _TINY, _TINY, way)
    low, high = (boxes[None, :, :2] - start) / way, (boxes[None, :, 2:] - start) / way
    enter, leave = np.minimum(low, high).max(-1), np.maximum(low, high).min(-1)
    return np.asarray(np.maximum(enter, 0) < np.minimum(leave, 1))


def _line_line(first: Array, second: Array) -> Mask:
    """Which lines cross: the ends of each lie on different sides of the other."""
    a, b, c, d = first[:, None, :2], first[:, None, 2:], second[None, :, :2], second[None, :, 2:]

    def side(p: Array, q: Array, r: Array) -> Array:
        return np.sign((q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0]))

    return np.asarray((side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0))
