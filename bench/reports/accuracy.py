"""Measured accuracies as a table of text: each with its interval, what was published, and what a narrower precision costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import accuracies, joins, units
from .rows import axis_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..core import Measured
    from .rows import Row

_AXES = ("input_shape", "weights", "engine", "engine_options", "precision", "device")
_ALWAYS = {"engine", "precision"}
_REFERENCE = ("fp32", "none")
_POINTS_DIGITS = 2


class Table(NamedTuple):
    """The headings, the rows, the columns of numbers, and sentences: what is to be said of single rows."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    right: tuple[int, ...]
    notes: list[str]


def table(given: Iterable[Row]) -> Table:
    """A line for each network, engine and precision that was evaluated, on each data set; rows that share it have one line.

    The change is that of top-1 against the same weights in fp32 (eager, where there is that), on the same pictures; of weights
    that vbench trained, against those that they began with.
    """
    found = {(joins.key(row.case), accuracy.protocol): (row, accuracy) for row in given for accuracy in row.result.accuracy}
    lines = list(found.values())
    protocols = list(dict.fromkeys(accuracy.protocol for _, accuracy in lines))
    told = [a for a in _AXES if a in _ALWAYS or len({_axis(row, a) for row, _ in lines}) > 1]
    told = [a for a in told if any(axis_text(row.case, a) for row, _ in lines)]
    changes = [_change(row, accuracy, lines) for row, accuracy in lines]
    published = [_published(accuracy) for _, accuracy in lines]
    columns: list[tuple[str, list[str], bool]] = [
        ("architecture", [row.name for row, _ in lines], False),
        *((a.replace("_", " "), [axis_text(row.case, a) for row, _ in lines], False) for a in told),
        ("pictures", [str(accuracy.pictures) for _, accuracy in lines], True),
        ("top-1 [95 % interval]", [units.interval(a.top1, a.low, a.high, "%") for _, a in lines], True),
        ("top-5", [units.interval(a.top5, a.low5, a.high5, "%") for _, a in lines], True),
        ("change to fp32", changes, True),
        ("published top-1", published, True),
        ("data", [accuracy.protocol for _, accuracy in lines], False),
    ]
    empty = {units.MISSING}
    kept = [c for c in columns if (c[0] not in {"top-5", "change to fp32", "published top-1"} or set(c[1]) != empty)]
    kept = [c for c in kept if c[0] != "data" or len(protocols) > 1]
    names = [" ".join([row.name, *(axis_text(row.case, a) for a in told)]) for row, _ in lines]
    notes = [f"data: {protocols[0]}"] if len(protocols) == 1 else []
    notes += [f"{name}: {a.note}" for name, (_, a) in zip(names, lines, strict=True) if a.note]
    rows = list(zip(*(cells for _, cells, _ in kept), strict=True))
    return Table(tuple(head for head, _, _ in kept), rows, tuple(i for i, c in enumerate(kept) if c[2]), notes)


def _axis(row: Row, axis: str) -> object:
    """What a row has on an axis; weights that vbench trained count as those that they began with."""
    own = getattr(row.case, axis)
    return row.run.tuned.get(own, own) if axis == "weights" else own


def _known(row: Row) -> tuple[object, ...]:
    """What a change is taken within: the network and its weights, by their digest, whatever the file is called."""
    return row.case.architecture, str(_axis(row, "weights")).rpartition(":")[2], row.case.input_shape


def _published(accuracy: Measured) -> str:
    reference = accuracy.reference
    return units.MISSING if reference is None or reference.top1 is None else f"{reference.top1:g} %"


def _change(row: Row, accuracy: Measured, lines: Sequence[tuple[Row, Measured]]) -> str:
    """What top-1 lost or won against fp32, in points; nothing for that itself, and where it was not evaluated."""
    alike = [
        (other, reference)
        for other, reference in lines
        if _known(other) == _known(row)
        and (other.case.precision, other.case.compression) == _REFERENCE
        and reference.protocol == accuracy.protocol
    ]
    first = min(alike, key=lambda line: line[0].case.engine != "eager", default=None)
    found = None if first is None or first[1] is accuracy else accuracies.change(first[1], accuracy)
    if found is None:
        return units.MISSING
    middle, low, high = (f"{value:+.{_POINTS_DIGITS}f}" for value in found)
    return f"{middle} [{low}, {high}]"
