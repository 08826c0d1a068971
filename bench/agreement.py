"""How far an engine's output is from eager fp32: signal over error, cosine, equal arg-max.

Both outputs are taken minus their mean over the inputs, so that an engine that answers a constant scores 0 dB.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import torch

if TYPE_CHECKING:
    from .core import Case

CAP_DB = 200.0
# Below these an output is another network's. Rounding alone leaves fp32 above 100 dB on every network of the catalogue.
LIMITS_DB = {"fp32": 50.0, "tf32": 30.0, "fp16": 30.0, "bf16": 15.0, "int8": 8.0}
TRAINING_DB = 30.0
MIN_CLASSES = 8


class Agreement(msgspec.Struct, frozen=True):
    """`sqnr_db` is None where the reference itself does not depend on its input; `top1` where it says nothing."""

    sqnr_db: float | None
    cosine: float | None
    top1: float | None
    note: str = ""


def flatten(output: object) -> torch.Tensor:
    """Any nest of tensors as one fp32 tensor of shape `(batch, values)`.

    Raises TypeError when it holds no tensor, and ValueError when the tensors do not share their first dimension.
    """
    found = tensors(output)
    if not found:
        message = f"the output is {type(output).__name__} and holds no tensor"
        raise TypeError(message)
    if any(t.dim() == 0 or t.shape[0] != found[0].shape[0] for t in found):
        message = f"the outputs do not share their first dimension: {', '.join(str(tuple(t.shape)) for t in found)}"
        raise ValueError(message)
    return torch.cat([t.detach().to("cpu", torch.float32).reshape(t.shape[0], -1) for t in found], dim=1)


def tensors(output: object) -> list[torch.Tensor]:
    """The tensors in any nest of dictionaries, lists and tuples, in order."""
    found: list[torch.Tensor] = []
    _collect(output, found)
    return found


def _collect(value: object, found: list[torch.Tensor]) -> None:
    if isinstance(value, torch.Tensor):
        found.append(value)
    elif isinstance(value, dict):
        for part in value.values():
            _collect(part, found)
    elif isinstance(value, list | tuple):
        for part in value:
            _collect(part, found)


def compare(reference: torch.Tensor, output: torch.Tensor, *, classes: bool) -> Agreement:
    """Compare outputs of shape `(inputs, values)`. Raises ValueError when the shapes differ or a value is no number."""
    if reference.shape != output.shape:
        message = f"the output has shape {tuple(output.shape)}, and eager fp32 gives {tuple(reference.shape)}"
        raise ValueError(message)
    for name, values in (("eager fp32's output", reference), ("the output", output)):
        if not bool(values.isfinite().all()):
            message = f"{name} holds NaN or infinity"
            raise ValueError(message)
    wanted, got = reference.double(), output.double()
    top1, note = None, ""
    if classes:
        answers = wanted.argmax(1)
        distinct = int(answers.unique().numel())
        if distinct >= MIN_CLASSES:
            top1 = float((answers == got.argmax(1)).double().mean())
        else:
            note = f"top-1 agreement left empty: the reference gives {distinct} classes for {len(answers)} images"
    wanted, got = wanted - wanted.mean(0), got - got.mean(0)
    signal, error = float(wanted.square().sum()), float((got - wanted).square().sum())
    scale = float(reference.double().square().sum())
    if signal <= scale * 1e-14:
        return Agreement(None, None, top1, "the reference's output does not depend on its input")
    sqnr = CAP_DB if error == 0 else min(CAP_DB, 10 * math.log10(signal / error))
    length = math.sqrt(signal) * math.sqrt(float(got.square().sum()))
    cosine = float((wanted * got).sum()) / length if length > 0 else 0.0
    return Agreement(sqnr, cosine, top1, note)


def fingerprint(output: torch.Tensor, most: int = 32) -> tuple[float, ...]:
    """A few of the output's values, evenly spread: enough to see in another process that it is the same network."""
    flat = output.reshape(-1)
    step = max(1, flat.numel() // most)
    return tuple(float(v) for v in flat[::step][:most])


def limit_db(case: Case) -> float:
    """What an output must score. Batch norm in training carries rounding further apart than in inference."""
    return min(TRAINING_DB, LIMITS_DB[case.precision]) if case.phase == "train" else LIMITS_DB[case.precision]
