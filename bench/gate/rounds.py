"""The gate as it runs: exact first, then pairs of every case in rounds, then further pairs of what may have changed."""

from __future__ import annotations

import math
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec

from ..job import count_job
from . import effects, exact, outcome
from .log import Counts
from .pairs import Asked, Lanes, Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..config import Settings
    from ..core import Case
    from ..job import Job
    from .exact import Difference, Entry
    from .log import Against, Stage, Writer
    from .outcome import Outcome
    from .sides import Side

# The share of the time limit that is kept for the second stage at most.
_RESERVE = 0.25


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer, self._sides, self._settings, self._locked = writer, sides, settings, locked
        self._say, self._clock = say, clock
        self._log = writer.log
        head, there = writer.log.head, writer.log.pairs
        self._head, self._gate, self._rule = head, head.gate, head.rule
        # A gate that is resumed has its pairs behind it.
        self._began = clock() - sum(pair.seconds for pair in there)
        coins = random.Random(f"{head.seed}:{len(there)}")  # noqa: S311 - an order, not a secret
        self._order = random.Random(f"order:{head.seed}:{len(there)}")  # noqa: S311 - as above
        rates = "throughput" in self._gate.metrics
        self._meter = Meter(settings, coins, mode=self._gate.mode, rates=rates, cores=cores, spin=head.inject)
        # Cases that the time limit has no room for, least important first.
        self._dropped: set[str] = set()
        self._round = max((pair.round for pair in there), default=-1)
        # What the last round took beside the pairs of its cases: forkservers, and the null control.
        self._beside_s = 0.0
        self._stack = ExitStack()
        self._standing: Lanes | None = None

    @property
    def path(self) -> Path:
        """The file of the pairs."""
        return self._writer.path

    @property
    def warnings(self) -> list[str]:
        """What could not be loaded, side by side."""
        return [f"{name}: {error}" for name, side in self._sides.items() if name != "head" for error in side.found.errors]

    def beside(self, ran: Sequence[tuple[float, float]]) -> None:
        """Put down when a neighbour loaded the machine, in clock time."""
        self._writer.neighbour(ran)

    def run(self) -> Outcome:
        """Do everything that is missing; what Ctrl-C leaves is in the file, with the verdicts that it allows."""
        self._log.ended = "complete"
        try:
            with self._stack:
                self._all()
        except KeyboardInterrupt:
            self._log.ended = "interrupted"
        found = outcome.outcome(self._log)
        self._writer.end(found.rows)
        return found

    def _all(self) -> None:
        """Counts, then both stages against each base."""
        if not {counts.against for counts in self._log.counts if not counts.accepted} >= set(self._head.against):
            self._exact()
        for against in self._head.against:
            self._stage(against, "screen")
            self._stage(against, "confirm")

    def _exact(self) -> None:
        """Count all sides, at the same time since nothing is timed, and compare head with each base and with the lock."""
        head = self._head
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
        self._writer.counts(Counts(against="the lock file", differences=_changed(locked, entries), failed=failed))
        for name in head.against:
            before, gone = found[name]
            changed = _changed(before, entries)
            accepted = tuple(difference for difference in changed if difference.case in as_locked)
            self._writer.counts(Counts(against=name, differences=accepted, accepted=True))
            red = tuple(difference for difference in changed if difference.case not in as_locked)
            self._writer.counts(Counts(against=name, differences=red, failed=gone))

    def _stage(self, against: Against, stage: Stage) -> None:
        """Rounds of one pair for each case, in new forkservers for every round, until all have as many as the rule wants."""
        wanted = self._rule.screen_pairs if stage == "screen" else self._rule.confirm_pairs
        chosen = self._cases(against)
        if stage == "confirm":
            wanting = outcome.candidates(self._log, against)
            chosen = [case for case in chosen if case.id in wanting]
        for index in range(wanted):
            missing = [case for case in chosen if self._open(against, case, stage, index)]
            missing = self._affordable(against, stage, missing, wanted - index)
            if not missing:
                continue
            nulls = [case for case in self._head.nulls if against == "base" and not self._log.has("null", case, stage, index)]
            self._say(Progress(against, stage, index + 1, wanted, len(missing), self._elapsed()))
            self._pairs([Asked(case, against, stage, index, self._round + 1) for case in missing], nulls)

    def _pairs(self, wanted: list[Asked], nulls: list[Case]) -> None:
        """One round of pairs, the null control's among them, in an order that is shuffled."""
        began, pairs = self._clock(), 0.0
        self._round += 1
        todo = [*wanted, *(wanted[0]._replace(case=case, against="null") for case in nulls)]
        self._order.shuffle(todo)
        with self._lanes([asked.against for asked in todo]) as lanes:
            for asked in todo:
                if self._left() <= 0:
                    return
                pair = self._meter.pair(lanes.two(asked.against), asked)
                self._writer.pair(pair)
                pairs += pair.seconds if asked.against != "null" else 0.0
        self._beside_s = self._clock() - began - pairs

    @contextmanager
    def _lanes(self, wanted: Sequence[Against]) -> Iterator[Lanes]:
        """Forkservers of this round alone, since a lasting one carries a bias that no coin cancels; virtual time has none."""
        if not all(case.virtual for case in self._head.cases):
            with Lanes(self._sides, self._settings, wanted) as lanes:
                yield lanes
            return
        if self._standing is None:
            every: list[Against] = [*self._head.against, "null"]
            self._standing = self._stack.enter_context(Lanes(self._sides, self._settings, every, torch=False))
        yield self._standing

    def _cases(self, against: Against) -> list[Case]:
        """The cases that can be compared with this base."""
        head, base = self._head, self._sides[against]
        there = [case for case in head.cases if case.id not in head.skipped and case.architecture in base.found.architectures]
        return [case for case in there if case.engine in base.found.engines]

    def _open(self, against: Against, case: Case, stage: Stage, index: int) -> bool:
        """Whether a case wants this pair: not where it is there, where one failed, or where the time has no room for it."""
        if case.id in self._dropped or self._log.has(against, case, stage, index):
            return False
        return not effects.invalid(self._log.of(against, case), allow_output_change=self._head.allow_output_change)

    def _affordable(self, against: Against, stage: Stage, cases: list[Case], rounds: int) -> list[Case]:
        """As many of the cases, in their order, as the time limit has room for in all the rounds that are left."""
        if self._left() <= 0:
            return []
        costs = {case.id: self._cost(against, case) for case in cases}
        left, kept = self._left() - rounds * self._beside_s, list(cases)
        if stage == "screen" and self._gate.time_limit is not None:
            # Room for confirming one case, so that what is found can be said.
            dearest = max((cost for cost in costs.values()), default=0.0)
            left -= min(_RESERVE * self._gate.time_limit, self._rule.confirm_pairs * (dearest + self._beside_s))
        while len(kept) > 1 and rounds * sum(costs[case.id] for case in kept) > left:
            self._dropped.add(kept.pop().id)
        return kept

    def _cost(self, against: Against, case: Case) -> float:
        """Seconds of a pair of this case as it was measured; before the first, no time at all, for nothing is known of it."""
        took = [pair.seconds for pair in self._log.of(against, case)]
        return sum(took) / len(took) if took else 0.0

    def _elapsed(self) -> float:
        return self._clock() - self._began

    def _left(self) -> float:
        return math.inf if self._gate.time_limit is None else self._gate.time_limit - self._elapsed()


def _changed(before: Mapping[str, Entry], now: Mapping[str, Entry]) -> tuple[Difference, ...]:
    """What differs of the entries that are on both sides."""
    return tuple(exact.compare(dict(before), {key: entry for key, entry in now.items() if key in before}, whole=False))


def _count(side: Side, case: Case, settings: Settings) -> Job:
    """Counting on a side, from its own sources."""
    found = side.found
    return msgspec.structs.replace(
        count_job(case, settings),
        architecture=found.architectures[case.architecture],
        engine=found.engines[case.engine],
        catalogue=found.catalogue,
    )
