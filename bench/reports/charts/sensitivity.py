"""What each layer loses when channels or weights of it alone are taken out: a line of the page per layer, a mark per ratio."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D

from .. import layers
from ..rows import latest
from . import _conditions as conditions
from . import _strips as strips
from ._page import foot
from ._points import Drawing
from ._style import COLUMN, FAINT, INK, PALETTE, SOFT, TICK, TITLE, limits, plain, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..layers import Layers
    from ..rows import Protocol, Row

WHOLE = True
NAME, TITLE_TEXT = "sensitivity", "Top-1 with one layer at a time made smaller"
_LEGEND = 0.2  # inches above the axes
_MARGIN = 0.04
_PALE = 0.7


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw each network, by each criterion that was tried on single layers."""
    del protocol
    found = layers.read(latest(rows))
    if not found:
        reason = "no row is of one layer alone (vbench evaluate NAME --sensitivity l1-filter)"
        return [Drawing(NAME, TITLE_TEXT, reason=reason)]
    taken: Counter[str] = Counter()
    return [drawing(own, taken) for own in found]


def drawing(own: Layers, taken: Counter[str] | None = None) -> Drawing:
    """The chart of one of them."""
    title = f"{TITLE_TEXT}: {own.name}, {own.criterion}"
    name = conditions.numbered(f"{NAME}-{conditions.slugged(f'{own.name} {own.criterion}')}", taken or Counter())
    said = layers.told(own)
    cells = "; ".join(
        f"{line.layer} {', '.join(f'{cell.found.top1:.1f} % at {cell.ratio:g}' for cell in line.cells)}" for line in own.lines
    )
    return Drawing(name, title, partial(_figure, own, said), f"{title}. {cells}.", finding=" ".join([f"{title}:", *said]))


def _figure(own: Layers, said: Sequence[str]) -> Figure:
    figure, (axes,) = strips.rows([line.layer for line in own.lines], width=COLUMN, head=0.06 + _LEGEND)
    inks = _inks(own.ratios)
    for place, line in enumerate(own.lines):
        if place % 2 == 0:
            strips.shade(axes, place, place)
        for cell in sorted(line.cells, key=lambda cell: cell.ratio):
            axes.hlines(place, cell.found.low, cell.found.high, color=inks[cell.ratio], linewidth=0.7, zorder=2, gid="interval")
            top1, style = float(cell.found.top1 or 0.0), {"linestyle": "", "marker": "o", "markersize": 3.4}
            axes.plot([top1], [place], color=inks[cell.ratio], zorder=3, gid="point", **style)  # type: ignore[arg-type]  # of a dict
    if own.whole is not None:
        whole = own.whole[1]
        axes.axvspan(whole.low, whole.high, color=FAINT, zorder=0.5, linewidth=0, gid="whole")
        axes.axvline(float(whole.top1 or 0.0), color=INK, linewidth=0.8, zorder=1, gid="uncompressed")
    _scale(axes, own)
    handles = [Line2D([], [], linestyle="", marker="o", markersize=3.4, color=inks[r], label=f"{r:g}") for r in own.ratios]
    if own.whole is not None:
        handles.append(Line2D([], [], color=INK, linewidth=0.8, label="as it is"))
    figure.legend(handles=handles, loc="upper right", ncols=len(handles), frameon=False, fontsize=TICK, labelcolor=INK,
                  borderaxespad=0.1, handlelength=1.0, handletextpad=0.3, columnspacing=0.9, borderpad=0.1)  # fmt: skip
    rows = [cell.row for line in own.lines for cell in line.cells]
    foot(figure, [
        f"{own.name}: of one layer at a time the share that the colour says is taken out by {own.criterion}; nothing is trained.",
        f"Top-1: measured here, {own.protocol}. Bars, and the band around the network as it is: 95 % intervals.",
        *said,
        conditions.counted_where(rows),
    ])  # fmt: skip
    return figure


def _inks(ratios: Sequence[float]) -> dict[float, str]:
    """From pale to full, by rank."""
    full = to_rgb(PALETTE[0])
    steps = max(1, len(ratios) - 1)
    return {
        ratio: to_hex(tuple(part + (1 - part) * _PALE * (1 - place / steps) for part in full))  # type: ignore[arg-type]  # three parts
        for place, ratio in enumerate(ratios)
    }


def _scale(axes: Axes, own: Layers) -> None:
    found = [cell.found for line in own.lines for cell in line.cells] + ([] if own.whole is None else [own.whole[1]])
    low, high = limits(min(one.low for one in found), max(one.high for one in found), _MARGIN, log=False, least=4.0)
    axes.set_xlim(low, high)
    ticks(axes.xaxis, low, high, log=False)
    axes.set_xlabel(plain("Measured top-1 (%)"), fontsize=TITLE, color=INK, labelpad=3)
    axes.tick_params(axis="y", labelcolor=INK, color=SOFT)
