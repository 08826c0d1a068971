"""A neighbour that comes and goes: `stress-ng --cpu 1` switched on and off at random, by a schedule that is drawn before."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Self

from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

ON_S = (2, 10)
OFF_S = (3.0, 20.0)


class Burst(NamedTuple):
    """Seconds from the start of the schedule, and whole seconds for which it lasts."""

    start_s: float
    seconds: int


def available() -> None:
    """Raises UsageError where stress-ng is not installed."""
    if shutil.which("stress-ng") is None:
        message = "stress-ng is not installed, and the load comes from it: apt-get install stress-ng"
        raise UsageError(message)


def schedule(seed: str, length_s: float) -> list[Burst]:
    """Bursts that do not overlap, for about a third of the time, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
    found: list[Burst] = []
    at = chance.uniform(*OFF_S)
    while at < length_s:
        burst = Burst(round(at, 2), chance.randint(*ON_S))
        found.append(burst)
        at += burst.seconds + chance.uniform(*OFF_S)
    return found


def stress(seconds: int) -> list[str]:
    """The command of a burst; it ends by itself, should nobody be left to end it."""
    return ["stress-ng", "--cpu", "1", "--timeout", f"{seconds}s", "--quiet"]


class Bursts:
    """Runs a schedule in the background for as long as the `with` block lasts; `ran` holds what really ran, in clock time."""

    def __init__(self, planned: Sequence[Burst], command: Callable[[int], Sequence[str]] = stress) -> None:
        self._planned = planned
        self._command = command
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.ran: list[tuple[float, float]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        """Asleep between bursts, and blocked while one runs."""
        began = time.perf_counter()
        for burst in self._planned:
            if self._over.wait(max(0.0, began + burst.start_s - time.perf_counter())):
                return
            started = time.time()
            command, none = self._command(burst.seconds), subprocess.DEVNULL
            with subprocess.Popen(command, stdin=none, stdout=none) as process:  # noqa: S603 - a command of ours
                # Waiting for the process would leave nobody to end it early; the end of the block is what is waited for.
                if self._over.wait(burst.seconds):
                    process.terminate()
                process.wait()
            self.ran.append((round(started, 3), round(time.time(), 3)))
