"""The machine that measures: what decides absolute time here, and how much of it a process may use.

Linux is read from /proc, /sys and the control groups below `root`, so that tests read a tree of their own. psutil and
py-cpuinfo answer on other systems. Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
import re
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil
import pynvml

from .core import Machine

ROOT = Path("/")

# The instruction sets that decide which kernels the engines pick; ARM calls its NEON "asimd".
FEATURES = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "amx_fp16",
    "neon",
    "asimddp",
    "i8mm",
)
_PACKAGES = ("vbench", "torch", "numpy", "fvcore", "msgspec")
_HASH_DIGITS = 12
_SLUG_DIGITS = 6


@cache
def describe(root: Path = ROOT) -> Machine:
    """Describe this machine; asked once per process.

    The fingerprint covers what decides absolute time and outlives a reboot: processor, cores, features, affinity, quota,
    GPUs, governor, virtual or not. It leaves out memory size, kernel release, driver and library versions, which are
    recorded beside it.
    """
    processor, features = _processor(root)
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    gpus, driver = _gpus()
    virtual = _virtual(root)
    usable, quota, governor = usable_cores(root), cpu_quota(root), _governor(root)
    hardware = (platform.system(), platform.machine(), processor, cores, features, gpus)
    limit = memory_limit(root)
    physical = int(psutil.virtual_memory().total)
    return Machine(
        slug=_slug(processor, cores, gpus, _digest(hardware)[:_SLUG_DIGITS]),
        fingerprint=_digest((*hardware, usable, quota, governor, "virtual machine" in virtual))[:_HASH_DIGITS],
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=processor,
        cores=cores,
        usable_cores=usable,
        cpu_quota=quota,
        memory_bytes=physical if limit is None else min(physical, limit),
        features=features,
        gpus=gpus,
        driver=driver,
        virtual=virtual,
        governor=governor,
    )


def usable_cores(root: Path = ROOT) -> int:
    """How many threads can run at once: the affinity of this process, the whole cores of its quota, OpenMP's own limit.

    At least 1. OpenMP starts no more than OMP_THREAD_LIMIT threads, and torch reads back what was asked for all the same.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, limit = cpu_quota(root), os.environ.get("OMP_THREAD_LIMIT", "").strip()
    cores = affinity if quota is None else min(affinity, math.floor(quota))
    return max(1, min(cores, int(limit)) if limit.isdigit() else cores)


def cpu_quota(root: Path = ROOT) -> float | None:
    """Cores' worth of time that the control group grants, the tightest of its ancestors included; None is no limit."""
    quotas = []
    for group in _groups(root, "cpu"):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        quota = quota or _read(group / "cpu.cfs_quota_us")
        period = period or _read(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):  # no limit is written "max" in v2 and -1 in v1
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit(root: Path = ROOT) -> int | None:
    """Bytes that the control group allows, the tightest of its ancestors included; None is no limit."""
    return min((limit for limit, _ in _memory(root)), default=None)


