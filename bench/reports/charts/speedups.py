"""What an engine or a narrower precision gains: throughput over that of one baseline, as bars with intervals."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.patches import Patch

from ...axes import PRECISIONS
from ...stats import median
from ..rows import axis_text, latest, machines, varied
from . import _conditions as conditions
from . import _pairs as pairs
from . import _strips as strips
from ._page import foot
from ._points import Drawing
from ._style import INK, PAGE, PALETTE, SOFT, TICK, plain, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..rows import Protocol, Row

WHOLE = True
NAME, TITLE = "speed-ups", "Measured speed-up of engines and precisions"
_WAYS = ("engine", "engine_options", "precision")
_PLAIN = ("eager", "fp32")
_BAR = 0.09  # inches
_BETWEEN = 0.05
_TALLEST = 7.5
_LEGEND = 0.15
_COLUMNS = 5
_PAGES = 3  # of bars; more are not read
_ROW = 0.2
_SIDES = 1.12  # how much room is left beside the longest bar


class Bar(NamedTuple):
    """One network in one way to run, over the same network in the baseline."""

    network: str
    way: str
    row: Row
    ratio: pairs.Ratio


class Chart(NamedTuple):
    """The bars of one device, batch and number of threads, and what they are over."""

    bars: list[Bar]
    base: str
    rows: list[Row]
    without: list[str]


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw a chart for each device, batch, threads and scenario that several ways to run were measured at, split into pages."""
    del protocol
    groups = conditions.parts(latest(conditions.measured(rows, "throughput_per_s")), _WAYS)
    charts = [chart for own in groups if (chart := of(own)) is not None]
    if not charts:
        return [Drawing(NAME, TITLE, reason="no network was measured in two engines or precisions")]
    shown = [
        axis for axis in varied([row for chart in charts for row in chart.rows]) if axis not in {*_WAYS, "input_shape", "weights"}
    ]
    taken: Counter[str] = Counter()
    return [drawing for chart in charts for drawing in _pages(chart, shown, taken)]


def of(rows: Sequence[Row]) -> Chart | None:
    """The bars of these rows; None where no network ran in two ways.

    The baseline is PyTorch eager in fp32, or, where no network has that, the way that most networks have.
    """
    by_network: dict[tuple[str, str, str, str], dict[str, Row]] = {}
    for row in rows:
        key = (row.name, axis_text(row.case, "input_shape"), row.case.weights, row.run.machine.fingerprint)
        by_network.setdefault(key, {})[_way(row)] = row
    several = {key: own for key, own in by_network.items() if len(own) > 1}
    if not several:
        return None
    plain_way = " ".join(_PLAIN)
    times = Counter(way for own in several.values() for way in own)
    base = plain_way if times[plain_way] else max(times, key=lambda way: times[way])
    numbers = {machine.fingerprint: f"[{number}]" for number, machine in enumerate(machines(rows), 1)}
    bars = []
    for key, own in several.items():
        twins = [other for other in several if other[0] == key[0]]
        tail = [key[place] for place in (1, 2) if len({other[place] for other in twins}) > 1]
        label = " ".join([key[0], *tail, *([numbers[key[3]]] if len(numbers) > 1 else [])])
        found = [(way, row, pairs.speed(row, own[base])) for way, row in own.items() if base in own and way != base]
        bars += [Bar(label, way, row, ratio) for way, row, ratio in found if ratio is not None]
    without = [key[0] for key, own in several.items() if base not in own]
    drawn = [row for own in several.values() for row in own.values()]
    return Chart(bars, base, drawn, without) if bars else None


def _way(row: Row) -> str:
    return " ".join(filter(None, (row.case.engine, axis_text(row.case, "engine_options"), row.case.precision)))


def _pages(chart: Chart, shown: Sequence[str], taken: Counter[str]) -> list[Drawing]:
    case = chart.rows[0].case
    said = [f"{axis.replace('_', ' ')} {axis_text(case, axis)}" for axis in shown]
    title = ": ".join([f"{TITLE} over {chart.base}", *([", ".join(said)] if said else [])])
    name = conditions.numbered("-".join([NAME, *map(conditions.slugged, said)]), taken)
    networks = list(dict.fromkeys(bar.network for bar in chart.bars))
    engines = list(dict.fromkeys(_engine(bar) for bar in chart.bars))
    order = {precision: place for place, precision in enumerate(PRECISIONS)}
    bars = sorted(chart.bars, key=lambda bar: (engines.index(_engine(bar)), order.get(bar.row.case.precision, len(order))))
    chart = chart._replace(bars=bars)
    ways = list(dict.fromkeys(bar.way for bar in chart.bars))
    each = max(1, int(_TALLEST / (_BETWEEN + _BAR * len(ways))))
    told = ", ".join(f"{way} {_middle(chart.bars, way):.3g} times" for way in ways)
    finding = f"{title}, median over the networks: {told}."
    if len(networks) > _PAGES * each:
        return [
            Drawing(name, title, partial(_crowd, chart, ways), f"{title}. Medians over the networks: {told}.", finding=finding)
        ]
    pages = [networks[start : start + each] for start in range(0, len(networks), each)]
    drawings = []
    for number, own in enumerate(pages, 1):
        bars = [bar for bar in chart.bars if bar.network in own]
        told = ", ".join(f"{bar.network} {bar.way} {bar.ratio.value:.3g} times" for bar in bars)
        tail, part = (f"-{number}", f", part {number} of {len(pages)}") if len(pages) > 1 else ("", "")
        figure = partial(_figure, chart, bars, own, ways)
        drawings.append(
            Drawing(f"{name}{tail}", f"{title}{part}", figure, f"{title}{part}. {told}.", finding=finding if number == 1 else "")
        )
    return drawings


