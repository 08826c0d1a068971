"""Logs of one JSON object a line, append only and cut anywhere: how the gate's and a study's are read.

Result files have a reader of their own (`journal`), which is quicker, since they may hold millions of samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .errors import ResultFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

H = TypeVar("H", bound=msgspec.Struct)


def head(path: Path, data: bytes, kind: str, schema: int, given: tuple[type[H], str]) -> H:
    """The first line as the struct in `given`, whose text says of another file what it is not, and how to make one.

    Raises UsageError for another file, and for one of a newer schema.
    """
    struct, otherwise = given
    try:
        found = msgspec.json.decode(data.partition(b"\n")[0] if b"\n" in data else b"", type=dict[str, Any])
        if found.pop("type", "") == kind:
            written = found.get("schema")
            if not isinstance(written, int) or written > schema:
                message = f"{path} has schema {written}, and this vbench reads up to {schema}: upgrade it (pip install -U vbench)"
                raise UsageError(message)
            return msgspec.convert(found, struct)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    message = f"{path} is no {otherwise}"
    raise UsageError(message)


def rest(path: Path, data: bytes, schema: int, add: Callable[[dict[str, Any]], None]) -> int:
    """Hand each whole line behind the first to `add`, up to where the file was cut; the length of what was read, head included.

    Raises ResultFileError where a line before the last cannot be read, or `add` raises msgspec's error for it.
    """
    lines = data.split(b"\n")[:-1]
    size = len(lines[0]) + 1
    for number, line in enumerate(lines[1:], 2):
        try:
            add(msgspec.json.decode(line, type=dict[str, Any]))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            if number == len(lines):
                break
            message = f"{path} is damaged: line {number} is not of schema {schema}: {error}; delete that line to read the rest"
            raise ResultFileError(message) from None
        size += len(line) + 1
    return size
