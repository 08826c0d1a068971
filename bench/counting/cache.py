"""The second count is kept between runs, since it costs several times the first and never changes for the same work.

An entry is named by everything that could change it. A damaged entry is ignored and written again, and a folder that
cannot be written is no error: the count is then made anew each time.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import msgspec

from .. import __version__
from . import second
from .second import Second


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


def key(digest: str) -> str:
    """Name the entry for the work of that digest, as counted by the rules and the libraries at hand."""
    rules = hashlib.sha256(Path(second.__file__).read_bytes()).hexdigest()
    parts = (digest, version("torch"), version("fvcore"), __version__, rules)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read(name: str) -> Second | None:
    """The entry of that name, or None where there is none or it cannot be understood."""
    try:
        return msgspec.json.decode(_path(name).read_bytes(), type=Second)
    except (OSError, msgspec.MsgspecError):
        return None


def write(name: str, entry: Second) -> None:
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
    return folder() / "counts" / f"{name}.json"
