"""A training step a second time, by hand: the gradients and the update that an engine's own step is held against.

It shares the definition of the loss with `training` and nothing else: gradients come from `autograd.grad`, and the
optimiser's rule is written out. An engine that leaves out the backward pass or the update is found here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from . import agreement
from .training import DECAY, MOMENTUM, RATE, Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

# The second step shows the momentum of the first.
STEPS = 2
# Of a tensor that is larger, so many evenly spread elements are compared: a copy of everything would double the memory.
MOST = 4096
# An update that was left out scores 0 dB, half of one 6 dB, one without its momentum 8 dB. The first step's gradients are
# those of equal weights; the update of two steps holds the gradients of weights that differ by rounding already.
GRADIENT_DB, UPDATE_DB = 20.0, 12.0
# Batch norm over a few values carries rounding far apart (ResNet-50 at batch 2 and 96 x 96: to 16 dB). Where a step by hand on
# inputs that differ by this share is no closer to itself, no more than this much less can be asked of an engine.
ROUNDING = 2.0**-20
MARGIN_DB, LEAST_DB = 6.0, 3.0
# A layer with less than this share of all gradients may differ by rounding alone (a bias in front of a batch norm).
_SHARE = 1e-8


class Trace(msgspec.Struct, frozen=True):
    """What some training steps did: each step's output, the first gradients and the whole change of the weights."""

    outputs: tuple[Any, ...]
    gradients: dict[str, Any]
    changes: dict[str, Any]


def by_hand(module: nn.Module, inputs: Sequence[Tensor], seed: int) -> Trace:
    """Train the module, which is changed, for a step on each of the inputs; all are on one device."""
    module.train()
    weights = {name: p for name, p in module.named_parameters() if p.requires_grad}
    before = sample(weights)
    targets, moments = Targets(seed), dict[str, Any]()
    outputs: list[Tensor] = []
    first: dict[str, Any] = {}
    torch.manual_seed(seed)
    for batch in inputs:
        output = module(batch)
        outputs.append(agreement.flatten(output).clone())
        found: Sequence[Tensor | None] = torch.autograd.grad(targets.loss(output), list(weights.values()), allow_unused=True)
        gradients = dict(zip(weights, found, strict=True))
        first = first or sample(gradients)
        with torch.no_grad():
            for name, gradient in gradients.items():
                if gradient is None:
                    continue
                pull = gradient + DECAY * weights[name]
                moments[name] = MOMENTUM * moments[name] + pull if name in moments else pull
                weights[name].sub_(RATE * moments[name])
    return Trace(tuple(outputs), first, _minus(sample(weights), before))


def of_session(module: nn.Module, step: Callable[[], Any], count: int) -> Trace:
    """The same of a session that trains the module in place; `step` takes a step and returns its output."""
    weights = {name: p for name, p in module.named_parameters() if p.requires_grad}
    before = sample(weights)
    outputs: list[Tensor] = []
    first: dict[str, Any] = {}
    for index in range(count):
        outputs.append(agreement.flatten(step()).clone())
        if index == 0:
            first = sample({name: p.grad for name, p in weights.items()})
    return Trace(tuple(outputs), first, _minus(sample(weights), before))


def jitter(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Inputs that differ from these by about what one kernel's rounding differs from another's."""
    generator = torch.Generator().manual_seed(0)
    signs = [torch.randint(0, 2, tensor.shape, generator=generator).to(tensor) * 2 - 1 for tensor in inputs]
    return [tensor * (1 + ROUNDING * sign) for tensor, sign in zip(inputs, signs, strict=True)]


def sample(tensors: dict[str, Any]) -> dict[str, Any]:
    """At most `MOST` evenly spread elements of each tensor, on the host, in double precision; those that are None left out."""
    found = {}
    for name, tensor in tensors.items():
        if tensor is not None:
            flat = tensor.detach().reshape(-1)
            found[name] = flat[:: max(1, -(-flat.numel() // MOST))].to("cpu", torch.float64, copy=True)
    return found


def _minus(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {name: after[name] - before[name] for name in after}


def verdict(
    wanted: Trace, got: Trace, output_db: float, again: Callable[[], Trace] | None = None
) -> tuple[str, dict[str, float], str]:
    """Why the session's steps are wrong (empty when they are not), how close they are in dB, and what is to be noted.

    `again` takes the steps by hand on inputs that differ by rounding; it is asked only where the session is not close enough.
    """
    for index, (mine, its) in enumerate(zip(wanted.outputs, got.outputs, strict=True)):
        if mine.shape != its.shape:
            return f"step {index + 1} answers shape {tuple(its.shape)}, and PyTorch in training mode {tuple(mine.shape)}", {}, ""
    if missing := wanted.gradients.keys() - got.gradients.keys():
        return f"the training step left no gradient for {min(missing)}", {}, ""
    values: dict[str, float] = {}
    own: Trace | None = None
    for what, column, limit in _PARTS:
        mine, its = _part(wanted, column), _part(got, column)
        total = sum(_power(t) for t in mine.values())
        still = [n for n, t in mine.items() if _power(t) > _SHARE * total and not bool(its[n].any())]
        if still:
            return f"the {what}: {still[0]} has none, and a training step by hand gives it one", {}, ""
        close, least = _sqnr(mine, its), output_db if limit is None else limit
        if close is None:
            continue
        if not close >= least and again is not None:
            own = own or again()
            itself = _sqnr(mine, _part(own, column))
            least = max(LEAST_DB, min(least, -math.inf if itself is None else itself - MARGIN_DB))
        if not close >= least:
            return f"the {what}: {close:.1f} dB from a training step by hand, and {least:.0f} dB are needed", {}, ""
        if limit is not None:
            values[f"train_{column}_sqnr_db"] = close
    note = (
        "" if own is None else "training this network carries rounding so far apart that less than usual was asked of its steps"
    )
    return "", values, note


# What is compared, the trace's name for it, and the least that it must score; None where the precision decides.
_PARTS = (("outputs", "output", None), ("gradients", "gradient", GRADIENT_DB), ("update of the weights", "update", UPDATE_DB))


def _part(trace: Trace, name: str) -> dict[str, Any]:
    if name == "output":
        return {str(index): output.double() for index, output in enumerate(trace.outputs)}
    return trace.gradients if name == "gradient" else trace.changes


def _power(tensor: Any) -> float:
    return float(tensor.square().sum())


def _sqnr(wanted: dict[str, Any], got: dict[str, Any]) -> float | None:
    """Signal over error in dB over all tensors, capped; None where there is no signal. NaN where something is no number."""
    signal = sum(map(_power, wanted.values()))
    error = sum(_power(got[name] - t) for name, t in wanted.items())
    if signal == 0:
        return None
    if not math.isfinite(signal) or not math.isfinite(error):
        return math.nan
    return agreement.CAP_DB if error == 0 else min(agreement.CAP_DB, 10 * math.log10(signal / error))
