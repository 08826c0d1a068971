"""The exact gate: counted metrics against a lock file. No statistics, and no machine that they would depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from ..errors import ConfigError, UsageError
from ..job import count_job
from ..supervisor import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ..config import Settings
    from ..core import Case, Counted
    from ..home import Home
    from ..job import Job

# Every one is better when it is lower.
METRICS = (
    "params", "trainable_params", "buffers", "weight_bytes", "macs", "other_ops", "activations", "peak_activation_bytes",
)  # fmt: skip


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The counts of one case that are locked, at batch 1; they are explained at `Counted`.

    The peak is None where it is not known, as for a network with sparse tensors, and in a file that is older than it.
    """

    params: int
    trainable_params: int
    buffers: int
    weight_bytes: int
    macs: int
    other_ops: int
    activations: int
    peak_activation_bytes: int | None = None
    operators: dict[str, int]
    uncounted_ops: dict[str, int]


class Difference(msgspec.Struct, frozen=True):
    """One entry that is not as locked: red, also where all became smaller, for so it looks when a layer was lost."""

    case: str
    kind: Literal["new", "removed", "changed"]
    changes: dict[str, tuple[int | None, int | None]]
    improved: bool = False

    def line(self) -> str:
        """For people: the case and each number, before and after."""
        if self.kind != "changed":
            return f"{self.kind}: {self.case}"
        parts = [f"{name} {_number(before)} -> {_number(after)}" for name, (before, after) in self.changes.items()]
        if self.improved:
            return f"improved: {self.case}: {', '.join(parts)}; if that is meant: vbench gate --update-lock"
        return f"differs: {self.case}: {', '.join(parts)}"


def key(case: Case) -> str:
    """What decides the counts of a case: no threads, no engine, no device, so that the file is the same everywhere."""
    return f"{case.architecture}@{case.compression} {'x'.join(map(str, case.input_shape))} {case.precision} {case.phase}"


def count(
    cases: Iterable[Case], settings: Settings, *, home: Home | None = None, job: Callable[[Case, Settings], Job] = count_job
) -> tuple[dict[str, Entry], dict[str, str]]:
    """Count each case once in a worker of its own; what could not be counted comes back with the reason.

    `home` and `job` are where the workers live and what they are told, where that is not this process's own.
    """
    distinct = {key(case): case for case in cases}
    entries: dict[str, Entry] = {}
    failed: dict[str, str] = {}
    if not distinct:
        return entries, failed
    with Server(start=settings.start, preload="count", home=home) as server:
        for name, case in distinct.items():
            replicate = server.run(job(case, settings), settings.timeout)
            if replicate.counted is None:
                failed[name] = f"{replicate.status}: {replicate.reason or 'nothing to count'}"
            else:
                entries[name] = entry(replicate.counted)
    return entries, failed


def entry(counted: Counted) -> Entry:
    """The numbers that are locked."""
    operators, uncounted = dict(sorted(counted.operators.items())), dict(sorted(counted.uncounted_ops.items()))
    return Entry(**{name: getattr(counted, name) for name in METRICS}, operators=operators, uncounted_ops=uncounted)


def read(path: Path) -> dict[str, Entry]:
    """The locked entries. Raises ConfigError when the file is absent or is not one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Entry])
    except FileNotFoundError:
        message = f"there is no {path}: make it with `vbench gate --update-lock` and commit it"
        raise ConfigError(message) from None
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read as a lock file: {error}; restore it, or delete it and type `vbench gate --update-lock`"
        raise ConfigError(message) from None


def update(path: Path, entries: dict[str, Entry], *, whole: bool = False) -> int:
    """Put these entries into the file, sorted, a number a line, so that unrelated changes merge; return how many changed.

    With `whole`, entries that nothing was counted for are removed. Raises UsageError when the file cannot be written.
    """
    before = read(path) if path.exists() else {}
    after = entries if whole else {**before, **entries}
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(dict(sorted(after.items()))), indent=1) + b"\n")
        temporary.replace(path)
    except OSError as error:
        message = f"cannot write the lock file {path}: {error.strerror}"
        raise UsageError(message) from None
    return sum(before.get(name) != after.get(name) for name in {*before, *after})


def compare(locked: dict[str, Entry], entries: dict[str, Entry], *, whole: bool) -> list[Difference]:
    """What is not as locked; with `whole`, an entry that nothing was counted for is `removed`."""
    found = []
    for name, now in sorted(entries.items()):
        before = locked.get(name)
        if before is None:
            found.append(Difference(name, "new", {}))
        elif before != now:
            numbers = {m: pair for m in METRICS if (pair := (getattr(before, m), getattr(now, m)))[0] != pair[1]}
            operators = _changes(before.operators, now.operators)
            uncounted = _changes(before.uncounted_ops, now.uncounted_ops)
            # What no rule counts any more makes the counts smaller, and nothing better.
            better = bool(numbers) and all(map(_smaller, (*numbers.values(), *uncounted.values())))
            changes = numbers | operators | {f"uncounted {name}": change for name, change in uncounted.items()}
            found.append(Difference(name, "changed", changes, improved=better))
    if whole:
        found += [Difference(name, "removed", {}) for name in sorted(set(locked) - set(entries))]
    return found


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _smaller(change: tuple[int | None, int | None]) -> bool:
    """What became unknown is no smaller than it was."""
    before, now = change
    return before is not None and now is not None and now < before


def _changes(before: dict[str, int], now: dict[str, int]) -> dict[str, tuple[int, int]]:
    names = [name for name in (*before, *sorted(set(now) - set(before))) if before.get(name, 0) != now.get(name, 0)]
    return {name: (before.get(name, 0), now.get(name, 0)) for name in names}
