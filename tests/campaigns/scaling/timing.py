"""Whole commands in fresh processes on files that are not in memory: seconds, and the most memory that a process took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

VERB = [sys.executable, "-c", "from vbench.cli import main; main()"]


def forget(folder: Path) -> bool:
    """Let the system drop what it holds of these files, so that they are read from the disk; whether it can be told to."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for file in [folder] if folder.is_file() else folder.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.fdatasync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)
    return True


def run(words: list[str], cold: Path | None = None) -> dict[str, Any]:
    """A command: how long it took, its peak resident set, and what it printed. Raises RuntimeError where it fails."""
    was_cold = forget(cold) if cold is not None else False
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out_, tempfile.TemporaryFile("w+") as err_:
        process = subprocess.Popen(words, stdout=out_, stderr=err_)
        _, status, usage = os.wait4(process.pid, 0)  # of this process alone, which `resource` cannot tell from its siblings
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        out, err = (file.read() for file in (out_, err_) if file.seek(0) == 0)
    if process.returncode:
        message = f"{words}: {err}"
        raise RuntimeError(message)
    return {
        "seconds": round(seconds, 3),
        "peak_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "cold": was_cold,
        "out": out.strip(),
    }


def load(folder: Path, name: str) -> list[str]:
    """The history of one architecture as a DataFrame, in a fresh interpreter, which prints how many rows it got."""
    code = f"import vbench; print(len(vbench.load({str(folder)!r}, where={{'architecture': {name!r}}})))"
    return [sys.executable, "-c", code]
