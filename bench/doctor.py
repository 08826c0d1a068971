"""What would spoil a measurement on this machine, and what to type about it.

Each look is a small function over files below `root`, so that tests read a tree of their own. What cannot be seen here is
said to be so, and never left out.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .core import Machine

State = Literal["good", "warn", "bad"]

# One kernel thread of another program slows a network that uses every core; a tenth of a core is a desktop at rest.
BUSY_SHARE = 0.1
HALF = 0.5
# As much as the half-width that a run asks for by default: other guests then show in its intervals.
STEAL_SHARE = 0.02
# vgg/16 has 0.55 GB of weights, held twice while it is prepared, beside half a gigabyte for torch itself.
MEMORY_TIGHT = 3 * 2**30
MEMORY_SHORT = 3 * 2**29
DISK_SHORT = 100 * 2**20
# These are read without a system call, through the vDSO.
QUICK_CLOCKS = {"tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"}
BINDINGS = (
    "OMP_PROC_BIND", "OMP_PLACES", "OMP_THREAD_LIMIT", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "KMP_BLOCKTIME", "LD_PRELOAD",
)  # fmt: skip
UNSEEN = "not visible here"
_CPUS = "sys/devices/system/cpu"
_HUGE = "sys/kernel/mm/transparent_hugepage/enabled"
_GIB = 2.0**30


class Check(msgspec.Struct, frozen=True):
    """One thing looked at: `found` says what is there, `advice` what to type unless it is good."""

    name: str
    state: State
    found: str
    advice: str = ""


def checkup(  # noqa: PLR0913 - each is a fact from a module that this one may not import, or a place to look
    machine: Machine,
    *,
    memory_available: int,
    engines: Mapping[str, str | ImportError] | None = None,
    results: Path = Path("results"),
    environment: Mapping[str, str] | None = None,
    root: Path = Path("/"),
    seconds: float = 0.5,
) -> list[Check]:
    """Look at everything, in the order in which it usually hurts; takes `seconds` for what only a difference shows.

    `memory_available` is in bytes; `engines` maps a name to its version, or to the ImportError that says what to install.
    """
    return [
        *_moving(root, machine.usable_cores, seconds),
        governor(machine),
        boost(root),
        smt(root, machine),
        quota(machine),
        threads(os.environ if environment is None else environment),
        memory(memory_available),
        swap(root),
        huge_pages(root),
        clock_source(root),
        virtual(machine),
        peak_memory(root),
        gpus(root, machine),
        *_engines(engines or {}),
        results_folder(results),
    ]


def _moving(root: Path, cores: int, seconds: float) -> Iterator[Check]:
    """What shows only between two looks: load, other processes, stolen time, throttling."""
    ticks, hot, spent = _ticks(root), _throttles(root), _spent()
    started = time.monotonic()
    time.sleep(seconds)
    yield busiest(spent, _spent(), max(time.monotonic() - started, 1e-9))
    yield load(root, cores)
    yield steal(ticks, _ticks(root))
    yield throttling(hot, _throttles(root))


def load(root: Path, cores: int) -> Check:
    """The load average of the last minute against the cores that we may use."""
    text = _read(root / "proc/loadavg")
    average = float(text.split()[0]) if text else 0.0
    found = f"{average:.2f} over the last minute, {cores} usable cores"
    if average < max(BUSY_SHARE * cores, 0.3):
        return Check("load", "good", found if text else UNSEEN)
    advice = "end other work and wait a minute; `top -o %CPU` shows who it is"
    return Check("load", "bad" if average > HALF * cores else "warn", found, advice)


def busiest(before: Mapping[int, tuple[str, float]], after: Mapping[int, tuple[str, float]], seconds: float) -> Check:
    """The process, other than this one, that took most processor time between two looks at (name, seconds) by id."""
    used = [(total - before[pid][1], pid) for pid, (_, total) in after.items() if pid in before and pid != os.getpid()]
    most, pid = max(used, default=(0.0, 0))
    share = most / seconds
    if share < BUSY_SHARE:
        return Check("other processes", "good", "none is busy")
    found = f"{after[pid][0]} (process {pid}) takes {share:.0%} of a core"
    return Check("other processes", "bad" if share > HALF else "warn", found, f"stop it or wait: `ps -fp {pid}`")


def steal(before: tuple[int, int] | None, after: tuple[int, int] | None) -> Check:
    """The share of time that the host gave to other guests, from two readings of (stolen, all) ticks."""
    if before is None or after is None or after[1] <= before[1]:
        return Check("stolen time", "good", UNSEEN)
    share = (after[0] - before[0]) / (after[1] - before[1])
    if share <= STEAL_SHARE:
        return Check("stolen time", "good", f"{share:.1%}")
    return Check("stolen time", "bad", f"{share:.1%} went to other guests", "use a dedicated host, or measure at a quieter hour")


def throttling(before: int | None, after: int | None) -> Check:
    """How often the processor slowed itself down for heat, since boot and while we looked."""
    if before is None or after is None:
        return Check("throttling", "good", UNSEEN)
    if after > before:
        advice = "let it cool, clear its fans, plug in the charger"
        return Check("throttling", "bad", "the processor is too hot right now", advice)
    if after:
        advice = "plug in the charger, clear the fans, and look again after a run: no row is flagged for it"
        return Check("throttling", "warn", f"{after} times since boot", advice)
    return Check("throttling", "good", "none since boot")


def governor(machine: Machine) -> Check:
    """Whether the clock is held up or follows the load, which makes short runs slower than long ones."""
    if machine.governor in {"", "performance"}:
        return Check("governor", "good", machine.governor or UNSEEN)
    return Check("governor", "warn", machine.governor, "sudo cpupower frequency-set --governor performance")


def boost(root: Path) -> Check:
    """Whether the clock may rise above its nominal value, which lasts only while the chip is cool."""
    intel, other = f"{_CPUS}/intel_pstate/no_turbo", f"{_CPUS}/cpufreq/boost"
    for name, on, off in ((intel, "0", "1"), (other, "1", "0")):
        if _read(root / name) == on:
            advice = f"for comparisons, not for everyday numbers: echo {off} | sudo tee /{name}"
            return Check("turbo", "warn", "on: the first seconds run faster than the rest", advice)
    return Check("turbo", "good", "off" if (root / intel).exists() or (root / other).exists() else UNSEEN)


def smt(root: Path, machine: Machine) -> Check:
    """Whether two threads may share one core and halve each other's speed."""
    state = {"0": "off", "1": "on"}.get(_read(root / f"{_CPUS}/smt/active"), UNSEEN)
    if state != "on" or machine.usable_cores <= 1:
        return Check("hyper-threading", "good", state)
    advice = f"vbench run --threads {max(1, min(machine.cores, machine.usable_cores // 2))}"
    return Check("hyper-threading", "warn", f"on: {machine.usable_cores} threads on {machine.cores} cores at most", advice)


