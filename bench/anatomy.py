"""What a profile asks of a worker: a case that answers right, timed unwatched, then its layers, then timed unwatched again.

The requests before and after the profile are what the sum of the layers is held against: a profiler takes time of its own, and a
machine may be another from one second to the next.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from . import agreement, answers, check, contention, devices, measure
from . import job as jobs
from .job import Wrong

if TYPE_CHECKING:
    from .core import Account, Architecture, Case
    from .interfaces import Session
    from .job import Job, Phase


def told(job: Job, phase: Phase) -> dict[str, Any]:
    """The account, in `latency_ns` the requests before and after it, and in `values` how many of them were before.

    The values also say what the rest of the machine did meanwhile: a layer is over before other work takes the core from it, and
    a request is not.
    """
    notes: dict[str, str] = {}
    phase("load")
    architecture, engine = jobs.load(job)
    if architecture is None:
        message = f"the {job.case.engine} engine builds no network, and has no layers: add --engine eager"
        raise Wrong(message)
    case = job.case
    jobs.settle_threads(case, notes)
    device = devices.get(case.device)
    jobs.settle_device(job, device, notes)
    phase("build")
    module = jobs.build(architecture, case, notes)
    jobs.refuse_nan(module)
    pictures = check.compared(job, architecture, -(-answers.FEW // case.batch) * case.batch)
    with torch.inference_mode():
        wanted = torch.cat([agreement.flatten(module(batch)) for batch in pictures])
    phase("prepare")
    session, preparation = jobs.prepare(job, engine, module, case, architecture)
    try:
        notes |= {} if preparation is None else preparation.notes
        phase("verify")
        session.load(pictures)
        check.verdict(wanted, _answers(session, len(pictures)), case, architecture, notes)
        session.load(jobs.inputs(job, architecture))
        clock = device.clock(job.index)
        began, others = time.perf_counter(), contention.snapshot()
        with measure.quiet():
            phase("time")
            measure.warm_up(session, clock, job.budget)
            before = measure.latency(session, clock, job.budget)
            phase("profile")
            account = _account(session, case, architecture)
            phase("time again")
            measure.sample(session, clock, measure.GROUP)
            after = measure.latency(session, clock, job.budget)
        notes |= getattr(session, "notes", {})
        elapsed, found = time.perf_counter() - began, contention.since(others)
    finally:
        session.close()
        if preparation is not None:
            preparation.close()
    values = found | {"requests_before": float(len(before)), "passes_s": elapsed}
    return {"latency_ns": (*before, *after), "values": values, "account": account, "notes": notes}


def _answers(session: Session, count: int) -> torch.Tensor:
    """What the session answers to so many inputs."""
    found = []
    for _ in range(count):
        session.step()
        session.synchronize()
        found.append(agreement.flatten(session.output()).clone())
    return torch.cat(found)


def _account(session: Session, case: Case, architecture: Architecture) -> Account:
    """The engine's account. Raises Wrong where it gives none."""
    ask = getattr(session, "account", None)
    if ask is None:
        message = f"the {case.engine} engine gives no account of its layers for {architecture.name}: add --engine eager"
        raise Wrong(message)
    found: Account = ask()
    if not any(layer.seconds for layer in found.layers):
        message = f"the {case.engine} engine's account of {architecture.name} has no times: add --engine eager"
        raise Wrong(message)
    return found
