"""Comma-separated values: every row and column of `vbench.load`, numbers in full, lists and dictionaries as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._frame import plain, whole
from .format import Format, Made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Record
    from .format import Asked


def text(records: Sequence[Record], asked: Asked) -> Made:
    """The table, with a line for its header. A missing value is empty."""
    return Made(plain(whole(records, asked.columns)).to_csv(index=False, lineterminator="\n"))


FORMAT = Format(text, takes=frozenset({"--columns"}))
