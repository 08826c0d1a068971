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

from . import check, compress, contention, devices, energy, measure, pages, pairing, scenarios
from . import job as jobs
from .core import Replicate
from .errors import VbenchError
from .job import Phase, Wrong
from .stats import same

if TYPE_CHECKING:
    from collections.abc import Callable

    from .devices import Device
    from .job import Job
    from .pairing import Ask


def run(job: Job, tell: Callable[[str], None], ask: Ask | None = None) -> Replicate:
    """Do the job; whatever goes wrong inside becomes a Replicate with a status and a reason.

    `ask` gives the parent an answer and returns what it wants next: only half of a pair needs it.
    """
    began, started = time.time(), time.perf_counter()
    phase = Phase(tell)
    found: dict[str, Any] = {}
    status, reason = "ok", ""
    try:
        _limit_memory(job)
        told = _told if job.sensitivity or job.demonstration or job.profile else check.check if job.check else None
        if job.shown is not None and ask is not None:
            from . import scoring  # noqa: PLC0415 - imports torch
            from .tuning import training  # noqa: PLC0415 - as above

            found = (training if job.shown.tuned else scoring).told(job, job.shown, phase, ask)
        else:
            found = told(job, phase) if told is not None else _measure(job, phase, ask)
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
        role=job.role,
        index=job.index,
        round=job.round,
        server=job.server,
        status=status,  # type: ignore[arg-type]  # one of the literals by construction
        reason=reason,
        started_s=began,
        seconds=time.perf_counter() - started,
        **found,
    )


def _told(job: Job, phase: Phase) -> dict[str, Any]:
    from . import anatomy, demonstrations, sensitivity  # noqa: PLC0415 - they import torch

    if job.demonstration:
        return demonstrations.told(job, phase)
    return anatomy.told(job, phase) if job.profile else sensitivity.told(job, phase)


def _judge(error: BaseException, phase: str, job: Job) -> tuple[str, str]:
    """PyTorch reports exhausted memory as a RuntimeError; everything else is a failure of the network."""
    text = " ".join(str(error).split())
    if jobs.out_of_memory(error):
        return "oom", f"out of memory while in {phase}{_limit_text(job)}: {text[:200]}"
    own = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(os.path.dirname(__file__))]  # noqa: PTH120 - a prefix
    own = [f for f in own if f"{os.sep}torch{os.sep}" not in f.filename]
    where = f" ({os.path.basename(own[-1].filename)}:{own[-1].lineno})" if own else ""  # noqa: PTH119 - a name to show
    return "failed", f"{type(error).__name__} in {phase}: {text[:300]}{where}"


def _limit_text(job: Job) -> str:
    if job.device_memory_limit:
        return f" (limit {job.device_memory_limit / 2**30:.1f} GiB of {job.case.device})"
    return f" (limit {job.memory_limit / 2**30:.1f} GiB)" if job.memory_limit and _on_host(job) else ""


def _on_host(job: Job) -> bool:
    return job.case.virtual or job.case.device == "cpu"


def _limit_memory(job: Job) -> None:
    """Bound the data this process may hold, so that a runaway network ends alone (Linux counts private mappings).

    Not where the network runs on another device: its driver maps far more than it holds. The device's own limit is set
    with its switches.
    """
    limit = job.memory_limit
    if limit is None or not _on_host(job) or not sys.platform.startswith("linux"):
        return
    import resource  # noqa: PLC0415 - absent on Windows

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _measure(job: Job, phase: Phase, ask: Ask | None) -> dict[str, Any]:
    """Cold start, then what the scenario does, then the same answer again; the sentinel before and after."""
    case, values, notes = job.case, dict[str, float](), dict[str, str]()
    phase("load")
    architecture, engine = jobs.load(job)
    device = devices.get(case.device)
    if device.reset_peak() and (base := device.memory().get("peak_host_bytes")) is not None:
        values["base_host_bytes"] = base  # after the imports, before the network
    clock = device.clock(job.index)
    module = None
    sentinel: tuple[int, ...] = ()
    if architecture is not None:
        jobs.settle_threads(case, notes)
    jobs.settle_device(job, device, notes)
    if architecture is not None:
        if not job.pair:  # whose other half tells what the machine was like
            phase("sentinel")
            sentinel = _sentinel(device)
        phase("build")
        before = clock()
        module = jobs.build(architecture, case, notes)
        values["build_s"] = (clock() - before) / measure.NS - compress.told(architecture)[1]
        jobs.refuse_strangers(job)
    inputs = None if architecture is None else jobs.inputs(job, architecture)
    phase("prepare")
    before = clock()
    session, preparation = jobs.prepare(job, engine, module, case, architecture)
    values |= jobs.start_seconds((clock() - before) / measure.NS, preparation)
    notes |= {} if preparation is None else preparation.notes
    session.load(inputs)
    phase("first run")
    values["first_run_s"] = measure.sample(session, clock, 1)[0] / measure.NS
    output = jobs.fingerprint(session, case, architecture)
    _as_verified(job, output, "this process answers another output than the one that was verified")
    bench = scenarios.Bench(
        job=job, case=case, architecture=architecture, device=device, clock=clock, session=session, inputs=inputs,
        prepare=jobs.other_batch(job, engine, module, architecture), phase=phase, values=values, notes=notes,
    )  # fmt: skip
    found = _passes(bench, ask)
    phase("verify again")
    _same_again(bench)
    notes |= getattr(session, "notes", {})
    session.close()
    if preparation is not None:
        preparation.close()
    if job.energy:
        return found  # a process that the meter watched takes no part in any timing
    if sentinel:
        phase("sentinel")
        sentinel += _sentinel(device)
    return found | {"sentinel_ns": sentinel, "values": values, "notes": notes, "output": output}


