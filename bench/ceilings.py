"""The ceilings of this machine: measured once for each device, precision and number of threads, and kept.

The measuring process is a fresh one, so that this one gets neither threads nor a device. What was disturbed by other work
is not kept: it would pass for the machine's best for as long as the entry lives.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from . import cache, machine, peaks
from .axes import PRECISIONS
from .core import Ceiling
from .drift import HIDING
from .metrics import ceiling_key
from .peaks import BYTES, Peak
from .registry import ENGINES
from .stats import MIN_PROCESSES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from .config import Settings
    from .core import Case, Run

TIMEOUT_S = 120.0
# Under load a second look often finds the moment that the first did not.
LOOKS = 2


class Need(NamedTuple):
    """What one ceiling is for."""

    device: str
    precision: str
    threads: int

    @property
    def name(self) -> str:
        """As in the head of a result file."""
        return ceiling_key(self.device, self.precision, self.threads)

    @property
    def parts(self) -> tuple[Need, Need]:
        """Its arithmetic, and its traffic, which is the same in every precision."""
        return self, self._replace(precision=BYTES)


def needs(cases: Iterable[Case]) -> list[Need]:
    """The ceilings that these cases are held against: none where nothing runs on a real device, or nothing is counted."""
    real = (case for case in cases if _real(case.device) and getattr(ENGINES.get(case.engine), "builds", True))
    return list(dict.fromkeys(Need(case.device, case.precision, case.threads) for case in real))


def everything(devices: Iterable[str]) -> list[Need]:
    """Every precision of these devices: the processor on one thread and on all, the others with their threads idle."""
    usable = machine.usable_cores()
    counts = {device: sorted({1, usable}) if device == "cpu" else [usable] for device in devices if _real(device)}
    return [Need(device, precision, count) for device in counts for count in counts[device] for precision in PRECISIONS]


def _real(device: str) -> bool:
    return device.partition(":")[0] != "fake"


def told(run: Run, settings: Settings, announce: Callable[[Sequence[str]], None]) -> Run:
    """The head of a new run with the ceilings of all that it will measure."""
    cases = (case for case in run.cases if case.id not in run.skipped)
    return msgspec.structs.replace(run, ceilings=for_run(cases, settings, announce, quick=run.quick))


def for_run(
    cases: Iterable[Case], settings: Settings, announce: Callable[[Sequence[str]], None], *, quick: Collection[str] = ()
) -> dict[str, Ceiling]:
    """The ceilings of a run: those that are kept, and the others measured now, once `announce` has said so.

    For a quick look, a case of too few processes for an interval, only what is kept is taken; `quick` are the ids of those that
    have one process in any run. A ceiling that cannot be had is empty, its `method` the reason.
    """
    asked = list(cases)
    wanted = needs(asked)
    parts = list(dict.fromkeys(part for need in wanted for part in need.parts))
    known = {part: peak for part in parts if (peak := kept(part)) is not None}
    whole = [] if settings.max_processes < MIN_PROCESSES else [case for case in asked if case.id not in quick]
    worthy = needs(whole)
    worth = {part for need in worthy for part in need.parts}
    reason = f"not measured for cases of fewer than {MIN_PROCESSES} processes: vbench doctor --ceilings"
    known |= {part: Peak(None, reason) for part in parts if part not in known and part not in worth}
    missing = [part for part in parts if part not in known]
    if missing:
        announce([need.name for need in worthy if not known.keys() >= set(need.parts)])
        known |= {part: _honest(peak) for part, peak in measure(missing).items()}
    return {need.name: _ceiling(*(known[part] for part in need.parts)) for need in wanted}


def _honest(peak: Peak) -> Peak:
    """What is known to be too low would make honest rows look too fast."""
    if peak.steady or peak.rate is None:
        return peak
    return Peak(None, f"not known, since other work disturbed it ({peak.how}): vbench doctor --ceilings")


def _ceiling(operations: Peak, traffic: Peak) -> Ceiling:
    disturbed = "" if operations.steady and traffic.steady else "; other work disturbed it, so that more may be possible"
    method = "; ".join(dict.fromkeys((operations.how, traffic.how)))
    return Ceiling(peak_flops=operations.rate, bandwidth_bytes_per_s=traffic.rate, method=method + disturbed)


def kept(part: Need) -> Peak | None:
    """What was measured earlier on this machine with this version of torch, or None."""
    return cache.read(_entry(part), Peak)


def refresh(wanted: Sequence[Need]) -> dict[str, Ceiling]:
    """Measure these anew, for somebody who asked for it: what stays disturbed is kept too, unless more is known."""
    parts = list(dict.fromkeys(part for need in wanted for part in need.parts))
    found = measure(parts, looks=3, keep_disturbed=True)
    return {need.name: _ceiling(*(found[part] for part in need.parts)) for need in wanted}


def measure(wanted: Sequence[Need], *, looks: int = LOOKS, keep_disturbed: bool = False) -> dict[Need, Peak]:
    """Measure these now, in a fresh process for each device and number of threads, and keep what was not disturbed."""
    found: dict[Need, Peak] = {}
    for device, threads in dict.fromkeys((part.device, part.threads) for part in wanted):
        todo = [part for part in wanted if (part.device, part.threads) == (device, threads)]
        for _ in range(looks):
            seen = _ask(device, tuple(part.precision for part in todo), threads)
            found |= {part: better(found.get(part), seen[part.precision]) for part in todo}
            todo = [part for part in todo if not found[part].steady]
            if not todo:
                break
    for part, peak in found.items():
        if peak.rate is None:
            continue  # it is asked again the next time, which costs nothing but another reason
        before = kept(part)
        if peak.steady or (keep_disturbed and (before is None or (before.rate or 0.0) < peak.rate)):
            cache.write(_entry(part), peak)
    return found


def better(one: Peak | None, other: Peak) -> Peak:
    """Of two looks at the same: the one that nothing disturbed, else the higher."""
    if one is None or other.steady != one.steady:
        return other if one is None or other.steady else one
    return max(one, other, key=lambda peak: peak.rate or 0.0)


def _entry(part: Need) -> str:
    """The name of its entry: by everything that could change it. A GPU's does not depend on the host's threads."""
    how = hashlib.sha256(Path(peaks.__file__).read_bytes()).hexdigest()
    seen = () if part.device == "cpu" else tuple(os.environ.get(name, "") for name in HIDING)
    threads = part.threads if part.device == "cpu" else 0
    torch = machine.versions().get("torch", "")
    parts = (machine.describe().fingerprint, torch, how, part.device, part.precision, threads, seen)
    return f"ceilings/{hashlib.sha256(repr(parts).encode()).hexdigest()}"


def _ask(device: str, wanted: tuple[str, ...], threads: int) -> dict[str, Peak]:
    """What a fresh process finds; where it fails, no numbers, and the reason."""
    # The child gets this process's import path, as the workers' server does.
    code = f"import sys; sys.path[:] = {sys.path!r}; from vbench.ceilings import answer; answer()"
    words = [sys.executable, "-c", code, str(os.getpid()), device, ",".join(wanted), str(threads)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and code
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_DYNAMIC": "false"},
        )
        if done.returncode == 0:
            return msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, Peak])
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
        reason = said[-1][:300]
    except subprocess.TimeoutExpired:
        reason = f"no answer after {TIMEOUT_S:.0f} s"
    except (OSError, IndexError, msgspec.MsgspecError) as error:
        reason = f"{type(error).__name__}: {error}"
    return dict.fromkeys(wanted, Peak(None, f"not measured: {reason}"))


def answer() -> None:
    """Entry of the measuring process: `parent-pid device wanted threads`; answers in JSON on the last line."""
    from .forkserver import die_with_parent  # only the measuring process hangs on its parent's life  # noqa: PLC0415

    parent, device, wanted, threads = sys.argv[1:5]
    die_with_parent(int(parent))
    found = peaks.measure(device, tuple(wanted.split(",")), int(threads))
    sys.stdout.buffer.write(b"\n" + msgspec.json.encode(found) + b"\n")
