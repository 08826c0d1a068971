"""What is dear to find and does not change is kept between runs, in the user's folder for caches.

A damaged entry is ignored and written again, and a folder that cannot be written is no error: what would be kept there is
then found anew each time.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def folder() -> Path:
    """Where entries are kept: `$VBENCH_CACHE`, else `vbench` in the system's folder for caches."""
    if named := os.environ.get("VBENCH_CACHE"):
        return Path(named)
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named) / "vbench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir()) / "vbench" / "cache"
    # `~` stays as it is where nothing says what it stands for; such a folder cannot be written in practice, and that is no error.
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is no home
    return home / "Library" / "Caches" / "vbench" if sys.platform == "darwin" else home / ".cache" / "vbench"


def read(name: str, kind: type[T]) -> T | None:
    """The entry of that name (`folder/entry`), or None where there is none or it cannot be understood."""
    try:
        return msgspec.json.decode(_path(name).read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None


def write(name: str, entry: object) -> None:
    """Keep the entry; other processes see either the whole of it or nothing."""
    path = _path(name)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(entry))
            os.replace(temporary, path)  # noqa: PTH105 - the same call; the temporary name is a string
        except OSError:
            os.unlink(temporary)  # noqa: PTH108 - as above


def _path(name: str) -> Path:
    return folder() / f"{name}.json"
