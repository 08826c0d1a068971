"""The charts of a study: each contrast's two sides and its difference, by seed; and a measure against what the arms cost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..reports.charts import _strips as strips
from ..reports.charts import save
from ..reports.charts._marks import REACH, paint
from ..reports.charts._page import Sheet, compose, foot
from ..reports.charts._points import Drawing
from ..reports.charts._style import INK, PAGE, PALETTE, SOFT, ticks
from . import text
from .judging import judge, rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .base import Study
    from .joining import Costs
    from .judging import Finding, Row, Span
    from .log import Log
    from .parts import Measure

    Cost = tuple[float, float | None, float | None]  # a value with the ends of its interval

FORMATS = ("png", "svg")
_RADIUS = 1.5
# By verdict: blue, red, grey, none of which is told by its colour alone, since the word stands beside it.
_INKS = {"holds": PALETTE[0], "does not hold": PALETTE[2], "undecided": SOFT, "no result": SOFT}
_VERDICT = 0.85  # inches beside the differences, for the verdict
_PITCH = 0.15


class Dot(NamedTuple):
    """An arm in a chart of points, in the form in which the page takes one."""

    label: str
    x: float
    y: float
    family: str
    low: float | None = None
    high: float | None = None
    y_low: float | None = None
    y_high: float | None = None


def draw(study: Study, log: Log, costs: Costs | None = None) -> list[Drawing]:
    """All charts of a study; of each measure that contrasts compare, and of the headline against each cost that is known."""
    found = judge(study, log)
    drawings = []
    for measure in study.shown():
        own = [f for f in found if f.measure == measure and f.difference.mean is not None]
        if own:
            name, title = f"{study.name}-{measure.name}-contrasts", f"{measure.title} of both sides of each contrast"
            drawings.append(Drawing(name, title, partial(_contrasts, study, log, own, measure), _told(own)))
    every = list(rows(study, log).values())
    head = study.measures[0]
    for name, label, chosen in _axes(every, costs) if study.against else ():
        able = [row for row in every if row.arm.name in chosen and row.span(head.name).mean is not None]
        if len(able) > 1:
            paint = partial(_against, study, log, able, head, label, chosen, costs if name == "latency" else None)
            drawings.append(Drawing(f"{study.name}-{head.name}-{name}", f"{head.title} against {label}", paint, ""))
    return drawings


def write(drawings: Sequence[Drawing], folder: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write them. May raise OSError."""
    return [path for drawing in drawings for path in save(drawing, folder, formats)]


def _told(findings: Sequence[Finding]) -> str:
    return " ".join(text.sentence(finding) for finding in findings)


def _axes(every: Sequence[Row], costs: Costs | None) -> list[tuple[str, str, dict[str, Cost]]]:
    """The costs that are known: a name for the file, the label of the axis, and by arm the value with its interval."""
    found: list[tuple[str, str, dict[str, Cost]]] = [
        ("macs", "multiply-accumulates of one picture (M)", {r.arm.name: (r.macs / 1e6, None, None) for r in every if r.macs}),
        ("params", "parameters (k)", {r.arm.name: (r.params / 1e3, None, None) for r in every if r.params}),
    ]
    if costs is not None:
        timed = {r.arm.name: costs.latencies[r.arm.name] for r in every if r.arm.name in costs.latencies}
        in_ms = {name: (t.seconds * 1e3, t.low and t.low * 1e3, t.high and t.high * 1e3) for name, t in timed.items()}
        found.append(("latency", "measured latency of one picture (ms)", in_ms))
    return found


def _contrasts(study: Study, log: Log, findings: Sequence[Finding], measure: Measure) -> Figure:
    """Two rows for each contrast, its sides with their seeds; beside them one for the difference, with the verdict."""
    labels = [label for f in findings for label in (_label(f, "to"), _label(f, "of"))]
    figure, (left, right) = strips.rows(labels, width=PAGE, pitch=_PITCH, panels=2, right=_VERDICT)
    for number, finding in enumerate(findings):
        top = 2 * number
        hue = _INKS[finding.verdict]
        if number % 2 == 0:
            strips.shade(left, top, top + 1)
            strips.shade(right, top, top + 1)
        for place, (row, side) in enumerate(((finding.to, finding.contrast.to), (finding.of, finding.contrast.of))):
            _seeds(left, row.values[side.measure].values(), row.span(side.measure), top + place, INK if place else SOFT)
        _seeds(right, finding.differences.values(), finding.difference, top + 0.5, hue)
        right.annotate(
            finding.verdict, (1.0, top + 0.5), xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points",
            va="center_baseline", fontsize=6, color=hue, annotation_clip=False,
        )  # fmt: skip
    right.axvline(0.0, color=SOFT, linewidth=0.7, zorder=1)
    unit = "points" if measure.unit == "%" else measure.unit
    # Student's interval knows no bounds: what lies beyond those of a share is not drawn.
    _scaled(left, f"{measure.title} ({measure.unit})", (0.0, 100.0) if measure.unit == "%" else None)
    _scaled(right, f"second minus first ({unit})")
    foot(figure, [*text.conditions(study, log), "Small marks: seeds; large: their mean; bar: Student's 95 % interval."])
    return figure


def _label(finding: Finding, which: str) -> str:
    side = getattr(finding.contrast, which)
    same = finding.contrast.of.arm == finding.contrast.to.arm
    return f"{side.arm} {side.measure}" if same else str(side.arm)


def _seeds(axes: Axes, values: Any, span: Span, y: float, hue: str) -> None:
    axes.scatter(list(values), [y] * len(values), s=_RADIUS**2 * 2, color=hue, alpha=0.55, linewidths=0, zorder=3, gid="seed")
    if span.mean is None:
        return
    ends = span.ends
    if ends:
        axes.plot(ends, (y, y), color=hue, linewidth=0.9, zorder=2, gid="interval")
    axes.scatter([span.mean], [y], s=14, marker="|", color=hue, linewidths=1.2, zorder=4, gid="mean")


def _scaled(axes: Axes, label: str, bounds: tuple[float, float] | None = None) -> None:
    low, high = axes.get_xlim()
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    axes.set_xlim(low, high)
    ticks(axes.xaxis, low, high, log=False)
    axes.set_xlabel(label, fontsize=7.5, color=INK, labelpad=3)


def _against(  # noqa: PLR0913, PLR0917 - what one chart is made of
    study: Study, log: Log, able: Sequence[Row], measure: Measure, label: str,
    chosen: dict[str, Cost], costs: Costs | None,
) -> Figure:  # fmt: skip
    """A point for each arm, with its intervals."""
    dots = []
    for row in able:
        span, (x, low, high) = row.span(measure.name), chosen[row.arm.name]
        name = row.arm.name.removeprefix("small/")
        dots.append(Dot(name, x, cast("float", span.mean), _family(row), low, high, span.low, span.high))
    timed = [f"Timed: {costs.told}."] if costs is not None else []
    footer = [*text.conditions(study, log), *timed, "Bars: 95 % intervals, over the seeds and over the processes."]
    sheet = Sheet(
        xlabel=label, ylabel=f"{measure.title} ({measure.unit})", footer=footer, reach=REACH,
        paint=lambda axes: paint(axes, cast("Any", dots), hollow=False), scales=("log", "linear"),
    )  # fmt: skip
    return compose(cast("Any", dots), sheet)


def _family(row: Row) -> str:
    """What decides the colour: the beginning of the name, which says the kind of network."""
    return row.arm.name.removeprefix("small/").partition("-")[0]