def quota(machine: Machine) -> Check:
    """Whether a quota stops the process in the middle of a forward pass, or cores are taken away."""
    found = f"{machine.usable_cores} usable of {machine.cores}"
    advice = f"give whole cores in place of a quota: docker run --cpuset-cpus 0-{machine.usable_cores - 1}"
    if machine.cpu_quota is None:
        return Check("cores", "good", found)
    return Check("cores", "warn", f"{found}, by a quota of {machine.cpu_quota:g} that stops threads at its end", advice)


def threads(environment: Mapping[str, str]) -> Check:
    """Whether variables of the thread libraries or of the loader change what is measured behind our back."""
    found = [name for name in BINDINGS if environment.get(name)]
    if not found:
        return Check("environment", "good", "nothing binds threads or replaces libraries")
    return Check("environment", "warn", ", ".join(f"{name}={environment[name]}" for name in found), f"unset {' '.join(found)}")


def memory(available: int) -> Check:
    """Whether the largest network of the default suite fits beside what is running; `available` is in bytes."""
    found = f"{available / _GIB:.1f} GiB available"
    if available >= MEMORY_TIGHT:
        return Check("memory", "good", found)
    advice = "close programs or raise the container's limit; `vbench run --exclude 'vgg/*'` needs least"
    return Check("memory", "bad" if available < MEMORY_SHORT else "warn", found, advice)


