"""Which columns have a history, in which unit, and which direction is better: from what the metrics say of themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ..errors import UnknownNameError, nearest
from ..registry import METRICS
from ..results import load_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..core import Direction

DEFAULT = ("latency_s", "throughput_per_s")

# The contract: base SI units with the unit at the end of the name, a percentile behind it.
_UNITS = {"per_s": "1/s", "s": "s", "bytes": "B", "mhz": "MHz", "c": "°C", "j": "J", "w": "W", "db": "dB"}
_UNIT = re.compile(rf"_({'|'.join(_UNITS)})(?:_p\d+)?$")


class Measure(NamedTuple):
    """A column of the rows: its unit, which direction is better, and what it is called."""

    column: str
    unit: str
    better: Direction
    name: str


def measures(names: Iterable[str] = ()) -> tuple[Measure, ...]:
    """The measured columns of these names, which are columns or metrics (then the headline); left out, the two that gates use.

    Raises UnknownNameError for a name that is none of them.
    """
    load_metrics()
    sampled = [metric for metric in sorted(METRICS, key=lambda m: m.order) if metric.kind == "sampled"]
    known: dict[str, Measure] = {}
    for metric in sampled:
        for headline, column in enumerate(metric.columns):
            unit = _unit(column)
            # A metric's direction is that of what has its unit: more samples are neither better nor worse.
            better: Direction = metric.better if unit == metric.unit else "none"
            known[column] = Measure(column, unit, better, column if headline else metric.name)
    headlines = {metric.name: known[next(iter(metric.columns))] for metric in sampled}
    found = []
    for name in names or DEFAULT:
        if name not in known | headlines:
            message = f"--metric {name}: no measured column or metric; {nearest(name, [*headlines, *known])}"
            raise UnknownNameError(message)
        found.append(known.get(name) or headlines[name])
    return tuple(dict.fromkeys(found))


def _unit(column: str) -> str:
    ending = _UNIT.search(column)
    return _UNITS[ending[1]] if ending else ""
