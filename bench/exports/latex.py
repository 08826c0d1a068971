r"""A table in LaTeX, with the rules of booktabs and siunitx's columns of numbers: the usual ones of `vbench.load`, or --columns.

\usepackage{booktabs}
\usepackage{siunitx}
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from ._frame import short
from .format import Format, Made

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..core import Record
    from .format import Asked

_SPECIAL = str.maketrans(
    {mark: f"\\{mark}" for mark in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"}
)
# The contract: base units with the unit at the end of a column's name, an end of an interval or a percentile behind it.
_UNITS = {
    "bytes_per_s": r"\byte\per\second", "per_s": r"\per\second", "s": r"\second", "bytes": r"\byte", "mhz": r"\mega\hertz",
    "c": r"\degreeCelsius", "j": r"\joule", "w": r"\watt", "db": r"\decibel",
}  # fmt: skip
_UNIT = re.compile(rf"_({'|'.join(_UNITS)})((?:_run)?_(?:low|high)|_p\d+)?$")
_PERCENT = frozenset({"quality"} | {f"{name}{end}" for name in ("top1", "top5") for end in ("", "_low", "_high", "_published")})


def text(records: Sequence[Record], asked: Asked) -> Made:
    """The tabular; a missing value is a dash."""
    names, rows, right = short(records, asked.columns)
    cells = [[_cell(cell, number=index in right) for index, cell in enumerate(row)] for row in rows]
    columns = "".join(_numbers(row[index] for row in cells) if index in right else "l" for index in range(len(names)))
    heads = [f"{{{head(name)}}}" if index in right else escape(name) for index, name in enumerate(names)]
    lines = [f"\\begin{{tabular}}{{{columns}}}", "\\toprule", _line(heads), "\\midrule", *map(_line, cells)]
    return Made("\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n")


def head(name: str) -> str:
    r"""The name of a column of numbers with its unit as siunitx writes it: `latency low (\unit{\second})`."""
    found = _UNIT.search(name)
    if found is None:
        return f"{escape(name)} (\\unit{{\\percent}})" if name in _PERCENT else escape(name)
    words = f"{name[: found.start()]}{found[2] or ''}".replace("_", " ")
    return f"{escape(words)} (\\unit{{{_UNITS[found[1]]}}})"


def _cell(cell: str | None, *, number: bool) -> str:
    """What is no number must stand in braces in a column of siunitx."""
    if not number:
        return "--" if cell is None else escape(cell)
    return "{--}" if cell is None else f"{Decimal(cell):f}"


def _numbers(cells: Iterable[str]) -> str:
    """A column that is as wide as its numbers, before the point and behind it."""
    parts = [cell.partition(".") for cell in cells if not cell.startswith("{")]
    sign = "-" if any(whole.startswith("-") for whole, _, _ in parts) else ""
    before = max((len(whole.lstrip("-")) for whole, _, _ in parts), default=1)
    behind = max((len(rest) for _, _, rest in parts), default=0)
    return f"S[table-format={sign}{before}.{behind}]"


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def escape(cell: str) -> str:
    """Text that is set as it is, on one line."""
    return " ".join(cell.split()).translate(_SPECIAL)


FORMAT = Format(text, takes=frozenset({"--columns"}))