def swap(root: Path) -> Check:
    """Whether pages were moved to disk, from where they come back in the middle of a measurement."""
    sizes = {
        key: int(kib) * 1024 for key, kib in re.findall(r"^(Swap\w+):\s+(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)
    }
    used = sizes.get("SwapTotal", 0) - sizes.get("SwapFree", 0)
    if used < 2**26:
        return Check("swap", "good", "not in use" if "SwapTotal" in sizes else UNSEEN)
    return Check("swap", "warn", f"{used / _GIB:.1f} GiB in use", "sudo swapoff -a, where memory is enough")


def huge_pages(root: Path) -> Check:
    """Whether the kernel joins pages unasked, which moves peak memory and, at random moments, time."""
    chosen = re.search(r"\[(\w+)\]", _read(root / _HUGE))
    if chosen is None or chosen[1] != "always":
        return Check("huge pages", "good", chosen[1] if chosen else UNSEEN)
    advice = f"echo madvise | sudo tee /{_HUGE}"
    return Check("huge pages", "warn", "always: peak memory counts whole huge pages", advice)


def clock_source(root: Path) -> Check:
    """Whether reading the clock costs tens of nanoseconds or a system call."""
    source = _read(root / "sys/devices/system/clocksource/clocksource0/current_clocksource")
    if not source or source in QUICK_CLOCKS:
        return Check("clock", "good", source or UNSEEN)
    return Check("clock", "warn", f"{source}: each reading is a system call", "boot with `clocksource=tsc tsc=reliable`")


def virtual(machine: Machine) -> Check:
    """Whether other guests share the caches, the memory bandwidth and the clock of this processor."""
    if "virtual machine" not in machine.virtual:
        return Check("host", "good", machine.virtual or "no hypervisor seen")
    advice = "trust ratios within one run before absolute times; use a metal or dedicated instance for the latter"
    return Check("host", "warn", f"{machine.virtual}: other guests share this processor", advice)


def peak_memory(root: Path) -> Check:
    """Whether the high-water mark of memory can be reset before a pass."""
    if not (root / "proc/self").is_dir():
        return Check("peak memory", "good", UNSEEN)
    try:
        os.close(os.open(root / "proc/self/clear_refs", os.O_WRONLY))  # opening asks for the right and changes nothing
    except OSError:
        advice = "mount /proc writable; until then peak_host_bytes is that of the whole worker, not of its pass"
        return Check("peak memory", "warn", "/proc/self/clear_refs cannot be written", advice)
    return Check("peak memory", "good", "can be reset before each pass")


def gpus(root: Path, machine: Machine) -> Check:
    """The GPUs that the driver shows, and whether there is one that it does not show."""
    if machine.gpus:
        return Check("GPUs", "good", f"{', '.join(machine.gpus)}; driver {machine.driver}")
    if (root / "proc/driver/nvidia").exists() or (root / "dev/nvidia0").exists():
        advice = "run `nvidia-smi`; in a container start it with `docker run --gpus all`"
        return Check("GPUs", "warn", "an NVIDIA device is here, but its driver does not answer", advice)
    return Check("GPUs", "good", "none seen")


def _engines(engines: Mapping[str, str | ImportError]) -> Iterator[Check]:
    """One check per engine: its version, or the line that installs it."""
    for name, state in engines.items():
        if isinstance(state, ImportError):
            yield Check(f"engine {name}", "warn", "not installed", str(state))
        else:
            yield Check(f"engine {name}", "good", state)


def results_folder(folder: Path) -> Check:
    """Whether what is measured can be kept."""
    home = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not home.is_dir() or not os.access(home, os.W_OK):
        return Check("results", "bad", f"{folder} cannot be written", f"name another file: vbench run -o FILE, or free {home}")
    free = shutil.disk_usage(home).free
    if free < DISK_SHORT:
        return Check("results", "bad", f"{free / 2**20:.0f} MiB free under {folder}", f"make room: du -sh {home}/*")
    return Check("results", "good", f"{folder} can be written")


def _read(path: Path) -> str:
    """Read a small file of the system; "" where it is missing or closed to us."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _ticks(root: Path) -> tuple[int, int] | None:
    """(stolen, all) ticks since boot; guest time is left out, since it is part of user time already."""
    fields = _read(root / "proc/stat").partition("\n")[0].split()[1:9]
    numbers = [int(field) for field in fields if field.isdigit()]
    return (numbers[7], sum(numbers)) if len(numbers) == 8 else None  # noqa: PLR2004 - user to steal, as proc(5) lists them


def _throttles(root: Path) -> int | None:
    """How often any core has throttled since boot; None where the kernel does not count."""
    texts = [_read(file) for file in (root / _CPUS).glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    counts = [int(text) for text in texts if text.isdigit()]
    return sum(counts) if counts else None


def _spent() -> dict[int, tuple[str, float]]:
    """Processor seconds of every process that we may look at, by id."""
    seen = [(p.pid, p.info["name"] or "?", p.info["cpu_times"]) for p in psutil.process_iter(["name", "cpu_times"])]
    return {pid: (name, times.user + times.system) for pid, name, times in seen if times is not None}
