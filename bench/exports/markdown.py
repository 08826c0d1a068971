"""A table in Markdown, as GitHub and GitLab show it: the usual columns of `vbench.load`, or those of --columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .. import units
from ._frame import short
from .format import Format, Made

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..core import Record
    from .format import Asked

# What would be markup in a cell: an underscore only at the edge of a word.
_MARKUP = re.compile(r"[\\`*|~\[\]]|(?<![^\W_])_|_(?![^\W_])")


def text(records: Sequence[Record], asked: Asked) -> Made:
    """The table; a missing value is a dash."""
    names, rows, right = short(records, asked.columns)
    rule = ["---:" if index in right else ":---" for index in range(len(names))]
    lines = [_line(map(escape, names)), _line(rule)]
    lines += [_line(units.MISSING if cell is None else escape(cell) for cell in row) for row in rows]
    return Made("\n".join(lines) + "\n")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape(cell: str) -> str:
    """Text that is shown as it is, on one line."""
    line = " ".join(cell.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(lambda found: f"\\{found[0]}", line)


FORMAT = Format(text, takes=frozenset({"--columns"}))
