"""Quality against something that a network costs: what the charts of that kind share."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ..rows import Protocol, Row, axis_text, latest
from . import _conditions as conditions
from ._marks import REACH, front, paint, paint_front, segments
from ._page import LEAST_TOP1, Sheet, compose, names
from ._points import NO_PROTOCOL, Drawing, Point, chart_name, chart_title, labelled, missing_note, protocol_note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...core import Case

# The fewest networks of which it is worth a sentence that no other one beats some.
_FEWEST = 3
_MOST_UNBEATEN = 20  # names that a sentence holds


class Cost(NamedTuple):
    """A cost: `name` in the file's name, `what` in the title, `column` of the rows, which the axis shows times `factor`.

    `rising` says that more of it is better; `told` writes one value for those who hear the chart; `counted` that it is the same
    under all conditions; `note` is a sentence for the footer, `value` what is shown in place of a column, `least` what a linear
    axis spans at least; `missing` says why no row has it; `single` that only
    the combination is drawn which most networks were measured at.
    """

    name: str
    what: str
    column: str
    factor: float
    xlabel: Callable[[Case], str]
    told: Callable[[Row], str]
    rising: bool = False
    counted: bool = False
    note: str = ""
    value: Callable[[Row], float | None] | None = None
    least: float | None = None
    missing: str = ""
    single: bool = False

    def of(self, row: Row) -> float | None:
        """The cost of a row, in base units."""
        return row.value(self.column) if self.value is None else self.value(row)


def draw(rows: Sequence[Row], protocol: Protocol | None, cost: Cost) -> list[Drawing]:
    """Draw a chart for each combination of engine, precision, device, batch and threads, of what is counted a single one.

    A combination that the machine or the engine cannot run is left out where others were measured; the summary has its reasons.
    """
    plain, title = chart_name(cost.name, protocol), chart_title(cost.what, protocol)
    if protocol is None:
        return [Drawing(plain, title, reason=NO_PROTOCOL)]
    if cost.counted:
        return [_counted(rows, protocol, cost)]
    taken: Counter[str] = Counter()
    groups = conditions.parts(rows)
    if len(groups) == 1:
        return [_measured(rows, protocol, cost, plain)]
    if cost.single and groups:
        most = max(groups, key=lambda own: len(select(own, protocol, cost)))
        return [_measured(most, protocol, cost, plain, others=rows)]
    tried = [own for own in groups if any(row.result.status != "skipped" for row in own)]
    tried = sorted(tried or groups, key=lambda own: -len(select(own, protocol, cost)))
    drawn = [_measured(own, protocol, cost, conditions.name(plain, own[0].case, rows, taken)) for own in tried]
    # What the largest of them shows stands for all: a sentence for each would say it a dozen times.
    drawn = [replace(drawing, finding="") if place else drawing for place, drawing in enumerate(drawn)]
    if with_figures := [drawing for drawing in drawn if drawing.paint is not None]:
        # What none was measured at has nothing to say, but for where all were to be: a latency.
        return drawn if cost.name == "latency" else with_figures
    reason = drawn[0].reason if drawn else f"no row has {cost.what}"
    return [Drawing(plain, title, reason=reason)]  # one reason for them all


def select(rows: Sequence[Row], protocol: Protocol, cost: Cost) -> list[Point]:
    """A point per row that was measured and has an accuracy in this protocol; of several runs on one machine the latest."""
    chosen = latest(row for row in rows if row.result.status == "ok" and cost.of(row) and row.quality(protocol) is not None)
    low, high = f"{cost.column}_low", f"{cost.column}_high"
    return [
        Point(
            row, label, value * cost.factor, quality, _times(row.value(low), cost.factor), _times(row.value(high), cost.factor),
            *row.ends(protocol),
        )
        for row, label in zip(chosen, labelled(chosen), strict=True)
        if (value := cost.of(row)) is not None and (quality := row.quality(protocol)) is not None
    ]  # fmt: skip


def select_counted(rows: Sequence[Row], protocol: Protocol, cost: Cost) -> list[Point]:
    """A point per network and input shape, whether or not it could be timed; an accuracy that was measured is that in fp32."""
    chosen: dict[tuple[str, str], Row] = {}
    for row in plainest(latest(rows), protocol):
        if cost.of(row) and row.quality(protocol) is not None:
            chosen.setdefault((row.name, axis_text(row.case, "input_shape")), row)
    times = Counter(name for name, _ in chosen)
    return [
        Point(row, f"{name} {shape}" if times[name] > 1 else name, value * cost.factor, quality, None, None, *row.ends(protocol))
        for (name, shape), row in chosen.items()
        if (value := cost.of(row)) is not None and (quality := row.quality(protocol)) is not None
    ]


def plainest(rows: Sequence[Row], protocol: Protocol) -> list[Row]:
    """Of accuracies that were measured in several precisions that in fp32 comes first."""
    return sorted(rows, key=lambda row: protocol.kind == "measured" and row.case.precision != "fp32")


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _measured(rows: Sequence[Row], protocol: Protocol, cost: Cost, name: str, others: Sequence[Row] = ()) -> Drawing:
    said = conditions.told(rows[0].case)
    short = chart_title(cost.what, protocol)
    title = short if name == chart_name(cost.name, protocol) else f"{short}: {said}"
    points = select(rows, protocol, cost)
    if not points:
        reason = f"no row was measured and has {_article(cost)}a {protocol.told}"
        return Drawing(name, title, reason=cost.missing if cost.missing and not any(map(cost.of, rows)) else reason)
    if len(points) == 1 and cost.name != "latency":
        return Drawing(name, title, reason=f"one network alone has a {protocol.told}")
    told = ", ".join(f"{p.label} {p.y:g} % at {cost.told(p.row)}" for p in points)
    footer = _footer(rows, points, protocol, cost)
    footer += [conditions.OTHERS] if len(select(others, protocol, cost)) > len(points) else []
    figure = partial(_figure, points, footer, protocol, cost)
    # Of two networks the chart says it all.
    finding = f"{short} ({said}): {_unbeaten(points, protocol, cost)}" if len(points) >= _FEWEST else ""
    return Drawing(name, title, figure, f"{short}: {said}; protocol {protocol.text}. {told}.", finding=finding)


def _unbeaten(points: Sequence[Point], protocol: Protocol, cost: Cost) -> str:
    """The networks on the front, from the cheapest on."""
    steps = set(front(((p.x, p.y) for p in points), rising=cost.rising))
    best = sorted((p for p in points if (p.x, p.y) in steps), key=lambda p: p.y)
    listed = names([f"{p.label} ({p.y:.1f} %)" for p in best], _MOST_UNBEATEN)
    return f"of {len(points)} networks, no other one beats {listed} in {protocol.name} and {cost.what} at once."


def _article(cost: Cost) -> str:
    return "" if cost.name == "latency" else f"{cost.what} and "


def _counted(rows: Sequence[Row], protocol: Protocol, cost: Cost) -> Drawing:
    name, title = chart_name(cost.name, protocol), chart_title(cost.what, protocol)
    points = select_counted(rows, protocol, cost)
    if not points:
        reason = f"no row has a {cost.what} and a {protocol.told}"
        return Drawing(name, title, reason=cost.missing if cost.missing and not any(map(cost.of, rows)) else reason)
    if len(points) == 1 and cost.name != "latency":
        return Drawing(name, title, reason=f"one network alone has a {protocol.told}")
    drawn = [point.row for point in points]
    footer = [
        *([cost.note] if cost.note else []),
        protocol_note(drawn, protocol),
        *missing_note(rows, protocol),
        conditions.counted_where(drawn),
    ]
    told = ", ".join(f"{p.label} {p.y:g} % at {cost.told(p.row)}" for p in points)
    return Drawing(name, title, partial(_figure, points, footer, protocol, cost), f"{title}, protocol {protocol.text}. {told}.")


def _figure(points: Sequence[Point], footer: Sequence[str], protocol: Protocol, cost: Cost) -> Figure:
    steps = [] if cost.counted else front(((p.x, p.y) for p in points), rising=cost.rising)

    def ink(axes: Axes) -> list[float]:
        if steps:
            paint_front(axes, steps, rising=cost.rising)
        return paint(axes, points, hollow=not cost.counted)

    return compose(points, Sheet(
        xlabel=cost.xlabel(points[0].row.case),
        ylabel=f"{protocol.title} (%)",
        footer=footer,
        paint=ink,
        reach=REACH,
        front=segments(steps, rising=cost.rising),
        least_x=cost.least,
        least_y=LEAST_TOP1,
    ))  # fmt: skip


def _footer(rows: Sequence[Row], points: Sequence[Point], protocol: Protocol, cost: Cost) -> list[str]:
    drawn = [point.row for point in points]
    bars = "bar: its 95 % interval" if any(p.low is not None for p in points) else "no interval"
    there = {row.name for row in drawn}  # from another file, it may be
    failed = [f"{row.name} ({row.result.status})" for row in rows if row.result.status != "ok" and row.name not in there]
    precision = rows[0].case.precision
    borrowed = precision != "fp32" and protocol.kind == "published"
    said = cost.note or f"Point: median over {conditions.processes(drawn)}, {bars}."
    return [
        *conditions.where(drawn),
        f"{said} Line: Pareto front{'' if cost.note else ' of the medians'}.",
        *conditions.flag_note((p.row, p.label) for p in points),
        protocol_note(drawn, protocol),
        *([f"Published for full precision, not measured in {precision}."] if borrowed else []),
        *missing_note(rows, protocol),
        *([f"Not measured: {names(failed)}."] if failed else []),
    ]
