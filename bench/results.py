"""From a result file to rows: a result is derived from its replicates, and can be derived again.

Nothing here imports torch: reading, reporting and comparing work on a machine that could not have measured.
"""

from __future__ import annotations

import glob
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import accuracies, drift, joins, journal, judge, speedups
from .core import Case, Facts, Record, Replicate, Result, Run
from .errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_NOTHING, EXIT_OK, UsageError
from .flags import BIAS
from .registry import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from .accuracies import Evaluated
    from .core import Status

# Below a machine's folder: what measures vbench itself (tests/campaigns), left out when a folder is searched.
CAMPAIGNS = "campaigns"
# What a folder of results holds too: files of the gate, by their ending, and a study's log.
PAIRS = ".pairs.jsonl"
STUDY = "study.jsonl"

IDENTITY = (
    "run_id", "machine", "case_id", "definition", "architecture", "family", "task", "topic", "year", "input_shape",
    "compression", "weights", "phase", "scenario", "engine", "engine_options", "precision", "device", "batch", "threads",
    "layout", "status", "reason", "flags",
)  # fmt: skip

# The columns of the contract, in its order. A metric fills its own; those of later work are present and empty.
COLUMNS = (
    *IDENTITY,
    "params", "trainable_params", "buffers", "weight_bytes", "macs", "flops", "other_ops", "uncounted_ops", "activations",
    "backward_macs", "peak_activation_bytes", "peak_scratch_bytes", "largest_batch", "removed_channels", "ranked_by", "zeros",
    "nonzeros", "encoded_bytes", "encoded_ratio",
    "latency_s", "latency_s_low", "latency_s_high", "latency_s_run_low", "latency_s_run_high", "drift_share", "drift_offset",
    "latency_s_p90", "latency_s_p95", "latency_s_p99", "latency_processes", "latency_samples",
    "device_time_s", "enqueue_s", "throughput_per_s", "throughput_per_s_low", "throughput_per_s_high",
    "throughput_per_s_run_low", "throughput_per_s_run_high", "throughput_processes",
    "best_batch", "oom_batch", "throughput_by_batch", "sweep_ended",
    "throughput_first_per_s", "throughput_last_per_s", "sustained_ratio", "stream_balance",
    "server_qps", "server_p50_s", "server_p99_s", "server_queries", "server_trials", "server_note",
    "decode_s", "resize_s", "normalise_s", "transfer_s", "forward_s", "postprocess_s",
    "build_s", "compile_s", "compile_cold_s", "first_run_s",
    "train_forward_s", "train_backward_s", "train_optimizer_s", "train_gradient_sqnr_db", "train_update_sqnr_db",
    "peak_host_bytes", "base_host_bytes", "page_faults", "page_fault_share",
    "peak_device_bytes", "reserved_device_bytes", "process_device_bytes", "file_bytes",
    "h2d_s", "d2h_s", "h2d_pageable_s", "d2h_pageable_s", "clock_mhz", "temperature_c",
    "executed_precision", "executed_share", "agreement_sqnr_db", "agreement_cosine", "agreement_top1",
    "speedup_over_fp32", "speedup_over_fp32_low", "speedup_over_fp32_high", "slow_cause",
    "fidelity_sqnr_db", "fidelity_cosine", "fidelity_top1",
    "speedup_over_uncompressed", "speedup_over_uncompressed_low", "speedup_over_uncompressed_high", "saved",
    "achieved_flops", "peak_flops", "bandwidth_bytes_per_s", "efficiency", "bound",
    "energy_j", "energy_method", "energy_note", "power_w", "energy_above_idle_j", "idle_power_w", "energy_dram_j",
    "receptive_field", "output_stride", "bytes_moved", "arithmetic_intensity",
    "quality", "quality_metric", "top1", "top5", "accuracy_source", "accuracy_protocol", "accuracy_kind",
    "top1_low", "top1_high", "top5_low", "top5_high", "accuracy_pictures", "top1_published", "top5_published", "accuracy_note",
)  # fmt: skip

# What a person looks at first, where there is no room for all of it.
HEADLINES = (
    "architecture", "engine", "precision", "device", "batch", "threads", "status", "flags", "params", "macs", "latency_s",
    "latency_s_low", "latency_s_high", "throughput_per_s", "quality", "quality_metric",
)  # fmt: skip


@cache
def load_metrics() -> None:
    """Import the metrics that come with vbench, one file each."""
    import importlib  # noqa: PLC0415 - only those who derive rows need it
    import pkgutil  # noqa: PLC0415 - as above

    from . import metrics  # noqa: PLC0415 - as above

    for module in pkgutil.iter_modules(metrics.__path__):
        importlib.import_module(f"{metrics.__name__}.{module.name}")


