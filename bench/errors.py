"""The error tree. Each error is one line for the user, and knows the exit code of the contract.

A line says what was wrong, where, what is allowed, and what to type next. A traceback is reserved for bugs.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

EXIT_OK = 0
EXIT_REGRESSION = 1
EXIT_USAGE = 2
EXIT_NOTHING = 3
EXIT_FAILED = 4
EXIT_INTERRUPTED = 130


class VbenchError(Exception):
    """Base of every error that a user can cause; `exit_code` is what the command line leaves with."""

    exit_code: ClassVar[int] = EXIT_FAILED


class UsageError(VbenchError):
    """A wrong argument, or a named engine, device or package that is absent: exit 2, before anything is measured."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """A wrong key or value in bench.toml; the message names file, full key, value, what is allowed and an example."""


class UnknownNameError(UsageError):
    """A name that no registry holds; the message ends in the nearest names that exist."""


class PluginError(VbenchError):
    """A plugin that could not be loaded, or that registered a name twice; the rest still loads."""


class NothingSelectedError(VbenchError):
    """No case matched, or every case was skipped: exit 3."""

    exit_code = EXIT_NOTHING


class RegressionError(VbenchError):
    """A counted metric differs from the lock file, or a measured one regressed: exit 1."""

    exit_code = EXIT_REGRESSION


class ResultFileError(VbenchError):
    """A result file that cannot be read or written."""


def nearest(name: str, known: Iterable[str], most: int = 3) -> str:
    """Say which known names come closest to `name`, as the tail of a message."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=most, cutoff=0.6) or [k for k in names if name and name in k][:most]
    if close:
        return f"did you mean {', '.join(close)}?"
    if not names:
        return "none are registered"
    most = 8
    return f"known: {', '.join(names[:most])}{', …' if len(names) > most else ''}"
