"""Pairs of events on a device's own timeline; the devices of torch that offer them offer the same three calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_NS_PER_MS = 1e6


class EventPairs:
    """Marks where each step begins and ends in the device's current queue, and reads all of it after one wait.

    `make` gives a new event with `record()`, `synchronize()` and `elapsed_time(other)` in milliseconds. Where the queue
    runs empty because the host is late, the time until the next piece of work is part of the step.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._pairs: list[tuple[Any, Any]] = []

    def start(self) -> None:
        """Mark a beginning; both events are made here, so that the end costs no more than its record."""
        pair = self._make(), self._make()
        self._pairs.append(pair)
        pair[0].record()

    def stop(self) -> None:
        """Mark the end."""
        self._pairs[-1][1].record()

    def read(self) -> list[int]:
        """Wait for the last end, and give the nanoseconds of every pair since the last call."""
        pairs, self._pairs = self._pairs, []
        if pairs:
            pairs[-1][1].synchronize()
        return [round(begin.elapsed_time(end) * _NS_PER_MS) for begin, end in pairs]
