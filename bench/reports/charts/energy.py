"""Measured energy per image, ranked, and how much of it is above what the device takes with nothing to do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from matplotlib.patches import Patch

from ... import units
from ..rows import latest
from . import _conditions as conditions
from . import _strips as strips
from ._page import foot
from ._points import Drawing, labelled
from ._style import FAINT, INK, SOFT, TICK, color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ..rows import Protocol, Row

WHOLE = True
NAME, TITLE = "energy-ranked", "Measured energy per image, ranked"
_MOST = 40  # rows that a page holds
_BAR = 0.62
_HEAD = 0.2


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw the combination of engine, precision and device that energy was read of most networks at."""
    del protocol
    chosen, note = conditions.main(conditions.networks(latest(conditions.measured(rows, "energy_j"))))
    if not chosen:
        return [Drawing(NAME, TITLE, reason="no row has an energy (--energy, where a counter can be read)")]
    ranked = sorted(zip(labelled(chosen), chosen, strict=True), key=lambda pair: pair[1].value("energy_j") or 0.0)
    methods = sorted({str(row.result.values["energy_method"]) for row in chosen if row.result.values.get("energy_method")})
    footer = [
        *conditions.where(chosen),
        "A counter's difference over seconds of continuous work, per image; once per case, so no interval.",
        *([f"Counter: {'; '.join(methods)}."] if methods else []),
        *([f"The {_MOST} that take least of {len(ranked)}."] if len(ranked) > _MOST else []),
        *note,
    ]
    told = ", ".join(f"{label} {units.quantity(row.value('energy_j'), 'J')}" for label, row in ranked)
    return [
        Drawing(NAME, TITLE, partial(_figure, ranked[:_MOST], footer), f"{TITLE}: {conditions.told(chosen[0].case)}. {told}.")
    ]


def _figure(ranked: Sequence[tuple[str, Row]], footer: Sequence[str]) -> Figure:
    above = any(row.value("energy_above_idle_j") is not None for _, row in ranked)
    figure, (axes,) = strips.rows([label for label, _ in ranked], right=0.35, head=_HEAD if above else 0.06)
    values = [row.value("energy_j") or 0.0 for _, row in ranked]
    factor, unit = units.scale(sorted(values)[len(values) // 2], "J")
    strips.scale(axes, [v / factor for v in values], [v / factor for v in values], f"Energy ({unit} per image)", base=0.0)
    for number, ((_, row), value) in enumerate(zip(ranked, values, strict=True)):
        part = row.value("energy_above_idle_j")
        hue = color(row.family)
        axes.barh(number, value / factor, height=_BAR, color=hue if part is None else FAINT, edgecolor=hue, linewidth=0.5,
                  zorder=2, gid="bar")  # fmt: skip
        if part is not None:
            axes.barh(number, part / factor, height=_BAR, color=hue, zorder=2.5, gid="above idle")
        strips.beside(axes, value / factor, number, units.quantity(value, "J"))
    if above:
        handles = [Patch(facecolor=SOFT, label="above idle"), Patch(facecolor=FAINT, edgecolor=SOFT, linewidth=0.5, label="idle")]
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, fontsize=TICK,
                    labelcolor=INK, borderaxespad=0.1, handlelength=1.0, borderpad=0.1)  # fmt: skip
    foot(figure, footer)
    return figure
