"""Published accuracy against measured request latency, with intervals and the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import text
from . import _quality as quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core import Case
    from ..rows import Protocol, Row
    from ._points import Drawing


def _xlabel(case: Case) -> str:
    return "Request latency (ms)" if case.batch == 1 else f"Request latency (ms per batch of {case.batch})"


COST = quality.Cost("latency", "measured request latency", "latency_s", 1e3, _xlabel, text.latency)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw a chart for each combination of engine, precision, device, batch and threads: their times do not compare."""
    return quality.draw(rows, protocol, COST)
