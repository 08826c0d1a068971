"""A table in LaTeX, with the rules of the package booktabs: the usual columns of `vbench.load`, or those of --columns."""

from __future__ import annotations

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


def text(records: Sequence[Record], asked: Asked) -> Made:
    """The tabular; a missing value is a dash."""
    names, rows, right = short(records, asked.columns)
    columns = "".join("r" if index in right else "l" for index in range(len(names)))
    lines = [f"\\begin{{tabular}}{{{columns}}}", "\\toprule", _line(map(escape, names)), "\\midrule"]
    lines += [_line("--" if cell is None else escape(cell) for cell in row) for row in rows]
    return Made("\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n")


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def escape(cell: str) -> str:
    """Text that is set as it is, on one line."""
    return " ".join(cell.split()).translate(_SPECIAL)


FORMAT = Format(text, takes=frozenset({"--columns"}))
