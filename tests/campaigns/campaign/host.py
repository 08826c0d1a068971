"""What the rest of the machine does: asked before a campaign starts, and written down with every repetition."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from .log import Log

# Cores in use by others from which on a machine is not idle. A desktop at rest takes a tenth of this.
THRESHOLD = 0.2
WINDOW_S = 4.0
STEAL = 0.02


class Counters(NamedTuple):
    """Seconds of processor time since the machine started: of all work, of the hypervisor, and of this campaign."""

    at: float
    busy: float
    steal: float
    total: float
    own: float


def counters() -> Counters:
    """Read the counters now. Children count as ours once they have ended, and those of a repetition have."""
    times = psutil.cpu_times()._asdict()
    # Guest time is part of user time already (proc(5)), and would be counted twice.
    counted = {name: value for name, value in times.items() if name not in {"guest", "guest_nice"}}
    steal = counted.get("steal", 0.0)
    resting = counted.get("idle", 0.0) + counted.get("iowait", 0.0)
    total = sum(counted.values())
    return Counters(time.perf_counter(), total - resting - steal, steal, total, sum(os.times()[:4]))


def since(before: Counters, after: Counters | None = None) -> dict[str, float]:
    """What happened since: cores in use by others, the share that the hypervisor took, the last minute's load."""
    after = after or counters()
    seconds = max(after.at - before.at, 1e-9)
    total = after.total - before.total
    found = {
        "seconds": seconds,
        "others_cores": max(0.0, ((after.busy - before.busy) - (after.own - before.own)) / seconds),
        "steal_share": (after.steal - before.steal) / total if total > 0 else 0.0,
    }
    if hasattr(os, "getloadavg"):
        found["load_1m"] = os.getloadavg()[0]
    return found


def spoiled(conditions: dict[str, float]) -> bool:
    """Whether others took more of the machine during a repetition than an idle one allows."""
    return conditions.get("others_cores", 0.0) > THRESHOLD or conditions.get("steal_share", 0.0) > STEAL


def summary(log: Log, what: str = "repetitions") -> str:
    """How many there are, how many of them on a busy machine, and how many attempts failed: nothing is left out unsaid."""
    disturbed = sum(spoiled(repetition["conditions"]) for repetition in log.repetitions.values())
    return f"{len(log.repetitions)} {what} ({disturbed} on a machine that was not idle), {len(log.failures)} failed attempts."


def busy(window_s: float = WINDOW_S, threshold: float = THRESHOLD) -> str | None:
    """Watch the machine for a few seconds: why it is not idle, in one line, or None."""
    spent = _by_process()
    before = counters()
    time.sleep(window_s)
    found = since(before)
    cores, steal = found["others_cores"], found["steal_share"]
    if cores <= threshold and steal <= STEAL:
        return None
    if cores <= threshold:
        return f"the hypervisor took {steal:.1%} of the processors within {window_s:g} s; wait, or add --anyway"
    growth = {key: (value - spent.get(key, 0.0)) / window_s for key, value in _by_process().items()}
    most = sorted(growth.items(), key=lambda item: -item[1])[:3]
    named = ", ".join(f"{name} {share:.2f}" for (_, name), share in most if share > threshold / 4)
    return (
        f"others use {cores:.2f} cores of this machine{f' ({named})' if named else ''}, and a campaign needs it idle "
        f"(at most {threshold:g}): wait, or add --anyway"
    )


def _by_process() -> dict[tuple[int, str], float]:
    """Processor seconds of every other process that may be read."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid():
                times = process.cpu_times()
                found[process.pid, process.name()] = times.user + times.system
    return found
