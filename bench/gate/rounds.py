"""The gate as it runs: exact first, then pairs of every case in rounds, then further pairs of what may have changed."""

from __future__ import annotations

import math
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from ..job import count_job
from . import effects, exact, outcome
from .log import Counts
from .pairs import Asked, Lanes, Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..config import Settings
    from ..core import Case
    from ..job import Job
    from .exact import Entry
    from .log import Against, Stage, Writer
    from .outcome import Outcome
    from .sides import Side

# What a pair is taken to last before one has been measured, and how much of the limit the second stage is left at least.
_GUESS_S, _RESERVE = 3.0, 0.25


class Progress(msgspec.Struct, frozen=True):
    """Where the gate is: the stage, which round of how many, how many cases, and the seconds so far."""

    against: str
    stage: str
    round: int
    rounds: int
    cases: int
    elapsed_s: float


class Gate:
    """A gate under way. Everything that was measured is in its file; `run` measures what that does not hold yet."""

    def __init__(  # noqa: PLR0913 - what is compared, how, and who watches
        self,
        writer: Writer,
        sides: dict[str, Side],
        settings: Settings,
        *,
        locked: Mapping[str, Entry] | None = None,
        cores: tuple[int, ...] = (),
        say: Callable[[Progress], None] = lambda _: None,
        lanes: Callable[..., Lanes] = Lanes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer, self._sides, self._settings, self._locked = writer, sides, settings, locked
        self._say, self._lanes, self._clock = say, lanes, clock
        head = writer.head
        self._gate, self._rule = head.gate, head.rule
        self._began = clock() - sum(pair.seconds for pair in writer.log.pairs.values())
        coins = random.Random(f"{head.seed}:{len(writer.log.pairs)}")  # noqa: S311 - an order, not a secret
        self._order = random.Random(f"order:{head.seed}:{len(writer.log.pairs)}")  # noqa: S311 - as above
        rates = "throughput" in self._gate.metrics
        self._meter = Meter(settings, coins, mode=self._gate.mode, rates=rates, cores=cores, spin=head.inject)
        # Cases that the time limit has no room for, least important first.
        self._dropped: set[str] = set()
        self._round = max((pair.round for pair in writer.log.pairs.values()), default=-1)

    @property
    def path(self) -> Path:
        """The file of the pairs."""
        return self._writer.path

    @property
    def warnings(self) -> list[str]:
        """What could not be loaded, side by side."""
        return [f"{name}: {error}" for name, side in self._sides.items() if name != "head" for error in side.found.errors]

    def run(self) -> Outcome:
        """Do everything that is missing; what Ctrl-C leaves is in the file, with the verdicts that it allows."""
        ended = "complete"
        try:
            if not self._writer.log.counts:
                self._exact()
            for against in self._writer.head.against:
                self._stage(against, "screen")
                self._stage(against, "confirm")
        except KeyboardInterrupt:
            ended = "interrupted"
        found = outcome.outcome(self._writer.log._replace(ended=ended))
        self._writer.end(ended, list(found.rows))
        return found

    def _exact(self) -> None:
        """Count all sides, at the same time since nothing is timed, and compare head with each base and with the lock."""
        head = self._writer.head
        cases = [case for case in head.cases if case.id not in head.skipped and not case.virtual]
        self._say(Progress("", "exact", 0, 1, len(cases), self._elapsed()))

        def count(name: str) -> tuple[dict[str, Entry], dict[str, str]]:
            side = self._sides[name]
            here = [case for case in cases if case.architecture in side.found.architectures]
            return exact.count(here, self._settings, home=side.home, job=lambda case, settings: _count(side, case, settings))

        with ThreadPoolExecutor() as pool:
            found = dict(zip(self._sides, pool.map(count, self._sides), strict=True))
        entries, failed = found["head"]
        locked: dict[str, Entry] = dict(self._locked or {})
        # What is locked as it is now was accepted with the commit that locked it.
        as_locked = {name for name, entry in entries.items() if locked.get(name) == entry}
        if self._locked is not None:
            differences = exact.compare(locked, entries, whole=False)
            self._writer.counts(Counts(against="the lock file", differences=tuple(differences), failed=failed))
        for name in head.against:
            before, gone = found[name]
            here = {key: entry for key, entry in entries.items() if key in before}
            differences = exact.compare(before, here, whole=False)
            for accepted in (True, False):
                own = tuple(d for d in differences if (d.case in as_locked) is accepted)
                if own or not accepted:
                    lost = {} if accepted else gone | ({} if self._locked is not None else failed)
                    self._writer.counts(Counts(against=name, differences=own, accepted=accepted, failed=lost))

    def _stage(self, against: Against, stage: Stage) -> None:
        """Rounds of one pair for each case, in new forkservers for every round, until all have as many as the rule wants."""
        wanted = self._rule.screen_pairs if stage == "screen" else self._rule.confirm_pairs
        chosen = self._cases(against)
        if stage == "confirm":
            wanting = outcome.candidates(self._writer.log, against)
            chosen = [case for case in chosen if case.id in wanting]
        for index in range(wanted):
            missing = [case for case in chosen if self._open(against, case, stage, index)]
            missing = self._affordable(against, stage, missing, wanted - index)
            if not missing:
                continue
            nulls = [case for case in self._writer.head.nulls if not self._has("null", case, stage, index)]
            self._pairs(against, stage, index, missing, nulls if against == "base" else [], wanted)

    def _pairs(  # noqa: PLR0913, PLR0917 - one round
        self, against: Against, stage: Stage, index: int, cases: list[Case], nulls: list[Case], wanted: int
    ) -> None:
        self._round += 1
        self._say(Progress(against, stage, index + 1, wanted, len(cases), self._elapsed()))
        todo: list[tuple[Against, Case]] = [(against, case) for case in cases] + [("null", case) for case in nulls]
        self._order.shuffle(todo)
        kinds = [which for which, _ in todo]
        with self._lanes(self._sides, self._settings, kinds, torch=not all(case.virtual for case in cases)) as lanes:
            for which, case in todo:
                if self._left() <= 0:
                    return
                asked = Asked(case, which, stage, index, self._round)
                self._writer.pair(self._meter.pair(lanes.two(which), asked))

    def _cases(self, against: Against) -> list[Case]:
        """The cases that can be compared with this base."""
        head, base = self._writer.head, self._sides[against]
        there = [case for case in head.cases if case.id not in head.skipped and case.architecture in base.found.architectures]
        return [case for case in there if case.engine in base.found.engines]

    def _has(self, against: Against, case: Case, stage: Stage, index: int) -> bool:
        return (against, case.id, stage, index) in self._writer.log.pairs

    def _open(self, against: Against, case: Case, stage: Stage, index: int) -> bool:
        """Whether a case wants this pair: not where it is there, where one failed, or where the time has no room for it."""
        if case.id in self._dropped or self._has(against, case, stage, index):
            return False
        allow = self._writer.head.allow_output_change
        return not effects.invalid(self._writer.log.of(against, case), allow_output_change=allow)

    def _affordable(self, against: Against, stage: Stage, cases: list[Case], rounds: int) -> list[Case]:
        """As many of the cases, in their order, as the time limit has room for in all the rounds that are left."""
        left, kept = self._left(), list(cases)
        if stage == "screen" and self._gate.time_limit is not None:
            left -= min(_RESERVE * self._gate.time_limit, self._rule.confirm_pairs * _GUESS_S)
        costs = {case.id: self._cost(against, case) for case in kept}
        while len(kept) > 1 and rounds * sum(costs[case.id] for case in kept) > left and len(self._writer.log.pairs) > 0:
            self._dropped.add(kept.pop().id)
        return kept if self._left() > 0 else []

    def _cost(self, against: Against, case: Case) -> float:
        """Seconds of a pair of this case, its share of the forkservers included."""
        took = [pair.seconds for pair in self._writer.log.of(against, case)]
        return sum(took) / len(took) + _GUESS_S / 10 if took else _GUESS_S

    def _elapsed(self) -> float:
        return self._clock() - self._began

    def _left(self) -> float:
        return math.inf if self._gate.time_limit is None else self._gate.time_limit - self._elapsed()


def _count(side: Side, case: Case, settings: Settings) -> Job:
    """Counting on a side, from its own sources."""
    found = side.found
    return msgspec.structs.replace(
        count_job(case, settings),
        architecture=found.architectures[case.architecture],
        engine=found.engines[case.engine],
        catalogue=found.catalogue,
    )
