"""The sampling loop. It knows a Session and a clock, and neither torch nor a device.

Between reading the clock twice there is the step and the wait for it, nothing else.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from .stats import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .interfaces import Session

NS = 1_000_000_000
GROUP = 5
MIN_SAMPLES = 10
MAX_SAMPLES = 100


class Budget(msgspec.Struct, frozen=True):
    """How long each pass of one process may take, in seconds; the number of samples has its own bounds."""

    warmup: float = 5.0
    latency: float = 1.0
    throughput: float = 0.5


@contextmanager
def quiet() -> Iterator[None]:
    """No garbage collection inside: collected before, frozen, and restored after."""
    was = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
        gc.unfreeze()


def sample(session: Session, clock: Callable[[], int], count: int) -> list[int]:
    """Time `count` steps one by one; nanoseconds each."""
    step, synchronize = session.step, session.synchronize
    out = []
    for _ in range(count):
        synchronize()
        start = clock()
        step()
        synchronize()
        out.append(clock() - start)
    return out


def warm_up(session: Session, clock: Callable[[], int], budget: Budget) -> tuple[list[int], bool]:
    """Run groups of five until the medians of the last two differ by under 2 %, or the time is spent.

    At least two groups run, since fewer could not be judged. Returns what was discarded, in nanoseconds, and whether it
    settled.
    """
    end = clock() + int(budget.warmup * NS)
    discarded = sample(session, clock, 2 * GROUP)
    while not settled(discarded, GROUP) and clock() < end:
        discarded += sample(session, clock, GROUP)
    return discarded, settled(discarded, GROUP)


def latency(session: Session, clock: Callable[[], int], budget: Budget) -> list[int]:
    """Samples of one request each, in nanoseconds: at least 10, at most 100, until the time is spent."""
    end = clock() + int(budget.latency * NS)
    samples = sample(session, clock, MIN_SAMPLES)
    while len(samples) < MAX_SAMPLES and clock() < end:
        samples += sample(session, clock, 1)
    return samples


def throughput(session: Session, clock: Callable[[], int], budget: Budget, batch: int) -> float:
    """Images per second: submit without waiting for the time given, at least three times, and synchronise once."""
    step = session.step
    session.synchronize()
    start = clock()
    end = start + int(budget.throughput * NS)
    steps = 0
    while steps < 3 or clock() < end:  # noqa: PLR2004 - as the docstring says
        step()
        steps += 1
    session.synchronize()
    return steps * batch / ((clock() - start) / NS)
