"""Bencher Metric Format (https://bencher.dev/docs/reference/bencher-metric-format/), for `bencher run --adapter json`.

Times are in nanoseconds, since that is the unit of the measure `latency` that every project has; bytes, rates and counts are as
they are. A measure is called as the metric, with dashes. From a file of the gate the name of a case ends in "(gate)", since times
under the gate are not those of `vbench run`, and a second measure, `…-ratio-to-base`, has head over base: above 1 is worse for
all metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .format import Format, Made, check, dump
from .points import among, metrics, only, points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Record
    from .format import Asked
    from .points import Compared, Point

USUAL = ("latency", "throughput")
GATE = " (gate)"
_FACTOR = {"s": 1e9}


def of_runs(records: Sequence[Record], asked: Asked) -> Made:
    """The document of one run."""
    found, left = points(only(records, "bencher"), metrics(asked.metrics or USUAL))
    return _made(found, left)


def of_gate(compared: Compared, asked: Asked) -> Made:
    """The document of a file of the gate."""
    return _made(among(compared, asked.metrics), compared.left, GATE)


def _made(found: Sequence[Point], left: Sequence[str], suffix: str = "") -> Made:
    check(found, left)
    document: dict[str, dict[str, dict[str, float]]] = {}
    for point in found:
        document.setdefault(point.case + suffix, {})[_measure(point)] = _numbers(point)
    return Made(dump(document), left)


def _measure(point: Point) -> str:
    name = point.metric.replace("_", "-")
    return f"{name}-ratio-to-{point.against}" if point.against else name


def _numbers(point: Point) -> dict[str, float]:
    # Without a unit a number keeps its type: a count is exact.
    factor = _FACTOR.get("" if point.against else point.unit, 1)
    ends = {"value": point.value, "lower_value": point.low, "upper_value": point.high}
    return {name: value * factor for name, value in ends.items() if value is not None}


FORMAT = Format(of_runs, of_gate, takes=frozenset({"--metric"}))
