"""Many series at once: which of them changed, with at most so many false ones among those that are named. Pure.

The series of a scan share one level (Benjamini and Hochberg 1995), so chance is drawn as often as their number asks for, and a
series that is too short to pass at that level, whatever it holds, is not tested and says how many points it needs. A series that
changed is cut there, and its pieces are tested in the same way (binary segmentation).
"""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from . import changepoints, levels
from .changepoints import BLOCK
from .levels import LEAST, Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .levels import Array

# The smallest p that the draws can give is half of the smallest level at which a series is called changed, so that one draw
# that is as strong by chance does not decide.
_FINER = 2
_FEWEST_DRAWS = 999


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What is called a change; `version` changes whenever an answer might.

    `level` is the expected share of false ones among the series that are called changed, `least` the smallest shift that
    counts, as a share of the median before it.
    """

    version: int = 1
    level: float = 0.01
    least: float = 0.02


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of level: `place` is the first point after it, `first` to `last` those that may as well be.

    `before` and `after` are the medians of the pieces on either side, `p` is adjusted for all series of the scan.
    """

    place: int
    first: int
    last: int
    before: float
    after: float
    error: float
    p: float

    @property
    def relative(self) -> float | None:
        """The shift over the level before; None where that is nothing."""
        return (self.after - self.before) / abs(self.before) if self.before else None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a series showed: its changes in order, and the points that are far off from their level.

    `needed` is how many points it would have needed to be tested, 0 where it was.
    """

    changes: tuple[Change, ...] = ()
    far: tuple[int, ...] = ()
    needed: int = 0


class _Piece(NamedTuple):
    key: str
    start: int
    values: Array

    @property
    def seed(self) -> tuple[int, ...]:
        """Of the chance that is drawn for it: the same in every scan."""
        digest = hashlib.sha256(f"{self.key} {self.start} {len(self.values)}".encode()).digest()
        return tuple(digest)


def fewest(tests: int, level: float) -> int:
    """How many points a series needs for a p that one out of so many can be called changed at.

    No order of fewer points is improbable enough, whether they are shuffled alone or in blocks.
    """
    most = level / max(tests, 1)
    points = 2 * LEAST
    while 2 / math.comb(points, points // 2) > most or (points - BLOCK + 1) ** -math.ceil(points / BLOCK) > most:
        points += 1
    return points


def draws(tests: int, level: float, alike: int = 1) -> int:
    """How often chance is drawn so that `alike` of so many series can be called changed together."""
    return max(_FEWEST_DRAWS, math.ceil(_FINER * tests / (level * alike)))


def plan(lengths: Sequence[int], level: float) -> int:
    """How many of these series can be tested: the longest, as many as are long enough for a scan of that many."""
    ordered = sorted(lengths, reverse=True)
    return max((many for many, points in enumerate(ordered, 1) if points >= fewest(many, level)), default=0)


def adjusted(ps: Sequence[float], tests: int) -> list[float]:
    """What each p is worth among `tests` of them (Benjamini and Hochberg): to be held against the level."""
    order = np.argsort(ps, kind="stable")
    ranked = np.asarray(ps, dtype=float)[order] * tests / np.arange(1, len(ps) + 1)
    found = np.empty(len(ps))
    found[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return [float(p) for p in found]


def scan(series: Mapping[str, Sequence[float]], rule: Rule | None = None) -> dict[str, Found]:
    """The changes of every series, by its key; values in the order of time. The same series give the same answer."""
    rule = rule or Rule()
    given = {key: np.asarray(values, dtype=float) for key, values in series.items()}
    tests = plan([len(values) for values in given.values()], rule.level)
    needed = fewest(max(tests, 1), rule.level)
    whole = [_Piece(key, 0, values) for key, values in given.items() if len(values) >= needed]
    cuts: dict[str, dict[int, float]] = {key: {} for key in given}
    while whole:
        tested, whole = whole, []
        for piece, place, p in _changed(tested, max(tests, len(tested)), rule):
            cuts[piece.key][piece.start + place] = p
            halves = (
                _Piece(piece.key, piece.start, piece.values[:place]),
                _Piece(piece.key, piece.start + place, piece.values[place:]),
            )
            whole += [half for half in halves if len(half.values) >= needed]
    return {key: _found(values, cuts[key], rule, needed) for key, values in given.items()}


def _changed(pieces: Sequence[_Piece], tests: int, rule: Rule) -> list[tuple[_Piece, int, float]]:
    """Those of these pieces that changed, where, and the adjusted p.

    Blocks are drawn only for those that shuffled points have not cleared, and for each of those so often that all of them
    together can be called changed; where some are not, the others are drawn for again, more often.
    """
    splits = [changepoints.split(piece.values) for piece in pieces]
    most = draws(tests, rule.level)
    first = [changepoints.points_p(len(p.values), s, most) for p, s in zip(pieces, splits, strict=True)]
    worth = adjusted(first, tests)
    left = [i for i, p in enumerate(worth) if p <= rule.level]
    while left:
        ps, many = list(first), draws(tests, rule.level, len(left))
        for i in left:
            ps[i] = max(ps[i], changepoints.blocks_p(pieces[i].values, splits[i], many, pieces[i].seed))
        worth = adjusted(ps, tests)
        kept = [i for i in left if worth[i] <= rule.level]
        if kept == left:
            break
        left = kept
    changed = []
    for i in left:
        start, window = splits[i].start, pieces[i].values[splits[i].start : splits[i].stop]
        place = levels.locate(window, splits[i].place - start).place
        if levels.shift(window, place).matters(rule.least):
            changed.append((pieces[i], start + place, worth[i]))
    return changed


def _found(values: Array, cuts: dict[int, float], rule: Rule, needed: int) -> Found:
    """The cuts as changes between their neighbours, without those that turn out too small beside them."""
    ps = [cuts[place] for place in sorted(cuts)]
    bounds = [0, *sorted(cuts), len(values)]
    while len(bounds) > 2:  # noqa: PLR2004 - both ends of the series
        settled = _settle(values, bounds)
        shifts = [
            levels.shift(values[start:stop], place - start)
            for start, place, stop in zip(bounds, bounds[1:], bounds[2:], strict=False)
        ]
        small = [i for i, shift in enumerate(shifts) if not shift.matters(rule.least)]
        if not small:
            changes = tuple(
                Change(place=s.place, first=s.first, last=s.last, before=h.before, after=h.after, error=h.error, p=p)
                for s, h, p in zip(settled, shifts, ps, strict=True)
            )
            break
        # The smallest goes first: without it another one may be large enough.
        out = min(small, key=lambda i: abs(shifts[i].after - shifts[i].before))
        del bounds[out + 1], ps[out]
    else:
        changes = ()
    far = levels.far_off(values, tuple(change.place for change in changes), rule.least)
    return Found(changes=changes, far=far, needed=needed if len(values) < needed else 0)


def _settle(values: Array, bounds: list[int]) -> list[Place]:
    """Look for every place again between its neighbours, and put it there: the first cut was made with all others in sight."""
    found = []
    for number in range(1, len(bounds) - 1):
        start, stop = bounds[number - 1], bounds[number + 1]
        here = levels.locate(values[start:stop], bounds[number] - start)
        found.append(Place(*(start + place for place in here)))
        bounds[number] = found[-1].place
    return found


def pieces(count: int, changes: Sequence[Change]) -> list[tuple[int, int]]:
    """The pieces of a series of so many points between its changes, each from its first point to behind its last."""
    return list(pairwise([0, *(change.place for change in changes), count]))


def level(values: Sequence[float]) -> float:
    """What a piece of a series lies about."""
    return float(np.median(values))
