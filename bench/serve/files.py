"""Which result files there are to serve: each by its name below the results, and those that are not even opened.

A file is found by looking its name up in the listing: no text that somebody sends ever becomes a path.
"""

from __future__ import annotations

import os
import re
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from .. import results
from ..errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

# A file of a million samples has ten megabytes; what is larger than this is no result file that vbench wrote.
MOST_BYTES = 2**29
_MOST_REASON = 300
_RUN_ID = re.compile(r"\d{8}T\d{6}Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


class Found(NamedTuple):
    """A file among the results: its name below them, where it lies, and what changes whenever it is written to."""

    name: str
    path: Path
    stamp: tuple[int, int, int]

    @property
    def age(self) -> tuple[str, str]:
        """For sorting: when its run started, by its name; where the name does not say it, when it was last written to."""
        written = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.stamp[2] // 10**9))
        told = _RUN_ID.search(self.path.name)
        return (told[0] if told else written, self.name)


class Refused(NamedTuple):
    """A file that is not shown, and why, in one line."""

    name: str
    reason: str


class Listing(NamedTuple):
    """The files there are, the newest first, and those that are not even opened."""

    files: tuple[Found, ...]
    refused: tuple[Refused, ...]

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


# The three functions that know where results may lie.


def there(root: Path) -> bool:
    """Whether there is anything to serve."""
    return root.exists()


def home(root: Path) -> Path:
    """The folder that names are relative to, and out of which nothing leads."""
    return root.parent if root.is_file() else root


def gathered(root: Path) -> list[Path]:
    """The result files, below that folder."""
    return results.files([root])


def listing(root: Path) -> Listing:
    """What there is now below this folder; of one file, that file."""
    if not there(root):
        return Listing((), (Refused(line(root.name), "is no longer there"),))
    folder = home(root)
    inside = os.path.realpath(folder)
    entries = [_entry(path, folder, inside) for path in gathered(root)]
    found = sorted((one for one in entries if isinstance(one, Found)), key=lambda one: one.age, reverse=True)
    return Listing(tuple(found), tuple(one for one in entries if isinstance(one, Refused)))


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
        return Refused(name, f"is larger than {MOST_BYTES // 2**20} MiB, which no result file is")
    return Found(name, path, (told.st_ino, told.st_size, told.st_mtime_ns))
