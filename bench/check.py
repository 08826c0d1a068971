"""Counted and verified, once per case and before anything is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import job as jobs
from .job import Wrong

if TYPE_CHECKING:
    import torch

    from .core import Architecture, Case, Counted
    from .job import Job, Phase


def check(job: Job, phase: Phase) -> dict[str, Any]:
    """Count the network, then compare the engine's answers with eager fp32 on the module itself."""
    case, notes = job.case, dict[str, str]()
    phase("load")
    architecture, engine = jobs.load(job)
    if architecture is None:
        return {}
    jobs.settle_threads(case, notes)
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
    images = 4 if getattr(engine, "reference", False) and case.precision == "fp32" else 64
    images = -(-images // case.batch) * case.batch
    if job.images:
        probes = data.images(job.images, case.input_shape, images, architecture.preprocess)
    else:
        probes = data.smooth(case.input_shape, images, job.seed)
    batches = list(probes.split(case.batch))
    inputs = jobs.inputs(job, architecture)
    phase("reference")
    with torch.inference_mode():
        wanted = torch.cat([agreement.flatten(module(batch)) for batch in batches])
    phase("prepare")
    session = engine.prepare(module, case)
    session.load(inputs)
    phase("first run")
    session.step()
    session.synchronize()
    output = jobs.fingerprint(session, case, architecture)
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
    if result.sqnr_db is None and not agreement.same(agreement.fingerprint(wanted), agreement.fingerprint(got), case.precision):
        message = "wrong_output: eager fp32 answers the same to every input, and this engine answers something else"
        raise Wrong(message)
    if result.sqnr_db is not None and result.sqnr_db < limit:
        message = (
            f"wrong_output: {result.sqnr_db:.1f} dB signal over error against eager fp32; {case.precision} needs {limit:.0f} dB"
        )
        raise Wrong(message)
    if result.note:
        notes["agreement"] = result.note
    named = {"agreement_sqnr_db": result.sqnr_db, "agreement_cosine": result.cosine, "agreement_top1": result.top1}
    return {name: value for name, value in named.items() if value is not None}
