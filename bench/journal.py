"""The result file: JSON Lines, appended and fsynced line by line, readable however it was cut.

The first line is the run, then one line per replicate as its worker ends, one per case when it is complete, and last
the end. Whatever a crash leaves behind is a prefix of that, perhaps with a torn last line, which reading drops and
resuming cuts off.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .core import Replicate, Result, Run
from .errors import ResultFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Schema 1 (vbench 0.1): run, replicate, result, end.
SCHEMA = 1


class Lines(NamedTuple):
    """A file's content: `run` is None where not even the first line survived; `size` is the length of its whole lines."""

    run: Run | None
    replicates: list[Replicate]
    ended: str
    size: int


def _objects(data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Whole lines that are JSON objects, each with the offset of its end; stops at the first that is not."""
    offset = 0
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    while (end := data.find(b"\n", offset)) >= 0:
        try:
            line = decode(data[offset:end])
        except msgspec.DecodeError:
            return
        offset = end + 1
        yield offset, line


def read(path: Path) -> Lines:
    """Read a result file up to where it was cut. Raises ResultFileError when it is not one, or of a newer schema."""
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"cannot read the result file {path}: {error.strerror}"
        raise UsageError(message) from None
    run: Run | None = None
    replicates: dict[tuple[str, str, int], Replicate] = {}
    ended, size = "", 0
    for end, line in _objects(data):
        kind = line.get("type")
        if run is None and kind != "run":
            break
        try:
            if kind == "run":
                _check_schema(path, line)
                run = msgspec.convert(line, Run)
            elif kind == "replicate":
                replicate = msgspec.convert(line, Replicate)
                replicates.setdefault((replicate.case, replicate.role, replicate.index), replicate)
                ended = ""
            elif kind == "end":
                ended = str(line.get("status", ""))
        except msgspec.ValidationError as error:
            message = f"{path} is damaged: the line that ends at byte {end} is not of schema {SCHEMA}: {error}"
            raise ResultFileError(message) from None
        size = end
    if run is None and data and not data.startswith(b'{"type":"run"'[: len(data)]):
        message = f"{path} is not a vbench result file: its first line is not a run; make one with `vbench run -o {path.name}`"
        raise UsageError(message)
    return Lines(run, list(replicates.values()), ended, size)


def _check_schema(path: Path, line: dict[str, Any]) -> None:
    schema = line.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        message = f"{path} has schema {schema}, and this vbench reads up to {SCHEMA}: upgrade it (pip install -U vbench)"
        raise UsageError(message)


class Journal:
    """An open result file. Each `append` is on disk before it returns, or raises and leaves the file as it was."""

    def __init__(self, path: Path, size: int = 0) -> None:
        """Open for appending after `size` bytes; what lies beyond them is a torn line and is cut off."""
        self.path = path
        self._size = size
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
            os.ftruncate(self._fd, size)
        except OSError as error:
            message = f"cannot write the result file {path}: {error.strerror}; name another with -o FILE"
            raise UsageError(message) from None

    def append(self, kind: str, line: msgspec.Struct | dict[str, Any]) -> None:
        """Write one line and wait for the disk; raises ResultFileError, with the file cut back to its last whole line."""
        data = msgspec.json.encode({"type": kind, **msgspec.to_builtins(line)}) + b"\n"
        try:
            os.lseek(self._fd, self._size, os.SEEK_SET)
            written = 0
            while written < len(data):
                written += os.write(self._fd, data[written:])
            os.fsync(self._fd)
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            message = (
                f"cannot write to {self.path}: {error.strerror}; everything measured before is safe in it: "
                f"free some space, then `vbench run --resume {self.path}`"
            )
            raise ResultFileError(message) from None
        self._size += len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def append_result(journal: Journal, result: Result) -> None:
    """Write the derived row of a finished case; a convenience for other readers, never read back by vbench."""
    journal.append("result", {"case": result.case.id, "status": result.status, "reason": result.reason,
                              "flags": list(result.flags), "values": result.values})
