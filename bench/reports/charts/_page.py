"""A chart as a page: the axes with their points, a name at every point, and below them what a reader must know.

All lengths are inches, so that print has its size on paper: the width is that of a column, or of both columns where there
are many points. Where names find no room, the axes grow taller; a name that still has none is left out and said below.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from . import _labels as labels
from ._style import COLUMN, FAINT, INK, LABEL, NOTE, PAGE, SOFT, TICK, TITLE, ink, is_log, limits, plain, ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.text import Text

    from ._points import Point

DPI = 200
_COLUMN_POINTS = 15  # more names than these do not fit into a column
_LEFT, _RIGHT, _BELOW, _EDGE = 0.44, 0.12, 0.38, 0.05
_HEIGHT = {COLUMN: 2.5, PAGE: 4.2}
_GROWTH = (1.0, 1.25, 1.6)
_ABOVE = 12.0  # points above and below the outermost markers, for a name each
_LEADING = 1.32
_LEAST_TOP1 = 2.0  # percentage points: closer ones are not spread over the whole axis
_MOST_NAMES = 8


class Sheet(NamedTuple):
    """What a chart adds to the page: labels of the axes, the footer, and its own ink.

    `paint` draws the points and returns their radii in points; `front` is boxes in data coordinates that names stay off where
    they can, as they stay off markers and intervals always; `head` is the height in inches that is kept free above the axes.
    """

    xlabel: str
    ylabel: str
    footer: Sequence[str]
    paint: Callable[[Axes], Sequence[float]]
    reach: float
    front: Sequence[tuple[float, float, float, float]] = ()
    head: float = 0.06


def compose(points: Sequence[Point], sheet: Sheet) -> Figure:
    """Draw the sheet. `sheet.reach` is the largest radius of a marker in points, which the axes leave free."""
    width = COLUMN if len(points) <= _COLUMN_POINTS else PAGE
    for growth in _GROWTH:
        figure, axes = _blank(points, sheet, width, _HEIGHT[width] * growth)
        radii = np.array(sheet.paint(axes), dtype=float)
        texts = _texts(axes, points)
        placed = labels.place(*_scene(figure, texts, points, radii, sheet))
        if placed.clear.all():
            break
    inverse = axes.transData.inverted()
    left_out = []
    for point, text, box, leader, clear in zip(points, texts, placed.boxes, placed.leaders, placed.clear, strict=True):
        if not clear:
            text.remove()
            left_out.append(point.label)
            continue
        x, y = inverse.transform(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
        text.set_position((x, y))
        if not np.isnan(leader).any():
            ends = inverse.transform(leader.reshape(2, 2))
            axes.plot(*ends.T, color=SOFT, linewidth=0.4, zorder=1.5, gid="leader", scalex=False, scaley=False)
    footer = [*sheet.footer, f"No room for the names of {names(left_out)}."] if left_out else sheet.footer
    foot(figure, axes, footer, sheet.head)
    return figure


def names(given: Sequence[str], most: int = _MOST_NAMES) -> str:
    """A list of names as text, cut where it grows too long for a footer."""
    rest = len(given) - most
    return ", ".join(given[:most]) + (f" and {rest} more (summary.md)" if rest > 0 else "")


def blank(width: float, height: float, head: float, left: float = _LEFT) -> tuple[Figure, Axes]:
    """An empty page of this width whose axes have this height, `head` being free above them and `left` beside. All in inches."""
    total = height + _BELOW + head
    figure = Figure(figsize=(width, total), dpi=DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((left / width, _BELOW / total, (width - left - _RIGHT) / width, height / total))
    axes.tick_params(labelsize=TICK, length=2.5, width=0.6, color=SOFT, labelcolor=INK, pad=2)
    axes.grid(color=FAINT, linewidth=0.5, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    return figure, axes


def _blank(points: Sequence[Point], sheet: Sheet, width: float, height: float) -> tuple[Figure, Axes]:
    figure, axes = blank(width, height, sheet.head)
    across = width - _LEFT - _RIGHT
    reach = (sheet.reach + 4) / 72
    tall = (sheet.reach + _ABOVE) / 72
    edges = [edge for p in points for edge in (p.x, p.low, p.high) if edge is not None]
    log = is_log([p.x for p in points]) and min(edges) > 0
    low, high = limits(min(edges), max(edges), reach / across, log=log, least=0.0 if log else 0.2 * max(edges))
    bottom, top = limits(min(p.y for p in points), max(p.y for p in points), tall / height, log=False, least=_LEAST_TOP1)
    axes.set_xscale("log" if log else "linear")
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    ticks(axes.xaxis, low, high, log=log)
    ticks(axes.yaxis, bottom, top, log=False)
    axes.set_xlabel(sheet.xlabel, fontsize=TITLE, color=INK, labelpad=3)
    axes.set_ylabel(sheet.ylabel, fontsize=TITLE, color=INK, labelpad=3)
    return figure, axes


def _texts(axes: Axes, points: Sequence[Point]) -> list[Text]:
    # A name hides the grid and the front below it; it never lies on a marker.
    paper = {"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 0.4}
    style: dict[str, Any] = {"bbox": paper, "fontsize": LABEL, "ha": "center", "va": "center_baseline", "zorder": 5}
    # A name is never read as a formula, whatever a plugin calls its network.
    return [axes.text(p.x, p.y, plain(p.label), color=ink(p.family), gid="name", parse_math=False, **style) for p in points]


def renderer_of(figure: Figure) -> RendererAgg:
    canvas: Any = figure.canvas  # Agg's, which _blank gave it
    return cast("RendererAgg", canvas.get_renderer())


def _scene(
    figure: Figure, texts: Sequence[Text], points: Sequence[Point], radii: labels.Array, sheet: Sheet
) -> tuple[labels.Array, labels.Scene]:
    renderer, axes = renderer_of(figure), figure.axes[0]
    sizes = np.array([[box.width, box.height] for box in (text.get_window_extent(renderer) for text in texts)])
    point = DPI / 72
    frame = axes.get_window_extent(renderer)
    return sizes, labels.Scene(
        centres=axes.transData.transform([(p.x, p.y) for p in points]),
        radii=radii * point,
        bars=_boxes(axes, [_bar(p) for p in points], point),
        front=_boxes(axes, sheet.front, point / 2),
        bounds=(frame.x0, frame.y0, frame.x1, frame.y1),
        point=point,
    )


def _bar(point: Point) -> tuple[float, float, float, float]:
    """The interval of a point as a box without thickness, of NaN where it has none."""
    if point.low is None or point.high is None:
        return (math.nan,) * 4
    return point.low, point.y, point.high, point.y


def _boxes(axes: Axes, given: Sequence[tuple[float, float, float, float]], half: float) -> labels.Array:
    """Boxes from data to display coordinates, at least `2 * half` pixels thick."""
    if not given:
        return np.empty((0, 4))
    corners = axes.transData.transform(np.array(given, dtype=float).reshape(-1, 2)).reshape(-1, 4)
    return np.asarray(corners + np.array([-half, -half, half, half]), dtype=float)


def foot(figure: Figure, axes: Axes, footer: Sequence[str], head: float, left: float = _LEFT) -> None:
    """Write the footer, wrapped to the width, and give the figure the height that it needs, with `head` free above the axes."""
    width, total = figure.get_size_inches()
    height = axes.get_position().height * total
    lines = [line for part in footer for line in _wrapped(figure, part, width - 2 * _EDGE)]
    leading = NOTE * _LEADING / 72
    below = _BELOW + leading * len(lines) + _EDGE
    total = height + below + head
    figure.set_size_inches(width, total)
    axes.set_position((left / width, below / total, (width - left - _RIGHT) / width, height / total))
    for number, line in enumerate(lines):
        y = (leading * (len(lines) - number) + _EDGE) / total
        figure.text(_EDGE / width, y, line, fontsize=NOTE, color=SOFT, va="top", parse_math=False, gid="footer")


def _wrapped(figure: Figure, text: str, width: float) -> list[str]:
    """The text in lines no wider than `width` inches, as this font measures them."""
    probe = figure.text(0, 0, "", fontsize=NOTE, parse_math=False)
    renderer, lines = renderer_of(figure), [""]
    for word in plain(text).split():
        longer = f"{lines[-1]} {word}".strip()
        probe.set_text(longer)
        if lines[-1] and probe.get_window_extent(renderer).width > width * DPI:
            lines.append(word)
        else:
            lines[-1] = longer
    probe.remove()
    return [line for line in lines if line]
