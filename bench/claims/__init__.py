"""The lecture's quantitative sentences as entries, each with the rule that decides it from a result file. Without torch."""

from __future__ import annotations

import fnmatch
import importlib
from functools import cache
from typing import TYPE_CHECKING

from ..errors import UnknownNameError, nearest
from . import topics
from .entry import CLAIMS, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entry import Claim, Finding
    from .evidence import Evidence


@cache
def _load() -> None:
    for topic in topics.TOPICS:
        importlib.import_module(f"{topics.__name__}.{topic}")


def select(patterns: Sequence[str] = ()) -> list[Claim]:
    """The entries of these names, globs or topics, in the lecture's order; all of them where none is named.

    Raises UnknownNameError for one that names nothing.
    """
    _load()
    known = list(CLAIMS.values())
    for pattern in patterns:
        if not any(_named(entry, pattern) for entry in known):
            names = [*CLAIMS, *dict.fromkeys(entry.topic for entry in known)]
            message = f"unknown claim {pattern!r}: {nearest(pattern, names)} `vbench claims --list` shows all of them"
            raise UnknownNameError(message)
    return [entry for entry in known if not patterns or any(_named(entry, pattern) for pattern in patterns)]


def _named(entry: Claim, pattern: str) -> bool:
    return fnmatch.fnmatchcase(entry.id, pattern) or entry.topic == pattern


def judged(entries: Sequence[Claim], seen: Evidence) -> list[Finding]:
    """What the evidence says of each."""
    return [judge(entry, seen) for entry in entries]
