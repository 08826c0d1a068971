"""Measured throughput of each network by engine and precision: a line per network, and on it a mark for each way to run it."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.lines import Line2D

from ... import units
from ...metrics.executed import MOSTLY, UNKNOWN
from ..rows import AXES, Protocol, Row, axis_text, latest, varied
from . import _strips as strips
from ._page import blank, foot
from ._points import Drawing, machine_note, versions_note
from ._style import FAINT, INK, PAGE, PALETTE, SOFT, TICK, TITLE, is_log, limits, plain, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

WHOLE = True
TITLE_TEXT = "Measured throughput by engine and precision"
NAME = "throughput-engines"
# Each precision has its own marker, with what makes its area that of a circle.
MARKERS = {"fp32": ("o", 1.0), "tf32": ("^", 1.0), "bf16": ("s", 0.8), "fp16": ("D", 0.7), "int8": ("v", 1.1)}
_WAYS = ("engine", "engine_options", "precision")
_OWN = {"input_shape", "weights", "compression"}
_CONDITIONS = tuple(axis for axis in AXES if axis not in {*_WAYS, *_OWN})
_ACROSS = 4.6  # points
_LINE, _ENGINE = 0.10, 0.085  # inches between networks, and between engines of one
_LEGEND = 0.15  # inches for a line of the legend
_COLUMNS = 5
_TALLEST, _PAGES = 8.0, 3  # inches of networks on a page, and pages that anybody reads
_MARGIN = 0.02


class Mark(NamedTuple):
    """A row of a run in the chart: which network's line it is on, how it ran, and images per second with their interval."""

    row: Row
    network: str
    engine: str
    value: float

    @property
    def hollow(self) -> bool:
        """Whether most of it ran in another precision than it is drawn for."""
        values = self.row.result.values
        shares = values.get("executed_precision") or {}
        return bool(shares) and 1.0 - values["executed_share"] - shares.get(UNKNOWN, 0.0) > MOSTLY

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends of its interval, where it has one."""
        low, high = self.row.value("throughput_per_s_low"), self.row.value("throughput_per_s_high")
        return None if low is None or high is None else (low, high)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw a chart for each machine, device, batch, threads and scenario that several engines or precisions were measured at."""
    del protocol
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in latest(row for row in rows if row.result.status == "ok" and row.value("throughput_per_s")):
        key = (row.run.machine.fingerprint, *(getattr(row.case, axis) for axis in _CONDITIONS))
        groups.setdefault(key, []).append(row)
    several = [own for own in groups.values() if len({tuple(getattr(r.case, axis) for axis in _WAYS) for r in own}) > 1]
    taken: Counter[str] = Counter()
    shown = [axis for axis in varied([row for own in several for row in own]) if axis in _CONDITIONS]
    return [drawing for own in several for drawing in _draw(own, shown, taken)]


def _draw(rows: Sequence[Row], shown: Sequence[str], taken: Counter[str]) -> list[Drawing]:
    case = rows[0].case
    told = [f"{axis.replace('_', ' ')} {axis_text(case, axis)}" for axis in shown]
    slugs = [re.sub(r"[^\w.]+", "-", text).strip("-") for text in told]
    name = "-".join([NAME, *slugs])
    taken[name] += 1
    name = name if taken[name] == 1 else f"{name}-{taken[name]}"
    title = ": ".join([TITLE_TEXT, *([", ".join(told)] if told else [])])
    marks = _marks(rows)
    networks, engines = list(dict.fromkeys(mark.network for mark in marks)), {mark.engine for mark in marks}
    each = int(_TALLEST / (_LINE + _ENGINE * len(engines)))
    if len(networks) > _PAGES * each:
        reason = f"{len(networks)} networks are more than {_PAGES} pages hold: the chart speed-ups has their ratios"
        return [Drawing(name, title, reason=reason)]
    pages = [networks[start : start + each] for start in range(0, len(networks), each)]
    drawings = []
    for number, own in enumerate(pages, 1):
        tail, part = (f"-{number}", f", part {number} of {len(pages)}") if len(pages) > 1 else ("", "")
        shown_here = [mark for mark in marks if mark.network in own]
        said = ", ".join(f"{m.network} {m.engine} {m.row.case.precision} {units.rate(m.value)}" for m in shown_here)
        drawings.append(Drawing(f"{name}{tail}", f"{title}{part}", partial(_figure, shown_here), f"{title}{part}. {said}."))
    return drawings


def _marks(rows: Sequence[Row]) -> list[Mark]:
    """Every row with its line: the network, and what else tells it from one of that name."""
    own = [axis for axis in ("input_shape", "weights") if axis in varied(rows)]
    return [
        Mark(
            row,
            " ".join([row.name, *(axis_text(row.case, axis) for axis in own if _differs(rows, row, axis))]),
            " ".join(filter(None, (row.case.engine, axis_text(row.case, "engine_options")))),
            row.value("throughput_per_s") or math.nan,
        )
        for row in rows
    ]


