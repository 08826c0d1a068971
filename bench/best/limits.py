"""A limit as it is typed, the number of a row that it is about, and how surely the row keeps it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from .. import units
from ..budgets import FASTER, Budget, judge
from ..errors import UsageError
from ..stats import MIN_PROCESSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reports.rows import Protocol, Row

Place = Literal["sure", "likely", "open", "outside", "unknown"]
# From the surest to the least sure that still counts as within.
WITHIN: tuple[Place, ...] = ("sure", "likely", "open")
# The precision in which accuracies are published.
PUBLISHED = "fp32"


class Measure(NamedTuple):
    """What can be limited or ranked by: a name for people, the column, its unit, and whether more of it is better.

    `timed` numbers have an interval; `step` is what one unit more of it is called, with its size, where the user named none.
    """

    name: str
    column: str
    unit: str
    more: bool = False
    timed: bool = False
    step: tuple[float, str] = (1.0, "")


# In the order in which a table shows them. Which column is the memory is decided by the row: the device's, where it has one.
MEASURES = {
    measure.name: measure
    for measure in (
        Measure("quality", "quality", "%", more=True, step=(1.0, "point")),
        Measure("latency", "latency_s", "s", timed=True, step=(1e-3, "ms")),
        Measure("throughput", "throughput_per_s", "1/s", more=True, timed=True, step=(1.0, "image/s")),
        Measure("memory", "peak_host_bytes", "B", step=(1e6, "MB")),
        Measure("params", "params", "params", step=(1e6, "M")),
        Measure("macs", "macs", "MACs", step=(1e9, "GMACs")),
        Measure("energy", "energy_j", "J", step=(1e-3, "mJ")),
        Measure("file-size", "file_bytes", "B", step=(1e6, "MB")),
    )
}


class Limit(NamedTuple):
    """An option with what was typed: at most so much of a measure, or at least so much where more is better."""

    option: str
    text: str
    measure: Measure
    value: float

    @property
    def said(self) -> str:
        """As it was typed."""
        return f"{self.option} {self.text}"

    def beyond(self, value: float) -> float:
        """How far a value is outside, in the measure's unit; negative within."""
        return (self.value - value) if self.measure.more else (value - self.value)

    def share(self, value: float) -> float:
        """The same relative to the limit."""
        return self.beyond(value) / self.value if self.value else math.inf


def parse(option: str, text: str, measure: Measure) -> Limit:
    """Read a limit with its unit. Raises UsageError where it has none or another."""
    try:
        value = units.parse_quantity(text, measure.unit)
    except ValueError as error:
        message = f"{option}: {error}"
        raise UsageError(message) from None
    if measure.unit == "%" and value > 100:  # noqa: PLR2004 - a share of all pictures
        message = f"{option} {text}: an accuracy is at most 100 %"
        raise UsageError(message)
    return Limit(option, text, measure, value)


def number(row: Row, measure: Measure, protocol: Protocol | None) -> float | None:
    """What a row has of a measure; its accuracy in the one protocol that was chosen."""
    if measure.name == "quality":
        return None if protocol is None else row.quality(protocol)
    if measure.name == "memory":
        device = row.value("peak_device_bytes")
        return row.value(measure.column) if device is None else device
    return row.value(measure.column)


def shown(measure: Measure, value: float | None) -> str:
    """A number of that measure for people."""
    if measure.unit == "%":
        return units.quantity(value, "%", digits=4)
    return units.quantity(value, "" if measure.unit in {"params", "MACs"} else measure.unit)


def own_accuracy(row: Row) -> bool:
    """Whether the accuracy is this row's own: not where it was published, and the row computes in another precision."""
    return row.case.precision == PUBLISHED or bool(row.result.accuracy)


def place(row: Row, limit: Limit, value: float | None) -> tuple[Place, str]:
    """How surely a row keeps a limit, and why not more so.

    A timed number is sure where its whole interval keeps it, likely where only the median does, and open without an interval or
    where it may be too good to be true. So is an accuracy that was measured. Counts are exact.
    """
    if value is None:
        return "unknown", f"no {limit.measure.name} is known"
    if limit.beyond(value) > 0:
        return "outside", ""
    if limit.measure.timed:
        return _timed(row.result.values | {"flags": row.result.flags}, limit)
    if limit.measure.name == "quality" and (low := _least(row)) is not None and limit.beyond(low) > 0:
        return "likely", f"the accuracy may be {shown(limit.measure, low)}"
    processes = max(row.value(f"{column}_processes") or 0 for column in ("latency", "throughput"))
    doubts = {
        "quality": "" if own_accuracy(row) else f"the accuracy is that of {PUBLISHED}",
        "energy": "energy has no interval",
        "memory": f"memory is of fewer than {MIN_PROCESSES} processes" if processes < MIN_PROCESSES else "",
    }
    doubt = doubts.get(limit.measure.name, "")
    return ("open", doubt) if doubt else ("sure", "")


def _least(row: Row) -> float | None:
    """The lower end of an accuracy that was measured; rows of a choice have none but that of its protocol."""
    return row.result.accuracy[0].low if row.result.accuracy else None


def _timed(values: Mapping[str, object], limit: Limit) -> tuple[Place, str]:
    """As a budget of `vbench`'s pytest plugin is judged."""
    measure = limit.measure
    budget = Budget(column=measure.column, limit=limit.value, unit=measure.unit, least=measure.more, timed=True)
    if judge(values, budget).word == "within":
        return "sure", ""
    low, high = (values.get(f"{measure.column}{end}") for end in ("_low", "_high"))
    if low is None or high is None:
        return "open", f"{measure.name} has no interval"
    found = sorted(FASTER & set(values["flags"]))  # type: ignore[call-overload]
    if found:
        return "open", f"{measure.name} is {', '.join(found)}"
    end = low if measure.more else high
    return "likely", f"{measure.name} may be {shown(measure, float(end))}"  # type: ignore[arg-type]
