"""A chart as a page: the axes with their points, a name at every point, and below them what a reader must know.

All lengths are inches, so that print has its size on paper: the width is that of a column, or of both columns where there
are many points. Where names find no room, the axes grow taller; a name that still has none is left out and said below.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import _labels as labels
from ._style import COLUMN, FAINT, INK, LABEL, NOTE, PAGE, SOFT, TICK, TITLE, ink, is_log, limits, marks, plain, ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.text import Text

    from ._points import Point

DPI = 200
POINT = DPI / 72  # pixels
_COLUMN_POINTS = 15  # more names than these do not fit into a column
_LEFT, _RIGHT, BELOW, _EDGE = 0.44, 0.12, 0.38, 0.05
_HEIGHT = {COLUMN: 2.5, PAGE: 4.2}
_GROWTH = (1.0, 1.25, 1.6)
_ABOVE = 12.0  # points above and below the outermost markers, for a name each
_LEADING = 1.32
LEAST_TOP1 = 2.0  # percentage points: closer ones are not spread over the whole axis
_LEAST = 0.2  # of the largest value: closer ones are not spread over the whole axis
_LEAST_DECADES = 0.3
_MOST_NAMES = 8
# Points that a name may stand away from its marker: among many, a long line is harder to follow than a name is missed.
_MANY, _NEAR, _FAR = 40, 20.0, 80.0
# Where more than this share of the points has no name, the families stand below the axes: each so many inches wide and high.
_UNNAMED, _FAMILY_WIDTH, _FAMILY, _MARK, _BELOW_FAMILIES = 0.15, 0.87, 0.125, 4.0, 0.04

Scale = Literal["auto", "linear", "log"]


class Sheet(NamedTuple):
    """What a chart adds to the page: labels of the axes, the footer, and its own ink.

    `paint` draws the points and returns their radii in points; `front` is boxes in data coordinates that names stay off where
    they can, as they stay off markers and intervals always; `head` is the height in inches that is kept free above the axes.
    `scales` are those of x and y, `auto` being logarithmic where the values ask for it; `least_x` and `least_y` are what a linear
    axis spans at least, a fifth of its largest value if left out; `within` are places that the axes hold beside the points.
    """

    xlabel: str
    ylabel: str
    footer: Sequence[str]
    paint: Callable[[Axes], Sequence[float]]
    reach: float
    front: Sequence[tuple[float, float, float, float]] = ()
    head: float = 0.06
    scales: tuple[Scale, Scale] = ("auto", "linear")
    least_x: float | None = None
    least_y: float | None = None
    within: Sequence[tuple[float, float]] = ()


def compose(points: Sequence[Point], sheet: Sheet) -> Figure:
    """Draw the sheet. `sheet.reach` is the largest radius of a marker in points, which the axes leave free."""
    width = COLUMN if len(points) <= _COLUMN_POINTS else PAGE
    for growth in _GROWTH if len(points) <= _MANY else _GROWTH[-1:]:
        figure, axes = _blank(points, sheet, width, _HEIGHT[width] * growth)
        radii = np.array(sheet.paint(axes), dtype=float)
        texts = _texts(axes, points)
        placed = labels.place(*_scene(figure, texts, points, radii, sheet), far=_FAR if len(points) <= _MANY else _NEAR)
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
    foot(figure, footer, [point.family for point in points] if len(left_out) > _UNNAMED * len(points) else ())
    return figure


def names(given: Sequence[str], most: int = _MOST_NAMES) -> str:
    """A list of names as text, cut where it grows too long for a footer."""
    rest = len(given) - most
    return ", ".join(given[:most]) + (f" and {rest} more (summary.md)" if rest > 0 else "")


def blank(width: float, height: float, head: float, left: float = _LEFT, right: float = _RIGHT) -> tuple[Figure, Axes]:
    """An empty page of this width whose axes have this height, with so much free above and beside them. All in inches."""
    total = height + BELOW + head
    figure = Figure(figsize=(width, total), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure, panel(figure, (left, BELOW, width - left - right, height))


def panel(figure: Figure, place: tuple[float, float, float, float]) -> Axes:
    """Axes at this place of a figure: from the left, from the bottom, width and height, in inches."""
    width, total = figure.get_size_inches()
    x, y, across, height = place
    axes = figure.add_axes((x / width, y / total, across / width, height / total))
    axes.tick_params(labelsize=TICK, length=2.5, width=0.6, color=SOFT, labelcolor=INK, pad=2)
    axes.grid(color=FAINT, linewidth=0.5, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    return axes


def _blank(points: Sequence[Point], sheet: Sheet, width: float, height: float) -> tuple[Figure, Axes]:
    figure, axes = blank(width, height, sheet.head)
    reach, across = sheet.reach + 4, (width - _LEFT - _RIGHT) * 72
    tall = sheet.reach + _ABOVE
    xs = [edge for p in points for edge in (p.x, p.low, p.high) if edge is not None] + [x for x, _ in sheet.within]
    ys = [edge for p in points for edge in (p.y, p.y_low, p.y_high) if edge is not None] + [y for _, y in sheet.within]
    x_log = _is_log(sheet.scales[0], [p.x for p in points], xs)
    y_log = _is_log(sheet.scales[1], [p.y for p in points], ys)
    least_x = _LEAST * max(xs) if sheet.least_x is None else sheet.least_x
    low, high = limits(min(xs), max(xs), reach / across, log=x_log, least=_LEAST_DECADES if x_log else least_x)
    least_y = _LEAST * max(ys) if sheet.least_y is None else sheet.least_y
    bottom, top = limits(min(ys), max(ys), tall / (height * 72), log=y_log, least=_LEAST_DECADES if y_log else least_y)
    axes.set_xscale("log" if x_log else "linear")
    axes.set_yscale("log" if y_log else "linear")
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    ticks(axes.xaxis, low, high, log=x_log, whole=all(float(x).is_integer() for x in xs))
    ticks(axes.yaxis, bottom, top, log=y_log)
    axes.set_xlabel(sheet.xlabel, fontsize=TITLE, color=INK, labelpad=3)
    axes.set_ylabel(sheet.ylabel, fontsize=TITLE, color=INK, labelpad=3)
    make_room(figure, axes)
    return figure, axes


def make_room(figure: Figure, axes: Axes) -> None:
    """Move the left edge of the axes to the right where the numbers beside them are too long for it."""
    needed = _EDGE * DPI - axes.yaxis.label.get_window_extent(_settled(figure, axes)).x0
    if needed > 0:
        box, share = axes.get_position(), needed / figure.bbox.width
        axes.set_position((box.x0 + share, box.y0, box.width - share, box.height))


def _settled(figure: Figure, axes: Axes) -> RendererAgg:
    """The renderer, once the label of the vertical axis stands where its numbers end."""
    renderer = renderer_of(figure)
    axes.yaxis.get_tightbbox(renderer)
    return renderer


def _is_log(scale: Scale, values: Sequence[float], edges: Sequence[float]) -> bool:
    return min(edges) > 0 and (scale == "log" or (scale == "auto" and is_log(values)))


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
    if point.y_low is not None and point.y_high is not None:
        return point.x, point.y_low, point.x, point.y_high
    if point.low is None or point.high is None:
        return (math.nan,) * 4
    return point.low, point.y, point.high, point.y


def _boxes(axes: Axes, given: Sequence[tuple[float, float, float, float]], half: float) -> labels.Array:
    """Boxes from data to display coordinates, at least `2 * half` pixels thick."""
    if not given:
        return np.empty((0, 4))
    corners = axes.transData.transform(np.array(given, dtype=float).reshape(-1, 2)).reshape(-1, 4)
    return np.asarray(corners + np.array([-half, -half, half, half]), dtype=float)


def foot(figure: Figure, footer: Sequence[str], families: Sequence[str] = ()) -> None:
    """Write the footer, wrapped to the width, below the axes, and make the figure as much higher as that takes.

    Above it stands the mark of each of the `families`, where there are any.
    """
    width, before = figure.get_size_inches()
    lines = [line for part in footer for line in _wrapped(figure, part, width - 2 * _EDGE)]
    leading = NOTE * _LEADING / 72
    looks = marks(families)
    across = int(width / _FAMILY_WIDTH)
    rows = -(-len(looks) // across)
    more = leading * len(lines) + _EDGE + (rows * _FAMILY + _BELOW_FAMILIES if rows else 0.0)
    total = before + more
    figure.set_size_inches(width, total)
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position((box.x0, (box.y0 * before + more) / total, box.width, box.height * before / total))
    if looks:
        handles = [
            Line2D(
                [], [], linestyle="", marker=look.marker, color=look.color, markersize=_MARK * look.area**0.5, label=plain(family)
            )
            for family, look in looks.items()
        ]
        at = (0.0, (leading * len(lines) + _EDGE + _BELOW_FAMILIES) / total, 1.0, rows * _FAMILY / total)
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=at, mode="expand", ncols=min(across, len(handles)),
                      frameon=False, fontsize=NOTE, labelcolor=INK, handletextpad=0.1, borderaxespad=0.2, borderpad=0.1,
                      labelspacing=0.25)  # fmt: skip
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
