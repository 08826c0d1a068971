"""The JSON of github-action-benchmark's custom tools (https://github.com/benchmark-action/github-action-benchmark).

The action draws one chart per name and compares a value with that of the commit before, so a series has one name and one unit
for ever. A file is for one direction: `customSmallerIsBetter`, unless only metrics are asked for of which more is better
(`--metric throughput`), whose file is for `customBiggerIsBetter`. From a file of the gate there is a second series, head over
base, which does not depend on which machine the job got; above 1 is worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import units
from ..errors import UsageError
from .format import Format, Made, check, dump
from .points import among, metrics, only, points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Direction, Metric, Record
    from .format import Asked
    from .points import Compared, Point

USUAL = ("latency",)
TOOLS: dict[Direction, str] = {"lower": "customSmallerIsBetter", "higher": "customBiggerIsBetter"}
# Times in milliseconds, to the nanosecond.
_MS, _DIGITS = 1e3, 6
# Times under the gate are not those of `vbench run`, and must not continue their series.
GATE = " (gate)"


def of_runs(records: Sequence[Record], asked: Asked) -> Made:
    """The file of one run."""
    wanted = metrics(asked.metrics or USUAL)
    better = direction(wanted)
    found, left = points(only(records, "github-action-benchmark"), wanted)
    return _made(found, left, better)


def of_gate(compared: Compared, asked: Asked) -> Made:
    """The file of a file of the gate."""
    given = among(compared, asked.metrics)
    ways = {point.better for point in given if not point.against}
    better: Direction = "higher" if asked.metrics and ways == {"higher"} else "lower"
    other = [f"{_name(point, GATE)}: {_elsewhere(point)}" for point in given if point.better != better]
    return _made([point for point in given if point.better == better], [*compared.left, *other], better, GATE)


def _elsewhere(point: Point) -> str:
    if point.better == "higher":
        return f"more is better: --metric {point.metric} makes a file of its own, for the tool {TOOLS['higher']}"
    return f"less is better: without --metric {point.metric} it is in the file, for the tool {TOOLS['lower']}"


def direction(wanted: Sequence[Metric]) -> Direction:
    """Which way all of these are better. Raises UsageError where they differ."""
    found = {metric.better for metric in wanted}
    if found not in ({"lower"}, {"higher"}):
        said = ", ".join(f"{metric.name} ({metric.better})" for metric in wanted)
        message = f"--metric: a file of github-action-benchmark has one direction, lower or higher, and these are {said}"
        raise UsageError(message)
    return found.pop()


def _made(found: Sequence[Point], left: Sequence[str], better: Direction, suffix: str = "") -> Made:
    check(found, left)
    return Made(
        dump([_entry(point, suffix) for point in found]), left, f"github-action-benchmark is to be told `tool: {TOOLS[better]}`"
    )


def _name(point: Point, suffix: str) -> str:
    tail = f", head over {point.against}" if point.against else ""
    return f"{point.case}{suffix} {point.metric}{tail}"


def _entry(point: Point, suffix: str) -> dict[str, str | float]:
    unit = "ratio" if point.against else {"s": "ms", "": "1"}.get(point.unit, point.unit)
    entry: dict[str, str | float] = {"name": _name(point, suffix), "unit": unit, "value": _scaled(point.value, unit)}
    if point.low is not None and point.high is not None:
        ends = f"{_scaled(point.low, unit):.6g} to {_scaled(point.high, unit):.6g}"
        entry["range"] = f"{ends}, {units.percent(point.confidence, 0)}"
    return entry | ({"extra": "\n".join(point.notes)} if point.notes else {})


def _scaled(number: float, unit: str) -> float:
    return round(number * _MS, _DIGITS) if unit == "ms" else round(number, _DIGITS) if unit == "ratio" else number


FORMAT = Format(of_runs, of_gate, takes=frozenset({"--metric"}))
