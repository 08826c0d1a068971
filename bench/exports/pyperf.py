"""The JSON of pyperf: a run of pyperf is a process of ours, with every sample and every warm-up, so that nothing is lost.

pyperf's own mean and median are over the samples of all processes together, and so are not the row's latency, which is the median
over processes of each one's median; that and its interval are in the metadata.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from .format import Format, Made, check, dump
from .points import chosen, only, timed, without_latency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core import Record, Replicate, Result, Run
    from .format import Asked

VERSION = "1.0"
# What is kept of a row in the metadata of its benchmark.
KEPT = (
    "latency_s", "latency_s_low", "latency_s_high", "latency_s_run_low", "latency_s_run_high", "params", "macs", "weight_bytes",
    "activations",
)  # fmt: skip


def text(records: Sequence[Record], asked: Asked) -> Made:
    """The document: a benchmark for each case that has a latency."""
    del asked
    record = only(records, "pyperf")
    processes = timed(record)

    def lacks(result: Result) -> str:
        # pyperf refuses a whole file for one value that is not above zero.
        zero = any(min(r.latency_ns) <= 0 for r in processes.get(result.case.id, ()))
        return without_latency(result) or ("one of its samples took no time" if zero else "")

    kept, left = chosen(record, lacks)
    check(kept, left)
    benchmarks = [
        {"metadata": _row(result), "runs": [_run(replicate) for replicate in processes[result.case.id]]} for result in kept
    ]
    return Made(dump({"version": VERSION, "metadata": _head(record.run), "benchmarks": benchmarks}), left)


def _head(run: Run) -> dict[str, Any]:
    machine = run.machine
    return _words(
        {
            "unit": "second", "loops": 1, "cpu_model_name": machine.processor, "cpu_count": machine.cores,
            "platform": machine.system, "python_version": run.versions.get("python", ""), "vbench_machine": machine.slug,
            "vbench_fingerprint": machine.fingerprint, "vbench_run": run.run_id, "vbench_commit": run.commit,
        }
        | {f"{name}_version": version for name, version in run.versions.items() if name != "python"}
    )  # fmt: skip


def _row(result: Result) -> dict[str, Any]:
    numbers = {f"vbench_{name}": result.values[name] for name in KEPT if name in result.values}
    return _words({"name": result.case.id, "vbench_flags": ", ".join(result.flags)} | numbers)


def _run(replicate: Replicate) -> dict[str, Any]:
    started = dt.datetime.fromtimestamp(replicate.started_s, dt.UTC).replace(tzinfo=None)
    about: dict[str, Any] = {"date": started.isoformat(" "), "duration": replicate.seconds}
    if (load := replicate.values.get("load_1m")) is not None:
        about["load_avg_1min"] = load
    if (peak := replicate.values.get("peak_host_bytes")) is not None and peak >= 1:
        about["mem_max_rss"] = int(peak)
    # A whole number of nanoseconds, divided once, is the float nearest to it: multiplied by 1e-9 it would not be.
    run = {"values": [ns / 1e9 for ns in replicate.latency_ns], "metadata": about}
    return run | {"warmups": [[1, ns / 1e9] for ns in replicate.warmup_ns]} if replicate.warmup_ns else run


def _words(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The same on one line each: pyperf refuses a value that is empty, or that has two lines."""
    lines = {key: " ".join(value.split()) if isinstance(value, str) else value for key, value in metadata.items()}
    return {key: value for key, value in lines.items() if value not in ("", None)}


FORMAT = Format(text)
