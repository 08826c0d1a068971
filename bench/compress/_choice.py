"""Which channels go: those that score least, each layer by itself or all together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ..errors import nearest
from ._follow import follow
from ._labels import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn

    from ._follow import Followed
    from ._labels import Axis


class Group(NamedTuple):
    """Layers whose channels are the same, such as those that meet in a residual sum: they are ranked together.

    `units` are the channels that can go, each standing for one index or several of every layer; `made` has the channel of each
    index of each layer, those that are kept included.
    """

    units: list[int]
    made: dict[Axis, list[int]]

    @property
    def layers(self) -> list[str]:
        """The layers that make its channels, by their paths, in the order in which they run."""
        return list(dict.fromkeys(axis.tensor.rpartition(".")[0] for axis in self.made))


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


def sizes(found: Iterable[Group]) -> dict[str, int]:
    """How many channels of each group can go, by the group's first layer."""
    return {group.layers[0]: len(group.units) for group in found}


def only(groups: list[Group], layer: str) -> list[Group]:
    """All of them, or the one that this layer is in. Raises ValueError where it is in none."""
    if not layer:
        return groups
    found = [group for group in groups if layer in group.layers]
    if not found:
        there = [name for group in groups for name in group.layers]
        message = f"only={layer}: {nearest(layer, there)}; it must be a layer of which channels can go"
        raise ValueError(message)
    return found


def before(whole: nn.Module, shape: tuple[int, ...]) -> dict[str, int]:
    """How many channels of each group can go of the network before anything went; `shape` is that of one input."""
    return sizes(groups(follow(whole, shape)))


def removed(  # noqa: PLR0913 - what is asked of a ranking
    found: Iterable[Group], scores: Mapping[int, float], ratio: float, *, together: bool = False, multiple: int = 1,
    before: Mapping[str, int] | None = None,
) -> set[int]:  # fmt: skip
    """The channels that go: of each group, or of all together, the share `ratio` that scores least, rounded down.

    A group of which not all channels have a score stays as it is. `multiple` keeps as many more as it takes for each layer to
    have a multiple of that; where that cannot be, the group stays as it is. `before` are the `sizes` of the network as it was
    where some channels are gone already: the share is of these, and what is gone counts.
    """
    able = [group for group in found if scored(group, scores)]
    were = [(before or {}).get(group.layers[0], len(group.units)) for group in able]
    if together:
        # Scores of different layers are of different sizes: each layer's are divided by their root sum of squares
        # (Molchanov et al. 2017, section 2.2).
        level = {unit: scores[unit] / (_norm(group, scores) or 1.0) for group in able for unit in group.units}
        order = sorted(level, key=lambda unit: (level[unit], unit))
        gone = set(order[: _count(ratio, sum(were), len(order))])
        return set().union(*(_rounded(group, scores, gone & set(group.units), multiple) for group in able))
    every: set[int] = set()
    for group, was in zip(able, were, strict=True):
        order = sorted(group.units, key=lambda unit: (scores[unit], unit))
        gone = set(order[: _count(ratio, was, len(order))])
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


def _count(ratio: float, were: int, left: int) -> int:
    """How many of those that are left go, never all, so that the share of all that there were is gone, rounded down.

    0.29 of 100 is 29, though their product in binary is a little less.
    """
    return max(0, min(left - 1, math.floor(round(ratio * were, 9)) - (were - left)))


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
