"""Latency per image, and memory, against the batch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ... import units
from ..rows import Row, latest
from . import _conditions as conditions
from . import _memory as memory
from ._lines import Line, Plan, compose
from ._points import Drawing
from ._series import series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rows import Protocol

WHOLE = True
_LATENCY = ("latency-batch", "Measured latency per image against the batch")
_MEMORY = ("memory-batch", "Measured peak memory against the batch")
_FREE = ("batch",)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw both, of the combination of engine, precision and device in which most networks ran at several batches."""
    del protocol
    return [_latency(rows), _memory(rows)]


def _latency(rows: Sequence[Row]) -> Drawing:
    name, title = _LATENCY
    chosen, note = conditions.main(latest(conditions.measured(rows, "latency_s")), _FREE, lambda own: len(_lines(own)))
    lines = _lines(chosen)
    if not lines:
        return Drawing(name, title, reason="no network was timed at two batches (--batch 1,2,4,8)")
    drawn = [row for line in lines for row in line.rows]
    bars = "bar: its 95 % interval" if any(low is not None for line in lines for low in line.lows) else "no interval"
    footer = [
        *conditions.where(drawn, _FREE),
        f"Point: median request latency over {conditions.processes(drawn)}, divided by the batch, {bars}.",
        *conditions.flag_note((row, line.label) for line in lines for row in line.rows),
        *note,
    ]
    plan = Plan("Batch (images)", "Latency per image (ms)", footer, relative="Latency per image (times the first)")
    told = "; ".join(
        f"{line.label} {', '.join(f'{y:.3g} ms at {x:g}' for x, y in zip(line.xs, line.ys, strict=True))}" for line in lines
    )
    return Drawing(name, title, partial(compose, lines, plan), f"{title}: {conditions.told(drawn[0].case, _FREE)}. {told}.")


def _lines(rows: Sequence[Row]) -> list[Line]:
    return series(rows, "batch", lambda row, column: _per_image(row, f"latency_s{column}"))


def _per_image(row: Row, column: str) -> float | None:
    value = row.value(column)
    return None if value is None else value * 1e3 / row.case.batch


def _memory(rows: Sequence[Row]) -> Drawing:
    name, title = _MEMORY
    chosen, note = conditions.main(latest(conditions.measured(rows, "latency_s")), _FREE, lambda own: len(_sizes(own)))
    lines = _sizes(chosen)
    if not lines:
        return Drawing(name, title, reason="no network's memory was read at two batches (--batch 1,2,4,8)")
    drawn = [row for line in lines for row in line.rows]
    footer = [*conditions.where(drawn, _FREE), memory.note(drawn), *note]
    plan = Plan("Batch (images)", "Peak memory (MiB)", footer, relative="Peak memory (times the first)", timed=False)
    told = "; ".join(
        f"{line.label} {', '.join(f'{units.bytes_(y * memory.MIB)} at {x:g}' for x, y in zip(line.xs, line.ys, strict=True))}"
        for line in lines
    )
    return Drawing(name, title, partial(compose, lines, plan), f"{title}: {conditions.told(drawn[0].case, _FREE)}. {told}.")


def _sizes(rows: Sequence[Row]) -> list[Line]:
    return series(rows, "batch", lambda row, column: None if column else _mib(row))


def _mib(row: Row) -> float | None:
    taken = memory.taken(row)
    return None if taken is None else taken / memory.MIB
