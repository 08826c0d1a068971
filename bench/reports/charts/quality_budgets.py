"""The best network under a budget of memory and a frame rate, as Table 2 of Bianco et al. 2018 has it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from ... import units
from ..rows import Protocol, Row, latest
from . import _conditions as conditions
from . import _memory as memory
from ._page import blank, foot, renderer_of
from ._points import NO_PROTOCOL, Drawing, chart_name, labelled, protocol_note
from ._style import COLUMN, FAINT, INK, LABEL, PAGE, SOFT, TICK, TITLE, color, ink, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WHAT = "best under budgets of memory and frame rate"
_MOST = 5  # rows and columns
_CELL, _LEFT = 0.34, 0.62  # inches: a cell's height, what the limits of memory take
_LEAST_HEIGHT = 0.95  # inches, for the label beside the cells
_COLUMN_CELLS = 3  # more do not fit into a column
_RATES = tuple(step * 10.0**power for power in range(-3, 6) for step in (1, 1.5, 3, 6))
_SIZES = tuple(2.0**power * memory.MIB for power in range(24))
_GIB = 2.0**30
_PALE = 0.82
_LEAST = 4.6  # points: the smallest print of a name


class Choice(NamedTuple):
    """What a network needs for sure: the upper end of memory and of its request's time; its name and accuracy."""

    row: Row
    label: str
    bytes: float
    rate: float
    quality: float


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw the combination of engine, precision and device that most networks with an accuracy were measured at."""
    name = chart_name("budgets", protocol)
    title = f"{'Accuracy' if protocol is None else protocol.title}: {_WHAT}"
    if protocol is None:
        return [Drawing(name, title, reason=NO_PROTOCOL)]
    able = [
        row for row in latest(conditions.measured(rows, "latency_s")) if row.quality(protocol) is not None and memory.taken(row)
    ]
    chosen, note = conditions.main(able)
    found = choices(chosen, protocol)
    rates = _limits(_RATES, [choice.rate for choice in found], falling=True)
    sizes = _limits(_SIZES, [choice.bytes for choice in found])
    if not rates or not sizes:
        few = f"fewer than two networks have a time, a memory and a {protocol.told}"
        return [Drawing(name, title, reason=few if len(found) < 2 else "one limit suits all networks that it could tell apart")]  # noqa: PLR2004 - one alone is best anywhere
    sizes, rates = _telling(found, sizes, rates)
    cells = {(size, rate): best(found, size, rate) for size in sizes for rate in rates}
    said = [
        f"within {_size(size)} at {units.quantity(rate, 'images/s')} {cell.label} {cell.quality:g} %"
        for (size, rate), cell in cells.items()
        if cell is not None
    ]
    figure = partial(_figure, cells, sizes, rates, _footer(found, protocol, note))
    text = f"{title}: {conditions.told(chosen[0].case)}; protocol {protocol.text}. {', '.join(said)}."
    return [Drawing(name, title, figure, text)]


def choices(rows: Sequence[Row], protocol: Protocol) -> list[Choice]:
    """What each row needs."""
    return [
        Choice(row, label, size, row.case.batch / slowest, quality)
        for row, label in zip(rows, labelled(rows), strict=True)
        if (size := memory.taken(row)) and (slowest := row.value("latency_s_high") or row.value("latency_s"))
        and (quality := row.quality(protocol)) is not None
    ]  # fmt: skip


def best(found: Iterable[Choice], size: float, rate: float) -> Choice | None:
    """The most accurate of those that keep within both, of equals the faster; None where none does."""
    able = [choice for choice in found if choice.bytes <= size and choice.rate >= rate]
    return max(able, key=lambda choice: (choice.quality, choice.rate), default=None)


def _limits(steps: Sequence[float], values: Sequence[float], *, falling: bool = False) -> list[float]:
    """Round limits that some of the values keep and others do not, and the one next to them that all keep; ascending."""
    if len(values) < 2:  # noqa: PLR2004 - one value alone is told apart by nothing
        return []
    low, high = min(values), max(values)
    if falling:
        return [*[step for step in steps if step <= low][-1:], *(step for step in steps if low < step <= high)]
    return [*(step for step in steps if low <= step < high), *[step for step in steps if step >= high][:1]]


def _telling(found: Sequence[Choice], sizes: Sequence[float], rates: Sequence[float]) -> tuple[list[float], list[float]]:
    """Of these limits those with which the answer changes, as many as a page holds, the loosest always among them."""

    def across(size: float) -> list[Choice | None]:
        return [best(found, size, rate) for rate in rates]

    def down(rate: float) -> list[Choice | None]:
        return [best(found, size, rate) for size in sizes]

    # Of limits with one answer, the tightest that still has it.
    rows = [size for i, size in enumerate(sizes) if i == 0 or across(size) != across(sizes[i - 1])]
    columns = [rate for i, rate in enumerate(rates) if i + 1 == len(rates) or down(rate) != down(rates[i + 1])]
    return _thinned(rows[::-1])[::-1], _thinned(columns)


def _thinned(limits: list[float]) -> list[float]:
    """At most as many as a page holds, evenly, beginning with the first."""
    return limits[:: -(-len(limits) // _MOST)]


def _footer(found: Sequence[Choice], protocol: Protocol, note: Sequence[str]) -> list[str]:
    drawn = [choice.row for choice in found]
    sure = all(choice.row.value("latency_s_high") for choice in found)
    time = (
        "the upper end of its latency's 95 % interval"
        if sure
        else "its latency, by the upper end of its interval where it has one"
    )
    return [
        *conditions.where(drawn),
        f"The most accurate of {len(found)} networks that keep within both limits. Frame rate: of single requests, from {time}.",
        memory.note(drawn),
        protocol_note(drawn, protocol),
        *note,
    ]


def _figure(
    cells: dict[tuple[float, float], Choice | None], sizes: Sequence[float], rates: Sequence[float], footer: Sequence[str]
) -> Figure:
    width = COLUMN if len(rates) <= _COLUMN_CELLS else PAGE
    figure, axes = blank(width, max(_CELL * len(sizes), _LEAST_HEIGHT), 0.06, _LEFT)
    axes.grid(visible=False)
    axes.set_xlim(-0.5, len(rates) - 0.5)
    axes.set_ylim(-0.5, len(sizes) - 0.5)
    axes.tick_params(length=0)
    axes.set_xticks(range(len(rates)), [f"{rate:,.10g}" for rate in rates])
    axes.set_yticks(range(len(sizes)), [_size(size) for size in sizes])
    axes.set_xlabel("Frame rate of at least (images/s)", fontsize=TITLE, color=INK, labelpad=3)
    axes.set_ylabel("Memory of at most", fontsize=TITLE, color=INK, labelpad=3)
    axes.spines[:].set_visible(False)
    room = axes.get_window_extent(renderer_of(figure)).width / len(rates) * 0.94
    for (size, rate), cell in cells.items():
        _cell(axes, rates.index(rate), sizes.index(size), cell, room)
    foot(figure, footer)
    return figure


def _size(limit: float) -> str:
    """A limit is round: it has no digits to show."""
    return f"{limit / memory.MIB:g} MiB" if limit < _GIB else f"{limit / _GIB:g} GiB"


def _cell(axes: Axes, x: int, y: int, cell: Choice | None, room: float) -> None:
    pale = FAINT if cell is None else tuple(_PALE + (1 - _PALE) * part for part in to_rgb(color(cell.row.family)))
    axes.add_patch(Rectangle((x - 0.49, y - 0.47), 0.98, 0.94, color=pale, linewidth=0, gid="cell"))
    if cell is None:
        axes.text(x, y, "none", fontsize=TICK, color=SOFT, ha="center", va="center_baseline", gid="none")
        return
    hue = ink(cell.row.family)
    name = axes.text(x, y + 0.19, plain(cell.label), fontsize=LABEL, color=hue, ha="center", va="center_baseline",
                     parse_math=False, gid="name")  # fmt: skip
    figure = axes.get_figure(root=True)
    if figure is not None and (wide := name.get_window_extent(renderer_of(figure)).width) > room:
        name.set_fontsize(max(_LEAST, LABEL * room / wide))
    axes.text(x, y - 0.2, f"{cell.quality:.1f} %", fontsize=TICK, color=INK, ha="center", va="center_baseline", gid="number")
