"""The result file: JSON Lines, appended and fsynced line by line, readable however it was cut.

The first line is the run, then one line per replicate as its worker ends, one per case when it is complete, and last
the end. Whatever a crash leaves behind is a prefix of that, perhaps with a torn last line, which reading drops and
resuming cuts off.
"""

from __future__ import annotations

import gzip
import math
import os
import re
import sys
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from . import accuracies
from .core import Replicate, Result, Run
from .errors import ResultFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .accuracies import Evaluated

# Schema 1 (vbench 0.1): run, replicate, result, end; evaluation, answers, accuracy, which earlier readers pass over.
SCHEMA = 1

_HEAD = b'{"type":"run"'
# As vbench writes it, and as other programs write the same JSON.
_KIND = re.compile(rb'\s*{\s*"type"\s*:\s*"(run|gate)"')
_FIRST = 64


class Lines(NamedTuple):
    """A file's content: `run` is None where not even the first line survived; `size` is the length of its whole lines.

    `evaluated` is what stands there of accuracies, in the order in which it was begun.
    """

    run: Run | None
    replicates: list[Replicate]
    ended: str
    size: int
    evaluated: Sequence[Evaluated] = ()


def _objects(path: Path, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Whole lines that are JSON objects, each with the offset of its end; a last one that is not is what a crash left.

    Raises ResultFileError for a bad line before the last: no crash does that, and resuming would cut off what follows.
    """
    offset = 0
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    while (end := data.find(b"\n", offset)) >= 0:
        try:
            line = decode(data[offset:end])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if b"\n" not in data[end + 1 :] or (offset == 0 and not data.startswith(_HEAD)):
                return
            raise _damaged(path, data, offset, str(error)) from None
        offset = end + 1
        yield offset, line


def _damaged(path: Path, data: bytes, offset: int, problem: str) -> ResultFileError:
    number = data.count(b"\n", 0, offset) + 1
    return ResultFileError(
        f"{path} is damaged: line {number} is not of schema {SCHEMA}: {problem}; delete that line to read the rest"
    )


def read(path: Path) -> Lines:
    """Read a result file up to where it was cut.

    Raises UsageError when it is absent, not a result file or of a newer schema, and ResultFileError when it is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"cannot read the result file {path}: {error.strerror}"
        raise UsageError(message) from None
    run: Run | None = None
    replicates: dict[tuple[str, str, int], Replicate] = {}
    evaluated: list[Evaluated] = []
    ended, size = "", 0
    for end, line in _objects(path, data):
        kind = line.get("type")
        if run is None and kind != "run":
            break
        try:
            if kind == "run":
                check_schema(path, line)
                run = msgspec.convert(line, Run)
            elif kind == "replicate":
                replicate = msgspec.convert(line, Replicate)
                replicates.setdefault((replicate.case, replicate.role, replicate.index), replicate)
                ended = ""
            elif kind in accuracies.LINES:
                accuracies.collect(evaluated, kind, line)
                # Behind a run an evaluation says nothing of how that ended; a file of evaluations has only these to end.
                ended = ended if run is not None and run.cases else ""
            elif kind == "end":
                ended = str(line.get("status", ""))
        except (msgspec.ValidationError, RecursionError) as error:
            raise _damaged(path, data, size, str(error)) from None
        size = end
    if run is None and data and not data.startswith(_HEAD[: len(data)]):
        message = f"{path} is not a vbench result file: its first line is not a run; make one with `vbench run -o {path.name}`"
        raise UsageError(message)
    return Lines(run, list(replicates.values()), ended, size, evaluated)


def kind(path: Path) -> str:
    """Which file of ours a path is, by its first line: "run", "gate", or "" for any other, and for one that cannot be read."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return kind_of(file.read(_FIRST))
    except (OSError, EOFError, zlib.error):
        return ""


def kind_of(first: bytes) -> str:
    """The same of what a file begins with."""
    start = _KIND.match(first)
    return start[1].decode() if start else ""


def check_schema(path: Path, line: dict[str, Any]) -> None:
    """Raise UsageError where a file's first line is of a schema that this version does not know."""
    schema = line.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        message = f"{path} has schema {schema}, and this vbench reads up to {SCHEMA}: upgrade it (pip install -U vbench)"
        raise UsageError(message)


class Journal:
    """An open result file, held by this process alone.

    Each `append` is on disk before it returns, or raises and leaves the file as it was.
    """

    def __init__(self, path: Path, size: int = 0, verb: str = "run") -> None:
        """Open for appending after `size` bytes; what lies beyond them is a torn line and is cut off.

        `verb` is the one whose --resume goes on with such a file.

        Raises UsageError where another run holds the file, has written to it since it was read, or where it cannot be written.
        """
        self.path = path
        self._size = size
        self._again = f"`vbench {verb} --resume {path}`"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        except OSError as error:
            message = f"cannot write the result file {path}: {error.strerror}; name another with -o FILE"
            raise UsageError(message) from None
        try:
            _lock(self._fd)
        except OSError:
            os.close(self._fd)
            message = f"{path} is being written by another run: wait for it, or name another file with -o FILE"
            raise UsageError(message) from None
        if whole(path) != size:
            os.close(self._fd)
            message = f"{path} was written by another run in the meantime: {self._again} goes on from there"
            raise UsageError(message)
        os.ftruncate(self._fd, size)

    def append(self, kind: str, line: msgspec.Struct | dict[str, Any]) -> None:
        """Write one line and wait for the disk; raises ResultFileError, with the file cut back to its last whole line."""
        data = _encode({"type": kind, **(_finite(line) if isinstance(line, Replicate) else msgspec.to_builtins(line))})
        try:
            # An append that was interrupted may have left more than it counted.
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
            written = 0
            while written < len(data):
                written += os.write(self._fd, data[written:])
            os.fsync(self._fd)
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            message = (
                f"cannot write to {self.path}: {error.strerror}; everything measured before is safe in it: "
                f"free some space, then {self._again}"
            )
            raise ResultFileError(message) from None
        self._size += len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def _lock(fd: int) -> None:
    """Hold the file until it is closed, however this process ends. Raises OSError where another process holds it."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only there

        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - absent on Windows

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def whole(path: Path) -> int:
    """The length of a file's whole lines; 0 for a file that holds none."""
    return path.read_bytes().rfind(b"\n") + 1


def append_result(journal: Journal, result: Result) -> None:
    """Write the derived row of a finished case; a convenience for other readers, and for a history over many files."""
    line = msgspec.to_builtins(result) | {"case": result.case.id}
    del line["accuracy"]  # which has lines of its own
    journal.append("result", line)


def _finite(replicate: Replicate) -> dict[str, Any]:
    """JSON has neither NaN nor infinity: such a value is missing, and an output that holds one is compared with nothing.

    The account of a profile is no measurement, and has no place in a file.
    """
    values = {name: value for name, value in replicate.values.items() if math.isfinite(value)}
    output = replicate.output if all(map(math.isfinite, replicate.output)) else ()
    found: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(replicate, values=values, output=output, account=None))
    del found["account"]
    return found


def _encode(line: dict[str, Any]) -> bytes:
    """One line of JSON. A name of a file that is no text (surrogates) is written with question marks."""
    try:
        return msgspec.json.encode(line) + b"\n"
    except UnicodeEncodeError:
        return _encode(_text(line))


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_text(key): _text(part) for key, part in value.items()}
    return [_text(part) for part in value] if isinstance(value, list | tuple) else value