def derive(run: Run, replicates: Iterable[Replicate], ended: str = "") -> tuple[Result, ...]:
    """One row per planned case, in the order of the plan, whatever became of it."""
    by_case: dict[str, list[Replicate]] = {}
    for replicate in replicates:
        by_case.setdefault(replicate.case, []).append(replicate)
    sentinels = drift.of_run(run, [r for found in by_case.values() for r in found])
    rows = [derive_case(run, case, by_case.get(case.id, []), ended, sentinels.get(drift.key(case), ())) for case in run.cases]
    return speedups.told(rows, by_case)


def derive_case(
    run: Run, case: Case, replicates: Sequence[Replicate], ended: str = "", sentinels: Sequence[float] = ()
) -> Result:
    """The row of one case by itself: its status is that of the first replicate that went wrong, if one did.

    `sentinels` are those of all cases of the run on the same device and threads, in order: they show the machine's drift.

    A case that was counted and never timed is `skipped`, with its counts; the order of the replicates does not matter.
    """
    from . import metrics  # a package that only those who derive rows need  # noqa: PLC0415
    from .metrics import efficiency, executed  # as above  # noqa: PLC0415

    load_metrics()
    replicates = sorted(replicates, key=lambda r: (r.role, r.index))
    if case.id in run.skipped:
        return Result(case=case, status="skipped", reason=run.skipped[case.id])
    if not replicates:
        return Result(case=case, status="skipped", reason=_not_run(run, case, ended))
    # What went wrong in the energy pass, after all timing, leaves the times as they are, and the energy empty.
    wrong = next((r for r in replicates if r.status != "ok" and r.role != "energy"), None)
    status: Status = "ok" if wrong is None else wrong.status
    reason = "" if wrong is None else wrong.reason
    if wrong is None and all(r.role != "measure" for r in replicates):
        status, reason = "skipped", _not_run(run, case, ended)
    # A pass that failed after all timing has no number in it, and says why the energy is empty.
    good = [r for r in replicates if r.status == "ok" or r.role == "energy"]
    # A replicate that failed after counting still carries exact counts; times come from the good ones only.
    values: dict[str, Any] = {}
    broken: list[str] = []
    for metric in sorted(METRICS, key=lambda m: m.order):
        try:
            derived = metrics.derive(metric, case, replicates if metric.kind == "counted" else good, run)
            values.update({column: metrics.plain(derived.get(column)) for column in metric.columns})
        except Exception:  # noqa: BLE001 - a plugin's metric may raise anything, and must not take the row with it
            values.update(dict.fromkeys(metric.columns))
            broken = ["metric_failed"]
    earlier = run.sentinels.get(drift.key(case), ())
    values |= judge.with_drift(values, drift.of(sentinels, earlier))
    flags: tuple[str, ...] = ()
    if wrong is None:
        found = judge.flags(good, drift.usual(sentinels, earlier), case.scenario)
        flags = (
            *broken,
            *_flags(run, replicates, values),
            *found,
            *efficiency.ceiling_flags(values),
            *executed.flags(case, good),
        )
    return Result(
        case=case,
        status=status,
        reason=reason,
        flags=flags,
        values={name: value for name, value in values.items() if value is not None},
    )


def _not_run(run: Run, case: Case, ended: str) -> str:
    """Why a case was not timed, and what goes on with it."""
    if ended != "complete":
        return "not run: the run was interrupted before it"
    more = "; `vbench run --resume FILE --time-limit 15m` goes on with it" if case.id in run.further else ""
    return f"not run: the time limit came first{more}"


def _flags(run: Run, replicates: Sequence[Replicate], values: dict[str, Any]) -> list[str]:
    """The validity flags that the replicates give cause for; each is explained in flags.py."""
    flags = judge.width_flags(values, run.settings.get("interval"))
    counted = next((r.counted for r in replicates if r.counted is not None), None)
    if counted is None:
        # An engine that needs no network has nothing to count, and no check either.
        flags += ["not_counted"] if any(r.role == "check" for r in replicates) else []
    elif counted.macs_second is None:
        flags.append("counted_once")
    elif counted.macs_second != counted.macs:
        flags.append("macs_disagree")
    return flags


def read(path: str | Path) -> Record:
    """Read one result file into a Record. Raises UsageError when it is not one; a cut file gives what it holds."""
    file = Path(path)
    lines = journal.read(file)
    if lines.run is None:
        message = f"{file} holds nothing yet: it was cut inside its first line; run it again with `vbench run -o {file}`"
        raise UsageError(message)
    return record(lines.run, lines.replicates, lines.ended, str(file), evaluated=lines.evaluated)


def read_all(paths: Iterable[str | Path]) -> list[Record]:
    """Read result files that belong together: an accuracy of one is in the rows of its case in the others. Raises as `read`."""
    return joins.of_files(map(read, paths))


