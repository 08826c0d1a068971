"""A device without hardware: its clock advances by what the fake engine says a step costs, and by nothing else.

Tests and documentation run on it exactly and without sleeping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeClock:
    """Virtual time in nanoseconds, and the number of the replicate that lives in it."""

    def __init__(self) -> None:
        self.now = 0
        self.replicate = 0

    def __call__(self) -> int:
        """The virtual time."""
        return self.now

    def advance(self, nanoseconds: int) -> None:
        """Let time pass."""
        self.now += nanoseconds


CLOCK = FakeClock()


class Fake:
    """The device; it has no memory to speak of."""

    def missing(self) -> str | None:
        """It is always there, and measured only when it is named."""
        return None

    def clock(self, replicate: int) -> Callable[[], int]:
        """The virtual clock, with the number of the replicate for durations that differ between processes."""
        CLOCK.replicate = replicate
        return CLOCK

    def reset_peak(self) -> bool:
        """Nothing to reset."""
        return False

    def peak_bytes(self) -> int | None:
        """Nothing to read: an empty cell, not 0."""
        return None


DEVICE = Fake()
