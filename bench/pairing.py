"""The child's half of a pair: loaded and warm, it times a batch of samples whenever its parent asks for one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import measure as passes
from .devices.fake import CLOCK
from .errors import VbenchError
from .scenarios import _state, single_stream
from .stats import median

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .scenarios import Bench

    # Gives the parent an answer, and returns what it wants next.
    Ask = Callable[[Sequence[int]], str]

# Threads wake up and caches hold what the other side needed: where this was measured, the first step of a batch took 1.2 to
# 1.5 times as long as those after it.
UNTIMED = 1


def measure(bench: Bench, ask: Ask) -> dict[str, Any]:
    """Warm up, say what a step takes, and do what is asked until that is `end`; then look at the memory.

    `batch N` times N steps one by one and answers their nanoseconds, `rate N` submits N and answers what they took together;
    both after a step that is not timed. `core N` keeps this process to one core from then on. What is asked is the same on
    both sides of a pair.
    """
    if bench.job.spin:
        bench.session = _Spinning(bench)
    warmup = single_stream.warm_up(bench)
    step_ns = median(warmup[-passes.GROUP :])
    _state.look(bench, step_ns)
    bench.phase("pair")
    answer: Sequence[int] = (int(step_ns),)
    while (words := ask(answer)) != "end":
        answer = _do(bench, *words.split())
    _state.look(bench, step_ns)
    bench.phase("memory")
    bench.values |= single_stream.memory(bench)
    return {"warmup_ns": warmup}


class _Spinning:
    """A session that takes longer by a share of its own time, for all else the session that it was."""

    def __init__(self, bench: Bench) -> None:
        self._session, self._clock, self._virtual = bench.session, bench.clock, bench.case.virtual
        self._share = bench.job.spin

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def step(self) -> None:
        """The step and its end, and then the share of that."""
        start = self._clock()
        self._session.step()
        self._session.synchronize()
        now = self._clock()
        end = now + int((now - start) * self._share)
        if self._virtual:
            CLOCK.advance(end - now)
        while self._clock() < end:
            pass


def _do(bench: Bench, verb: str, number: str) -> Sequence[int]:
    session, count = bench.session, int(number)
    if verb == "batch":
        passes.sample(session, bench.clock, UNTIMED)
        return passes.sample(session, bench.clock, count)
    if verb == "rate":
        passes.sample(session, bench.clock, UNTIMED)
        start = bench.clock()
        for _ in range(count):
            session.step()
        session.synchronize()
        return (bench.clock() - start,)
    if verb == "core":
        _keep_to(count)
        return ()
    message = f"a worker was asked to {verb}, which none can"
    raise VbenchError(message)


def _keep_to(core: int) -> None:
    """Every thread of this process: those that PyTorch has started already keep to where they were."""
    if hasattr(os, "sched_setaffinity"):
        for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 - names are what is wanted
            os.sched_setaffinity(int(thread), {core})
