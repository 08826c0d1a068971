"""Measured peak memory against parameters, and below it what the weights alone take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ... import units
from . import _memory as memory
from . import _scatter as scatter
from ._style import SOFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from ..rows import Protocol, Row
    from ._points import Drawing

WHOLE = True
_BYTES = 4  # of a weight as networks are built


def _taken(row: Row) -> float | None:
    found = memory.taken(row)
    return None if found is None else found / memory.MIB


CHART = scatter.Scatter(
    name="memory-params",
    title="Measured peak memory against parameters",
    x=scatter.scaled("params", 1e-6),
    y=_taken,
    xlabel="Parameters (millions)",
    ylabel="Peak memory (MiB)",
    note="Dotted: the weights alone, at four bytes each.",
    reason="no network has parameters and a measured peak of memory above what its worker began with",
    told=lambda row: f"{units.bytes_(memory.taken(row))} with {units.count(row.value('params'))} parameters",
    timed=False,
)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw the combination of engine, precision and device that most networks were measured at."""
    del protocol
    found, _ = scatter.points(rows, CHART)
    return [scatter.drawing(rows, CHART, behind=_weights, more=[memory.note([point.row for point in found])] if found else ())]


def _weights(axes: Axes) -> None:
    xs = np.geomspace(max(axes.get_xlim()[0], 1e-3), axes.get_xlim()[1], 64)
    axes.plot(xs, xs * 1e6 * _BYTES / memory.MIB, color=SOFT, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1, gid="weights",
              scalex=False, scaley=False)  # fmt: skip
