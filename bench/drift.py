"""The slow drift of a machine, as its sentinel shows it: in this run, and in the earlier ones of the same machine.

A run that is over in a minute cannot know the next hour. The sentinel is the same work in every worker of every run, so how
far its median wanders from run to run says how far a network's median may be off for having been measured just then.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from . import journal
from .errors import VbenchError
from .stats import median
from .variance import between_runs, halves, scatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .core import Case, Replicate, Run

# Files that are looked at for the machine's history, newest first: enough for a spread, and read in a second.
HISTORY = 20


def key(case: Case) -> str:
    """Sentinels compare only on the same device and the same number of threads."""
    return f"{case.device},t{case.threads}"


def sentinel_s(replicate: Replicate) -> float | None:
    """The sentinel's time around a process, in seconds; None where it has none."""
    return median(replicate.sentinel_ns) * 1e-9 if replicate.sentinel_ns else None


def in_order(replicates: Iterable[Replicate]) -> list[float]:
    """The sentinels of the measuring processes, in the order in which they ran."""
    timed = sorted((r for r in replicates if r.role == "measure" and r.sentinel_ns), key=lambda r: r.started_s)
    return [median(r.sentinel_ns) * 1e-9 for r in timed]


def share(now: Sequence[float], earlier: Sequence[float]) -> float | None:
    """The half-width, at 95 % on a logarithmic scale, that drift adds to an interval; None where no sentinel ran.

    `now` are the sentinels of this run in order, `earlier` the medians of the machine's earlier runs. With at least four
    of these it is what the run's median may be off by for being that run; this run's own change from its first to its
    second half is the least that it can be.
    """
    if not now:
        return None
    own = 1.96 * halves(now)
    noise = math.sqrt(math.pi / 2 / len(now)) * scatter([math.log(value) for value in now])
    before = between_runs([*earlier, median(now)], noise)
    return max(own, before or 0.0)


def usual(now: Sequence[float], earlier: Sequence[float]) -> float | None:
    """What the sentinel takes when nothing disturbs: its median in this run, or in earlier ones where that is less."""
    known = [median(now)] if now else []
    known += [median(earlier)] if len(earlier) > 2 else []  # noqa: PLR2004 - one run may itself have been disturbed
    return min(known, default=None)


def of_run(run: Run, replicates: Sequence[Replicate]) -> dict[str, list[float]]:
    """The sentinels of a run in order, by device and number of threads: all of its cases see the same machine."""
    keys = {case.id: key(case) for case in run.cases}
    grouped: dict[str, list[Replicate]] = {}
    for replicate in replicates:
        grouped.setdefault(keys.get(replicate.case, ""), []).append(replicate)
    return {name: in_order(found) for name, found in grouped.items() if name}


def earlier(folder: Path, fingerprint: str, torch: str) -> dict[str, tuple[float, ...]]:
    """The medians of the sentinel in the newest complete runs of a machine's folder, by device and number of threads.

    Only runs of the same fingerprint and with the same version of PyTorch, whose product of matrices it is. A file that
    cannot be read says nothing.
    """
    found: dict[str, list[float]] = {}
    for file in sorted(folder.glob("*.jsonl"))[-HISTORY:]:
        try:
            lines = journal.read(file)
        except (VbenchError, OSError):
            continue
        head = lines.run
        if head is None or head.machine.fingerprint != fingerprint or head.versions.get("torch") != torch:
            continue
        for name, times in of_run(head, lines.replicates).items():
            if len(times) >= 6:  # noqa: PLR2004 - as few as carry an interval
                found.setdefault(name, []).append(median(times))
    return {name: tuple(medians) for name, medians in found.items()}
