"""Which channels go: those that score least, each layer by itself or all together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ._labels import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._follow import Followed
    from ._labels import Axis


class Group(NamedTuple):
    """Layers whose channels are the same, such as those that meet in a residual sum: they are ranked together.

    `units` are the channels that can go, each standing for one index or several of every layer; `made` has the channel of each
    index of each layer, those that are kept included.
    """

    units: list[int]
    made: dict[Axis, list[int]]


def groups(found: Followed) -> list[Group]:
    """The groups in the order in which they run; a layer of which nothing can go is in none."""
    made: dict[Axis, list[int]] = {}
    for layer in found.layers:
        if not layer.alone:
            made.setdefault(layer.makes, found.labels.roots(found.axes[layer.makes]).tolist())
    chosen: list[Group] = []
    for axis, labels in made.items():
        units = dict.fromkeys(label for label in labels if label != KEPT)
        if not units:
            continue
        here = {axis: labels}
        for other in [group for group in chosen if not units.keys().isdisjoint(group.units)]:
            chosen.remove(other)
            units = dict.fromkeys((*other.units, *units))
            here = other.made | here
        chosen.append(Group(list(units), here))
    return chosen


def removed(
    found: Iterable[Group], scores: Mapping[int, float], ratio: float, *, together: bool = False, multiple: int = 1
) -> set[int]:
    """The channels that go: of each group, or of all together, the share `ratio` that scores least, rounded down.

    A group of which not all channels have a score stays as it is. `multiple` keeps as many more as it takes for each layer to
    have a multiple of that; where that cannot be, the group stays as it is.
    """
    able = [group for group in found if scored(group, scores)]
    if together:
        # Scores of different layers are of different sizes: each layer's are divided by their root sum of squares
        # (Molchanov et al. 2017, section 2.2).
        level = {unit: scores[unit] / (_norm(group, scores) or 1.0) for group in able for unit in group.units}
        order = sorted(level, key=lambda unit: (level[unit], unit))
        gone = set(order[: _share(ratio, len(order))])
        return set().union(*(_rounded(group, scores, gone & set(group.units), multiple) for group in able))
    every: set[int] = set()
    for group in able:
        order = sorted(group.units, key=lambda unit: (scores[unit], unit))
        gone = set(order[: _share(ratio, len(order))])
        for labels in group.made.values():
            if gone.issuperset(labels):  # a layer that makes some of the group's channels, and would make none
                gone.discard(max(labels, key=lambda unit: (scores[unit], unit)))
        every |= _rounded(group, scores, gone, multiple)
    return every


def scored(group: Group, scores: Mapping[int, float]) -> bool:
    """Whether all of its channels have a score."""
    return all(math.isfinite(scores.get(unit, math.nan)) for unit in group.units)


def tied(group: Group, scores: Mapping[int, float]) -> bool:
    """Whether all of them have the same."""
    return len({scores[unit] for unit in group.units}) == 1


def _share(ratio: float, count: int) -> int:
    """So many of them, rounded down and never all; 0.29 of 100 is 29, though their product in binary is a little less."""
    return max(0, min(count - 1, math.floor(round(ratio * count, 9))))


def _norm(group: Group, scores: Mapping[int, float]) -> float:
    return math.sqrt(sum(scores[unit] ** 2 for unit in group.units))


def _rounded(group: Group, scores: Mapping[int, float], gone: set[int], multiple: int) -> set[int]:
    """As many of these as leave each layer a multiple, those that score least first."""
    order = sorted(gone, key=lambda unit: (scores[unit], unit))
    for count in range(len(order), 0, -1):
        now = set(order[:count])
        if all(sum(label not in now for label in labels) % multiple == 0 for labels in group.made.values()):
            return now
    return set()
