"""The child side. One fresh process does one job and is gone: build, prepare, run, and either check or measure.

A job and its reply are lines of JSON; an architecture crosses by the name of its source and is loaded here again.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from . import check, contention, devices, measure
from . import job as jobs
from .core import Replicate
from .errors import VbenchError
from .job import Phase, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from .job import Job


def run(job: Job, tell: Callable[[str], None]) -> Replicate:
    """Do the job; whatever goes wrong inside becomes a Replicate with a status and a reason."""
    began, started = time.time(), time.perf_counter()
    phase = Phase(tell)
    found: dict[str, Any] = {}
    status, reason = "ok", ""
    try:
        _limit_memory(job.memory_limit)
        found = check.check(job, phase) if job.check else _measure(job, phase)
    except Wrong as error:
        status, reason = "failed", str(error)
    except MemoryError:
        status, reason = "oom", f"out of memory while in {phase.name}{_limit_text(job)}"
    except VbenchError as error:
        status, reason = "failed", str(error)
    except BaseException as error:  # noqa: BLE001 - SystemExit included: a network that exits is a failed case
        status, reason = _judge(error, phase.name, job)
    return Replicate(
        case=job.case.id,
        role="check" if job.check else "measure",
        index=job.index,
        round=job.round,
        server=job.server,
        status=status,  # type: ignore[arg-type]  # one of the literals by construction
        reason=reason,
        started_s=began,
        seconds=time.perf_counter() - started,
        **found,
    )


def _judge(error: BaseException, phase: str, job: Job) -> tuple[str, str]:
    """PyTorch reports exhausted memory as a RuntimeError; everything else is a failure of the network."""
    text = " ".join(str(error).split())
    if "can't allocate memory" in text or "out of memory" in text.lower() or "bad_alloc" in text:
        return "oom", f"out of memory while in {phase}{_limit_text(job)}: {text[:200]}"
    own = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(os.path.dirname(__file__))]  # noqa: PTH120 - a prefix
    own = [f for f in own if f"{os.sep}torch{os.sep}" not in f.filename]
    where = f" ({os.path.basename(own[-1].filename)}:{own[-1].lineno})" if own else ""  # noqa: PTH119 - a name to show
    return "failed", f"{type(error).__name__} in {phase}: {text[:300]}{where}"


def _limit_text(job: Job) -> str:
    return f" (limit {job.memory_limit / 2**30:.1f} GiB)" if job.memory_limit else ""


def _limit_memory(limit: int | None) -> None:
    """Bound the data this process may hold, so that a runaway network ends alone (Linux counts private mappings)."""
    if limit is None or not sys.platform.startswith("linux"):
        return
    import resource  # noqa: PLC0415 - absent on Windows

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _measure(job: Job, phase: Phase) -> dict[str, Any]:
    """Cold start, latency, throughput, memory: each pass apart, so that none disturbs another."""
    case, values, notes = job.case, {}, dict[str, str]()
    phase("load")
    architecture, engine = jobs.load(job)
    device = devices.get(case.device)
    if device.reset_peak() and (base := device.peak_bytes()) is not None:
        values["base_host_bytes"] = float(base)  # after the imports, before the network
    clock = device.clock(job.index)
    module = None
    if architecture is not None:
        jobs.settle_threads(case, notes)
        from . import data  # noqa: PLC0415 - imports torch

        phase("build")
        before = clock()
        module, notes["weights"] = data.build(architecture.build, case.seed)
        values["build_s"] = (clock() - before) / measure.NS
    inputs = None if architecture is None else jobs.inputs(job, architecture)
    phase("prepare")
    before = clock()
    session = engine.prepare(module, case)
    values["compile_s"] = (clock() - before) / measure.NS
    session.load(inputs)
    phase("first run")
    values["first_run_s"] = measure.sample(session, clock, 1)[0] / measure.NS
    output = jobs.fingerprint(session, case, architecture)
    _as_verified(job, output, "this process answers another output than the one that was verified")
    before_passes = contention.snapshot()
    with measure.quiet():
        phase("warm-up")
        warmup, settled = measure.warm_up(session, clock, job.budget)
        phase("latency")
        latency = measure.latency(session, clock, job.budget)
        phase("throughput")
        values["throughput_per_s"] = measure.throughput(session, clock, job.budget, case.batch)
        phase("memory")
        if not device.reset_peak():
            notes["peak_host_bytes"] = "the peak could not be reset: it is that of the whole process"
        measure.sample(session, clock, 1)
        peak = device.peak_bytes()
    values |= contention.since(before_passes)
    phase("verify again")
    session.load(inputs)
    measure.sample(session, clock, 1)
    _as_verified(job, jobs.fingerprint(session, case, architecture), "after it was timed it answers another output than before")
    if peak is not None:
        values["peak_host_bytes"] = float(peak)
    session.close()
    if not settled:
        notes["warmup_not_settled"] = f"after {len(warmup)} samples"
    return {"latency_ns": tuple(latency), "warmup_ns": tuple(warmup), "values": values, "notes": notes, "output": output}


def _as_verified(job: Job, output: tuple[float, ...], problem: str) -> None:
    if job.expected and output:
        from .agreement import same  # noqa: PLC0415 - imports torch

        if not same(job.expected, output, job.case.precision):
            message = f"wrong_output: {problem}"
            raise Wrong(message)


# What counting imports on its first use: in the server once, or in every worker again.
_COUNTING = ("vbench.counting", "torch._dynamo", "torch.fx.experimental.symbolic_shapes", "fvcore.nn")
PRELOADS = {
    "none": (),
    "torch": ("torch", "vbench.data", "vbench.agreement", "vbench.engines.eager"),
    "count": ("torch", "vbench.data", "vbench.agreement", "vbench.engines.eager", *_COUNTING),
}


def preload(what: str) -> None:
    """Import what workers will need. Imports only: a preload that ran a threaded operation would hang every child."""
    for name in ("vbench.devices.cpu", "vbench.devices.fake", *PRELOADS[what]):
        importlib.import_module(name)
