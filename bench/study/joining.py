"""Latencies of the arms' networks, from files of `vbench run`: measured cost beside measured accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import journal, results
from ..errors import VbenchError
from .log import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ..core import Case, Record
    from .judging import Row


class Latency(NamedTuple):
    """Seconds of one request, the median, with the ends of its interval where it has one."""

    seconds: float
    low: float | None
    high: float | None


class Costs(NamedTuple):
    """Latencies by arm, all under one combination of conditions, which `told` says."""

    latencies: dict[str, Latency]
    told: str


def beside(folder: Path) -> list[Path]:
    """The result files of `vbench run` that lie with a log."""
    return [path for path in sorted(folder.glob("*.jsonl")) if path.name != NAME and journal.kind(path) == "run"]


def costs(paths: Sequence[Path], rows: Iterable[Row]) -> Costs | None:
    """The latencies of these rows' networks, under the conditions that most of them were timed under; None without any.

    A file that cannot be read is passed over: the accuracies are whole without it.
    """
    wanted = {(row.arm.architecture, row.compression): row.arm.name for row in rows if row.arm.architecture}
    found: dict[tuple[str, ...], dict[str, Latency]] = {}
    for path in paths:
        try:
            record = results.read(path)
        except VbenchError:
            continue
        for where, name, latency in _of(record, wanted):
            found.setdefault(where, {})[name] = latency
    if not found:
        return None
    where = max(found, key=lambda key: len(found[key]))
    return Costs(found[where], ", ".join(part for part in where if part))


def _of(record: Record, wanted: dict[tuple[str, str], str]) -> Iterable[tuple[tuple[str, ...], str, Latency]]:
    for result in record.results:
        case, seconds = result.case, result.values.get("latency_s")
        name = wanted.get((case.architecture, case.compression))
        if result.status == "ok" and name is not None and seconds:
            low, high = result.values.get("latency_s_low"), result.values.get("latency_s_high")
            yield (*_where(case), record.run.machine.processor), name, Latency(float(seconds), low, high)


def _where(case: Case) -> tuple[str, ...]:
    options = "".join(f"[{key}={value}]" for key, value in case.engine_options)
    phase = "" if case.phase == "infer" else case.phase
    return (
        f"{case.engine}{options}", case.precision, case.device, f"batch {case.batch}", f"{case.threads} threads", case.layout,
        case.scenario, phase,
    )  # fmt: skip
