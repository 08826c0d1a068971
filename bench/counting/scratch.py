"""What kernels allocate beside the network's own tensors: measured by the profiler, on the processor."""

from __future__ import annotations

import os
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING

from torch.autograd.profiler import profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def scratch(step: Callable[[], object], held: int, peak_activation_bytes: int) -> int | None:
    """How far the allocator's peak during `step`, one forward pass, rises above the counted peak; never below 0.

    `held` are the bytes of the input, which were allocated before. Workspaces that a library takes from another allocator
    do not appear. None where the profiler records no memory.
    """
    highest = allocated(step)
    return None if highest is None else max(0, highest + held - peak_activation_bytes)


def allocated(step: Callable[[], object]) -> int | None:
    """The most bytes that were allocated at once while `step` ran, beyond those that were before; None where none is recorded."""
    with _silent(), profile(use_kineto=True, profile_memory=True) as record:
        step()
    results = record.kineto_results
    events = () if results is None else results.events()
    changes = sorted((event for event in events if event.name() == "[memory]"), key=lambda event: event.start_ns())
    return max(0, *accumulate(event.nbytes() for event in changes)) if changes else None


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the profiler from writing to standard error, where a worker's last words are looked for."""
    before = os.environ.get("KINETO_LOG_LEVEL")
    os.environ["KINETO_LOG_LEVEL"] = before or "99"
    try:
        yield
    finally:
        if before is None:
            del os.environ["KINETO_LOG_LEVEL"]
