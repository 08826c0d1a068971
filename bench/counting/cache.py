"""The second count is kept between runs, since it costs several times the first and never changes for the same work.

An entry is named by everything that could change it.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

from .. import __version__, cache
from . import second
from .second import Second


def key(digest: str) -> str:
    """Name the entry for the work of that digest, as counted by the rules and the libraries at hand."""
    rules = hashlib.sha256(Path(second.__file__).read_bytes()).hexdigest()
    parts = (digest, version("torch"), version("fvcore"), __version__, rules)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read(name: str) -> Second | None:
    """The entry of that name, or None where there is none or it cannot be understood."""
    return cache.read(f"counts/{name}", Second)


def write(name: str, entry: Second) -> None:
    """Keep the entry."""
    cache.write(f"counts/{name}", entry)
