"""An engine without a network: each step lasts what a function of the case says, on the fake device's clock."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

from ..devices.fake import CLOCK
from ..registry import engine

if TYPE_CHECKING:
    from ..core import Case


def base_duration_ns(case: Case) -> int:
    """The fake cost of one step, from 1 to 51 ms: a function of the architecture's name and nothing else, times the batch."""
    spread = int.from_bytes(hashlib.sha256(case.architecture.encode()).digest()[:4], "big") / 2**32
    return int((1.0 + 50.0 * spread) * 1e6) * case.batch


@engine("fake")
class FakeEngine:
    """Durations differ by 1 % between processes and by 0.2 % within one, reproducibly."""

    builds = False

    def version(self) -> str:
        """It needs nothing."""
        return "1"

    def skip(self, case: Case) -> str | None:
        """It tells the time on the fake device only."""
        return None if case.device == "fake" else "the fake engine runs on the fake device only: add --device fake"

    def prepare(self, module: object, case: Case) -> FakeSession:
        """Nothing to prepare."""
        del module
        return FakeSession(case)


class FakeSession:
    """Advances the virtual clock."""

    def __init__(self, case: Case) -> None:
        self._random = random.Random(f"{case.id}:{CLOCK.replicate}")  # noqa: S311 - noise for a test, not a secret
        self._base = base_duration_ns(case) * self._random.gauss(1.0, 0.01)

    def step(self) -> None:
        """Let the step's duration pass."""
        CLOCK.advance(max(1, int(self._base * self._random.gauss(1.0, 0.002))))

    def synchronize(self) -> None:
        """Virtual time has already passed."""

    def output(self) -> None:
        """There is no network, and so no output."""

    def load(self, inputs: object) -> None:
        """There is nothing to load."""

    def close(self) -> None:
        """There is nothing to free."""
