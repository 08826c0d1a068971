"""The choice itself: what keeps every limit, in which order, what no other beats, and what one more unit of a limit would buy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from .limits import MEASURES, WITHIN, Limit, Measure, Place, number, own_accuracy, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..reports.rows import Protocol, Row

_QUALITY, _LATENCY = MEASURES["quality"], MEASURES["latency"]


class Candidate(NamedTuple):
    """A row with its numbers by the name of the measure, how surely it keeps each limit, and whether no other beats it."""

    row: Row
    values: Mapping[str, float | None]
    places: Mapping[str, tuple[Place, str]]
    best: bool = False

    @property
    def within(self) -> bool:
        """Whether it keeps every limit, as far as is known."""
        return all(word in WITHIN for word, _ in self.places.values())

    @property
    def place(self) -> Place:
        """How surely it keeps the limit that it keeps least surely."""
        return max((word for word, _ in self.places.values()), key=[*WITHIN, "outside", "unknown"].index, default="sure")

    @property
    def why(self) -> list[str]:
        """Why it is not surer of its place."""
        return [why for _, why in self.places.values() if why]

    def breaks(self) -> list[str]:
        """The options of the limits that it does not keep."""
        return [option for option, (word, _) in self.places.items() if word not in WITHIN]


class Price(NamedTuple):
    """What giving way on one limit brings.

    `nearest` is what breaks only this limit, by the least. `step` is the nearest of these that is better in `goal` than
    everything within, by `gain`, and `beyond` the limit by so much; without the limit the best would be `most`. A limit with a
    step binds.
    """

    limit: Limit
    goal: Measure
    nearest: Candidate | None = None
    step: Candidate | None = None
    gain: float = 0.0
    beyond: float = 0.0
    most: Candidate | None = None

    @property
    def binds(self) -> bool:
        """Whether anything better stands outside of it alone."""
        return self.step is not None


class Choice(NamedTuple):
    """What keeps the limits, in order; everything that was judged; the prices; and in which measures the front is one."""

    ranked: list[Candidate]
    judged: list[Candidate]
    prices: list[Price]
    front: list[Measure]


def choose(found: Sequence[Row], limits: Sequence[Limit], by: Measure, protocol: Protocol | None) -> Choice:
    """Judge every row, rank those within, and price the limits."""
    judged = [_judged(row, limits, protocol) for row in found]
    within = [candidate for candidate in judged if candidate.within]
    limited = {limit.measure.name for limit in limits} | {by.name}
    names = limited if limited - {"quality"} else limited | {"latency"}
    front = [measure for name, measure in MEASURES.items() if name in names | {"quality"}]
    # A quality that nobody knows is no axis.
    front = [measure for measure in front if any(candidate.values[measure.name] is not None for candidate in within)]
    marked = [candidate._replace(best=not _beaten(candidate, within, front)) for candidate in within]
    ranked = sorted(marked, key=lambda candidate: _order(candidate, by))
    prices = [_price(limit, ranked, judged, by) for limit in limits] if ranked else []
    return Choice(ranked, judged, prices, front)


def _judged(row: Row, limits: Sequence[Limit], protocol: Protocol | None) -> Candidate:
    values = {name: number(row, measure, protocol) for name, measure in MEASURES.items()}
    return Candidate(row, values, {limit.option: place(row, limit, values[limit.measure.name]) for limit in limits})


def _cost(candidate: Candidate, measure: Measure) -> float:
    """Less is better; what is not known is worst."""
    value = candidate.values[measure.name]
    return math.inf if value is None else -value if measure.more else value


def _order(candidate: Candidate, by: Measure) -> tuple[float, ...]:
    return tuple(_cost(candidate, measure) for measure in (by, _QUALITY, _LATENCY))


def _beaten(one: Candidate, others: Sequence[Candidate], front: Sequence[Measure]) -> bool:
    """Whether another is at least as good in all of these and better in one; what lacks one of them stands on no front.

    An accuracy that was published for another precision beats none that is a row's own.
    """
    own = [_cost(one, measure) for measure in front]
    if math.inf in own:
        return True
    rivals = [other for other in others if own_accuracy(other.row) or not own_accuracy(one.row) or _QUALITY not in front]
    costs = [[_cost(other, measure) for measure in front] for other in rivals]
    return any(all(a <= b for a, b in zip(cost, own, strict=True)) and cost != own for cost in costs)


def _price(limit: Limit, ranked: Sequence[Candidate], judged: Sequence[Candidate], by: Measure) -> Price:
    """What stands outside of this limit alone."""
    goal = _goal(limit, ranked, by)
    pool = [candidate for candidate in judged if candidate.breaks() == [limit.option]]
    pool = [candidate for candidate in pool if candidate.values[limit.measure.name] is not None]
    if not pool:
        return Price(limit, goal)

    def near(candidate: Candidate) -> tuple[float, float]:
        return limit.beyond(candidate.values[limit.measure.name] or 0.0), _cost(candidate, goal)

    now = min(_cost(candidate, goal) for candidate in ranked)
    better = [candidate for candidate in pool if _cost(candidate, goal) < now]
    found = Price(limit, goal, nearest=min(pool, key=near))
    if not better:
        return found
    step = min(better, key=near)
    most = min(better, key=lambda candidate: _cost(candidate, goal))
    gain = now - _cost(step, goal) if math.isfinite(now) else 0.0
    return found._replace(step=step, gain=gain, beyond=near(step)[0], most=most)


def _goal(limit: Limit, ranked: Sequence[Candidate], by: Measure) -> Measure:
    """What giving way is for: what the ranking is by, and where that is what is limited, the other of quality and latency."""
    for measure in (by, _QUALITY, _LATENCY):
        known = any(candidate.values[measure.name] is not None for candidate in ranked)
        if measure.name != limit.measure.name and known:
            return measure
    return by


class Miss(NamedTuple):
    """What comes closest where nothing keeps every limit: by how much of each limit it is outside, the worst first."""

    candidate: Candidate
    over: list[tuple[Limit, float]]


def nearest_miss(judged: Sequence[Candidate], limits: Sequence[Limit]) -> Miss | None:
    """The row whose worst excess is least, relative to the limit; None where of every row something is not known."""
    found = []
    for candidate in judged:
        if any(word == "unknown" for word, _ in candidate.places.values()):
            continue
        known = [(limit, candidate.values[limit.measure.name]) for limit in limits]
        over = [(limit, limit.share(value)) for limit, value in known if value is not None and limit.beyond(value) > 0]
        found.append(Miss(candidate, sorted(over, key=lambda one: -one[1])))
    return min(found, key=lambda miss: (miss.over[0][1], len(miss.over)), default=None)
