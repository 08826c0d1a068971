"""The DataFrame of `vbench.load`, for the formats that are tables: which columns, and a cell as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import UnknownNameError, nearest
from ..results import HEADLINES, frame
from .format import check

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ..core import Record

_DIGITS = 5


def whole(records: Sequence[Record], columns: Sequence[str]) -> pd.DataFrame:
    """Every row, with these columns, or all. Raises UnknownNameError for a column that there is not."""
    check([result for record in records for result in record.results], ())
    found = frame(records)
    for name in columns:
        if name not in found.columns:
            message = f"unknown column {name!r}: {nearest(name, found.columns)}"
            raise UnknownNameError(message)
    return found[list(columns)] if columns else found


def short(records: Sequence[Record], columns: Sequence[str]) -> tuple[list[str], list[list[str | None]], list[int]]:
    """For people: the columns (the usual ones, where none are named), each cell's text or None, and which columns are numbers."""
    table = whole(records, columns or HEADLINES)
    names = list(table.columns)
    # A column of whole numbers in which one is missing has become one of floats.
    cells = table.convert_dtypes().astype(object)
    rows = [
        [_text(value) if known else None for value, known in zip(*pair, strict=True)]
        for pair in zip(cells.itertuples(index=False), cells.notna().itertuples(index=False), strict=True)
    ]
    right = [index for index, name in enumerate(names) if table[name].dtype.kind in "if"]
    return names, rows, right


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """The same with lists and dictionaries as JSON."""
    return table.map(lambda value: json.dumps(value) if isinstance(value, list | dict) else value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else f"{value:.{_DIGITS}g}" if isinstance(value, float) else str(value)
