"""All images are there from the start: throughput at growing batches, and the batch beyond which it grows no more.

One process tries every batch, so nothing is said about memory here: the peak of one batch would hold what the allocator
kept of those before it. Ask for `--batch N` with another scenario to see the memory of one batch.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import msgspec

from .. import job as jobs
from .. import measure as passes
from .. import sweeps
from ..job import Wrong
from ..stats import median
from . import _state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from . import Bench

# New memory, and kernels chosen for the new shape: not part of the throughput that lasts.
_LEAST_WARMUP, _MOST_WARMUP = 2, 10


def measure(bench: Bench) -> dict[str, Any]:
    """Sweep the batches; the process's own best stands in its values, and the series has them all."""
    series: list[tuple[int, float]] = []
    ended = ""
    for batch in _batches(bench, series):
        bench.phase(f"batch {batch}")
        # The except clause holds the error no longer than it must: its frames hold the tensors that filled the memory.
        failed = ""
        try:
            series.append((batch, _throughput(bench, batch)))
        except Wrong:
            raise
        except Exception as error:
            if not series:
                raise
            failed = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            memory_is_out = jobs.out_of_memory(error)
        if failed:
            release(bench)
            if memory_is_out:
                bench.values["oom_batch"] = float(batch)
            ended = f"out of memory at batch {batch}" if memory_is_out else f"batch {batch} failed: {failed}"
            break
        release(bench)
    bench.notes["sweep_ended"] = ended or _why(bench, series)
    rates = dict(series)
    bench.values["throughput_per_s"] = rates[sweeps.best(rates)]
    return {"series": tuple((float(batch), rate) for batch, rate in series)}


def _batches(bench: Bench, series: list[tuple[int, float]]) -> Iterator[int]:
    """The batches of the process that swept first; for that one, twice as many images each time while it is worth it."""
    if bench.job.batches:
        yield from bench.job.batches
        return
    batch, limit = bench.case.batch, _limit(bench)
    began = before = bench.clock()
    cost = 0
    while sweeps.goes_on([rate for _, rate in series]):
        # A pass that is cut by time costs as much at the next batch, one that takes its three steps twice as much.
        now = bench.clock()
        last, cost = cost, now - before
        expected = cost * (min(2.0, cost / last) if last else 2.0)
        if series and now - began + expected > limit:
            return
        before = now
        yield batch
        batch *= 2


def _why(bench: Bench, series: list[tuple[int, float]]) -> str:
    """Why the sweep ended where nothing went wrong."""
    if bench.job.batches:
        return "with the batches of the first process"
    if sweeps.goes_on([rate for _, rate in series]):
        return f"by its time of {_limit(bench) / passes.NS:.3g} s, and larger batches may be faster"
    return f"throughput grew by less than {sweeps.GAIN:.0%} twice"


def _limit(bench: Bench) -> int:
    """The nanoseconds that the passes of a process have, all of which this one pass may take."""
    budget = bench.job.budget
    return int((budget.warmup + budget.latency + budget.throughput) * passes.NS)


def _throughput(bench: Bench, batch: int) -> float:
    """Images per second at this batch, after a few steps that are not counted."""
    case, clock, budget = bench.case, bench.clock, bench.job.budget
    session = bench.session if batch == case.batch else bench.prepare(batch)
    try:
        end = clock() + int(budget.throughput * passes.NS)
        warmup: list[int] = []
        while len(warmup) < _LEAST_WARMUP or (len(warmup) < _MOST_WARMUP and clock() < end):
            warmup += passes.sample(session, clock, 1)
        # The last ones, since the first pay for what happens once.
        step_ns = median(warmup[-_LEAST_WARMUP:])
        rate = passes.throughput(session, clock, budget, batch, None if bench.device.timer() is None else step_ns)
        _state.look(bench, step_ns, session)
        if case.phase == "infer":
            jobs.fingerprint(session, msgspec.structs.replace(case, batch=batch), bench.architecture)
    finally:
        if session is not bench.session:
            session.close()
    return rate


def release(bench: Bench) -> None:
    """Give back what the last batch held, so that the next one finds the device as empty as it was."""
    gc.collect()
    kind = bench.device.target().partition(":")[0]
    if kind != "cpu":
        import torch  # noqa: PLC0415 - a worker of the fake engine never needs it

        getattr(torch, kind).empty_cache()
