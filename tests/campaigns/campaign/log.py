"""A campaign's log: JSON Lines, one line per finished repetition, on the disk before the next one starts.

The first line is the head: which campaign, with which settings, on which machine. A torn last line is what a crash left;
it is dropped, and the repetition done again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from vbench import journal
from vbench.errors import ResultFileError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every repetition of a log has in common; where one of these differs, a log is not continued."""

    campaign: str
    settings: dict[str, Any]
    machine: str
    fingerprint: str
    versions: dict[str, str]


class Log(NamedTuple):
    """A log as it stands: repetitions by their number, failed attempts, and the length of the whole lines."""

    head: Head | None
    repetitions: dict[int, dict[str, Any]]
    failures: list[dict[str, Any]]
    size: int

    def ordered(self) -> list[dict[str, Any]]:
        """The repetitions by number."""
        return [self.repetitions[number] for number in sorted(self.repetitions)]

    def missing(self, wanted: int) -> list[int]:
        """The numbers below `wanted` that have no finished repetition."""
        return [number for number in range(wanted) if number not in self.repetitions]


def read(path: Path) -> Log:
    """Read a log up to where it was cut; one that is absent is empty. Raises ResultFileError for a bad line before the last."""
    data = path.read_bytes() if path.exists() else b""
    log = Log(None, {}, [], 0)
    lines = data.split(b"\n")[:-1]
    for number, line in enumerate(lines, 1):
        try:
            entry = msgspec.json.decode(line, type=dict[str, Any])
            kind = entry.pop("type", "")
            if kind == "head":
                log = log._replace(head=msgspec.convert(entry, Head))
            elif kind == "repetition":
                log.repetitions.setdefault(int(entry["repetition"]), entry)
            elif kind == "failure":
                log.failures.append(entry)
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
            if number == len(lines):
                break
            message = f"{path} is damaged: line {number} is none of a campaign's log: {error}; delete that line to read the rest"
            raise ResultFileError(message) from None
        log = log._replace(size=log.size + len(line) + 1)
    if lines and log.head is None:
        message = f"{path} is no campaign's log: it does not begin with a head; name another with --out FILE"
        raise UsageError(message)
    return log


def filled(path: Path) -> Log:
    """Read a log that has something to analyse. Raises UsageError where there is nothing."""
    log = read(path)
    if not log.repetitions:
        message = f"{path} holds no finished repetition: run the campaign with --out {path} first"
        raise UsageError(message)
    return log


def begin(path: Path, head: Head) -> tuple[journal.Journal, Log]:
    """Open a log for appending, and write its head where it is new.

    Raises UsageError where it was begun with other settings, on another machine or with other versions.
    """
    log = read(path)
    if log.head is not None:
        _check(path, log.head, head)
    # The journal cuts off a line without an end. One that has its end and is no JSON (a page that was never written) is cut
    # here; nobody else is writing it, since it would be the last line only for as long as one append takes.
    if path.exists() and journal.whole(path) > log.size:
        with path.open("rb+") as file:
            file.truncate(log.size)
    file_ = journal.Journal(path, log.size)
    if log.head is None:
        file_.append("head", head)
    return file_, log._replace(head=head)


def _check(path: Path, old: Head, new: Head) -> None:
    for field in msgspec.structs.fields(Head):
        was, now = getattr(old, field.name), getattr(new, field.name)
        if was == now:
            continue
        if isinstance(was, dict):
            changed = sorted(key for key in was.keys() | now.keys() if was.get(key) != now.get(key))
            key = changed[0]
            what = f"{field.name}: {key} was {was.get(key)!r} and is {now.get(key)!r}"
        else:
            what = f"{field.name} was {was!r} and is {now!r}"
        message = f"{path} cannot be continued: {what}; give the same again, or start a new log with --out FILE"
        raise UsageError(message)
