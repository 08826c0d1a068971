"""A fresh process in which vbench's sampling and torch.utils.benchmark time the same call by turns; one line of JSON.

`python loop_timer.py SUBJECT ROUNDS`: what differs between processes, the allocator's state above all, is the same for both.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import TYPE_CHECKING, Any

import subject
from torch.utils.benchmark import Timer

from vbench import measure
from vbench.stats import median

if TYPE_CHECKING:
    from collections.abc import Callable


class Same:
    """The call as vbench's loop wants it; it keeps the answer until the next one is there, as the other's statement does."""

    def __init__(self, step: Callable[[], Any]) -> None:
        self._step = step
        self._answer: Any = None

    def step(self) -> None:
        """One pass."""
        self._answer = self._step()

    def synchronize(self) -> None:
        """A processor's calls return when they are done."""

    def load(self, inputs: object) -> None:
        """The inputs are the step's own."""

    def output(self) -> Any:
        """The last answer."""
        return self._answer

    def close(self) -> None:
        """Let go of it."""
        self._answer = None


def main() -> None:
    """Warm up as vbench does, then time in rounds; a coin decides who goes first in each."""
    asked, rounds = subject.parse(sys.argv[1]), int(sys.argv[2])
    session = Same(subject.prepare(asked))
    timer = Timer("session.step()", globals={"session": session}, num_threads=asked.threads)
    budget = measure.Budget(latency=asked.budget)
    chance = random.Random(f"{asked.name}:{time.time_ns()}")  # noqa: S311 - an order, not a secret
    measure.warm_up(session, time.perf_counter_ns, budget)
    pairs = []
    for _ in range(rounds):
        found: dict[str, float] = {}
        for tool in chance.sample(("vbench", "torch"), 2):
            if tool == "vbench":
                with measure.quiet():
                    found[tool] = median(measure.latency(session, time.perf_counter_ns, budget)) / measure.NS
            else:
                found[tool] = timer.blocked_autorange(min_run_time=asked.budget).median
        pairs.append((found["vbench"], found["torch"]))
    print(json.dumps({"pairs": pairs}))


if __name__ == "__main__":
    main()