def _differs(rows: Sequence[Row], row: Row, axis: str) -> bool:
    return len({getattr(other.case, axis) for other in rows if other.name == row.name}) > 1


def _figure(marks: Sequence[Mark]) -> Figure:
    networks = list(dict.fromkeys(mark.network for mark in marks))
    engines = sorted({mark.engine for mark in marks})
    precisions = [name for name in MARKERS if any(mark.row.case.precision == name for mark in marks)]
    pitch = _LINE + _ENGINE * len(engines)
    head = 0.06 + _LEGEND * (math.ceil(len(engines) / _COLUMNS) + 1)
    height = pitch * len(networks)
    left = strips.widest(networks, PAGE) + 0.12
    figure, axes = blank(PAGE, height, head, left)
    _scales(axes, marks, len(networks))
    axes.set_yticks(range(len(networks)), [plain(name) for name in networks])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    _paint(axes, marks, networks, engines, pitch)
    _legends(axes, engines, precisions, height)
    foot(figure, _footer(marks))
    return figure


def _scales(axes: Axes, marks: Sequence[Mark], many: int) -> None:
    edges = [edge for mark in marks for edge in (mark.value, *(mark.interval or ()))]
    log = is_log([mark.value for mark in marks]) and min(edges) > 0
    low, high = limits(min(edges), max(edges), _MARGIN, log=log, least=0.0 if log else 0.2 * max(edges))
    axes.set_xscale("log" if log else "linear")
    axes.set_xlim(low if log else min(0.0, low), high)
    axes.set_ylim(many - 0.5, -0.5)  # the first network on top
    ticks(axes.xaxis, low, high, log=log)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Throughput (images/s)", fontsize=TITLE, color=INK, labelpad=3)


def _paint(axes: Axes, marks: Sequence[Mark], networks: Sequence[str], engines: Sequence[str], pitch: float) -> None:
    for line in range(1, len(networks)):
        axes.axhline(line - 0.5, color=FAINT, linewidth=0.5, zorder=0)
    for mark in marks:
        color = PALETTE[engines.index(mark.engine) % len(PALETTE)]
        shape, area = MARKERS[mark.row.case.precision]
        # The engines of a network stand below each other, so that no mark hides another's.
        y = networks.index(mark.network) + (engines.index(mark.engine) - (len(engines) - 1) / 2) * _ENGINE / pitch
        if mark.interval is not None:
            axes.hlines(y, *mark.interval, color=color, linewidth=0.8, zorder=2, gid="bar")
        axes.scatter([mark.value], [y], s=_ACROSS**2 * area, marker=shape, facecolors="white" if mark.hollow else color,
                     edgecolors=color, linewidths=0.8, zorder=3, gid="point")  # fmt: skip


def _legends(axes: Axes, engines: Sequence[str], precisions: Sequence[str], height: float) -> None:
    """Engines by colour, and below them precisions by marker."""

    def line(handles: list[Line2D], above: float) -> Legend:
        return axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0 + above / height), ncols=_COLUMNS,
                           frameon=False, fontsize=TICK, labelcolor=INK, handletextpad=0.1, columnspacing=1.0, borderaxespad=0.0,
                           borderpad=0.1)  # fmt: skip

    kinds = [
        Line2D([], [], linestyle="", marker=MARKERS[name][0], color=SOFT, markersize=_ACROSS, label=name) for name in precisions
    ]
    hues = [
        Line2D([], [], linestyle="", marker="s", color=PALETTE[number % len(PALETTE)], markersize=_ACROSS, label=plain(name))
        for number, name in enumerate(engines)
    ]
    axes.add_artist(line(hues, _LEGEND))
    line(kinds, 0.0)


def _footer(marks: Sequence[Mark]) -> list[str]:
    rows = [mark.row for mark in marks]
    case = rows[0].case
    threads = f"{case.threads} thread{'' if case.threads == 1 else 's'}"
    usual = {"phase": "infer", "scenario": "single-stream", "layout": "nchw"}
    extra = [getattr(case, axis) for axis, value in usual.items() if getattr(case, axis) != value]
    bars = "bar: its 95 % interval" if any(mark.interval for mark in marks) else "no interval"
    hollow = any(mark.hollow for mark in marks)
    flagged = sum(bool(row.result.flags) for row in rows)
    return [
        *machine_note(rows),
        f"{', '.join([case.device, f'batch {case.batch}', threads, *extra])}; {versions_note(rows)}.",
        f"Mark: median over fresh processes, {bars}.",
        *(["Hollow: most of its multiply-accumulates ran in another precision than it was asked for."] if hollow else []),
        *([f"{flagged} of {len(rows)} are flagged (summary.md)."] if flagged else []),
    ]
