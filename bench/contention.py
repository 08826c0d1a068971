"""What the rest of the machine did while a worker measured: kept with each replicate, so that it can be judged later."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from . import pages

# Variables that change what a library executes, or on how many cores; recorded in the head of a result file, not judged.
PREFIXES = (
    "OMP_", "MKL_", "KMP_", "GOMP_", "ONEDNN_", "DNNL_", "OPENBLAS_", "ATEN_", "TORCH", "PYTORCH_", "CUDA_", "NVIDIA_", "HIP_",
    "ROCR_", "ZE_", "ONEAPI_", "MALLOC_",
)  # fmt: skip
NAMES = ("LD_PRELOAD", "GLIBC_TUNABLES", "PYTHONMALLOC", "PYTHONOPTIMIZE")


class Snapshot(msgspec.Struct, frozen=True):
    """Counters of this process and of the processors since they started; None where they cannot be read."""

    involuntary: int | None
    faults: int | None
    waited_ns: int | None
    steal: int | None
    ticks: int | None


def snapshot(root: Path = Path("/")) -> Snapshot:
    """Read the counters now."""
    try:
        import resource  # noqa: PLC0415 - absent on Windows

        usage = resource.getrusage(resource.RUSAGE_SELF)
        involuntary: int | None = usage.ru_nivcsw
    except ImportError:
        involuntary = None
    waited = [_waited(task) for task in (root / "proc/self/task").glob("*/schedstat")]
    known = [nanoseconds for nanoseconds in waited if nanoseconds is not None]
    try:
        fields = [int(word) for word in (root / "proc/stat").read_text("ascii").splitlines()[0].split()[1:9]]
    except (OSError, ValueError, IndexError):
        fields = []
    steal = fields[7] if len(fields) == 8 else None  # noqa: PLR2004 - user nice system idle iowait irq softirq steal
    return Snapshot(involuntary, pages.faults(), sum(known) if known else None, steal, sum(fields) if fields else None)


def _waited(file: Path) -> int | None:
    """Nanoseconds that a thread was ready to run and did not, since it began (the second field of schedstat, proc(5))."""
    try:
        return int(file.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):  # a thread may end while it is looked at
        return None


def since(before: Snapshot, root: Path = Path("/")) -> dict[str, float]:
    """What happened since: involuntary switches, time ready and not running, the hypervisor's share, the load."""
    after = snapshot(root)
    found: dict[str, float] = {}
    if after.involuntary is not None and before.involuntary is not None:
        found["involuntary_switches"] = float(after.involuntary - before.involuntary)
    if after.faults is not None and before.faults is not None:
        # An allocator that gives memory back and takes it again in every pass pays for each page.
        found["minor_faults"] = float(after.faults - before.faults)
    if after.waited_ns is not None and before.waited_ns is not None:
        # A thread that ended meanwhile takes its count with it, so the difference can only be too small.
        found["waited_s"] = max(0, after.waited_ns - before.waited_ns) / 1e9
    if after.steal is not None and before.steal is not None and after.ticks and before.ticks and after.ticks > before.ticks:
        found["steal_share"] = (after.steal - before.steal) / (after.ticks - before.ticks)
    if hasattr(os, "getloadavg"):
        found["load_1m"] = os.getloadavg()[0]
    return found


def environment() -> dict[str, str]:
    """The variables of this process's environment that change what is executed."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(PREFIXES) or name in NAMES}
