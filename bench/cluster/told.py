"""Who follows a cluster run: what it is told, by the threads of the places and under no lock of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Record, Replicate
    from ..state import State
    from .shares import Share
    from .sweep import Sweep


class Follower(Protocol):
    """What a cluster run tells about itself. Everything may come from any thread, `tick` and `ended` from the main one."""

    def said(self, text: str) -> None:
        """A line for whoever started the run."""

    def checking(self, sweep: Sweep, count: int) -> None:
        """So many cases are counted and verified now, wherever there is room."""

    def working(self, sweep: Sweep, share: Share, case: Case) -> None:
        """A place is about to start a worker."""

    def finished(self, sweep: Sweep, share: Share | None, replicate: Replicate) -> None:
        """A replicate is on disk; no place had it where it was counted and verified only."""

    def lost(self, sweep: Sweep, share: Share, why: str) -> None:
        """A place is gone."""

    def tick(self, sweeps: Sequence[Sweep]) -> None:
        """Some time has gone by."""

    def ended(self, records: Sequence[Record]) -> None:
        """The run is over, or interrupted."""


class Unheard:
    """A follower that shows nothing."""

    def said(self, text: str) -> None:
        """Nothing."""

    def checking(self, sweep: Sweep, count: int) -> None:
        """Nothing."""

    def working(self, sweep: Sweep, share: Share, case: Case) -> None:
        """Nothing."""

    def finished(self, sweep: Sweep, share: Share | None, replicate: Replicate) -> None:
        """Nothing."""

    def lost(self, sweep: Sweep, share: Share, why: str) -> None:
        """Nothing."""

    def tick(self, sweeps: Sequence[Sweep]) -> None:
        """Nothing."""

    def ended(self, records: Sequence[Record]) -> None:
        """Nothing."""


class Told:
    """The watcher of one place, who tells the follower of the whole."""

    def __init__(self, follower: Follower, sweep: Sweep, share: Share) -> None:
        self._follower = follower
        self._sweep = sweep
        self._share = share

    def started(self, state: State) -> None:
        """The follower was there from the start."""

    def ceilings(self, missing: Sequence[str]) -> None:
        """They were measured before."""

    def round(self, state: State, number: int, pause_s: float) -> None:
        """Rounds are each place's own."""

    def working(self, state: State, case: Case) -> None:  # noqa: ARG002 - the watcher's signature
        """A worker is about to start there."""
        self._follower.working(self._sweep, self._share, case)

    def finished(self, state: State, replicate: Replicate) -> None:  # noqa: ARG002 - as above
        """A replicate is on disk."""
        self._follower.finished(self._sweep, self._share, replicate)

    def ended(self, state: State, record: Record) -> None:
        """The follower is told of the whole run's end."""
