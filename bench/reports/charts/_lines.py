"""Charts of lines: a line per network along an axis of whole numbers, with its name where it ends.

Names stand at the right of the axes in the order of their lines' ends, apart from each other; a thin line leads to a name that
had to move. Of more lines than an eye can follow, each is drawn relative to where it begins, with the median of all, and only
those that end highest and lowest are named: who gains most, who least.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...stats import median
from ._page import POINT, blank, foot, make_room, names, renderer_of
from ._style import COLUMN, INK, LABEL, SOFT, TITLE, ink, is_log, limits, marks, plain, ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from ..rows import Row

_HEIGHT = 2.5
_TALLEST = 6.5
_LEADING = 1.35  # of the print's size, from one name to the next
_APART = 0.14  # inches between the axes and the names
_ACROSS = 3.6  # points
_MARGIN = 0.05
_CROWD = 40  # lines; of more, nobody follows one by its colour
_CROWD_HEIGHT, _EXTREMES = 3.6, 12  # inches; names at each end


class Line(NamedTuple):
    """A line of one network: rows along x, the value of each with the ends of its interval where it has one."""

    label: str
    family: str
    rows: list[Row]
    xs: list[float]
    ys: list[float]
    lows: list[float | None]
    highs: list[float | None]


class Plan(NamedTuple):
    """What a chart of lines adds: labels of the axes, the footer, and `behind`, which draws what lies below the lines.

    `log` says that x is logarithmic, and y where its values ask for it; else both are linear, and straight lines stay straight.
    `relative` is the label of y where many lines are drawn over their first values, "" where that says nothing; `timed` that
    flags, which are of times, make a point hollow.
    """

    xlabel: str
    ylabel: str
    footer: Sequence[str]
    behind: Callable[[Sequence[Line], Axes], None] | None = None
    log: bool = True
    relative: str = ""
    timed: bool = True


def compose(lines: Sequence[Line], plan: Plan) -> Figure:
    """Draw the lines, the longest-named at the width of a column."""
    if plan.relative and len(lines) > _CROWD:
        return _crowd(lines, plan)
    right = _widest(lines) + _APART + 0.04
    height = min(_TALLEST, max(_HEIGHT, (len(lines) + 1) * LABEL * _LEADING / 72))
    figure, axes = blank(COLUMN, height, 0.06, right=right)
    _scales(axes, lines, plan)
    make_room(figure, axes)
    if plan.behind is not None:
        plan.behind(lines, axes)
    looks = marks(line.family for line in lines)
    for line in lines:
        look = looks[line.family]
        axes.plot(line.xs, line.ys, color=look.color, linewidth=1.0, zorder=2, gid="line")
        ends = zip(line.xs, line.ys, line.lows, line.highs, strict=True)
        if bars := [(x, y, y - low, high - y) for x, y, low, high in ends if low is not None and high is not None]:
            xs, ys, below, above = zip(*bars, strict=True)
            axes.errorbar(xs, ys, yerr=[below, above], fmt="none", ecolor=look.color, elinewidth=0.8, capsize=1.4, capthick=0.8,
                          zorder=2.5)  # fmt: skip
        faces = ["white" if plan.timed and row.result.flags else look.color for row in line.rows]
        axes.scatter(line.xs, line.ys, s=_ACROSS**2 * look.area, marker=look.marker, facecolors=faces, edgecolors=look.color,
                     linewidths=0.8, zorder=3, gid="points")  # fmt: skip
    left_out = _name(axes, lines)
    foot(figure, [*plan.footer, *([f"No room for the names of {names(left_out)}."] if left_out else [])])
    return figure


def _crowd(lines: Sequence[Line], plan: Plan) -> Figure:
    """Each line over its first value, those that end highest and lowest by name, and the median of all."""
    first = Counter(line.xs[0] for line in lines).most_common(1)[0][0]
    ratios = [_over_first(line) for line in lines if line.xs[0] == first]
    ranked = sorted(ratios, key=lambda line: -line.ys[-1])
    named = [*ranked[:_EXTREMES], *ranked[-_EXTREMES:]]
    figure, axes = blank(COLUMN, _CROWD_HEIGHT, 0.06, right=_widest(named) + _APART + 0.04)
    _scales(axes, ratios, plan._replace(ylabel=plan.relative))
    make_room(figure, axes)
    if plan.behind is not None:
        plan.behind(ratios, axes)
    axes.axhline(1.0, color=SOFT, linewidth=0.6, zorder=1)
    looks = marks(line.family for line in ratios)
    for line in ratios:
        extreme = line in named
        axes.plot(line.xs, line.ys, color=looks[line.family].color, linewidth=0.9 if extreme else 0.5, zorder=2, gid="line",
                  alpha=1.0 if extreme else 0.3)  # fmt: skip
        axes.plot(line.xs[-1:], line.ys[-1:], linestyle="", marker=looks[line.family].marker, markersize=2.6, gid="points",
                  color=looks[line.family].color, zorder=2, alpha=1.0 if extreme else 0.3)  # fmt: skip
    xs = sorted({x for line in ratios for x in line.xs})
    middle = [median([y for line in ratios for at, y in zip(line.xs, line.ys, strict=True) if at == x]) for x in xs]
    axes.plot(xs, middle, color=INK, linewidth=1.8, zorder=3, gid="median")
    _name(axes, named)
    said = f"{len(ratios)} networks, each over its own value at {first:g}; black: their median."
    said += f" Named: the {_EXTREMES} that end highest, and lowest."
    foot(figure, [*plan.footer, said], [line.family for line in ratios])
    return figure


def _over_first(line: Line) -> Line:
    none: list[float | None] = [None] * len(line.ys)
    return line._replace(ys=[y / line.ys[0] for y in line.ys], lows=none, highs=none)


def _widest(lines: Sequence[Line]) -> float:
    figure, _ = blank(COLUMN, 1.0, 0.1)
    renderer = renderer_of(figure)
    texts = [figure.text(0, 0, plain(line.label), fontsize=LABEL, parse_math=False) for line in lines]
    return min(1.6, max(text.get_window_extent(renderer).width for text in texts) / float(figure.dpi))


def _scales(axes: Axes, lines: Sequence[Line], plan: Plan) -> None:
    xs = sorted({x for line in lines for x in line.xs})
    edges = [e for line in lines for e in (*line.ys, *line.lows, *line.highs) if e is not None]
    y_log = plan.log and is_log([y for line in lines for y in line.ys]) and min(edges) > 0
    low, high = limits(min(edges), max(edges), _MARGIN, log=y_log, least=0.0 if y_log else 0.2 * max(edges))
    left, right = limits(xs[0], xs[-1], _MARGIN, log=plan.log)
    axes.set_xscale("log" if plan.log else "linear")
    axes.set_yscale("log" if y_log else "linear")
    axes.set_xlim(left, right)
    bottom = low if y_log else max(0.0, low) if low > 0.5 * high else 0.0
    axes.set_ylim(bottom, high)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator(xs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    ticks(axes.yaxis, bottom, high, log=y_log)
    axes.set_xlabel(plan.xlabel, fontsize=TITLE, color=INK, labelpad=3)
    axes.set_ylabel(plan.ylabel, fontsize=TITLE, color=INK, labelpad=3)


def _name(axes: Axes, lines: Sequence[Line]) -> list[str]:
    """Write the names at the right of the axes; return those that found no room."""
    total = axes.get_window_extent().height / POINT  # points
    step = LABEL * _LEADING
    room = int(total // step) + 1
    ends = sorted(lines, key=lambda line: line.ys[-1], reverse=True)
    kept, left_out = ends[:room], [line.label for line in ends[room:]]
    wanted = [_height(axes, line.ys[-1]) * total for line in kept]
    placed = spread(wanted, step, total)
    for line, at, end in zip(kept, placed, wanted, strict=True):
        _write(axes, line, at / total, end / total)
    return left_out


def _write(axes: Axes, line: Line, at: float, end: float) -> Text:
    """A name beside the axes at that height, a share of theirs, with a thin line to where its own line ends."""
    across = axes.get_window_extent().width / POINT / 72  # inches
    x = _across(axes, line.xs[-1])
    beside = 1 + _APART / across
    axes.plot([x + 0.02, 1.0, beside - 0.02], [end, end, at], color=SOFT, linewidth=0.4, transform=axes.transAxes, zorder=1.5,
              gid="leader", clip_on=False, scalex=False, scaley=False)  # fmt: skip
    style: dict[str, Any] = {"fontsize": LABEL, "va": "center", "ha": "left", "parse_math": False, "clip_on": False}
    return axes.text(beside, at, plain(line.label), transform=axes.transAxes, color=ink(line.family), gid="name", **style)


def _height(axes: Axes, y: float) -> float:
    return float(axes.transAxes.inverted().transform(axes.transData.transform((axes.get_xlim()[0], y)))[1])


def _across(axes: Axes, x: float) -> float:
    return float(axes.transAxes.inverted().transform(axes.transData.transform((x, axes.get_ylim()[0])))[0])


def spread(wanted: Sequence[float], step: float, total: float) -> list[float]:
    """Heights, from the top, at least `step` apart and within `total`, each as near as that allows to the one wanted.

    Names that would overlap are pushed apart around the mean of where they want to be.
    """
    # With a step added for each name above, names that keep apart are heights that do not rise: an isotonic regression.
    blocks: list[list[float]] = []
    for number, height in enumerate(wanted):
        blocks.append([height + step * number])
        while len(blocks) > 1 and _mean(blocks[-2]) < _mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    least = step * (len(wanted) - 1)
    heights = [min(max(_mean(block), least), total) for block in blocks for _ in block]
    return [height - step * number for number, height in enumerate(heights)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
