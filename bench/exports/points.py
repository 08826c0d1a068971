"""Numbers with their intervals as plain data: what the formats that draw one number per commit are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..errors import UnknownNameError, UsageError
from ..registry import METRICS
from ..results import load_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..core import Direction, Machine, Metric, Record, Replicate, Result
    from ..gate.outcome import Outcome

_NAMED = 3


class Origin(NamedTuple):
    """Who measured: a run or a gate, by its id. `commit` ends in "-dirty" where files differed from it."""

    machine: Machine
    id: str
    started: str
    commit: str
    versions: Mapping[str, str]


class Point(NamedTuple):
    """One metric of one case. With `against` it is the ratio of head to that base, in which above 1 is worse.

    `unit` is the metric's: s, B, 1/s, or "" for a count. `notes` are what a reader of the number should know.
    """

    case: str
    architecture: str
    metric: str
    unit: str
    better: Direction
    value: float
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    against: str = ""
    notes: tuple[str, ...] = ()


class Compared(NamedTuple):
    """A file of the gate: all that it says, and head's numbers with their ratios to the base."""

    origin: Origin
    base: str
    outcome: Outcome
    points: Sequence[Point]
    left: Sequence[str]


def origin(record: Record) -> Origin:
    """The run of a record."""
    run = record.run
    return Origin(run.machine, run.run_id, run.started, run.commit, run.versions)


def metrics(names: Iterable[str]) -> list[Metric]:
    """The metrics of these names, or all. Raises UnknownNameError."""
    load_metrics()
    return [METRICS.get(name) for name in names] or sorted(METRICS, key=lambda metric: metric.order)


def headline(metric: Metric) -> str:
    """The column that stands for a metric: its first."""
    return next(iter(metric.columns))


def number(result: Result, column: str) -> float | None:
    """The number in that column, or None."""
    value = result.values.get(column)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def points(record: Record, wanted: Sequence[Metric]) -> tuple[list[Point], list[str]]:
    """A point for each of the metrics that a case has, and a line for each case that has none of them."""

    def lacks(result: Result) -> str:
        has = any(number(result, headline(metric)) is not None for metric in wanted)
        return "" if has else f"it has no {' and no '.join(metric.name for metric in wanted)}"

    kept, left = chosen(record, lacks)
    return [point for result in kept for metric in wanted if (point := _point(result, metric)) is not None], left


def _point(result: Result, metric: Metric) -> Point | None:
    column = headline(metric)
    value = number(result, column)
    if value is None:
        return None
    low, high = (number(result, f"{column}_{end}") for end in ("low", "high"))
    processes = number(result, f"{metric.name}_processes")
    notes = [f"processes: {processes}"] if processes is not None else []
    notes += [f"flags: {', '.join(result.flags)}"] if result.flags else []
    return Point(
        case=result.case.id, architecture=result.case.architecture, metric=metric.name, unit=metric.unit, better=metric.better,
        value=value, low=low, high=high, notes=tuple(notes),
    )  # fmt: skip


def among(compared: Compared, names: Sequence[str]) -> list[Point]:
    """The points of these metrics, or all. Raises UnknownNameError for a metric that the gate did not measure."""
    known = list(dict.fromkeys(point.metric for point in compared.points))
    for name in names:
        if known and name not in known:
            message = f"--metric {name}: this gate has none of it; it has {', '.join(known)}"
            raise UnknownNameError(message)
    return [point for point in compared.points if not names or point.metric in names]


def chosen(record: Record, lacks: Callable[[Result], str]) -> tuple[list[Result], list[str]]:
    """The rows that are ok and lack nothing, and a line for each of the others."""
    kept, left = [], []
    for result in record.results:
        why = lacks(result) if result.status == "ok" else f"{result.status}: {result.reason or 'no reason was recorded'}"
        if why:
            left.append(f"{result.case.id}: {why}")
        else:
            kept.append(result)
    return kept, left


def timed(record: Record) -> dict[str, list[Replicate]]:
    """The processes that the latency of each case stands on, by case, in the order in which they are counted."""
    found: dict[str, list[Replicate]] = {}
    for replicate in sorted(record.replicates, key=lambda r: (r.role, r.index)):
        if replicate.latency_ns and replicate.status == "ok":
            found.setdefault(replicate.case, []).append(replicate)
    return found


def without_latency(result: Result) -> str:
    """Why a row cannot stand in a format of times."""
    return "" if number(result, "latency_s") is not None else f"it has no latency ({result.case.scenario})"


def clean(commit: str) -> tuple[str, bool]:
    """The commit, and whether files differed from it."""
    return commit.removesuffix("-dirty"), commit.endswith("-dirty")


def only(records: Sequence[Record], name: str) -> Record:
    """The one record. Raises UsageError where there are several."""
    if len(records) != 1:
        named = ", ".join(record.path or record.run.run_id for record in records[:_NAMED])
        more = ", …" if len(records) > _NAMED else ""
        message = f"{name} describes one run, and these are {len(records)} ({named}{more}): export each alone"
        raise UsageError(message)
    return records[0]