def _engine(bar: Bar) -> str:
    """What has a colour of its own: the engine with its options, since engines and precisions are more than there are colours."""
    return " ".join(filter(None, (bar.row.case.engine, axis_text(bar.row.case, "engine_options"))))


def _hues(bars: Sequence[Bar]) -> dict[str, str]:
    return {engine: PALETTE[place % len(PALETTE)] for place, engine in enumerate(dict.fromkeys(map(_engine, bars)))}


def _middle(bars: Sequence[Bar], way: str) -> float:
    return median([bar.ratio.value for bar in bars if bar.way == way])


def _crowd(chart: Chart, ways: Sequence[str]) -> Figure:
    """Where bars for every network would fill a book: a row for each way to run, and on it a dot for each network."""
    figure, (axes,) = strips.rows(ways, pitch=_ROW, right=0.35)
    _scale(axes, chart.bars, chart.base)
    hues = _hues(chart.bars)
    for y, way in enumerate(ways):
        own = [bar for bar in chart.bars if bar.way == way]
        hue, values = hues[_engine(own[0])], [bar.ratio.value for bar in own]
        axes.scatter(
            values, [y] * len(values), s=7.0, facecolors="none", edgecolors=hue, linewidths=0.6, alpha=0.6, zorder=2, gid="dots"
        )
        axes.plot([median(values)] * 2, [y - 0.36, y + 0.36], color=INK, linewidth=1.2, zorder=3, gid="median")
        strips.beside(axes, max(values), y, strips.digits(median(values)))
    axes.axvline(1.0, color=SOFT, linewidth=0.8, zorder=1.5, gid="baseline")
    many = len({bar.network for bar in chart.bars})
    footer = [
        *conditions.where([bar.row for bar in chart.bars], _WAYS),
        f"Dot: a network, by its median ratio of images per second; line and number: their median. {many} networks.",
        *([f"{len(chart.without)} were not measured in {chart.base}."] if chart.without else []),
    ]
    foot(figure, footer)
    return figure


def _figure(chart: Chart, bars: Sequence[Bar], networks: Sequence[str], ways: Sequence[str]) -> Figure:
    hues = _hues(chart.bars)
    several = len({bar.row.case.precision for bar in chart.bars}) > 1
    lines = math.ceil(len(hues) / _COLUMNS)
    pitch = _BETWEEN + _BAR * len(ways)
    figure, (axes,) = strips.rows(networks, width=PAGE, pitch=pitch, head=0.06 + _LEGEND * lines, right=0.6 if several else 0.35)
    _scale(axes, bars, chart.base)
    for bar in bars:
        place = ways.index(bar.way)
        hue = hues[_engine(bar)]
        y = networks.index(bar.network) + (place - (len(ways) - 1) / 2) * _BAR / pitch
        ratio = bar.ratio
        axes.barh(y, ratio.value - 1.0, left=1.0, height=_BAR / pitch * 0.86, facecolor="white" if bar.row.result.flags else hue,
                  edgecolor=hue, linewidth=0.6, zorder=2, gid="bar")  # fmt: skip
        ends = (ratio.value, ratio.value) if ratio.low is None or ratio.high is None else (ratio.low, ratio.high)
        if ends[0] != ends[1]:
            axes.hlines(y, *ends, color=INK, linewidth=0.6, zorder=3, gid="interval")
        told = strips.digits(ratio.value)
        strips.beside(axes, max(*ends, 1.0), y, f"{bar.row.case.precision}  {told}" if several else told)
    axes.axvline(1.0, color=SOFT, linewidth=0.8, zorder=2.5, gid="baseline")
    handles = [Patch(facecolor=hue, label=plain(engine)) for engine, hue in hues.items()]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=_COLUMNS, frameon=False, fontsize=TICK,
                labelcolor=INK, handlelength=1.0, handletextpad=0.4, columnspacing=1.2, borderaxespad=0.1,
                borderpad=0.1)  # fmt: skip
    foot(figure, _footer(chart, bars))
    return figure


def _scale(axes: Axes, bars: Sequence[Bar], base: str) -> None:
    """Ratios on a logarithmic axis, so that half and twice are as far from 1; round values up to 10 times either way."""
    edges = [1.0, *(e for bar in bars for e in (bar.ratio.value, bar.ratio.low, bar.ratio.high) if e)]
    low, high = min(min(edges) / _SIDES, 1 / _SIDES), max(max(edges) * _SIDES, _SIDES)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks(axes.xaxis, low, high, log=True)
    axes.set_xlabel(f"Throughput over that of {plain(base)} (times)", fontsize=TICK + 1, color=INK, labelpad=3)


def _footer(chart: Chart, bars: Sequence[Bar]) -> list[str]:
    rows = [bar.row for bar in bars]
    paired = any(bar.ratio.low is not None for bar in bars)
    line = "line: its 95 % interval, from processes of the same round" if paired else "no interval"
    return [
        *conditions.where(rows, _WAYS),
        f"Bar: median ratio of images per second, {line}.",
        *conditions.flag_note((bar.row, f"{bar.network} {bar.way}") for bar in bars),
        *([f"Not measured in {chart.base}: {', '.join(dict.fromkeys(chart.without))}."] if chart.without else []),
    ]
