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

import msgspec

from . import devices, measure, plugins
from .core import Architecture, Case, Counted, Replicate, Source
from .errors import VbenchError
from .registry import ARCHITECTURES, ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from .core import Engine, Session


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's task. `check` counts and verifies; without it the worker measures within `budget`."""

    case: Case
    index: int = 0
    round: int = 0
    server: int = 0
    check: bool = False
    count_only: bool = False
    architecture: Source | None = None
    engine: Source
    catalogue: str = ""
    images: str = ""
    seed: int = 0
    memory_limit: int | None = None
    budget: measure.Budget = measure.Budget()
    expected: tuple[float, ...] = ()


class Wrong(Exception):  # noqa: N818 - not an error of the harness but a finding about the network
    """The network or the engine gives an answer that cannot be right; the reason goes into the row."""


class Phase:
    """Says what the worker is doing, so that a crash can name it; written between passes, never inside one."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.name = "start"

    def __call__(self, name: str) -> None:
        """Enter the phase."""
        self.name = name
        self._tell(name)


def run(job: Job, tell: Callable[[str], None]) -> Replicate:
    """Do the job; whatever goes wrong inside becomes a Replicate with a status and a reason."""
    began, started = time.time(), time.perf_counter()
    phase = Phase(tell)
    found: dict[str, Any] = {}
    status, reason = "ok", ""
    try:
        _limit_memory(job.memory_limit)
        found = _check(job, phase) if job.check else _measure(job, phase)
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
        status=status,  # type: ignore[arg-type] - one of the literals by construction
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


def _load(job: Job) -> tuple[Architecture | None, Engine]:
    plugins.load(job.engine, job.catalogue)
    engine = ENGINES.get(job.case.engine)()
    if not getattr(engine, "builds", True) or job.architecture is None:
        return None, engine
    plugins.load(job.architecture, job.catalogue)
    return ARCHITECTURES.get(job.case.architecture), engine


def _settle_threads(case: Case, notes: dict[str, str]) -> None:
    """As many threads as the case says, read back; denormals flushed, since they run many times slower."""
    import torch  # noqa: PLC0415 - a worker of the fake engine never needs it

    torch.set_num_threads(case.threads)
    torch.set_num_interop_threads(1)
    if torch.get_num_threads() != case.threads:
        message = f"asked for {case.threads} threads and got {torch.get_num_threads()}"
        raise Wrong(message)
    notes["flush_denormal"] = str(torch.set_flush_denormal(True)).lower()


def _inputs(job: Job, architecture: Architecture | None) -> list[torch.Tensor]:
    from . import data  # noqa: PLC0415 - imports torch

    case = job.case
    if job.images and architecture is not None:
        tensor = data.images(job.images, case.input_shape, data.ROTATION * case.batch, architecture.preprocess)
        return list(tensor.split(case.batch))
    return data.noise(case.input_shape, case.batch, job.seed)


def _measure(job: Job, phase: Phase) -> dict[str, Any]:
    """Cold start, latency, throughput, memory: each pass apart, so that none disturbs another."""
    case, values, notes = job.case, {}, dict[str, str]()
    phase("load")
    architecture, engine = _load(job)
    device = devices.get(case.device)
    clock = device.clock(job.index)
    module = None
    if architecture is not None:
        _settle_threads(case, notes)
        from . import data  # noqa: PLC0415 - imports torch

        phase("build")
        before = clock()
        module, notes["weights"] = data.build(architecture.build, case.seed)
        values["build_s"] = (clock() - before) / measure.NS
    inputs = None if architecture is None else _inputs(job, architecture)
    phase("prepare")
    before = clock()
    session = engine.prepare(module, case)
    values["compile_s"] = (clock() - before) / measure.NS
    session.load(inputs)
    phase("first run")
    values["first_run_s"] = measure.sample(session, clock, 1)[0] / measure.NS
    output = _fingerprint(session, case, architecture)
    if job.expected and output:
        from .agreement import same  # noqa: PLC0415 - imports torch

        if not same(job.expected, output, case.precision):
            message = "wrong_output: this process answers another output than the one that was verified"
            raise Wrong(message)
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
        measure.sample(session, clock, 3)
        peak = device.peak_bytes()
    if peak is not None:
        values["peak_host_bytes"] = float(peak)
    session.close()
    if not settled:
        notes["warmup_not_settled"] = f"after {len(warmup)} samples"
    return {"latency_ns": tuple(latency), "warmup_ns": tuple(warmup), "values": values, "notes": notes, "output": output}


def _fingerprint(session: Session, case: Case, architecture: Architecture | None) -> tuple[float, ...]:
    """Check the shape and the values of the last output; a few of its values, to compare between processes."""
    if architecture is None:
        return ()
    import torch  # noqa: PLC0415 - a worker of the fake engine never needs it

    from . import agreement  # noqa: PLC0415 - imports torch

    try:
        output = agreement.flatten(session.output())
    except (TypeError, ValueError) as error:
        message = f"wrong_shape: {error}"
        raise Wrong(message) from None
    if output.shape[0] != case.batch:
        message = f"wrong_shape: the output's first dimension is {output.shape[0]}, and the batch is {case.batch}"
        raise Wrong(message)
    if not bool(torch.isfinite(output).all()):
        message = "wrong_output: the output holds NaN or infinity"
        raise Wrong(message)
    return agreement.fingerprint(output[:1])


def _check(job: Job, phase: Phase) -> dict[str, Any]:
    """Count the network, then compare the engine's answers with eager fp32 on the module itself."""
    case, notes = job.case, dict[str, str]()
    phase("load")
    architecture, engine = _load(job)
    if architecture is None:
        return {}
    _settle_threads(case, notes)
    import torch  # noqa: PLC0415 - only workers that build need it

    from . import agreement, data  # noqa: PLC0415 - they import torch
    from .counting import count  # noqa: PLC0415 - as above

    phase("count")
    counted: Counted | None = None
    try:
        counted = count(architecture.build, case.input_shape, second=not job.count_only)
    except Exception as error:
        if job.count_only:
            raise
        notes["counted"] = f"could not be counted: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if job.count_only:
        return {"counted": counted, "notes": notes}
    phase("build")
    module, notes["weights"] = data.build(architecture.build, case.seed)
    # The reference compared with itself shows only that the session feeds and returns what it should: few images do.
    images = 8 if getattr(engine, "reference", False) and case.precision == "fp32" else 64
    images = -(-images // case.batch) * case.batch
    if job.images:
        probes = data.images(job.images, case.input_shape, images, architecture.preprocess)
    else:
        probes = data.smooth(case.input_shape, images, job.seed)
    batches = list(probes.split(case.batch))
    inputs = _inputs(job, architecture)
    phase("reference")
    with torch.inference_mode():
        wanted = torch.cat([agreement.flatten(module(batch)) for batch in batches])
    phase("prepare")
    session = engine.prepare(module, case)
    session.load(inputs)
    phase("first run")
    session.step()
    session.synchronize()
    output = _fingerprint(session, case, architecture)
    phase("verify")
    session.load(batches)
    got = []
    for _ in batches:
        session.step()
        session.synchronize()
        got.append(agreement.flatten(session.output()).clone())
    session.close()
    values = _verdict(wanted, torch.cat(got), case, architecture, notes)
    return {"counted": counted, "values": values, "notes": notes, "output": output}


def _verdict(
    wanted: torch.Tensor, got: torch.Tensor, case: Case, architecture: Architecture, notes: dict[str, str]
) -> dict[str, float]:
    from . import agreement  # noqa: PLC0415 - imports torch

    try:
        result = agreement.compare(wanted, got, classes=architecture.task == "classification")
    except ValueError as error:
        message = f"wrong_output: {error}"
        raise Wrong(message) from None
    limit = agreement.LIMITS_DB[case.precision]
    if result.sqnr_db is not None and result.sqnr_db < limit:
        message = f"wrong_output: {result.sqnr_db:.1f} dB signal over error against eager fp32; {case.precision} needs {limit:.0f} dB"
        raise Wrong(message)
    if result.note:
        notes["agreement"] = result.note
    named = {"agreement_sqnr_db": result.sqnr_db, "agreement_cosine": result.cosine, "agreement_top1": result.top1}
    return {name: value for name, value in named.items() if value is not None}


def preload(with_torch: bool) -> None:  # noqa: FBT001 - one flag, named at its only call
    """Import what workers will need. Imports only: a preload that ran a threaded operation would hang every child."""
    names = ["cpu", "fake"]
    for name in names:
        importlib.import_module(f"{devices.__name__}.{name}")
    if with_torch:
        for name in ("torch", "vbench.data", "vbench.agreement", "vbench.counting", "vbench.engines.eager"):
            importlib.import_module(name)
