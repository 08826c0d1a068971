"""One whole run of vbench, condensed to the numbers that a campaign needs, from which its intervals can be derived again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from vbench import core, drift, results, stats

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from vbench.core import Record

# What of a process's scalars is kept: all that the rules of `stolen` and `page_faults` look at. Older logs lack some.
_CONDITIONS = ("steal_share", "load_1m", "involuntary_switches", "waited_s", "passes_s", "threads", "page_faults", "page_fault_s")


class Task(NamedTuple):
    """One repetition: its number, the settings of the campaign, where result files go, and a seeded source of chance."""

    number: int
    settings: dict[str, Any]
    folder: Path
    random: random.Random
    config: Path | None = None


def networks(names: Sequence[str], config: Path | None = None) -> list[str]:
    """The networks that names and globs select, or those of the default suite. Raises UsageError for one that is not there."""
    from vbench import api  # noqa: PLC0415 - loads the catalogue, and with it torch

    cases = api.prepare(tuple(names), config=config).plan.cases
    return list(dict.fromkeys(case.architecture for case in cases))


def warm(names: Sequence[str], asked: dict[str, Any]) -> None:
    """Have the machine's ceilings measured and kept, so that no repetition spends its time on what a machine needs once."""
    from vbench import api, ceilings  # noqa: PLC0415 - as above

    prepared = api.prepare(tuple(names), **asked)
    ceilings.for_run(prepared.plan.open, prepared.settings, lambda _: None)


def run(task: Task, names: Sequence[str], label: str = "run", **settings: Any) -> dict[str, Any]:
    """Measure the networks in one run with forkservers of its own; what was found, without paths of this machine.

    Of a run that Ctrl-C ended nothing is kept but its file: the repetition is done again.
    """
    import vbench  # noqa: PLC0415 - its names are resolved on use, and this one loads torch

    given = task.settings
    asked: dict[str, Any] = {
        "device": [given["device"]],
        "engine": [given["engine"]],
        "threads": [given["threads"]],
        "config": task.config,
    }
    asked["settings"] = {**settings, "seed": given["seed"]}
    warm(names, asked)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = task.folder / f"{label}-{task.number:04d}-{stamp}.jsonl"
    began = time.perf_counter()
    record = vbench.run(*names, output=path, **asked)
    if record.ended == "interrupted":
        raise KeyboardInterrupt
    return condense(record) | {"file": f"{path.parent.name}/{path.name}", "seconds": time.perf_counter() - began}


def condense(record: Record) -> dict[str, Any]:
    """The head's settings and the rows of a record, each with one entry per process that measured it."""
    head = record.run
    return {
        "run_id": head.run_id,
        "settings": head.settings,
        "sentinels": msgspec.to_builtins(head.sentinels),
        "check_s": sum(r.seconds for r in record.replicates if r.role == "check"),
        "networks": {
            result.case.architecture: {
                "case": msgspec.to_builtins(result.case),
                "status": result.status,
                "reason": without_paths(result.reason),
                "flags": list(result.flags),
                "processes": [
                    _process(r)
                    for r in record.replicates
                    if r.case == result.case.id and r.role == "measure" and r.status == "ok" and r.latency_ns
                ],
                **_interval(result.values),
            }
            for result in record.results
        },
    }


def _interval(values: dict[str, Any]) -> dict[str, float | None]:
    named = {"latency_s": "latency_s", "low": "latency_s_low", "high": "latency_s_high"}
    named |= {"run_low": "latency_s_run_low", "run_high": "latency_s_run_high", "drift_share": "drift_share"}
    return {name: values.get(column) for name, column in named.items()}


def _process(replicate: core.Replicate) -> dict[str, Any]:
    return {
        "index": replicate.index,
        "round": replicate.round,
        "server": replicate.server,
        "started_s": round(replicate.started_s, 3),
        "seconds": round(replicate.seconds, 4),
        "median_ns": stats.median(replicate.latency_ns),
        "samples": len(replicate.latency_ns),
        "sentinel_ns": list(replicate.sentinel_ns),
        **{name: replicate.values[name] for name in _CONDITIONS if name in replicate.values},
    }


def medians(row: dict[str, Any]) -> list[float]:
    """The median of each process of a network's row, in seconds."""
    return [process["median_ns"] / 1e9 for process in row["processes"]]


def interval(row: dict[str, Any], kind: str = "") -> tuple[float, float] | None:
    """A row's interval as the run gave it; `kind` is `run_` for that of the run alone."""
    low, high = row.get(f"{kind}low"), row.get(f"{kind}high")
    return None if low is None or high is None else (low, high)


def derive(found: dict[str, Any], earlier: Mapping[str, Sequence[float]] | None = None) -> dict[str, dict[str, Any]]:
    """The rows of a condensed run with intervals derived again by the vbench that is installed now.

    From the process medians and sentinels that the log keeps, never from the result file, so that whoever has the log
    gets the same; flags need all samples and stay as they were. `earlier` takes the place of the sentinels of the machine's
    earlier runs that the run knew of.
    """
    head, replicates = evidence(found, found["sentinels"] if earlier is None else earlier)
    derived = {result.case.architecture: result for result in results.derive(head, replicates, "complete")}
    return {name: row | _interval(derived[name].values) for name, row in found["networks"].items()}


def sentinels(found: dict[str, Any]) -> dict[str, float]:
    """The median sentinel of a run, by device and threads, as a later run of the machine would take it from the file."""
    return {
        key: stats.median(times) for key, times in drift.of_run(*evidence(found, {})).items() if len(times) >= stats.MIN_PROCESSES
    }


def evidence(found: dict[str, Any], earlier: Mapping[str, Sequence[float]]) -> tuple[core.Run, list[core.Replicate]]:
    """A condensed run as far as its intervals go."""
    cases = {name: msgspec.convert(row["case"], core.Case) for name, row in found["networks"].items()}
    head = core.Run(
        schema=1,
        run_id=found["run_id"],
        started="",
        machine=core.Machine(slug="", fingerprint=""),
        versions={},
        settings=found["settings"],
        cases=tuple(cases.values()),
        definitions={},
        architectures={},
        sentinels={key: tuple(values) for key, values in earlier.items()},
    )
    return head, [_replicate(cases[name], process) for name, row in found["networks"].items() for process in row["processes"]]


def _replicate(case: core.Case, process: dict[str, Any]) -> core.Replicate:
    """A process as far as its interval goes: its median stands for its samples."""
    return core.Replicate(
        case=case.id,
        index=process["index"],
        round=process["round"],
        server=process["server"],
        status="ok",
        started_s=process["started_s"],
        seconds=process["seconds"],
        latency_ns=(process["median_ns"],),
        sentinel_ns=tuple(process["sentinel_ns"]),
        values={name: process[name] for name in _CONDITIONS if name in process},
    )


def without_paths(text: str) -> str:
    """A message without the folders of this machine, since logs are kept in git."""
    return " ".join(word.rpartition("/")[2] if word.startswith("/") else word for word in text.split(" "))


def rows(found: Iterable[dict[str, Any]], network: str) -> list[dict[str, Any]]:
    """The rows of one network in several condensed runs, those that were measured."""
    every = [run["networks"].get(network) for run in found]
    return [row for row in every if row is not None and row["status"] == "ok" and row["processes"]]
