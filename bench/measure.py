"""The sampling loop. It knows a Session and a clock, and neither torch nor a device.

Between reading the clock twice there is the step and the wait for it, nothing else.
"""

from __future__ import annotations

import gc
import math
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from .garbage import uncollected
from .stats import median, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .interfaces import Parts, Session, Timer

NS = 1_000_000_000
GROUP = 5
MIN_SAMPLES = 10
MAX_SAMPLES = 100
# Steps longer than this are warmed up in smaller groups and sampled less often at the least: such a network is warm after its
# first steps, and processes of it differ by far more than its samples do.
SLOW_S, SLOW_GROUP, SLOW_SAMPLES = 0.1, 3, 5
# Steps of seconds are fewer still: a large network in a precision that the processor only emulates takes ten seconds for one.
LONG_S, LONG_GROUP, LONG_SAMPLES = 2.0, 1, 3
# A pass for throughput submits so often at the least.
SUBMISSIONS = 3
# A host that never waits runs ahead of its device by as much as the queue holds, of CUDA graphs tens of seconds.
AHEAD_S = 0.1


class Budget(msgspec.Struct, frozen=True):
    """How long each pass of one process may take, in seconds, and how many samples of latency it may draw (10 at least).

    `search` is for a scenario that looks for something by trials, all of them together.
    """

    warmup: float = 5.0
    latency: float = 1.0
    throughput: float = 0.5
    samples: int = MAX_SAMPLES
    search: float = 60.0


@contextmanager
def quiet() -> Iterator[None]:
    """No garbage collection inside: collected before, frozen, and restored after."""
    gc.collect()
    gc.freeze()
    try:
        with uncollected():
            yield
    finally:
        gc.unfreeze()


def sample(session: Session, clock: Callable[[], int], count: int) -> list[int]:
    """Time `count` steps one by one; nanoseconds each. A session with a `flush` has it called before each, untimed."""
    step, synchronize = session.step, session.synchronize
    flush = getattr(session, "flush", None)
    out = []
    for _ in range(count):
        if flush is not None:
            flush()
        synchronize()
        start = clock()
        step()
        synchronize()
        out.append(clock() - start)
    return out


def fewest(step_s: float) -> tuple[int, int]:
    """Steps in a group of the warm-up, and the fewest samples of latency, where a step takes so many seconds."""
    if step_s > LONG_S:
        return LONG_GROUP, LONG_SAMPLES
    return (GROUP, MIN_SAMPLES) if step_s <= SLOW_S else (SLOW_GROUP, SLOW_SAMPLES)


def submissions(step_s: float) -> int:
    """The fewest that a pass for throughput makes, where a step takes so many seconds."""
    return 1 if step_s > LONG_S else SUBMISSIONS


def clock_reading(clock: Callable[[], int]) -> float:
    """Nanoseconds from one reading of the clock to the next, with nothing between: the median of many."""
    readings = [clock() for _ in range(101)]
    return float(median([after - before for before, after in pairwise(readings)]))


def warm_up(session: Session, clock: Callable[[], int], budget: Budget) -> tuple[list[int], bool]:
    """Run groups of five until the medians of the last two differ by under 2 %, or the time is spent.

    Groups of steps over 0.1 s are of three, and those of steps that all take over 2 s of one.

    At least two groups run, since fewer could not be judged. Returns what was discarded, in nanoseconds, and whether it
    settled.
    """
    end = clock() + int(budget.warmup * NS)
    discarded = sample(session, clock, 2 * LONG_GROUP)
    group = LONG_GROUP
    if min(discarded) <= LONG_S * NS:
        discarded += sample(session, clock, SLOW_GROUP - len(discarded))
        group, _ = fewest(min(median(discarded) / NS, LONG_S))
        discarded += sample(session, clock, 2 * group - len(discarded))
    while not settled(discarded, group) and clock() < end:
        discarded += sample(session, clock, group)
    return discarded, settled(discarded, group)


def latency(session: Session, clock: Callable[[], int], budget: Budget) -> list[int]:
    """Samples of one request each, in nanoseconds, until time is spent: at most `budget.samples`.

    At least they are 10, of requests over 0.1 s 5, and of those over 2 s 3.
    """
    end = clock() + int(budget.latency * NS)
    samples = sample(session, clock, LONG_SAMPLES)
    _, least = fewest(median(samples) / NS)
    if least > LONG_SAMPLES:
        samples += sample(session, clock, SLOW_SAMPLES - LONG_SAMPLES)
        _, least = fewest(min(median(samples) / NS, LONG_S))
        samples += sample(session, clock, least - SLOW_SAMPLES)
    while len(samples) < budget.samples and clock() < end:
        samples += sample(session, clock, 1)
    return samples


def device_time(session: Session, clock: Callable[[], int], timer: Timer, count: int) -> tuple[list[int], list[int]]:
    """The device's own nanoseconds for a step, and the host's for handing one over: `count` of each, from pairs of steps.

    The first step of a pair meets an empty queue, so that handing it over never waits for the device to make room, which
    would make every long step look bound by the host. The second lies behind it in the queue and is the one between the
    events: the device goes from one to the other without a gap, unless the host is late.
    """
    enqueue = []
    flush = getattr(session, "flush", None)
    timer.read()
    for _ in range(count):
        session.synchronize()
        start = clock()
        session.step()
        enqueue.append(clock() - start)
        if flush is not None:
            flush()
        timer.start()
        session.step()
        timer.stop()
    return timer.read(), enqueue


def parts(session: Session, clock: Callable[[], int], named: Parts, count: int) -> dict[str, list[int]]:
    """Time the parts of `count` steps one by one, in nanoseconds; what has the same name is added up within a step.

    Waiting after every part keeps a device from working on one while the host submits the next: the parts of a step may
    take longer than the step.
    """
    out: dict[str, list[int]] = {name: [] for name, _ in named}
    for _ in range(count):
        took = dict.fromkeys(out, 0)
        for name, part in named:
            session.synchronize()
            start = clock()
            part()
            session.synchronize()
            took[name] += clock() - start
        for name, nanoseconds in took.items():
            out[name].append(nanoseconds)
    return out


def throughput(session: Session, clock: Callable[[], int], budget: Budget, batch: int, step_ns: float | None = None) -> float:
    """Images per second: submit without waiting for the time given, at least three times, and synchronise at the end.

    A step that takes over 2 s is submitted once at the least.

    Where the work goes on behind the host's back, `step_ns` says about how long a step takes: the host then waits whenever
    it has submitted a tenth of a second of work, so that what is left at the end is no longer than that.
    """
    step = session.step
    together = None if step_ns is None else max(1, math.ceil(AHEAD_S * NS / max(step_ns, 1.0)))
    session.synchronize()
    start = clock()
    end = start + int(budget.throughput * NS)
    steps, least = 0, SUBMISSIONS
    while steps < least or clock() < end:
        step()
        steps += 1
        if steps == 1:
            least = submissions((clock() - start) / NS)
        if together is not None and steps % together == 0:
            session.synchronize()
    session.synchronize()
    return steps * batch / ((clock() - start) / NS)
