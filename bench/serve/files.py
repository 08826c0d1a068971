"""Which result files there are to serve: each by its name below the results, and those that are not even opened.

A file is found by looking its name up in the listing: no text that somebody sends ever becomes a path.
"""

from __future__ import annotations

import os
import re
import stat
import time
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from .. import results, store
from ..errors import UsageError
from ..store import fetching, places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..store.places import Entry

# A file of a million samples has ten megabytes; what is larger than this is no result file that vbench wrote.
MOST_BYTES = 2**29
_TOO_LARGE = f"is larger than {MOST_BYTES // 2**20} MiB, which no result file is"
_MOST_REASON = 300
_RUN_ID = re.compile(r"\d{8}T\d{6}Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


class Found(NamedTuple):
    """A file among the results: its name below them, where it lies, and what changes whenever it is written to.

    An object of a store is an `entry`; its path is where it is kept once it was fetched.
    """

    name: str
    path: Path
    stamp: tuple[int, int, int]
    entry: Entry | None = None

    @property
    def age(self) -> tuple[str, str]:
        """For sorting: when its run started, by its name; where the name does not say it, when it was last written to."""
        written = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.stamp[2] // 10**9))
        told = _RUN_ID.search(self.path.name)
        return (told[0] if told else written if self.entry is None else "", self.name)

    def local(self) -> Path:
        """Where it lies on this machine, fetched if need be. Raises UsageError."""
        return self.path if self.entry is None else fetching.fetched([self.entry])[0]


class Refused(NamedTuple):
    """A file that is not shown, and why, in one line."""

    name: str
    reason: str


class Listing(NamedTuple):
    """The files there are, the newest first, and those that are not even opened.

    `turn` counts the times that a store was asked again for what it did not give.
    """

    files: tuple[Found, ...]
    refused: tuple[Refused, ...]
    turn: int = 0

    def find(self, name: str) -> Found:
        """The file of that name. Raises UsageError."""
        for one in self.files:
            if one.name == name:
                return one
        message = f"there is no result file {line(name)!r} here (any more)"
        raise UsageError(message)


def line(text: object) -> str:
    """Any text as one short line that can be sent: without control characters, and without halves of characters."""
    plain = " ".join(_CONTROL.sub(" ", str(text).encode("utf-8", "replace").decode()).split())
    return plain if len(plain) <= _MOST_REASON else f"{plain[:_MOST_REASON]} …"


def named(given: str) -> Path | str:
    """What is to be served: a path of this machine, or the URL of a store. Raises UsageError for one that is not served."""
    return store.address(given) or Path(given)


def there(root: Path | str) -> bool:
    """Whether there is anything to serve; a store is asked when it is listed."""
    return isinstance(root, str) or root.exists()


def home(root: Path | str) -> Path | str:
    """The folder that names are relative to, and out of which nothing leads."""
    return root.parent if isinstance(root, Path) and root.is_file() else root


def listing(root: Path | str) -> Listing:
    """What there is now below this folder; of one file, that file. Raises UsageError where a store cannot be listed."""
    if isinstance(root, str):
        return _sorted(_object(entry) for entry in places.listing(root).entries)
    if not there(root):
        return Listing((), (Refused(line(root.name), "is no longer there"),))
    folder = Path(home(root))
    inside = os.path.realpath(folder)
    return _sorted(_entry(path, folder, inside) for path in results.files([root]))


def _sorted(entries: Iterable[Found | Refused]) -> Listing:
    every = list(entries)
    found = sorted((one for one in every if isinstance(one, Found)), key=lambda one: one.age, reverse=True)
    return Listing(tuple(found), tuple(one for one in every if isinstance(one, Refused)))


def _object(entry: Entry) -> Found | Refused:
    """An object of a size that can be read."""
    name = line(entry.path or PurePosixPath(entry.address).name)
    if entry.size > MOST_BYTES:
        return Refused(name, _TOO_LARGE)
    return Found(name, fetching.kept_at(entry), (0, entry.size, zlib.crc32(entry.changed.encode())), entry)


def _entry(path: Path, folder: Path, inside: str) -> Found | Refused:
    """A file that may be opened: a regular one of a size that can be read, which lies below the results wherever links lead."""
    name = line(path.relative_to(folder).as_posix())
    if os.path.commonpath([os.path.realpath(path), inside]) != inside:
        return Refused(name, "is a link that leads out of the results")
    try:
        told = path.stat()
    except OSError as error:
        return Refused(name, f"cannot be read: {error.strerror}")
    if not stat.S_ISREG(told.st_mode):
        return Refused(name, "is no regular file")
    if told.st_size > MOST_BYTES:
        return Refused(name, _TOO_LARGE)
    return Found(name, path, (told.st_ino, told.st_size, told.st_mtime_ns))
