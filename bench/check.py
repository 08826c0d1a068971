"""Counted and verified, once per case and before anything is timed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec

from . import answers, compress, devices
from . import job as jobs
from .job import Wrong
from .stats import same

if TYPE_CHECKING:
    import torch

    from .core import Architecture, Case, Counted
    from .interfaces import Engine
    from .job import Job, Phase

# The types in which a network can be walked without values, by what is cast where. A quantised network is another network.
_WALKED = {"fp32": "float32", "tf32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def check(job: Job, phase: Phase) -> dict[str, Any]:
    """Count the network, then compare the engine's answers with eager fp32 on the module itself."""
    case, notes = job.case, dict[str, str]()
    phase("load")
    architecture, engine = jobs.load(job)
    if architecture is None:
        return {}
    jobs.settle_threads(case, notes)
    if not job.count_only:
        jobs.settle_device(job, devices.get(case.device), notes)
    import torch  # noqa: PLC0415 - only workers that build need it

    from . import agreement  # noqa: PLC0415 - imports torch

    phase("count")
    counted = _count(job, architecture, notes)
    if job.count_only or case.phase == "train":
        rest = {} if job.count_only else _train(job, architecture, engine, phase, notes)
        _fitting(job, architecture, counted, notes)
        return {"counted": counted, "notes": notes, **rest}
    phase("build")
    module = jobs.build(architecture, case, notes)
    jobs.refuse_nan(module)
    batches = compared(job, architecture, probed(case, architecture.task, reference=getattr(engine, "reference", False)))
    inputs = jobs.inputs(job, architecture)
    phase("reference")
    with torch.inference_mode():
        first = answers.asked(batches, lambda batch: agreement.flatten(module(batch)), job)
    planned, batches, wanted = len(batches), batches[: len(first)], torch.cat(first)
    phase("prepare")
    found = answers.answered(job, engine, module, architecture, phase, inputs=inputs, batches=batches)
    try:
        values = verdict(wanted[: found.pictures], found.answers, case, architecture, notes)
    except Wrong:
        if found.preparation is None or not found.preparation.kept:
            raise
        # What an earlier process kept is not trusted: made again, it must be wrong again.
        found.preparation.discard()
        found = answers.answered(job, engine, module, architecture, phase, inputs=inputs, batches=batches)
        values = verdict(wanted[: found.pictures], found.answers, case, architecture, notes)
        notes["artefact"] = "what an earlier run kept answered something else, and was made again"
    notes |= found.notes
    if found.pictures < planned * case.batch:
        notes["verified"] = f"on the first {found.pictures} pictures, in {job.verify_s:.0f} s"
    phase("scratch")
    values |= _scratch(module, batches[0], engine, case, counted)
    values |= _fitting(job, architecture, counted, notes) | found.values | compress.told(architecture)[0]
    return {"counted": counted, "values": values, "notes": notes, "output": found.output, "operators": found.operators}


def compared(job: Job, architecture: Architecture, count: int) -> list[torch.Tensor]:
    """So many pictures that the outputs are compared on, in batches: those of the run, else smooth seeded ones."""
    from . import data  # noqa: PLC0415 - imports torch

    case = job.case
    if job.images:
        pictures = data.images(job.images, case.input_shape, count, architecture.preprocess)
    else:
        pictures = data.smooth(case.input_shape, count, job.seed)
    return list(pictures.split(case.batch))


