"""A run under way: what is planned, what is on disk, how long it has gone on, and what is still wanted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from . import effort, results
from .axes import lasts
from .config import QUICK
from .stats import median

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .config import Settings
    from .core import Case, Replicate, Result, Run

# Seconds that a process is taken to last before one has run.
_GUESS_S = 2.0


class State:
    """A run under way: what is planned, what is on disk, and when it began."""

    def __init__(
        self, run: Run, settings: Settings, path: Path, replicates: Sequence[Replicate], ceilings_s: float = 0.0
    ) -> None:
        self.run = run
        self.settings = settings
        self._quick = msgspec.structs.replace(settings, **QUICK)
        self.path = path
        self.replicates: list[Replicate] = list(replicates)
        self._found: dict[str, list[Replicate]] = {}
        self._indexed = 0
        # What starts the servers of workers where those are not this machine's.
        self.serve: Callable[..., Any] | None = None
        self.began = time.perf_counter()
        # Seconds of the run that were over when processes began to measure; None as long as none has.
        self.before: float | None = None
        self.measured_before = len(self.replicates)
        # A run that is resumed has what its earlier sessions took already behind it, a new one what its ceilings took.
        self.servers = 0
        self.ceilings_s = ceilings_s
        self.spent = sum(replicate.seconds for replicate in replicates) + ceilings_s

    def every(self, case: Case) -> Sequence[Replicate]:
        """All replicates of a case so far, of whatever role: looked up, since a sweep has thousands."""
        for replicate in self.replicates[self._indexed :]:
            self._found.setdefault(replicate.case, []).append(replicate)
        self._indexed = len(self.replicates)
        return self._found.get(case.id, ())

    def of(self, case: Case, role: str = "measure") -> list[Replicate]:
        """The replicates of a case so far."""
        return [r for r in self.every(case) if r.role == role]

    def claim(self, case: Case) -> bool:
        """Whether a process of this case may start now: in a cluster another machine may have taken it over meanwhile."""
        del case
        return True

    def add(self, replicate: Replicate) -> None:
        """A replicate is on disk."""
        self.replicates.append(replicate)

    def settings_of(self, case: Case) -> Settings:
        """How a case is measured: as the run is, or in one process where that was asked for."""
        return self._quick if case.id in self.run.quick else self.settings

    def least(self, case: Case) -> int:
        """How many processes a case needs."""
        return effort.bounds(case, self.settings_of(case))[0]

    @property
    def first(self) -> list[Case]:
        """The cases that can be measured and come before the further ones."""
        return [case for case in self.run.cases if case.id not in self.run.skipped and case.id not in self.run.further]

    @property
    def later(self) -> list[Case]:
        """The further cases that have had no process yet; they wait until the others have all that is required."""
        further = set(self.run.further) - set(self.run.skipped)
        return [c for c in self.run.cases if c.id in further and not self.of(c) and not self.failed(c)] if further else []

    def failed(self, case: Case) -> bool:
        """Whether something went wrong with this case, so that it is not measured again."""
        return any(r.status != "ok" for r in self.every(case) if r.role != "energy")

    def results(self, ended: str = "") -> tuple[Result, ...]:
        """All rows as they stand, each compared with the others of the run."""
        return results.derive(self.run, self.replicates, ended)

    def open(self) -> list[Case]:
        """The cases that still want a process: too few yet, or not yet as precise as asked; not those that come later."""
        later = {case.id for case in self.later}
        return [
            case
            for case in self.run.cases
            if case.id not in self.run.skipped
            and case.id not in later
            and not self.failed(case)
            and effort.unfinished(case, self.of(case), self.settings_of(case))
        ]

    def required(self) -> bool:
        """Whether one of the first cases still lacks a process that it needs."""
        return any(len(self.of(case)) < self.least(case) for case in self.first if not self.failed(case))

    def elapsed(self) -> float:
        """Seconds that the run has taken, its ceilings and earlier sessions included."""
        return self.spent + time.perf_counter() - self.began

    @property
    def limit(self) -> float | None:
        """The time limit; longer only where the ceilings would leave the required processes less than they need of it."""
        limit = self.settings.time_limit
        if limit is None:
            return None
        needed = sum(self.least(case) * (_GUESS_S + lasts(case.scenario)) for case in self.first)
        return max(limit, self.ceilings_s + min(limit, needed))

    @property
    def longer(self) -> bool:
        """Whether the time limit is longer than the one that the run was begun with."""
        begun, now = self.run.settings.get("time-limit"), self.settings.time_limit
        return begun is not None and (now is None or now > begun)

    def begin(self) -> None:
        """From now on processes measure: what is spread over time begins here, and not with the check."""
        self.before = self.elapsed() - sum(r.seconds for r in self.replicates if r.role == "measure")

    def measuring(self) -> float:
        """Seconds since processes began to measure, earlier sessions included."""
        return 0.0 if self.before is None else self.elapsed() - self.before

    def next_server(self) -> int:
        """A number for the next forkserver that no earlier one had."""
        self.servers = max(self.servers, max((r.server for r in self.replicates), default=0)) + 1
        return self.servers

    def cost(self, case: Case) -> float:
        """Seconds that a process of this case took, or a guess before the first."""
        took = [r.seconds for r in self.of(case)]
        return median(took) if took else _GUESS_S

    def unread(self) -> list[Case]:
        """The cases whose energy is asked for and not yet read; one that failed has no work worth a joule."""
        if not self.settings.energy:
            return []
        later = {case.id for case in self.later}
        cases = [c for c in self.run.cases if c.id not in self.run.skipped and c.id not in later and not self.failed(c)]
        return [c for c in cases if not self.of(c, "energy") and effort.steady(c)]

    def left(self) -> float:
        """Seconds that the time limit leaves for processes, after what the energy pass will take (of the whole, half at most)."""
        limit = self.limit
        if limit is None:
            return float("inf")
        reserved = sum(effort.energy_s(self.settings, case) for case in self.unread())
        return limit - self.elapsed() - min(reserved, limit / 2)
