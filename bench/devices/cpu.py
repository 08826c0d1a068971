"""The processor: the host's monotonic clock, and the resident set of the worker as its memory."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .direct import Direct

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Meter

_PROC = Path("/proc/self")


def names() -> tuple[str, ...]:
    """There is one processor to torch, however many sockets."""
    return ("cpu",)


def device(index: str = "") -> Cpu:
    """The processor; it has no number."""
    del index
    return Cpu()


class Cpu(Direct):
    """Calls on the processor return when their work is done, so there is nothing to wait for."""

    def target(self) -> str:
        """As torch spells it."""
        return "cpu"

    def clock(self, replicate: int) -> Callable[[], int]:
        """Monotonic, and the finest that Python has."""
        del replicate
        return time.perf_counter_ns

    def reset_peak(self) -> bool:
        """Reset the high-water mark of the resident set (proc(5), clear_refs). Containers may forbid it."""
        try:
            (_PROC / "clear_refs").write_text("5")
        except OSError:
            return False
        return True

    def memory(self) -> dict[str, float]:
        """The peak of the resident set."""
        peak = self.peak_bytes()
        return {} if peak is None else {"peak_host_bytes": float(peak)}

    def energy(self) -> Meter | str:
        """The counters of its packages, or why they cannot be read."""
        from . import rapl  # noqa: PLC0415 - only for a run with --energy

        return rapl.find()

    def peak_bytes(self) -> int | None:
        """VmHWM; elsewhere the process's lifetime maximum, which in a fresh worker is the case's own."""
        try:
            for line in (_PROC / "status").read_text("ascii", "replace").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass
        try:
            import resource  # noqa: PLC0415 - absent on Windows
        except ImportError:
            import psutil  # noqa: PLC0415 - only where nothing else tells

            return int(getattr(psutil.Process().memory_info(), "peak_wset", 0)) or None
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
