"""Accuracy against what a pruned network costs: a line for each criterion, a panel for each cost, chance as the control."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from ...reports.charts._marks import front, paint_front
from ...reports.charts._page import BELOW, POINT, blank, foot, panel
from ...reports.charts._points import Drawing
from ...reports.charts._style import INK, NOTE, PAGE, PALETTE, SOFT, TICK, TITLE, is_log, limits, plain, ticks
from .. import text
from ..judging import rows
from . import _pruning_words as words
from ._pruning_contrasts import BEFORE, CONTROL, CRITERIA, TOP1, TUNED, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..base import Study
    from ..joining import Costs
    from ..judging import Row
    from ..log import Log
    from ..parts import Measure

    Cost = tuple[float, float | None, float | None]

_HEIGHT, _LEFT, _RIGHT, _BETWEEN, _LEGEND = 2.3, 0.46, 0.1, 0.14, 0.17  # inches
_ACROSS, _WIDE, _APART = 4.2, 3.8, 1.5  # points: a mark, a digit with some room, and neighbours that cost the same
_KIB = 2.0**10
# Criteria have the colours that they have in the charts of `vbench report`.
_KNOWN = ("taylor", "l1-filter", "magnitude", "l2-filter", "apoz", "mean-activation")


class Panel(NamedTuple):
    """What stands along the axis: its label, and what a row costs with the ends of its interval.

    What is `counted` is the same for all criteria of a ratio: their marks would lie on each other.
    """

    label: str
    of: Callable[[Row], Cost | None]
    counted: bool = True


class Place(NamedTuple):
    """An arm in a panel."""

    row: Row
    x: float
    y: float
    ends: tuple[float | None, float | None]
    y_ends: tuple[float, float] | None


def draw(study: Study, log: Log, costs: Costs | None) -> list[Drawing]:
    """The trade-off after training and before it."""
    every = rows(study, log)
    return [d for measure in (TOP1, BEFORE) if (d := _drawing(study, log, every, measure, costs)) is not None]


def _drawing(study: Study, log: Log, every: dict[str, Row], measure: Measure, costs: Costs | None) -> Drawing | None:
    able = [row for row in every.values() if row.span(measure.name).mean is not None]
    if len(able) < 3:  # noqa: PLR2004 - the whole network and one other are no trade-off
        return None
    own = [p for p in _panels(costs) if sum(p.of(row) is not None for row in able) > 2]  # noqa: PLR2004 - as above
    title = f"{measure.title[:1].upper()}{measure.title[1:]} against costs, by criterion of pruning"
    told = "; ".join(f"{row.arm.name} {text.shown(row.span(measure.name), measure)} %" for row in able)
    said = words.told(words.found(study, log), measure.name)
    paint = partial(_figure, study, log, every, measure, own, said, costs)
    return Drawing(
        f"{study.name}-{measure.name}-tradeoff", title, paint, f"{title}. {told}. {' '.join(said)}", finding=" ".join(said)
    )


def _panels(costs: Costs | None) -> list[Panel]:
    found = [
        Panel("MACs of one picture (M)", lambda row: None if row.macs is None else (row.macs / 1e6, None, None)),
        Panel(
            "Size of the weights (KiB)", lambda row: None if row.weight_bytes is None else (row.weight_bytes / _KIB, None, None)
        ),
    ]
    if costs is not None and costs.latencies:
        found.insert(0, Panel("Latency of one picture (ms)", partial(_latency, costs), counted=False))
    return found


def _latency(costs: Costs, row: Row) -> Cost | None:
    timed = costs.latencies.get(row.arm.name)
    # The whole network takes the same time, whatever it was trained for.
    if timed is None and row.arm.name in {WHOLE, TUNED}:
        timed = costs.latencies.get(WHOLE) or costs.latencies.get(TUNED)
    return None if timed is None else (timed.seconds * 1e3, timed.low and timed.low * 1e3, timed.high and timed.high * 1e3)


def _figure(  # noqa: PLR0913, PLR0917 - what one chart is made of
    study: Study, log: Log, every: dict[str, Row], measure: Measure, panels: Sequence[Panel], said: Sequence[str],
    costs: Costs | None,
) -> Figure:  # fmt: skip
    figure, first = blank(PAGE, _HEIGHT, 0.06 + 2 * _LEGEND, _LEFT, _RIGHT)
    first.remove()
    across = (PAGE - _LEFT - _RIGHT - _BETWEEN * (len(panels) - 1)) / len(panels)
    lines = _lines(every, measure)
    looks = {line: _look(line) for line in lines}
    for number, one in enumerate(panels):
        axes = panel(figure, (_LEFT + (across + _BETWEEN) * number, BELOW, across, _HEIGHT))
        _panel(axes, every, measure, one, lines, looks)
        if number:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel(plain(f"{measure.title[:1].upper()}{measure.title[1:]} (%)"), fontsize=TITLE, color=INK, labelpad=3)
    handles = [Line2D([], [], linestyle="", marker="*", color=INK, markersize=6.5, label="uncompressed")]
    if TUNED in every and measure is TOP1:
        handles.append(_hollow("uncompressed, trained alike"))
    handles += [Line2D([], [], markersize=_ACROSS, linewidth=1.0, label=plain(name), **look) for name, look in looks.items()]
    figure.legend(handles=handles, loc="upper left", ncols=5, frameon=False, fontsize=TICK, labelcolor=INK, borderaxespad=0.1,
                  handlelength=1.6, handletextpad=0.4, columnspacing=1.2, borderpad=0.1, labelspacing=0.25)  # fmt: skip
    missing = [row.arm.name for row in every.values() if row.span(measure.name).mean is not None and panels[0].of(row) is None]
    without = f" Not timed: {', '.join(missing)}." if missing else ""
    timed = [f"Timed: {costs.told}.{without}"] if costs is not None and len(panels) > 2 else []  # noqa: PLR2004 - MACs and bytes are always there
    marks = "Number: the share of each layer's channels that went. Bars: 95 % intervals, over the seeds and over the processes."
    front_ = "Dashed: Pareto front of the means. Marks of equal MACs or bytes stand side by side. Against random, paired by seed:"
    foot(figure, [f"{marks} {front_}", *said, *text.conditions(study, log), *timed])
    return figure


def _hollow(label: str) -> Line2D:
    return Line2D([], [], linestyle="", marker="*", color=INK, markerfacecolor="white", markersize=6.5, label=label)


def _lines(every: dict[str, Row], measure: Measure) -> dict[str, list[Row]]:
    """The arms by criterion, random first, each from the weakest to the strongest; those in steps are lines of their own."""
    found: dict[str, list[Row]] = {}
    for row in every.values():
        options = row.arm.options
        if "criterion" in options and row.span(measure.name).mean is not None:
            steps = f" in {options['steps']} steps" if "steps" in options else ""
            found.setdefault(f"{options['criterion']}{steps}", []).append(row)
    order = list(CRITERIA)
    for own in found.values():
        own.sort(key=lambda row: float(row.arm.options["ratio"]))
    return dict(sorted(found.items(), key=lambda item: (order.index(item[0].partition(" ")[0]), item[0])))


def _look(line: str) -> dict[str, Any]:
    criterion, steps, _ = line.partition(" in ")
    if criterion == CONTROL:
        return {"color": SOFT, "marker": "x"}
    return {"color": PALETTE[_KNOWN.index(criterion) % len(PALETTE)], "marker": "D" if steps else "o"}


def _place(row: Row | None, measure: Measure, one: Panel) -> Place | None:
    if row is None:
        return None
    span, cost = row.span(measure.name), one.of(row)
    return None if span.mean is None or cost is None else Place(row, cost[0], span.mean, cost[1:], span.ends)


def _panel(  # noqa: PLR0913, PLR0917 - as above
    axes: Axes, every: dict[str, Row], measure: Measure, one: Panel, lines: dict[str, list[Row]], looks: dict[str, dict[str, Any]]
) -> None:
    starts = {name: _place(every.get(name), measure, one) for name in (WHOLE, TUNED)}
    # Before training the network that is trained alike is the whole one.
    if starts[WHOLE] is None:
        starts = {WHOLE: starts[TUNED], TUNED: None}
    placed = {name: [p for row in own if (p := _place(row, measure, one)) is not None] for name, own in lines.items()}
    points = [p for own in placed.values() for p in own]
    _scales(axes, [*points, *(p for p in starts.values() if p is not None)], one)
    paint_front(axes, front((p.x, p.y) for p in [*points, *(p for p in starts.values() if p is not None)]))
    for number, (name, own) in enumerate(placed.items()):
        look, beside = looks[name], axes.transData
        if one.counted:
            beside += ScaledTranslation(_APART * (number - (len(placed) - 1) / 2) / 72, 0, axes.figure.dpi_scale_trans)
        axes.plot(
            [p.x for p in own], [p.y for p in own], linewidth=0.9, zorder=2, gid="line", color=look["color"], transform=beside
        )
        for p in own:
            _bars(axes, p, look["color"], transform=beside)
            axes.plot([p.x], [p.y], linestyle="", marker=look["marker"], markersize=_ACROSS, color=look["color"], gid="point",
                      markeredgewidth=0.9, zorder=3, transform=beside)  # fmt: skip
    for name, p in starts.items():
        if p is not None:
            _bars(axes, p, INK)
            face = "white" if name == TUNED else INK
            axes.plot([p.x], [p.y], linestyle="", marker="*", markersize=7.5, color=INK, markerfacecolor=face, gid="uncompressed",
                      zorder=4)  # fmt: skip
    _ratios(axes, points)


def _bars(axes: Axes, at: Place, hue: str, **more: Any) -> None:
    style: dict[str, Any] = {"color": hue, "linewidth": 0.7, "zorder": 2.2, "gid": "interval"} | more
    if at.ends[0] is not None and at.ends[1] is not None:
        axes.hlines(at.y, at.ends[0], at.ends[1], **style)
    if at.y_ends is not None:
        # Student's interval knows no bounds: what lies beyond those of a share is not drawn.
        axes.vlines(at.x, max(0.0, at.y_ends[0]), min(100.0, at.y_ends[1]), **style)


def _scales(axes: Axes, points: Sequence[Place], one: Panel) -> None:
    xs = [edge for p in points for edge in (p.x, *p.ends) if edge is not None]
    ys = [edge for p in points for edge in (p.y, *(p.y_ends or ()))]
    log = min(xs) > 0 and is_log([p.x for p in points])
    low, high = limits(min(xs), max(xs), 0.06, log=log, least=0.0 if log else 0.2 * max(xs))
    axes.set_xscale("log" if log else "linear")
    bottom, top = limits(max(0.0, min(ys)), min(100.0, max(ys)), 0.07, log=False, least=4.0)
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    ticks(axes.xaxis, low, high, log=log)
    ticks(axes.yaxis, bottom, top, log=False)
    axes.set_xlabel(one.label, fontsize=TITLE, color=INK, labelpad=3)


def _ratios(axes: Axes, points: Sequence[Place]) -> None:
    """Each ratio once, beside the lowest mark that has it, where no other one stands."""
    taken: list[tuple[float, float]] = []
    for ratio in dict.fromkeys(p.row.arm.options["ratio"] for p in points):
        lowest = min((p for p in points if p.row.arm.options["ratio"] == ratio), key=lambda p: p.y)
        x, y = cast("tuple[float, float]", tuple(axes.transData.transform((lowest.x, lowest.y)) / POINT))
        if all(abs(x - left) > _WIDE * len(ratio) or abs(y - below) > NOTE for left, below in taken):
            taken.append((float(x), float(y)))
            axes.annotate(ratio, (lowest.x, lowest.y), xytext=(2.5, -2.5), textcoords="offset points", ha="left", va="top",
                          fontsize=NOTE, color=SOFT, gid="ratio", parse_math=False)  # fmt: skip
