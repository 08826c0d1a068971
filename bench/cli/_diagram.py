"""The block structure as text: layers from top to bottom, ways side by side, and what repeats drawn once."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from ..counting import traced
from ..counting.structure import Fork, Layer, structure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from ..counting.structure import Item

_GAP = 3
_LONGEST = 8  # units of a pattern that is looked for when it repeats


def of(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> list[str]:
    """The picture of the network that `build` makes, for inputs of shape `(1, *shape)`. Raises what the network raises."""
    network, graph, _ = traced(build, shape)
    return drawn(structure(network, graph))


def drawn(items: Sequence[Item]) -> list[str]:
    """The lines of the picture; shapes stand behind the layers of the main way."""
    lines = _column(items, shapes=True)
    return [line.rstrip() for line in lines]


def _column(items: Sequence[Item], *, shapes: bool) -> list[str]:
    rows: list[tuple[str, str]] = []
    for pattern, times in _runs(_units(items)):
        block = [row for unit in pattern for item in unit for row in _rows(item)]
        if times > 1:
            mark = f"{times} x "
            block = [
                ((mark if place == 0 else " " * len(mark)) + text, shape) for place, (text, shape) in enumerate(_bracketed(block))
            ]
        rows += block
    if not shapes:
        return [text for text, _ in rows]
    width = max((len(text) for text, shape in rows if shape), default=0)
    return [f"{text.ljust(width)}  {shape}" if shape else text for text, shape in rows]


def _bracketed(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if len(rows) == 1:
        return rows
    ends = ["╭ ", *["│ "] * (len(rows) - 2), "╰ "]
    return [(end + text, shape) for end, (text, shape) in zip(ends, rows, strict=True)]


def _rows(item: Item) -> list[tuple[str, str]]:
    if isinstance(item, Layer):
        text = f"{item.label} ({item.reads})" if item.reads else item.label
        return [(text, "x".join(map(str, item.shape)))]
    columns = [_column(way, shapes=False) or ["│"] for way in item.ways]
    widths = [max(len(line) for line in column) for column in columns]
    body = [
        (" " * _GAP).join((line or "│").ljust(width) for line, width in zip(line_of_each, widths, strict=True))
        for line_of_each in zip_longest(*columns, fillvalue="")
    ]
    if len(columns) == 1:
        return [(line.rstrip(), "") for line in body]
    return [(_bar(widths, ("┌", "┬", "┐")), ""), *((line.rstrip(), "") for line in body), (_bar(widths, ("└", "┴", "┘")), "")]


def _bar(widths: list[int], corners: tuple[str, str, str]) -> str:
    """A line from the first way to the last, with a corner above or below each."""
    first, middle, last = corners
    text = ""
    for place, width in enumerate(widths):
        corner = first if place == 0 else last if place == len(widths) - 1 else middle
        text += corner + ("" if place == len(widths) - 1 else "─" * (width + _GAP - 1))
    return text


def _units(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Each layer alone, but ways with the layer in which they meet."""
    units: list[list[Item]] = []
    for item in items:
        if units and len(units[-1]) == 1 and isinstance(units[-1][0], Fork) and isinstance(item, Layer):
            units[-1].append(item)
        else:
            units.append([item])
    return [tuple(unit) for unit in units]


def _runs(items: Sequence[Sequence[Item]]) -> list[tuple[Sequence[Sequence[Item]], int]]:
    """The units, with each pattern that follows itself taken together."""
    found: list[tuple[Sequence[Sequence[Item]], int]] = []
    place = 0
    while place < len(items):
        best, times = 1, 1
        for length in range(1, min(_LONGEST, (len(items) - place) // 2) + 1):
            pattern = items[place : place + length]
            count = 1
            while items[place + count * length : place + (count + 1) * length] == pattern:
                count += 1
            if count > 1 and count * length > best * times:
                best, times = length, count
        found.append((items[place : place + best], times))
        place += best * times
    return found
