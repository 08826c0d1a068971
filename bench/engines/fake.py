"""An engine without a network: each step lasts what a function of the case says, on the fake device's clock."""

from __future__ import annotations

import hashlib
import random
from functools import partial
from typing import TYPE_CHECKING

from ..devices.fake import CLOCK, STORE
from ..registry import engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core import Case


# What `fake:async` takes to be handed a step, kernel by kernel or as one graph; and the memory of one image.
SUBMIT_NS, GRAPH_NS = 5_000_000, 50_000
IMAGE_BYTES = 64 * 2**20

# The parts of a training step in units of a forward pass.
TRAINING = {"forward": 1.0, "backward": 1.75, "optimizer": 0.25}


def base_duration_ns(case: Case) -> int:
    """The fake cost of one step, from 1 to 51 ms: a function of the architecture's name, times the batch.

    A training step costs three times as much: once for its forward pass, twice for the rest (`TRAINING`).
    """
    spread = int.from_bytes(hashlib.sha256(case.architecture.encode()).digest()[:4], "big") / 2**32
    whole = sum(TRAINING.values()) if case.phase == "train" else 1.0
    return int((1.0 + 50.0 * spread) * 1e6 * whole) * case.batch


@engine("fake")
class FakeEngine:
    """Durations differ by 1 % between processes and by 0.2 % within one, reproducibly."""

    builds = False
    trains = True
    options = ("cuda-graph",)

    def version(self) -> str:
        """It needs nothing."""
        return "1"

    def skip(self, case: Case) -> str | None:
        """It tells the time on the fake devices only, and only one of them has work handed over to it."""
        if not case.virtual:
            return "the fake engine runs on the fake device only: add --device fake"
        if case.engine_options and case.device == "fake":
            return "what --cuda-graph saves is handing over work, and `fake` does it itself: --device fake:async"
        return None

    def prepare(self, module: object, case: Case) -> FakeSession:
        """Nothing to prepare."""
        del module
        return FakeSession(case) if case.device == "fake" else FakeAsyncSession(case)


class FakeSession:
    """Advances the virtual clock."""

    def __init__(self, case: Case) -> None:
        self._random = random.Random(f"{case.id}:{CLOCK.replicate}")  # noqa: S311 - noise for a test, not a secret
        self._base = base_duration_ns(case) * self._random.gauss(1.0, 0.01)

    def step(self) -> None:
        """Let the step's duration pass."""
        self._pass()

    def _pass(self, share: float = 1.0) -> None:
        CLOCK.advance(max(1, int(self._base * share * self._random.gauss(1.0, 0.002))))

    def parts(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        """A training step in its parts, each with its share of the duration."""
        whole = sum(TRAINING.values())
        return tuple((name, partial(self._pass, cost / whole)) for name, cost in TRAINING.items())

    def synchronize(self) -> None:
        """Virtual time has already passed."""

    def output(self) -> None:
        """There is no network, and so no output."""

    def load(self, inputs: object) -> None:
        """There is nothing to load."""

    def close(self) -> None:
        """There is nothing to free."""


class FakeAsyncSession(FakeSession):
    """Hands its work over in a time of its own, the shorter of the two for most networks, and holds memory."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self._submit_ns = GRAPH_NS if case.engine_options else SUBMIT_NS
        self._size = IMAGE_BYTES * case.batch
        STORE.take(self._size)

    def _pass(self, share: float = 1.0) -> None:
        CLOCK.submit(int(self._submit_ns * share), max(1, int(self._base * share * self._random.gauss(1.0, 0.002))))

    def synchronize(self) -> None:
        """Let virtual time pass until the work is done."""
        CLOCK.wait()

    def close(self) -> None:
        """Give back what it held."""
        STORE.free(self._size)
