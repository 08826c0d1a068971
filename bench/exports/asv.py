"""A folder of results as airspeed velocity (asv) keeps it, for `asv publish`, `asv compare` and `asv show`.

A benchmark is a metric, its one parameter the case. asv takes less for better, so metrics of which more is better have no place.
Its samples are the medians of the processes, since its own test takes samples to be independent; `result` is the row's number.
A case that failed is null, as with asv.

What stands in the folder is kept: other benchmarks, other commits, and the cases that these runs did not measure, for
`asv publish` draws only what `benchmarks.json` names. asv takes the date of a commit from its results; here that is when the run
began.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..stats import median, median_interval, quantile
from .format import Format, Made, check
from .points import clean, headline, metrics, number, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..core import Metric, Record, Replicate, Result, Run
    from .format import Asked

USUAL = ("latency",)
RESULTS, BENCHMARKS, MACHINE = 2, 2, 1  # versions of the three kinds of file
COLUMNS = (
    "result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25", "stats_q_75",
    "stats_number", "stats_repeat", "samples", "profile",
)  # fmt: skip
# The columns that have a value for each parameter.
EACH = ("result", *(name for name in COLUMNS if name.startswith("stats_")), "samples")
VERSION = "1"
_PREFIX = "vbench."
_KIND = {"s": ("time", "seconds"), "B": ("memory", "bytes")}

# By parameter, the values of EACH by name.
Entries = dict[str, dict[str, Any]]


def files(records: Sequence[Record], asked: Asked) -> Made:
    """The files of the folder. Raises UsageError for a run whose commit is not known, or for a metric of which more is better."""
    wanted = metrics(asked.metrics or USUAL)
    for metric in wanted:
        if metric.better != "lower":
            message = f"--metric {metric.name}: to asv less is better, and of {metric.name} it is not: leave it out"
            raise UsageError(message)
    left: list[str] = []
    runs: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.run.started):
        left += [f"{result.case.id}: {why}" for result in record.results if (why := _lacks(result, wanted))]
        runs.setdefault(_path(record), []).append(record)
    kept = {path: {metric.name: found for metric in wanted if (found := _merged(same, metric))} for path, same in runs.items()}
    check([entries for of_path in kept.values() for entries in of_path.values()], left)
    made: dict[str, Callable[[str], str]] = {"benchmarks.json": partial(_benchmarks, wanted=wanted, kept=list(kept.values()))}
    for path, same in runs.items():
        made[f"{path.partition('/')[0]}/machine.json"] = partial(_machine, run=same[-1].run)
        made[path] = partial(_results, run=same[-1].run, kept=kept[path], path=path)
    return Made(made, left)


def _lacks(result: Result, wanted: Sequence[Metric]) -> str:
    """Why a case has no place. One that failed has: it is null."""
    if result.status == "skipped":
        return f"skipped: {result.reason or 'no reason was recorded'}"
    has = result.status != "ok" or any(number(result, headline(metric)) is not None for metric in wanted)
    return "" if has else f"it has no {' and no '.join(metric.name for metric in wanted)}"


def _merged(records: Iterable[Record], metric: Metric) -> Entries:
    """What runs of one commit in one environment say of a metric, if any has it; the later one wins."""
    entries: Entries = {}
    for record in records:
        processes = timed(record)
        for result in record.results:
            value = number(result, headline(metric))
            if (result.status == "ok" and value is not None) or result.status not in {"ok", "skipped"}:
                entries[repr(result.case.id)] = _each(result, metric, processes.get(result.case.id, ()))
    return entries if any(entry["result"] is not None for entry in entries.values()) else {}


def _path(record: Record) -> str:
    run, (commit, dirty) = record.run, clean(record.run.commit)
    if dirty or not commit:
        why = "files differed from its commit" if dirty else "it was not measured in a git repository"
        message = f"{record.path or run.run_id} has no commit that asv could file it under: {why}; commit, and measure again"
        raise UsageError(message)
    return f"{run.machine.slug}/{commit[:8]}-{environment(run)}.json"


def environment(run: Run) -> str:
    """The name that asv knows Python and torch by."""
    parts = {"py": run.versions.get("python", ""), "torch": run.versions.get("torch", "")}
    return re.sub(r"[^\w.+-]", "_", "-".join(["vbench", *(f"{name}{version}" for name, version in parts.items() if version)]))


def _benchmarks(old: str, *, wanted: Iterable[Metric], kept: Sequence[Mapping[str, Entries]]) -> str:
    known = _decoded(old, "benchmarks.json")
    for metric in wanted:
        name = _PREFIX + metric.name
        kind, unit = _KIND.get(metric.unit, ("track", metric.unit or "1"))
        before = known.get(name, {}).get("params") or [[]]
        cases = [case for of_path in kept for case in of_path.get(metric.name, ())]
        if cases:
            known[name] = {
                "code": metric.description, "name": name, "param_names": ["case"],
                "params": [list(dict.fromkeys([*before[0], *cases]))], "pretty_name": metric.name, "type": kind, "unit": unit,
                "version": VERSION,
            }  # fmt: skip
    return _encoded(known | {"version": BENCHMARKS})


def _machine(old: str, *, run: Run) -> str:
    """What stands there is left alone: the developer may have described the machine in other words."""
    facts = {name: value for name, value in _facts(run).items() if name != "python"}
    return old or _encoded(facts | {"version": MACHINE})


def _facts(run: Run) -> dict[str, str]:
    machine, system = run.machine, run.machine.system.split()
    return {
        "machine": machine.slug, "os": " ".join(system[:2]), "arch": system[-1] if system else "", "cpu": machine.processor,
        "num_cpu": str(machine.cores), "ram": str(machine.memory_bytes or ""), "python": run.versions.get("python", ""),
    }  # fmt: skip


def _results(old: str, *, run: Run, kept: Mapping[str, Entries], path: str) -> str:
    """The results of one commit in one environment; what only an older file has stays."""
    before = _decoded(old, path)
    rows: dict[str, Any] = dict(before.get("results", {}))
    started = _milliseconds(run.started)
    for metric, entries in kept.items():
        name = _PREFIX + metric
        rows[name] = _row(_entries(before.get("result_columns", ()), rows.get(name, ())) | entries, started)
    commit, _ = clean(run.commit)
    versions = {name: version for name, version in run.versions.items() if name != "python"}
    return _encoded(
        {
            "commit_hash": commit, "env_name": environment(run), "date": started, "params": _facts(run) | versions,
            "python": run.versions.get("python", ""), "requirements": versions, "env_vars": {}, "result_columns": list(COLUMNS),
            "results": rows, "durations": before.get("durations", {}), "version": RESULTS,
        }
    )  # fmt: skip


def _milliseconds(started: str) -> int:
    return round(dt.datetime.fromisoformat(started).timestamp() * 1000)


def _each(result: Result, metric: Metric, processes: Sequence[Replicate]) -> dict[str, Any]:
    value = number(result, headline(metric)) if result.status == "ok" else None
    if value is None or metric.name != "latency" or not processes:
        return {"result": value}
    medians = [median([ns * 1e-9 for ns in process.latency_ns]) for process in processes]
    # asv writes an interval that its sample is too small for as infinite, and misses it where it is absent.
    low, high = median_interval(medians, 0.99) or (-math.inf, math.inf)
    return {
        "result": value, "stats_ci_99_a": low, "stats_ci_99_b": high, "stats_q_25": quantile(medians, 0.25),
        "stats_q_75": quantile(medians, 0.75), "stats_number": 1, "stats_repeat": len(medians), "samples": medians,
    }  # fmt: skip


def _row(entries: Entries, started: int) -> list[Any]:
    """A row of a file of results; asv leaves off what is missing at its end, and we write it all."""
    once: dict[str, Any] = {"params": [list(entries)], "version": VERSION, "started_at": started}
    each = {name: [entry.get(name) for entry in entries.values()] for name in EACH}
    short: Mapping[str, Any] = {name: None if all(value is None for value in values) else values for name, values in each.items()}
    return [once.get(name, short.get(name)) for name in COLUMNS]


def _entries(columns: Sequence[str], row: Sequence[Any]) -> Entries:
    """A row taken apart again."""
    cells = dict(zip(columns, row, strict=False))
    (cases,) = cells.get("params") or [[]]
    filled = {name: cells[name] for name in EACH if cells.get(name) is not None}
    return {case: {name: values[index] for name, values in filled.items()} for index, case in enumerate(cases)}


def _decoded(old: str, name: str) -> dict[str, Any]:
    """What stands in a file. Raises UsageError where that is none of asv's."""
    try:
        found = json.loads(old or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        message = f"{name} in the folder of -o is no file of asv, and would be overwritten: name another folder"
        raise UsageError(message)
    return found


def _encoded(value: Mapping[str, Any]) -> str:
    # Not msgspec's: asv's own files hold infinities, which its loader reads back.
    return json.dumps(value, indent=1) + "\n"


FORMAT = Format(files, takes=frozenset({"--metric"}), to="folder")
