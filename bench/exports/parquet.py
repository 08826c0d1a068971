"""Parquet: every row and column of `vbench.load`, with their types; lists and dictionaries as JSON. Needs pyarrow."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from ..errors import UsageError
from ._frame import plain, whole
from .format import Format, Made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Record
    from .format import Asked


def content(records: Sequence[Record], asked: Asked) -> Made:
    """The bytes of the file. Raises UsageError where pyarrow is not installed."""
    try:
        found = importlib.util.find_spec("pyarrow")
    except ValueError:
        found = None
    if found is None:
        message = "parquet is written by pyarrow, which is not installed: pip install 'vbench[parquet]'"
        raise UsageError(message)
    return Made(plain(whole(records, asked.columns)).to_parquet(engine="pyarrow", index=False))


FORMAT = Format(content, takes=frozenset({"--columns"}), to="file")
