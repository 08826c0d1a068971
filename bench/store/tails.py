"""Of a run file only its head and the rows that stand at its end, as far as that is enough.

A complete file ends with a row for every case, derived by the vbench that wrote it, and these are what is read: deriving them
again from the replicates takes a hundred times as long. A file without its end, or whose rows are not all there, is derived.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from .places import Entry

_RESULT, _END = b'{"type":"result"', b'{"type":"end"'
_CASE = b'{"type":"result","case":"'
# What is asked for at once, from the front and from the back: of a hundred cases the head has 70 KB, and the rows 150.
FRONT, BACK = 3 * 2**15, 3 * 2**16
# A longer first line is no head that vbench wrote.
_LONGEST = 2**28

# What a table of any kind can hold; a number beyond it was never measured.
_LARGEST = 2**63
_DEEPEST = 4
_LONG = 2**16


class Tail(NamedTuple):
    """The first line, and the lines of the rows at the end of a complete file; none where it ends in another way."""

    first: bytes
    rows: list[bytes]


def announce(entry: Entry) -> None:
    """Have the kernel fetch both ends of a file of this machine, without waiting for them; where it can."""
    if not hasattr(os, "posix_fadvise"):
        return
    try:
        with open(entry.address, "rb", buffering=0) as file:  # noqa: PTH123 - ten thousand times
            number = file.fileno()
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_RANDOM)
            os.posix_fadvise(number, 0, min(entry.size, FRONT), os.POSIX_FADV_WILLNEED)
            os.posix_fadvise(number, max(0, entry.size - BACK), BACK, os.POSIX_FADV_WILLNEED)
    except OSError:
        return  # whoever reads it says what is wrong


def tail(read: Callable[[int, int], bytes], size: int) -> Tail:
    """Both ends of a file of so many bytes; `read` gives those from one place up to another."""
    front = read(0, min(size, FRONT))
    while b"\n" not in front and len(front) < min(size, _LONGEST):
        front += read(len(front), min(size, 2 * len(front)))
    first = front[: front.find(b"\n") + 1]
    return Tail(first, _rows(read, size, front, len(first)) if first else [])


def _rows(read: Callable[[int, int], bytes], size: int, front: bytes, begin: int) -> list[bytes]:
    length = BACK
    while True:
        start = max(begin, size - length)
        lines = (front[start:] if len(front) == size else read(start, size)).split(b"\n")
        # What was read begins inside a line, unless it begins behind the head.
        whole = lines[start > begin : -1]
        if lines[-1] or (whole and not (whole[-1].startswith(_END) and b'"complete"' in whole[-1])):
            return []
        many = next((i for i, line in enumerate(reversed(whole[:-1])) if not line.startswith(_RESULT)), len(whole) - 1)
        if start == begin or many < len(whole) - 1:
            return whole[max(0, len(whole) - 1 - many) : -1]
        length *= 4


def case_of(line: bytes) -> str | None:
    """The id of a row's case, without decoding the row; None where it is not written as vbench writes it."""
    if not line.startswith(_CASE):
        return None
    found = line[len(_CASE) : line.find(b'"', len(_CASE))]
    return None if b"\\" in found else found.decode("utf-8", "replace")


class Line(msgspec.Struct, frozen=True):
    """A row as it stands in a file."""

    case: str
    status: str
    reason: str = ""
    flags: tuple[str, ...] = ()
    values: dict[str, Any] = {}


def absurd(values: dict[str, Any]) -> str:
    """The column of what no measurement gives and no table holds: a number beyond 64 bits, a text without end, nesting; or ""."""
    return next((name for name, value in values.items() if not _plain(value) or "\0" in name), "")


def _plain(value: Any, depth: int = 0) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    if value is None:
        return True
    if isinstance(value, str):
        return "\0" not in value and len(value) < _LONG
    parts = [*value, *value.values()] if isinstance(value, dict) else list(value)
    return depth < _DEEPEST and all(_plain(part, depth + 1) for part in parts)