def _passes(bench: scenarios.Bench, ask: Ask | None) -> dict[str, Any]:
    """What the scenario measures, and what the rest of the machine did meanwhile."""
    before, began = contention.snapshot(), time.perf_counter()
    with measure.quiet():
        job = bench.job
        if ask is not None and job.pair:
            found = pairing.measure(bench, ask)
        else:
            found = energy.measure(bench) if job.energy else scenarios.get(bench.case.scenario).measure(bench)
    if not bench.case.virtual:
        # Virtual time passes in no time: what happened to the process meanwhile says nothing about it.
        bench.values.update(contention.since(before))
        bench.values["clock_reading_ns"] = measure.clock_reading(bench.clock)
        if (cost := pages.cost_s()) is not None:
            bench.values["page_fault_s"] = cost
        bench.values["threads"] = float(bench.case.threads)
        bench.values["passes_s"] = time.perf_counter() - began
    return found


def _same_again(bench: scenarios.Bench) -> None:
    """After it was timed the case must still answer as it was verified; a network in training must still answer numbers."""
    if bench.case.phase == "infer":
        bench.session.load(_first_inputs(bench))
        measure.sample(bench.session, bench.clock, 1)
    output = jobs.fingerprint(bench.session, bench.case, bench.architecture)
    if bench.case.phase == "infer":
        _as_verified(bench.job, output, "after it was timed it answers another output than before")


def _first_inputs(bench: scenarios.Bench) -> Any:
    """The inputs again, of which the first is what was verified: the pass that looks at the memory has emptied the rotation."""
    if bench.inputs is None or bench.inputs:
        return bench.inputs
    from . import data  # noqa: PLC0415 - imports torch

    return jobs.inputs(bench.job, bench.architecture, shared=data.ROTATION)


def _sentinel(device: Device) -> tuple[int, ...]:
    from . import sentinel  # noqa: PLC0415 - imports torch

    return sentinel.run(device)


def _as_verified(job: Job, output: tuple[float, ...], problem: str) -> None:
    if job.expected and output:
        from .agreement import limit_db  # noqa: PLC0415 - imports torch

        if not same(job.expected, output, limit_db(job.case)):
            message = f"wrong_output: {problem}"
            raise Wrong(message)


# What counting imports on its first use: in the server once, or in every worker again.
_COUNTING = ("vbench.counting", "torch._dynamo", "torch.fx.experimental.symbolic_shapes", "fvcore.nn")
PRELOADS = {
    "none": (),
    "torch": ("torch", "vbench.data", "vbench.agreement", "vbench.sentinel", "vbench.engines.eager"),
    "count": ("torch", "vbench.data", "vbench.agreement", "vbench.sentinel", "vbench.engines.eager", *_COUNTING),
}


def preload(what: str) -> None:
    """Import what workers will need. Imports only: a preload that ran a threaded operation would hang every child."""
    for name in ("vbench.devices.cpu", "vbench.devices.fake", "vbench.scenarios.single_stream", *PRELOADS[what]):
        importlib.import_module(name)
