"""JSON: every row and column of `vbench.load` as an array of objects, numbers in full; a missing value is null."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..results import row
from ._frame import whole
from .format import Format, Made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Record
    from .format import Asked


def text(records: Sequence[Record], asked: Asked) -> Made:
    """An object a line; from the rows, since a frame makes floats of whole numbers where one is missing."""
    names = list(whole(records, asked.columns).columns)
    rows = [row(record.run, result) for record in records for result in record.results]
    lines = [msgspec.json.encode({name: found.get(name) for name in names}).decode() for found in rows]
    return Made("[\n" + ",\n".join(lines) + "\n]\n")


FORMAT = Format(text, takes=frozenset({"--columns"}))
