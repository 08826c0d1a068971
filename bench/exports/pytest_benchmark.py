"""The JSON of pytest-benchmark, for `pytest-benchmark compare` and whatever else reads that file.

A round is a process: `stats.data` holds the median of each fresh process. So the median that pytest-benchmark shows is the
row's latency, its spread is that between processes, which decides whether two runs differ, and `rounds` is how many independent
numbers there are. With the raw samples as rounds a row would seem to rest on hundreds of independent numbers, and its spread
would be that inside of processes. The samples are left out (the format of pyperf has them); the interval, the flags and all
that was counted are in `extra_info`.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import msgspec

from ..stats import median
from .format import Format, Made, check, dump
from .points import chosen, clean, only, timed, without_latency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Record, Replicate, Result, Run
    from .format import Asked

# The version of pytest-benchmark whose file this is.
VERSION = "5.3.1"
_FENCE = 1.5


def text(records: Sequence[Record], asked: Asked) -> Made:
    """The document: a benchmark for each case that has a latency."""
    del asked
    record = only(records, "pytest-benchmark")
    kept, left = chosen(record, without_latency)
    check(kept, left)
    run, processes = record.run, timed(record)
    commit, dirty = clean(run.commit)
    document = {
        "machine_info": _machine(run),
        "commit_info": {
            "id": commit or "unversioned", "time": None, "author_time": None, "dirty": dirty, "project": "",
            "branch": "(unknown)",
        },
        "benchmarks": [_benchmark(run, result, processes[result.case.id]) for result in kept],
        "datetime": run.started,
        "version": VERSION,
    }  # fmt: skip
    return Made(dump(document), left)


def _machine(run: Run) -> dict[str, Any]:
    machine, system = run.machine, run.machine.system.split()
    return {
        "node": machine.slug,
        "processor": machine.processor,
        "machine": system[-1] if system else "",
        "python_version": run.versions.get("python", ""),
        "release": system[1] if len(system) > 1 else "",
        "system": system[0] if system else "",
        "cpu": {"brand_raw": machine.processor, "count": machine.cores, "flags": list(machine.features)},
        "fingerprint": machine.fingerprint,
    }


def _benchmark(run: Run, result: Result, processes: Sequence[Replicate]) -> dict[str, Any]:
    case = result.case
    about = {"run_id": run.run_id, "definition": run.definitions.get(case.id, ""), "flags": list(result.flags)}
    return {
        # Networks under the same conditions stand in one table, and so does one network in several files.
        "group": _conditions(case),
        "name": case.label,
        "fullname": case.id,
        "params": {name: _plain(value) for name, value in msgspec.to_builtins(case).items()},
        "param": _conditions(case),
        "extra_info": about | result.values,
        "options": dict(run.settings),
        "stats": stats([median([ns * 1e-9 for ns in process.latency_ns]) for process in processes]),
    }


def _conditions(case: Case) -> str:
    """The case id without the network."""
    return case.id.removeprefix(f"{case.architecture}@")


def _plain(value: Any) -> str | int:
    """An axis as a word or a number."""
    if isinstance(value, int | str):
        return value
    return "x".join(map(str, value)) if all(isinstance(part, int) for part in value) else ",".join(map("=".join, value))


def stats(data: Sequence[float]) -> dict[str, Any]:
    """What pytest-benchmark keeps of a benchmark, in seconds, by its own definitions.

    An even number of rounds is halved for the quartiles; of an odd one they are a quarter of the way between two values.
    """
    ordered, rounds, total = sorted(data), len(data), sum(data)
    mean, spread = statistics.mean(data), statistics.stdev(data) if rounds > 1 else 0
    low, high = _quartiles(ordered)
    bottom, top = low - _FENCE * (high - low), high + _FENCE * (high - low)
    within = [value for value in ordered if bottom <= value <= top]
    far = sum(not mean - spread <= value <= mean + spread for value in data)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": spread,
        "rounds": rounds,
        "median": statistics.median(data),
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": rounds - len(within),
        "stddev_outliers": far,
        "outliers": f"{far};{rounds - len(within)}",
        "ld15iqr": within[0],
        "hd15iqr": within[-1],
        "ops": rounds / total if total else 0,
        "total": total,
        "data": list(data),
        "iterations": 1,
    }


def _quartiles(ordered: Sequence[float]) -> tuple[float, float]:
    rounds, (quarter, rest) = len(ordered), divmod(len(ordered), 4)
    if rounds == 1:
        return ordered[0], ordered[0]
    if rounds % 2 == 0:
        return statistics.median(ordered[: rounds // 2]), statistics.median(ordered[rounds // 2 :])
    if rest == 1:
        return (
            0.25 * ordered[quarter - 1] + 0.75 * ordered[quarter],
            0.75 * ordered[3 * quarter] + 0.25 * ordered[3 * quarter + 1],
        )
    return (
        0.75 * ordered[quarter] + 0.25 * ordered[quarter + 1],
        0.25 * ordered[3 * quarter + 1] + 0.75 * ordered[3 * quarter + 2],
    )


FORMAT = Format(text)
