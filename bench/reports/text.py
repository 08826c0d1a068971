"""The table of a report as plain text cells: markdown, a terminal and the README show the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import units
from . import extra
from .rows import axis_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .rows import Protocol, Row

# Published accuracies have up to three digits after the point; four significant ones tell the networks apart.
_ACCURACY_DIGITS = 4


class Column(NamedTuple):
    """A column: its heading, the cell of a row, and whether it is of numbers."""

    head: str
    cell: Callable[[Row], str]
    number: bool = True


def columns(axes: Sequence[str], protocols: Sequence[Protocol], rows: Iterable[Row] = ()) -> list[Column]:
    """The columns of the table: the network, the axes on which the rows differ, what it costs, what it is known for.

    Each protocol has a column of its own, so that no two metrics or data sets stand in one; what only some scenarios measure has
    a column where one of `rows` has it.
    """
    return [
        Column("architecture", lambda row: row.name, number=False),
        *(Column(axis.replace("_", " "), _axis(axis), number=False) for axis in axes if axis != "compression"),
        Column("params", lambda row: units.count(row.value("params"))),
        Column("MACs", lambda row: units.count(row.value("macs"))),
        Column("activations", lambda row: units.count(row.value("activations"))),
        Column("latency [95 % interval]", latency),
        Column("throughput (images)", lambda row: units.rate(row.value("throughput_per_s"))),
        *(Column(e.head, _extra(e)) for e in extra.shown(row.result for row in rows)),
        Column("peak memory", _memory),
        *(Column(f"{protocol.name} ({protocol.text})", _quality(protocol)) for protocol in protocols),
        Column("status", status, number=False),
    ]


def cells(row: Row, shown: Iterable[Column]) -> list[str]:
    """The row as plain text, a cell per column; a value that is not known is an en dash."""
    return [column.cell(row) for column in shown]


def status(row: Row) -> str:
    """What came of the row, and the flags that it carries."""
    flags = ", ".join(row.result.flags)
    return f"{row.result.status}: {flags}" if flags else row.result.status


def _axis(axis: str) -> Callable[[Row], str]:
    return lambda row: axis_text(row.case, axis)


def _quality(protocol: Protocol) -> Callable[[Row], str]:
    """What was published in this protocol."""
    return lambda row: units.quantity(row.quality(protocol), "%", digits=_ACCURACY_DIGITS)


def _extra(column: extra.Extra) -> Callable[[Row], str]:
    return lambda row: column.cell(row.result.values)


def latency(row: Row) -> str:
    """The median request latency with its interval."""
    return units.interval(row.value("latency_s"), row.value("latency_s_low"), row.value("latency_s_high"))


def _memory(row: Row) -> str:
    """On the device where that was measured, else on the host."""
    device = row.value("peak_device_bytes")
    return units.bytes_(row.value("peak_host_bytes") if device is None else device)
