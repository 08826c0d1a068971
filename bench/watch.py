"""Who watches a run: what it is told, between workers and never while one measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .core import Case, Record, Replicate
    from .state import State


class Watcher(Protocol):
    """What a run tells about itself, between workers and never while one measures."""

    def started(self, state: State) -> None:
        """The file is open and the plan is known."""

    def ceilings(self, missing: Sequence[str]) -> None:
        """These ceilings of the machine are not known yet and are measured now, before the run."""

    def round(self, state: State, number: int, pause_s: float) -> None:
        """A round begins, after a pause of that many seconds; -1 is the check, -2 the energy pass, -3 further suites."""

    def working(self, state: State, case: Case) -> None:
        """A worker is about to start on this case."""

    def finished(self, state: State, replicate: Replicate) -> None:
        """A replicate is on disk."""

    def ended(self, state: State, record: Record) -> None:
        """The run is over, or interrupted."""


class Silent:
    """A watcher that shows nothing."""

    def started(self, state: State) -> None:
        """Nothing."""

    def ceilings(self, missing: Sequence[str]) -> None:
        """Nothing."""

    def round(self, state: State, number: int, pause_s: float) -> None:
        """Nothing."""

    def working(self, state: State, case: Any) -> None:
        """Nothing."""

    def finished(self, state: State, replicate: Any) -> None:
        """Nothing."""

    def ended(self, state: State, record: Record) -> None:
        """Nothing."""
