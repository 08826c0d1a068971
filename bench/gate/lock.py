"""One gate at a time on a machine, for two would be each other's noise."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


class BusyError(UsageError):
    """Another gate holds the machine."""


@contextmanager
def machine_lock(root: Path, folder: Path | None = None) -> Iterator[None]:
    """Hold the machine for a gate of the project in `root`. Raises BusyError that names who holds it already."""
    place = folder or Path(tempfile.gettempdir())
    lock = filelock.FileLock(place / "vbench-gate.lock", mode=0o666)
    holder = place / "vbench-gate.holder"
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        who = "another process"
        with suppress(OSError):
            who = holder.read_text("utf-8").strip()
        message = f"another gate measures on this machine: {who}; wait for it to end"
        raise BusyError(message) from None
    except OSError as error:
        message = f"cannot lock {lock.lock_file}: {error.strerror}; remove it, or set TMPDIR to a folder that you may write"
        raise UsageError(message) from None
    try:
        with suppress(OSError):  # another user's, in a folder where only they may write it
            holder.write_text(f"process {os.getpid()} in {root}, since {datetime.now(UTC):%H:%M} UTC\n", "utf-8")
        yield
    finally:
        lock.release()
