"""The slow drift of a machine, as its sentinel shows it: in this run, and in the earlier ones of the same machine.

A run that is over in a minute cannot know the next hour. The sentinel is the same work in every worker of every run, so how
far its median wanders from run to run says how far a network's median may be off for having been measured just then.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from . import journal
from .errors import VbenchError
from .stats import MIN_PROCESSES, median
from .variance import between_runs, halves, scatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from .core import Case, Replicate, Run

# Files that are looked at for the machine's history, newest first: enough for a spread, and read in a second.
HISTORY = 20
# Variables that decide which GPU it is that a device's name means.
HIDING = (
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK",
    "ONEAPI_DEVICE_SELECTOR",
)  # fmt: skip


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


class Drift(msgspec.Struct, frozen=True):
    """What drift adds to an interval, on a logarithmic scale: a half-width at 95 %, and the distance from what is usual.

    `offset` is positive where the sentinel ran faster in this run than it usually does on this machine: then the network
    did so too, and its usual time lies above what was measured.
    """

    spread: float
    offset: float = 0.0


def of(now: Sequence[float], earlier: Sequence[float]) -> Drift | None:
    """The drift of a run; None where no sentinel ran.

    `now` are the sentinels of this run in order, `earlier` the medians of the machine's earlier runs. With at least four of
    these it is known what is usual, and how far this run is from that; how surely it is known, and this run's own change
    from its first to its second half, make the half-width. Networks were seen to follow the sentinel from run to run, by
    as much or more (docs/methodology, Proof); so the offset counts in full, on its side, and never narrows anything.
    """
    if not now:
        return None
    own = 1.96 * halves(now)
    runs = [*earlier, median(now)]
    noise = math.sqrt(math.pi / 2 / len(now)) * scatter([math.log(value) for value in now])
    between = between_runs(runs, noise)
    if between is None:
        return Drift(own)
    return Drift(math.hypot(own, between / math.sqrt(len(runs))), math.log(median(runs) / median(now)))


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


def earlier(folder: Path, fingerprint: str, torch: str, environment: Mapping[str, str]) -> dict[str, tuple[float, ...]]:
    """The medians of the sentinel in the newest complete runs of a machine's folder, by device and number of threads.

    Only runs of the same fingerprint and with the same version of PyTorch, whose product of matrices it is; of a GPU only
    those whose `environment` gave its name to the same one. A file that cannot be read says nothing.
    """
    found: dict[str, list[float]] = {}
    for file in _newest(folder, fingerprint, torch):
        try:
            lines = journal.read(file)
        except (VbenchError, OSError):
            continue
        if lines.run is None or lines.ended != "complete":
            continue
        same = all(lines.run.environment.get(name) == environment.get(name) for name in HIDING)
        for name, times in of_run(lines.run, lines.replicates).items():
            if len(times) >= MIN_PROCESSES and (same or name.startswith("cpu,")):
                found.setdefault(name, []).append(median(times))
    return {name: tuple(medians) for name, medians in found.items()}


def _newest(folder: Path, fingerprint: str, torch: str) -> list[Path]:
    """The files of the last runs of this machine with this version, oldest first, by what their first lines say."""
    known = []
    for file in folder.glob("*.jsonl"):
        with suppress(OSError, ValueError, msgspec.MsgspecError), file.open("rb") as stream:
            head = msgspec.json.decode(stream.readline(), type=_Head)
            if head.machine.get("fingerprint") == fingerprint and head.versions.get("torch") == torch:
                known.append((head.started, file))
    return [file for _, file in sorted(known)[-HISTORY:]]


class _Head(msgspec.Struct):
    """What the first line of a result file says of when and where."""

    started: str
    machine: dict[str, Any]
    versions: dict[str, str]