def record(  # noqa: PLR0913 - what a file holds, and where it lies
    run: Run,
    replicates: Sequence[Replicate],
    ended: str,
    path: str = "",
    plugin_errors: tuple[str, ...] = (),
    *,
    evaluated: Sequence[Evaluated] = (),
) -> Record:
    """Put a Record together, with its rows derived; behind those of the run's cases the accuracies that are of none of them."""
    results = derive(run, replicates, ended)
    if evaluated:
        run, results = joins.of_file(run, results, evaluated)
    return Record(run=run, replicates=tuple(replicates), results=results, ended=ended, path=path, plugin_errors=plugin_errors)


def load(paths: str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """Read result files into one DataFrame: one row per case, the columns of the contract, base SI units.

    `paths` is a file, a folder (searched for `*.jsonl`), a glob, or several of these. A file that was cut gives what it
    holds. Raises UsageError when a named file is absent or is no result file.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    records = []
    for file in files(given):
        lines = journal.read(file)
        if lines.run is not None:
            records.append(record(lines.run, lines.replicates, lines.ended, str(file), evaluated=lines.evaluated))
    return frame(joins.of_files(records))


def files(paths: Iterable[str | Path]) -> list[Path]:
    """The result files that the paths name, each once: files as they are, folders and globs expanded in sorted order."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(p for p in path.rglob("*.jsonl") if is_run(p.relative_to(path)))
        elif any(mark in str(path) for mark in "*?[") and not path.exists():
            found += sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 - an absolute pattern
        else:
            found.append(path)
    return list({os.path.realpath(path): path for path in found}.values())


def is_run(path: Path) -> bool:
    """Whether a file found in a folder may be of a run: no log of a campaign, which repeats runs, and no pairs of the gate."""
    return CAMPAIGNS not in path.parts and not path.name.endswith(PAIRS) and path.name != STUDY


def row(head: Run, result: Result) -> dict[str, Any]:
    """One case as a flat row: identity, status, values, and its accuracy: measured, else the first that its network declares."""
    case = result.case
    facts = head.architectures.get(case.architecture, Facts())
    accuracy = None if result.accuracy else accuracies.published(facts, case)
    identity = {
        "run_id": head.run_id,
        "machine": head.machine.slug,
        "case_id": case.id,
        "definition": head.definitions.get(case.id, ""),
        "architecture": case.architecture,
        "family": facts.family or case.architecture.partition("/")[0],
        "task": facts.task,
        "topic": facts.topic,
        "year": facts.paper.year if facts.paper else None,
        "input_shape": "x".join(map(str, case.input_shape)),
        "engine_options": ",".join(f"{key}={value}" for key, value in case.engine_options),
        "status": result.status,
        "reason": result.reason,
        "flags": list(result.flags),
    }
    axes = ("compression", "weights", "phase", "scenario", "engine", "precision", "device", "batch", "threads", "layout")
    quality = {} if accuracy is None else {
        "quality": accuracy.quality,
        "quality_metric": accuracy.metric,
        "top1": accuracy.top1,
        "top5": accuracy.top5,
        "accuracy_source": accuracy.source,
        "accuracy_protocol": accuracy.protocol,
        "accuracy_kind": accuracy.kind,
    }  # fmt: skip
    return identity | {axis: getattr(case, axis) for axis in axes} | result.values | quality  # noqa: PD011 - no frame


def frame(records: Sequence[Record]) -> pd.DataFrame:
    """The rows of several records as one DataFrame; columns that a plugin's metric adds come after the contract's."""
    import pandas as pd  # noqa: PLC0415 - most of a second, which only those who want a frame pay

    rows = [row(rec.run, result) for rec in records for result in rec.results]
    extra = [name for name in dict.fromkeys(key for r in rows for key in r) if name not in COLUMNS]
    return pd.DataFrame(rows, columns=[*COLUMNS, *extra])


def html(rec: Record) -> str:
    """A small table for a notebook: identity, status and the headline of each metric."""
    return str(rec.frame()[list(HEADLINES)].to_html(index=False, escape=True, float_format=lambda v: f"{v:.5g}"))


def exit_code(rec: Record, *, strict: bool = False) -> int:
    """The contract's exit code: interrupted, a case failed (or, with `strict`, may be biased), nothing measured, or fine."""
    statuses = {result.status for result in rec.results}
    if rec.ended == "interrupted":
        return EXIT_INTERRUPTED
    biased = strict and any(BIAS & set(result.flags) for result in rec.results)
    if statuses - {"ok", "skipped"} or rec.plugin_errors or biased:
        return EXIT_FAILED
    if not statuses or statuses == {"skipped"}:
        return EXIT_NOTHING
    return EXIT_OK
