"""Which layers make a quantised network differ: each alone in eight bits, in eager; and an engine with some left as they are.

It is the ordinary static scheme, imitated: weights symmetric for each output channel, a layer's input affine for the whole tensor
with the range that the calibration pictures showed. What is between layers stays in fp32, so that a layer stands for itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from . import agreement, answers, check, devices
from . import job as jobs
from .job import Wrong
from .preparation import Preparation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .core import Architecture
    from .interfaces import Engine
    from .job import Job, Phase

_LAYERS = (nn.modules.conv._ConvNd, nn.Linear)  # noqa: SLF001 - the only common base
_TRANSPOSED = nn.modules.conv._ConvTransposeNd  # noqa: SLF001 - as above
# The largest of a signed byte that has its negative, and of an unsigned one.
_SIGNED, _UNSIGNED = 127, 255
_TINY = torch.finfo(torch.float32).tiny

Range = tuple[float, float]


def told(job: Job, phase: Phase) -> dict[str, Any]:
    """What the job asks for: in `states` what each layer alone scores, or in `values` what the engine does, in dB."""
    notes: dict[str, str] = {}
    phase("load")
    architecture, engine = jobs.load(job)
    if architecture is None:
        message = f"the {job.case.engine} engine has no network that could be quantised"
        raise Wrong(message)
    jobs.settle_threads(job.case, notes)
    jobs.settle_device(job, devices.get(job.case.device), notes)
    phase("build")
    module = jobs.build(architecture, job.case, notes)
    jobs.refuse_nan(module)
    batches = check.compared(job, architecture, job.pictures)
    phase("reference")
    wanted = _answers(module, batches)
    if job.sensitivity == "layers":
        return _layers(job, architecture, module, phase, batches=batches, wanted=wanted)
    return _engine(job, architecture, engine, module, phase, batches=batches, wanted=wanted)


def _layers(  # noqa: PLR0913 - a network, and what it is compared on
    job: Job,
    architecture: Architecture,
    module: nn.Module,
    phase: Phase,
    *,
    batches: Sequence[torch.Tensor],
    wanted: torch.Tensor,
) -> dict[str, Any]:
    preparation = Preparation(module, job.case, images=job.images, preprocess=architecture.preprocess, seed=job.seed)
    phase("calibrate")
    ranges = observed(module, preparation.pictures().split(job.case.batch))
    found: dict[str, tuple[float, ...]] = {}
    for number, (path, seen) in enumerate(ranges.items(), 1):
        phase(f"layer {number} of {len(ranges)}: {path}")
        with quantised(module.get_submodule(path), seen):
            found[path] = (_sqnr_db(wanted, _answers(module, batches)),)
    return {"states": found, "notes": preparation.notes}


def _engine(  # noqa: PLR0913 - as above
    job: Job,
    architecture: Architecture,
    engine: Engine,
    module: nn.Module,
    phase: Phase,
    *,
    batches: list[torch.Tensor],
    wanted: torch.Tensor,
) -> dict[str, Any]:
    found = answers.answered(job, engine, module, architecture, phase, inputs=batches[:1], batches=batches)
    values = {"agreement_sqnr_db": _sqnr_db(wanted[: found.pictures], found.answers)}
    return {"values": values, "notes": found.notes, "operators": found.operators}


def _answers(module: nn.Module, batches: Sequence[torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([agreement.flatten(module(batch)) for batch in batches])


def _sqnr_db(wanted: torch.Tensor, got: torch.Tensor) -> float:
    """Signal over error. Raises Wrong where the reference does not depend on its input, or an answer is no number."""
    try:
        found = agreement.compare(wanted, got, classes=False)
    except ValueError as error:
        message = f"wrong_output: {error}"
        raise Wrong(message) from None
    if found.sqnr_db is None:
        message = "eager fp32 answers the same to every picture, so that no layer can be told from another"
        raise Wrong(message)
    return found.sqnr_db


def observed(module: nn.Module, batches: Sequence[torch.Tensor]) -> dict[str, Range]:
    """The convolutions and linear layers that ran, in order of their first run, with the range of what each was given."""
    ranges: dict[str, Range] = {}

    def watch(path: str) -> Any:
        def see(_: nn.Module, given: tuple[Any, ...]) -> None:
            if not given or not given[0].numel():
                return
            low, high = (float(edge) for edge in given[0].aminmax())
            before = ranges.get(path, (0.0, 0.0))  # a range holds 0, which padding puts in
            ranges[path] = (min(low, before[0]), max(high, before[1]))

        return see

    layers = {path: part for path, part in module.named_modules() if isinstance(part, _LAYERS) and "weight" in part._parameters}  # noqa: SLF001 - torch has no type for "may have one"
    handles = [part.register_forward_pre_hook(watch(path)) for path, part in layers.items()]
    try:
        with torch.inference_mode():
            for batch in batches:
                module(batch)
    finally:
        for handle in handles:
            handle.remove()
    return ranges


@contextmanager
def quantised(layer: nn.Module, seen: Range) -> Iterator[None]:
    """The layer with weights and inputs rounded to eight bits and back; another layer that shares its weights keeps them."""
    store: dict[str, Any] = layer._parameters  # noqa: SLF001 - setattr would refuse a tensor
    before = store["weight"]
    handle = layer.register_forward_pre_hook(lambda _, given: (rounded_input(given[0], seen), *given[1:]))
    store["weight"] = nn.Parameter(
        rounded_weight(before.detach(), 1 if isinstance(layer, _TRANSPOSED) else 0), requires_grad=False
    )
    try:
        yield
    finally:
        store["weight"] = before
        handle.remove()


def rounded_weight(weight: torch.Tensor, channels: int) -> torch.Tensor:
    """Weights in signed bytes, symmetric around 0, with a scale for each index of the dimension `channels`; as fp32 again."""
    others = [dim for dim in range(weight.dim()) if dim != channels]
    largest = weight.abs().amax(others, keepdim=True)
    scale = torch.where(largest > 0, largest / _SIGNED, torch.ones_like(largest))
    return (weight / scale).round().clamp(-_SIGNED, _SIGNED) * scale


def rounded_input(given: torch.Tensor, seen: Range) -> torch.Tensor:
    """Values in unsigned bytes with one scale and one zero point; what lies outside of the range is cut; as fp32 again."""
    low, high = seen
    scale = (high - low) / _UNSIGNED
    if scale < _TINY:
        return torch.zeros_like(given)
    zero = round(-low / scale)
    return ((given / scale).round() + zero).clamp(0, _UNSIGNED).sub(zero) * scale
