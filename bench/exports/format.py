"""What a format is: what it is made from, and what comes of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from ..errors import NothingSelectedError

if TYPE_CHECKING:
    from ..core import Record
    from .points import Compared

# The files of a folder by their paths in it, each a function of the text that stands there, "" where there is none.
Files = Mapping[str, Callable[[str], str]]


class Asked(NamedTuple):
    """What the command line asks for; where a list is empty, the format decides."""

    metrics: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


class Made(NamedTuple):
    """The content, a line for everything that is not in it, with the reason, and what else its reader must be told."""

    content: str | bytes | Files
    left: Sequence[str] = ()
    note: str = ""


class Format(NamedTuple):
    """A foreign format.

    `of_runs` makes it from records, `of_gate` from a file of the gate where it can. `takes` are the options that it has a use
    for; `to` is where it can be written: "text" goes to standard output too.
    """

    of_runs: Callable[[Sequence[Record], Asked], Made]
    of_gate: Callable[[Compared, Asked], Made] | None = None
    takes: frozenset[str] = frozenset()
    to: Literal["text", "file", "folder"] = "text"


def check(kept: Sequence[object], left: Sequence[str]) -> None:
    """Raises NothingSelectedError where nothing is left that could be exported."""
    if not kept:
        message = f"nothing to export: {left[0]}" if left else "nothing to export: the file holds no case"
        message += f", and {len(left) - 1} more" if len(left) > 1 else ""
        raise NothingSelectedError(message)


def dump(value: Any) -> str:
    """JSON, indented, with an end of line."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n"
