"""One pair: a fresh process of base and one of head, measured by turns in an order that coins decide."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from .. import compress
from ..job import Job, memory_limit
from ..measure import NS, Budget
from ..pairing import UNTIMED
from ..supervisor import Server
from .log import Half, Pair
from .nulls import NULLS
from .talk import Talk

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from ..config import Settings
    from ..core import Case
    from .log import Against, Stage
    from .sides import Side

# How long a batch of samples lasts, about, and all batches of a side together; a network that is slow takes longer.
BATCH_S, SIDE_S = 0.045, 1.6
SAMPLES, ROUNDS = (2, 50), (8, 16)
# So long a process may take to settle before it is timed; its other half has as long.
WARMUP_S = 2.0
_SIDES = ("b", "h")
_KEYS: dict[Against, tuple[str, str]] = {"base": ("base", "head"), "far": ("far", "head"), "null": ("base", "null")}


class Lane(NamedTuple):
    """A forkserver of one side, and the side."""

    server: Server
    side: Side


class Asked(NamedTuple):
    """Which pair is wanted."""

    case: Case
    against: Against
    stage: Stage
    number: int
    round: int


class Lanes:
    """The forkservers of one round of pairs, started together, and ended together."""

    def __init__(self, sides: dict[str, Side], settings: Settings, wanted: Iterable[Against], *, torch: bool = True) -> None:
        self._sides = sides
        self._start = settings.start
        self._preload = "torch" if torch else "none"
        self._keys = tuple(dict.fromkeys(key for against in wanted for key in _KEYS[against]))
        self._stack = ExitStack()
        self._lanes: dict[str, Lane] = {}

    def __enter__(self) -> Self:
        # The pool outlives its servers: the kernel kills a server when the thread that started it ends, and not only with
        # the process.
        pool = self._stack.enter_context(ThreadPoolExecutor())
        try:
            started = [pool.submit(self._lane, key) for key in self._keys]
            for key, future in zip(self._keys, started, strict=True):
                self._lanes[key] = future.result()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def two(self, against: Against) -> tuple[Lane, Lane]:
        """Base's lane and head's; the null control has base on both, in two forkservers."""
        base, head = _KEYS[against]
        return self._lanes[base], self._lanes[head]

    def _lane(self, key: str) -> Lane:
        side = self._sides["base" if key == "null" else key]
        server = Server(start=self._start, preload=self._preload, home=side.home)
        self._stack.enter_context(server)
        return Lane(server, side)


class Meter:
    """Measures pairs; `coins` decide every order, `rates` are measured where throughput is gated.

    `spin` makes head slower by that share, for the gate's test of itself.
    """

    def __init__(  # noqa: PLR0913 - how pairs are measured
        self,
        settings: Settings,
        coins: random.Random,
        *,
        mode: str,
        rates: bool,
        cores: tuple[int, ...] = (),
        spin: float = 0.0,
    ) -> None:
        self._settings = settings
        self._coins = coins
        self._mode = mode
        self._rates = rates
        self._cores = cores
        self._spin = spin

    def pair(self, lanes: tuple[Lane, Lane], asked: Asked) -> Pair:
        """Measure one; whatever happens to a process is in its half."""
        began, start = time.time(), time.perf_counter()
        halves, order = self._alone(lanes, asked) if self._mode == "abba" else self._together(lanes, asked)
        return Pair(
            case=asked.case.id, against=asked.against, stage=asked.stage, index=asked.number, round=asked.round, order=order,
            base=halves[0], head=halves[1], started_s=began, seconds=time.perf_counter() - start,
        )  # fmt: skip

    def _together(self, lanes: tuple[Lane, Lane], asked: Asked) -> tuple[list[Half], str]:
        """Both are loaded, warm and blocked on their pipes; then each runs a batch per round."""
        first = self._coins.randrange(2)
        talks: dict[int, Talk] = {}
        try:
            for at in (first, 1 - first):
                talks[at] = Talk(lanes[at].server, self._job(lanes, at, asked, talk=0), self._settings.timeout)
                if talks[at].replicate is not None:
                    break
            order = self._turns(talks) if len(talks) == len(lanes) else ""
        finally:
            for talk in talks.values():
                talk.end()
        halves = [talks[at].half() if at in talks else Half(status="skipped", reason="the other side failed") for at in (0, 1)]
        return halves, order

    def _turns(self, talks: dict[int, Talk]) -> str:
        if any(talk.replicate is not None for talk in talks.values()):
            return ""
        rounds, count = schedule(max(talk.step_ns for talk in talks.values()))
        if self._mode == "duet":
            return self._duet(talks, rounds, count)
        order = ""
        for _ in range(rounds):
            first = self._coins.randrange(2)
            for at in (first, 1 - first):
                talks[at].batch(count)
                order += _SIDES[at]
        for _ in range(rounds if self._rates else 0):
            first = self._coins.randrange(2)
            for at in (first, 1 - first):
                talks[at].rate(max(3, count))
        return order

    def _duet(self, talks: dict[int, Talk], rounds: int, count: int) -> str:
        """Both at the same time, each on a core of its own; a coin swaps the cores from round to round."""
        for _ in range(rounds):
            swap = self._coins.randrange(2)
            for at, talk in talks.items():
                talk.command(f"core {self._cores[at ^ swap]}")
            for talk in talks.values():
                talk.say(f"batch {count}")
            for talk in talks.values():
                talk.hear_batch()
        return "d" * rounds

    def _alone(self, lanes: tuple[Lane, Lane], asked: Asked) -> tuple[list[Half], str]:
        """Four processes one after the other, base head head base or the reverse: for what does not fit in memory twice."""
        first = self._coins.randrange(2)
        turns = (first, 1 - first, 1 - first, first)
        found: dict[int, list[Talk]] = {0: [], 1: []}
        order = ""
        for number, at in enumerate(turns):
            talk = Talk(lanes[at].server, self._job(lanes, at, asked, talk=number // 2), self._settings.timeout)
            try:
                if talk.replicate is None:
                    rounds, count = schedule(talk.step_ns)
                    for _ in range(rounds):
                        talk.batch(count)
                        order += _SIDES[at]
                    for _ in range(rounds if self._rates else 0):
                        talk.rate(max(3, count))
            finally:
                talk.end()
            found[at].append(talk)
            if talk.failed:
                break
        return [_joined(found[at]) for at in (0, 1)], order

    def _job(self, lanes: tuple[Lane, Lane], at: int, asked: Asked, *, talk: int) -> Job:
        side, other = lanes[at].side, lanes[1 - at].side
        found, settings = side.found, self._settings
        apart = side.place.top != other.place.top and side.place.top.resolve() != other.place.top.resolve()
        return Job(
            case=asked.case,
            index=4 * asked.number + 2 * talk + at,
            round=asked.round,
            pair=True,
            spin=self._spin if at == 1 and asked.against != "null" else 0.0,
            strangers=str(other.place.top) if apart else "",
            architecture=NULLS if asked.against == "null" else found.architectures.get(asked.case.architecture),
            engine=found.engines[asked.case.engine],
            compressors=compress.sources(asked.case),
            catalogue=found.catalogue,
            images=settings.images,
            seed=settings.seed,
            memory_limit=memory_limit(settings),
            device_memory_limit=None if asked.case.device == "cpu" else settings.memory_limit,
            budget=Budget(warmup=min(WARMUP_S, settings.warmup)),
        )


def schedule(step_ns: float) -> tuple[int, int]:
    """How many turns each side has, and how many samples in each."""
    step = max(step_ns, 1.0) / NS
    count = min(SAMPLES[1], max(SAMPLES[0], round(BATCH_S / step)))
    return min(ROUNDS[1], max(ROUNDS[0], int(SIDE_S / ((count + UNTIMED) * step)))), count


def _joined(talks: list[Talk]) -> Half:
    """Two processes of one side as one half: their batches one after the other, the mean of what each says of itself."""
    halves = [talk.half() for talk in talks]
    bad = next((half for half in halves if half.status != "ok"), None)
    if bad is not None or not halves:
        return bad or Half(status="skipped", reason="the other side failed")
    shared = [key for key in halves[0].values if all(key in half.values for half in halves)]
    return msgspec.structs.replace(
        halves[0],
        batches=tuple(batch for half in halves for batch in half.batches),
        rates=tuple(rate for half in halves for rate in half.rates),
        values={key: math.fsum(half.values[key] for half in halves) / len(halves) for key in shared},
        notes={key: text for half in halves for key, text in half.notes.items()},
    )
