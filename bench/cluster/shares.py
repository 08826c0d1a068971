"""What each place has to do: cases that are compared with each other stay together, the rest is dealt out evenly."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import msgspec

from ..axes import lasts
from ..registry import ARCHITECTURES
from ..state import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..core import Case, Replicate
    from .pool import Place
    from .sweep import Sweep

Group = tuple["Case", ...]

# What a process costs beside its network, in units of what a GMAC costs; only the ratio matters, and only until it is measured.
_START_GMAC = 20.0


def groups(cases: Iterable[Case]) -> list[Group]:
    """Cases that differ in precision and compression only: their ratios pair processes of one round on one machine."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(msgspec.structs.replace(case, precision="fp32", compression="none").id, []).append(case)
    return [tuple(group) for group in found.values()]


def weight(group: Group) -> float:
    """About how long a round of these cases takes, in arbitrary units: from the declared MACs, and how long a scenario lasts."""
    found = 0.0
    for case in group:
        declared = ARCHITECTURES.get(case.architecture).macs if case.architecture in ARCHITECTURES else None
        found += _START_GMAC + case.batch * (declared or 0) / 1e9 + 10.0 * lasts(case.scenario)
    return found


def deal(found: Sequence[Group], loads: Sequence[float]) -> list[list[Group]]:
    """Each group to one of several places, the longest first and always to the one with the least; `loads` is what they have."""
    hands: list[list[Group]] = [[] for _ in loads]
    heap = [(load, index) for index, load in enumerate(loads)]
    heapq.heapify(heap)
    for group in sorted(found, key=weight, reverse=True):
        load, index = heapq.heappop(heap)
        hands[index].append(group)
        heapq.heappush(heap, (load + weight(group), index))
    return hands


class Stopped(Exception):  # noqa: N818 - what was asked for, and nobody's error
    """The run is to end now."""


class Share(State):
    """What one place has of a sweep. Other threads take cases from it and give it more, all under the sweep's lock.

    `phase` is `waiting` for the place, `working`, `idle` (nothing to do as long as no other place is lost), `lost` or `done`;
    `done` counts the processes that measured there.
    """

    def __init__(self, sweep: Sweep, place: Place) -> None:
        run = msgspec.structs.replace(sweep.run, cases=())
        super().__init__(run, sweep.settings, sweep.path, ())
        self.sweep = sweep
        self.place = place
        self.phase = "waiting"
        self.current: Case | None = None
        self.fresh = True
        self.done = 0
        self.lost_at = 0.0
        self._ids: set[str] = set()

    @property
    def alive(self) -> bool:
        """Whether it measures, or will."""
        return self.phase in {"waiting", "working", "idle"}

    @property
    def wanting(self) -> bool:
        """Whether it has anything to do as soon as its place is free."""
        return self.required() or (self.fresh and bool(self.open() or self.later))

    def every(self, case: Case) -> Sequence[Replicate]:
        """All replicates of a case so far; other threads look too, to see what they can take over."""
        with self.sweep.changed:
            return tuple(super().every(case))

    def claim(self, case: Case) -> bool:
        """Whether the case is still this place's to measure; if so, nobody takes it away until it has been. Raises Stopped."""
        with self.sweep.changed:
            if self.sweep.stopped:
                raise Stopped
            if case.id not in self._ids:
                return False
            self.current = case
            return True

    def add(self, replicate: Replicate) -> None:
        """A replicate is on disk."""
        with self.sweep.changed:
            super().add(replicate)
            self.sweep.replicates.append(replicate)
            self.done += replicate.role == "measure"
            self.current = None
            self.sweep.changed.notify_all()

    def next_server(self) -> int:
        """A number for the next forkserver that no other place of the sweep had."""
        return self.sweep.next_server()

    def give(self, cases: Sequence[Case], replicates: Iterable[Replicate]) -> None:
        """More to do, with what is known of it already."""
        ids = {case.id for case in cases}
        self._hold((*self.run.cases, *cases))
        self.replicates.extend(replicate for replicate in replicates if replicate.case in ids)

    def drop(self, cases: Sequence[Case]) -> None:
        """These are another's now."""
        ids = {case.id for case in cases}
        self._hold(tuple(case for case in self.run.cases if case.id not in ids))
        self.replicates = [replicate for replicate in self.replicates if replicate.case not in ids]
        self._found, self._indexed = {}, 0

    def _hold(self, cases: tuple[Case, ...]) -> None:
        self.run = msgspec.structs.replace(self.run, cases=cases)
        self._ids = {case.id for case in cases}

    def missing(self, cases: Iterable[Case]) -> int:
        """How many processes these still lack of those that they need."""
        wanted = (case for case in cases if case.id not in self.run.skipped and case.id not in self.run.further)
        return sum(max(0, self.least(case) - len(self.of(case))) for case in wanted if not self.failed(case))

    def movable(self) -> list[Group]:
        """The groups that another place could take: not under way, and not with all that they need; the least advanced first."""
        current = None if self.current is None else self.current.id
        found = [g for g in groups(self.run.cases) if all(case.id != current for case in g) and self.missing(g)]
        return sorted(found, key=lambda group: -self.missing(group))