def probed(case: Case, task: str, *, reference: bool) -> int:
    """How many pictures are compared, in whole batches; 64 show which share of the likeliest classes agrees.

    The reference compared with itself shows only that the session feeds and returns what it should: few pictures do. Nor does a
    map need many, which holds a hundred thousand answers to each: 64 would fill the memory.
    """
    few = (reference and case.precision == "fp32") or task != "classification"
    return -(-(answers.FEW if few else 64) // case.batch) * case.batch


def _fitting(job: Job, architecture: Architecture, counted: Counted | None, notes: dict[str, str]) -> dict[str, float]:
    """The counted largest batch that fits the memory limit, where one was set; a note where it cannot be counted."""
    if job.fit is None or counted is None:
        return {}
    case = job.case
    if case.phase == "train":
        notes["largest_batch"] = "left empty: what a training step keeps for its backward pass is not counted"
        return {}
    if case.precision not in _WALKED:
        notes["largest_batch"] = f"left empty: the tensors of an {case.precision} network are not those that were counted"
        return {}
    import torch  # noqa: PLC0415 - only workers that build need it

    from .counting import largest_batch  # noqa: PLC0415 - imports torch

    try:
        found = largest_batch(architecture.build, case.input_shape, job.fit, getattr(torch, _WALKED[case.precision]))
    except Exception as error:  # noqa: BLE001 - it was verified already: what cannot be counted takes no row with it
        notes["largest_batch"] = f"left empty: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return {}
    return {} if found is None else {"largest_batch": float(found)}


def _scratch(
    module: torch.nn.Module, batch: torch.Tensor, engine: Engine, case: Case, counted: Counted | None
) -> dict[str, float]:
    """What the kernels allocate beside the counted peak, where the counted tensors are those that exist: in eager inference."""
    import torch  # noqa: PLC0415 - only workers that build need it

    from .counting import scratch  # noqa: PLC0415 - imports torch

    like_the_walk = getattr(engine, "reference", False) and (case.device, case.precision) == ("cpu", "fp32")
    if not like_the_walk or counted is None or counted.peak_activation_bytes is None:
        return {}
    if case.layout == "nhwc":
        batch = batch.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        found = scratch(lambda: module(batch), batch.nbytes, counted.peak_activation_bytes)
    return {} if found is None else {"peak_scratch_bytes": float(found)}


def _count(job: Job, architecture: Architecture, notes: dict[str, str]) -> Counted | None:
    """What the network costs; None, with a note, where it cannot be counted. Counting alone raises what went wrong."""
    from .counting import count  # noqa: PLC0415 - imports torch

    case, train = job.case, job.case.phase == "train"
    # What is locked does not depend on the batch.
    batch = 1 if job.count_only else case.batch
    try:
        counted = count(architecture.build, case.input_shape, second=not job.count_only, batch=batch, backward=train)
    except Exception as error:
        if job.count_only:
            raise
        notes["counted"] = f"could not be counted: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return None
    # That walk is of a forward pass without gradients; training keeps what its backward pass will read.
    return msgspec.structs.replace(counted, peak_activation_bytes=None, bytes_moved=None) if train else counted


def _train(job: Job, architecture: Architecture, engine: Engine, phase: Phase, notes: dict[str, str]) -> dict[str, Any]:
    """Compare the engine's training steps with steps taken by hand, on two networks of the same weights."""
    from . import agreement, training, witness  # noqa: PLC0415 - they import torch

    case, inputs = job.case, jobs.inputs(job, architecture)

    def by_hand(batches: list[torch.Tensor]) -> witness.Trace:
        twin, place = training.placed(jobs.build(architecture, case, {}), case)
        return witness.by_hand(twin, [place(tensor) for tensor in batches], case.seed)

    phase("reference")
    try:
        wanted = by_hand(inputs[: witness.STEPS])
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        message = (
            f"batch norm cannot train on a single value per channel, which is all that a layer has here: raise --batch ({error})"
        )
        raise Wrong(message) from None
    phase("build")
    module = jobs.build(architecture, case, notes)
    jobs.refuse_nan(module)
    phase("prepare")
    session = engine.prepare(module, case)
    session.load(inputs)
    outputs: list[tuple[float, ...]] = []

    def step() -> Any:
        session.step()
        session.synchronize()
        outputs.append(jobs.fingerprint(session, case, architecture))
        return session.output()

    phase("verify")
    got = witness.of_session(module, step, witness.STEPS)
    session.close()
    again = functools.partial(by_hand, witness.jitter(inputs[: witness.STEPS]))
    problem, values, note = witness.verdict(wanted, got, agreement.limit_db(case), again)
    if note:
        notes["training"] = note
    if problem:
        message = f"wrong_output: {problem}"
        raise Wrong(message)
    return {"values": values | compress.told(architecture)[0], "output": outputs[0]}


def verdict(
    wanted: torch.Tensor, got: torch.Tensor, case: Case, architecture: Architecture, notes: dict[str, str]
) -> dict[str, float]:
    """How far the answers are from eager fp32. Raises Wrong where that is another network's answer."""
    from . import agreement  # noqa: PLC0415 - imports torch

    try:
        result = agreement.compare(wanted, got, classes=architecture.task == "classification")
    except ValueError as error:
        message = f"wrong_output: {error}"
        raise Wrong(message) from None
    limit = agreement.LIMITS_DB[case.precision]
    if result.sqnr_db is None and not same(agreement.fingerprint(wanted), agreement.fingerprint(got), agreement.limit_db(case)):
        message = "wrong_output: eager fp32 answers the same to every input, and this engine answers something else"
        raise Wrong(message)
    if result.sqnr_db is not None and result.sqnr_db < limit:
        message = (
            f"wrong_output: {result.sqnr_db:.1f} dB signal over error against eager fp32; {case.precision} needs {limit:.0f} dB"
        )
        if case.precision == "int8":
            message += f"; which layers: vbench show {case.label} --sensitivity --engine {case.engine}"
        raise Wrong(message)
    if result.note:
        notes["agreement"] = result.note
    named = {"agreement_sqnr_db": result.sqnr_db, "agreement_cosine": result.cosine, "agreement_top1": result.top1}
    return {name: value for name, value in named.items() if value is not None}
