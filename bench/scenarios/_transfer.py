"""Copies between host and device, timed apart from latency: a batch of inputs to it, and the outputs back.

The host's memory is pinned, which a server that cares would use, and pageable, which tensors are unless told otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import measure as passes
from ..stats import median

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from . import Bench

COPIES = 30
_WARMUP = 5


class Copy:
    """One copy, with what the sampling loop wants of a session: to start it, and to wait for it."""

    def __init__(self, copy: Callable[[], Any], synchronize: Callable[[], None]) -> None:
        self.step = copy
        self.synchronize = synchronize

    def output(self) -> None:
        """A copy has no answer."""

    def load(self, inputs: object) -> None:
        """What is copied was given when it was made."""

    def close(self) -> None:
        """There is nothing to free."""


def seconds(copy: Callable[[], Any], synchronize: Callable[[], None], clock: Callable[[], int]) -> float:
    """The median time of a copy and the wait for it, after a few that are not counted."""
    session = Copy(copy, synchronize)
    passes.sample(session, clock, _WARMUP)
    return median(passes.sample(session, clock, COPIES)) / passes.NS


def measure(bench: Bench) -> dict[str, float]:
    """`h2d_s` and `d2h_s` with pinned memory, and both with pageable memory; empty where there is nothing to copy."""
    if bench.inputs is None or bench.device.target() == "cpu":
        return {}
    from ..agreement import tensors  # noqa: PLC0415 - imports torch

    return between(bench, bench.device.target(), tensors(bench.inputs[0]), tensors(bench.session.output()))


def between(
    bench: Bench,
    target: str,
    inputs: Sequence[torch.Tensor],
    outputs: Sequence[torch.Tensor],
    *,
    pin: Callable[..., Any] | None = None,
) -> dict[str, float]:
    """The four times; where memory cannot be pinned, the notes say why, and the two that need it are left out."""
    import torch  # noqa: PLC0415 - a worker of the fake engine never needs it

    wait, clock = bench.device.synchronize, bench.clock
    pin = pin if pin is not None else torch.Tensor.pin_memory
    there = [(torch.empty_like(t, device=target), t) for t in map(_at_home, inputs)]
    back = [(_at_home(torch.empty_like(t, device="cpu")), t.detach().to(target)) for t in outputs]
    found = {"h2d_pageable_s": seconds(_copies(there), wait, clock), "d2h_pageable_s": seconds(_copies(back), wait, clock)}
    sizes = [sum(t.nbytes for _, t in pairs) for pairs in (there, back)]
    bench.notes["transfer"] = f"pinned; {sizes[0]} bytes to the device, {sizes[1]} back"
    try:
        there = [(away, pin(home)) for away, home in there]
        back = [(pin(home), away) for home, away in back]
    except RuntimeError as error:
        bench.notes["transfer"] = f"pageable only, since memory could not be pinned: {' '.join(str(error).split())[:200]}"
        return found
    return found | {"h2d_s": seconds(_copies(there), wait, clock), "d2h_s": seconds(_copies(back), wait, clock)}


def _at_home(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu")


def _copies(pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> Callable[[], None]:
    """Starts the copies of these pairs, each from its second to its first."""

    def copy() -> None:
        for target, source in pairs:
            target.copy_(source, non_blocking=True)

    return copy
