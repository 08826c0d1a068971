"""What a series is called: the network, and what else tells it from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..rows import AXES, axis_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...history.series import Series

_LETTER = {"batch": "b", "threads": "t"}


class Name(NamedTuple):
    """The case as far as it must be told from the others, and the measure."""

    case: str
    measure: str

    @property
    def label(self) -> str:
        """Both, in one line."""
        return f"{self.case} {self.measure}"


def names(series: Sequence[Series]) -> list[Name]:
    """A name for each, no two of which are equal."""
    found = []
    for one in series:
        twins = [other for other in series if other.case.label == one.case.label]
        several = [axis for axis in AXES if len({getattr(other.case, axis) for other in twins}) > 1]
        parts = [one.case.label, *(f"{_LETTER.get(axis, '')}{axis_text(one.case, axis)}" for axis in several)]
        same = [other for other in twins if other.case == one.case and other.measure == one.measure]
        if len({other.machine.fingerprint for other in same}) > 1:
            parts.append(f"[{one.machine.slug} {one.machine.fingerprint}]")
        if len({other.definition for other in same}) > 1:
            parts.append(f"({one.definition})")
        found.append(Name(" ".join(part for part in parts if part), one.measure.name))
    return found
