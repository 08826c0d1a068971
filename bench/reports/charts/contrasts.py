"""The comparisons of the groups as ratios: parameters, MACs, activations, memory, latency, with what their source states."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from ..rows import Row, latest
from . import _conditions as conditions
from . import _memory as memory
from . import _pairs as pairs
from . import _strips as strips
from ._page import POINT, foot
from ._points import Drawing
from ._style import INK, PAGE, PALETTE, SOFT, TICK, TITLE, ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...groups import Group, Ratio
    from ..rows import Protocol

GROUPED = True
NAME, TITLE_TEXT = "contrasts", "Ratios of the compared networks"
_PITCH = 0.17  # inches
_BAR = 0.5
_HEAD = 0.17
_TALLEST = 6.5
_DIGIT, _APART = 0.62 * TICK, 4.0  # points: the width of a digit, and what is free from one tick's number to the next
_STATED, _HUE = PALETTE[7], PALETTE[3]


class Quantity(NamedTuple):
    """A column of the chart: the metric as groups call it, its heading, and the ratio of two rows."""

    metric: str
    heading: str
    ratio: Callable[[Row, Row], pairs.Ratio | None]


class Pair(NamedTuple):
    """A row of the chart: of what to what, as `label`, and what is stated of it, by metric."""

    label: str
    of: Row
    to: Row
    stated: tuple[Ratio, ...]


def _counts(column: str) -> Callable[[Row, Row], pairs.Ratio | None]:
    def ratio(of: Row, to: Row) -> pairs.Ratio | None:
        above, below = of.value(column), to.value(column)
        return pairs.Ratio(above / below) if above and below else None

    return ratio


def _memory(of: Row, to: Row) -> pairs.Ratio | None:
    above, below = memory.taken(of), memory.taken(to)
    return pairs.Ratio(above / below) if above and below and conditions.alike(of, to) else None


def _latency(of: Row, to: Row) -> pairs.Ratio | None:
    return pairs.latency(of, to) if conditions.alike(of, to) else None


QUANTITIES = (
    Quantity("params", "Parameters", _counts("params")),
    Quantity("macs", "MACs", _counts("macs")),
    Quantity("activations", "Activations", _counts("activations")),
    Quantity("memory", "Memory", _memory),
    Quantity("latency", "Latency", _latency),
)


def draw(rows: Sequence[Row], protocol: Protocol | None, groups: Iterable[Group] = ()) -> list[Drawing]:
    """Draw a chart for each topic: a row for each pair that a group compares and the rows hold, split into pages."""
    del protocol
    chosen, note = _chosen(rows)
    topics: dict[str, list[Pair]] = {}
    for group in groups:
        topics.setdefault(group.topic or "other", []).extend(_pairs(group, chosen))
    drawn = [drawing for topic, own in topics.items() if own for drawing in _pages(topic, own, note)]
    return drawn or [
        Drawing(NAME, TITLE_TEXT, reason="the rows hold both networks of no ratio of a group (vbench list --groups)")
    ]


def _chosen(rows: Sequence[Row]) -> tuple[dict[str, Row], list[str]]:
    """A row for each network that was counted, of the combination that most were timed at; and the sentence that says so."""
    counted = [row for row in latest(rows) if row.value("macs") is not None]
    own, machine_note = conditions.one_machine([row for row in counted if row.value("latency_s")])
    timed, note = conditions.main(own)
    found: dict[str, Row] = {}
    for row in [*timed, *counted]:
        if row.facts.input in {(), row.case.input_shape}:
            found.setdefault(row.name, row)
    return found, [*note, *machine_note]


def _pairs(group: Group, rows: dict[str, Row]) -> list[Pair]:
    """What the group compares, each pair once, with all that is stated of it."""
    found: dict[tuple[str, str], list[Ratio]] = {}
    for ratio in group.ratios:
        if ratio.of in rows and ratio.to in rows:
            found.setdefault((ratio.of, ratio.to), []).append(ratio)
    return [Pair(_label(of, to), rows[of], rows[to], tuple(own)) for (of, to), own in found.items()]


def _label(of: str, to: str) -> str:
    """Of what to what; a family that both have is not said twice, unless a mere number would be left: `resnet/200 : 101`."""
    family, _, variant = to.partition("/")
    short = of.startswith(f"{family}/") and variant and not variant[0].isdigit()
    return f"{of} : {variant if short else to}"


def _pages(topic: str, own: list[Pair], note: Sequence[str]) -> list[Drawing]:
    each = int(_TALLEST / _PITCH)
    parts = [own[start : start + each] for start in range(0, len(own), each)]
    drawings = []
    for number, part in enumerate(parts, 1):
        tail, said = (f"-{number}", f", part {number} of {len(parts)}") if len(parts) > 1 else ("", "")
        title = f"{TITLE_TEXT}: {topic}{said}"
        told = "; ".join(_told(pair) for pair in part)
        name = f"{NAME}-{conditions.slugged(topic)}{tail}"
        drawings.append(Drawing(name, title, partial(_figure, part, note), f"{title}. {told}."))
    return drawings


def _told(pair: Pair) -> str:
    found = {quantity.heading: quantity.ratio(pair.of, pair.to) for quantity in QUANTITIES}
    numbers = ", ".join(f"{heading.lower()} {ratio.value:.3g}" for heading, ratio in found.items() if ratio is not None)
    stated = ", ".join(f"{ratio.metric} {ratio.claim} stated by {ratio.source}" for ratio in pair.stated if ratio.claim)
    return f"{pair.label}: {numbers}{f' ({stated})' if stated else ''}"


def _figure(own: Sequence[Pair], note: Sequence[str]) -> Figure:
    shown = [q for q in QUANTITIES if any(q.ratio(pair.of, pair.to) is not None for pair in own)]
    stated = any(ratio.claim and ratio.metric in {q.metric for q in shown} for pair in own for ratio in pair.stated)
    figure, panels = strips.rows([pair.label for pair in own], width=PAGE, pitch=_PITCH, head=_HEAD, panels=len(shown))
    for axes, quantity in zip(panels, shown, strict=True):
        _panel(axes, quantity, own)
    panels[len(panels) // 2].set_xlabel("Ratio of the first to the second", fontsize=TITLE, color=INK, labelpad=3)
    if stated:
        look = Line2D([], [], linestyle="", marker="D", markersize=3.6, markerfacecolor="none", markeredgecolor=_STATED)
        look.set_label("stated by a source")
        figure.legend(handles=[look], loc="upper left", frameon=False, fontsize=TICK, labelcolor=INK, borderaxespad=0.1,
                      handletextpad=0.2, borderpad=0.1)  # fmt: skip
    foot(figure, _footer(own, note))
    return figure


def _panel(axes: Axes, quantity: Quantity, own: Sequence[Pair]) -> None:
    found = [quantity.ratio(pair.of, pair.to) for pair in own]
    claims = [[r.stated for r in pair.stated if r.metric == quantity.metric and r.stated is not None] for pair in own]
    ends = [e for claim in claims for stated in claim for e in (stated if isinstance(stated, tuple) else (stated,))]
    values = [1.0, *ends, *(e for ratio in found if ratio is not None for e in ratio if e)]
    low, high = min(*values, 0.8) / 1.15, max(*values, 1.25)
    # The number stands beside the bar: on this axis that takes a share of the width, not a sum.
    high *= (high / low) ** 0.42
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks(axes.xaxis, low, high, log=True)
    # The numbers beside the bars have the right of the panel for themselves.
    wide = axes.get_window_extent().width / POINT
    axes.xaxis.set_major_locator(_few(low, max(*values, 1.25) * 1.05, wide / math.log(high / low)))
    axes.set_title(quantity.heading, fontsize=TITLE, color=INK, loc="left", pad=3)
    axes.axvline(1.0, color=SOFT, linewidth=0.8, zorder=2.5, gid="one")
    for y, (ratio, stated) in enumerate(zip(found, claims, strict=True)):
        for one in stated:
            across = one if isinstance(one, tuple) else (one, one)
            axes.plot(across, (y, y), color=_STATED, linewidth=1.0, marker="D", markersize=3.6, markerfacecolor="none",
                      markeredgewidth=0.8, zorder=4, gid="stated", clip_on=False,
                      scalex=False, scaley=False)  # fmt: skip
        if ratio is None:
            continue
        hollow = quantity.metric == "latency" and bool(own[y].of.result.flags or own[y].to.result.flags)
        face = "white" if hollow else _HUE
        axes.barh(y, ratio.value - 1.0, left=1.0, height=_BAR, facecolor=face, edgecolor=_HUE, linewidth=0.8, zorder=2, gid="bar")
        if ratio.low is not None and ratio.high is not None:
            axes.hlines(y, ratio.low, ratio.high, color=INK, linewidth=0.7, zorder=3, gid="interval")
        reach = max(
            1.0, ratio.value, ratio.high or 0.0, *(e for one in stated for e in (one if isinstance(one, tuple) else (one,)))
        )
        strips.beside(axes, reach, y, strips.digits(ratio.value), gap=4.5 if stated else 2.5)


def _few(low: float, high: float, scale: float) -> FixedLocator:
    """Powers of ten where there are two at least, else halves and doubles, so far apart that their numbers keep off each other.

    `scale` is how many points the axis has for each factor of e.
    """
    tens = [10.0**power for power in range(-6, 7) if low <= 10.0**power <= high]
    twos = [2.0**power for power in range(-20, 21) if low <= 2.0**power <= high]
    wanted = tens if len(tens) > 1 else twos if len(twos) > 1 else [tick for tick in (0.8, 1.0, 1.25) if low <= tick <= high]
    kept = [1.0]
    for tick in sorted(wanted, key=lambda tick: abs(math.log(tick))):
        if all(abs(math.log(tick / other)) * scale >= _width(tick) / 2 + _width(other) / 2 + _APART for other in kept):
            kept.append(tick)
    return FixedLocator(sorted(kept))


def _width(tick: float) -> float:
    """Points that the number of a tick takes."""
    return _DIGIT * len(f"{tick:,.10g}")


def _footer(own: Sequence[Pair], note: Sequence[str]) -> list[str]:
    rows = [row for pair in own for row in (pair.of, pair.to)]
    timed = [row for row in rows if row.value("latency_s")]
    sources = list(dict.fromkeys(f"{r.claim}: {r.source}" for pair in own for r in pair.stated if r.claim))
    paired = any((found := _latency(pair.of, pair.to)) is not None and found.low is not None for pair in own)
    line = "; line: its 95 % interval, from processes of the same round" if paired else ""
    return [
        *(conditions.where(timed) if timed else [conditions.counted_where(rows)]),
        f"Bar: the first over the second. Parameters, MACs and activations are counted, memory and latency measured{line}.",
        *conditions.flag_note((row, row.name) for row in timed),
        *([memory.note(rows)] if any(memory.taken(row) for row in rows) else []),
        *([f"Stated: {'; '.join(sources)}."] if sources else []),
        *note,
    ]