def memory_available(root: Path = ROOT) -> int:
    """Bytes that a new process may take: what the system has left, and what the control groups leave of it."""
    free = re.search(r"^MemAvailable:\s+(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)
    system = int(free[1]) * 1024 if free else int(psutil.virtual_memory().available)
    return max(0, min([system, *(limit - used for limit, used in _memory(root))]))


def versions() -> dict[str, str]:
    """Give the versions of what produced the numbers, without importing any of it; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_commit(path: Path | str) -> str:
    """Name the commit that `path` is checked out at, with "-dirty" when tracked files differ; "" where there is none."""
    commit = git(path, "rev-parse", "--verify", "HEAD")
    return f"{commit}-dirty" if commit and git(path, "status", "--porcelain", "--untracked-files=no") else commit


def git(path: Path | str, *words: str, limit_s: float = 10.0) -> str:
    """What git answers in a folder; "" where it refuses, or is not installed."""
    program = shutil.which("git")
    if program is None:
        return ""
    # Looking must not take the lock that a git command in another terminal waits for.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - the program is git, and the words are written above
            [program, "-C", str(path), *words], env=environment, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _read(path: Path) -> str:
    """Read a small file of the system; "" where it is missing or closed to us."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _groups(root: Path, controller: str) -> list[Path]:
    """The folders of this process's control group and of its ancestors, innermost first.

    A line of /proc/self/cgroup is `number:controllers:path`, and version 2 leaves the controllers empty. Inside a
    container the path may be the host's, which is not mounted here: then the mount itself is the group.
    """
    homes: dict[str, tuple[str, str]] = {}
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = ([*line.split(":", 2), "", ""])[:3]
        homes.update(dict.fromkeys(controllers.split(","), (controllers, path)))
    mount = root / "sys/fs/cgroup"
    together, home = homes.get(controller, homes.get("", ("", "/")))
    if controller in homes:
        # Version 1 mounts some controllers together ("cpu,cpuacct"), with a link for each of them, usually.
        mount /= controller if (mount / controller).is_dir() else together
    parts = [part for part in home.split("/") if part not in {"", ".."}]
    nested = [mount.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]
    return [group for group in nested if group.is_dir()]


def _memory(root: Path) -> list[tuple[int, int]]:
    """(limit, used) in bytes of every control group above this process that has a limit.

    Cached file pages that nobody touched lately are given back under pressure, so they do not count as used.
    """
    found = []
    for group in _groups(root, "memory"):
        limit = _read(group / "memory.max") or _read(group / "memory.limit_in_bytes")
        used = _read(group / "memory.current") or _read(group / "memory.usage_in_bytes")
        # Version 1 lists its own pages and then the total with its children; version 2 only the total.
        cold = re.findall(r"^(?:total_)?inactive_file (\d+)$", _read(group / "memory.stat"), re.MULTILINE)
        if limit.isdigit() and int(limit) < 2**60:  # version 1 writes the largest multiple of a page for "no limit"
            taken = int(used) if used.isdigit() else 0
            found.append((int(limit), max(0, taken - (int(cold[-1]) if cold else 0))))
    return found


def _processor(root: Path) -> tuple[str, tuple[str, ...]]:
    """The processor's name, and which of FEATURES it has."""
    text = _read(root / "proc/cpuinfo")
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    if name and flags:
        brand, have = name[1], set(flags[1].split())
    else:
        # py-cpuinfo starts processes and takes up to a second, so it is asked only where the kernel does not say.
        import cpuinfo  # noqa: PLC0415 - as above

        info = cpuinfo.get_cpu_info()
        brand = str(info.get("brand_raw") or platform.processor() or platform.machine())
        have = {str(flag) for flag in info.get("flags", ())}
    if "asimd" in have:
        have.add("neon")
    return " ".join(brand.split()), tuple(feature for feature in FEATURES if feature in have)


def _gpus() -> tuple[tuple[str, ...], str]:
    """The names of the NVIDIA GPUs and the driver's version; a machine without NVML has none."""
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError, OSError):
        return (), ""
    try:
        names = (pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(i)) for i in range(pynvml.nvmlDeviceGetCount()))
        return tuple(_text(name) for name in names), _text(pynvml.nvmlSystemGetDriverVersion())
    except (pynvml.NVMLError, OSError):
        return (), ""
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _text(value: str | bytes) -> str:
    """Older versions of NVML's Python package answer in bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _virtual(root: Path) -> str:
    """Say "virtual machine", "container", both or neither."""
    found = []
    if re.search(r"^flags\s*:.*\bhypervisor\b", _read(root / "proc/cpuinfo"), re.MULTILINE) or _read(
        root / "sys/hypervisor/type"
    ):
        found.append("virtual machine")
    marks = (root / ".dockerenv", root / "run/.containerenv")
    if any(mark.exists() for mark in marks) or re.search(r"docker|kubepods|containerd|/lxc", _read(root / "proc/self/cgroup")):
        found.append("container")
    return ", ".join(found)


def _governor(root: Path) -> str:
    """The frequency governors in use; "" where the clock is not ours to see, as in most virtual machines."""
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return ",".join(sorted({_read(file) for file in files} - {""}))


def _slug(processor: str, cores: int, gpus: tuple[str, ...], digest: str) -> str:
    """A folder's name for the machine, without its host name: "amd-epyc-2c-1a2b3c"."""
    # Marketing marks, the nominal clock and the generation's code name say nothing that the model does not.
    brand = re.sub(r"\((?:R|TM|C)\)|@.*|\b(?:CPU|Processor|\d+-Core)\b|\bw/.*", " ", processor, flags=re.IGNORECASE)
    cards = [f"{gpus.count(name)}x {name}" if gpus.count(name) > 1 else name for name in dict.fromkeys(gpus)]
    words = " ".join([brand, f"{cores}c", *cards, digest])
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def _digest(facts: object) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()
