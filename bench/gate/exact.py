"""The exact gate: counted metrics against a lock file. No statistics, and no machine that they would depend on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from .. import pipeline
from ..core import Counted
from ..errors import ConfigError
from ..supervisor import Server

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..config import Settings
    from ..core import Case

# Every one is better when it is lower.
METRICS = ("params", "trainable_params", "buffers", "weight_bytes", "macs", "other_ops", "activations")
HISTOGRAMS = ("operators", "uncounted_ops")
Entry = dict[str, Any]


class Difference(msgspec.Struct, frozen=True):
    """One entry that is not as locked. `red` unless everything that changed became smaller."""

    case: str
    kind: str
    changes: dict[str, tuple[Any, Any]]
    red: bool

    def line(self) -> str:
        """For people: the case and each number, before and after."""
        if self.kind != "changed":
            return f"{self.kind}: {self.case}"
        parts = [f"{name} {_show(before)} -> {_show(after)}" for name, (before, after) in self.changes.items()]
        return f"{'differs' if self.red else 'improved'}: {self.case}: {', '.join(parts)}"


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def key(case: Case) -> str:
    """What decides the counts of a case: no threads, no engine, no device, so that the file is the same everywhere."""
    return f"{case.architecture}@{case.compression} {'x'.join(map(str, case.input_shape))} {case.precision} {case.phase}"


def count(cases: Iterable[Case], settings: Settings) -> tuple[dict[str, Entry], dict[str, str]]:
    """Count each case once in a worker of its own; what could not be counted comes back with the reason."""
    distinct = {key(case): case for case in cases}
    entries: dict[str, Entry] = {}
    failed: dict[str, str] = {}
    with Server(start=settings.start) as server:
        for name, case in distinct.items():
            replicate = server.run(pipeline.count_job(case, settings), settings.timeout)
            if replicate.counted is None:
                failed[name] = f"{replicate.status}: {replicate.reason or 'nothing to count'}"
            else:
                entries[name] = entry(replicate.counted)
    return entries, failed


def entry(counted: Counted) -> Entry:
    """The numbers that are locked."""
    numbers: Entry = {name: getattr(counted, name) for name in METRICS}
    return numbers | {name: dict(sorted(getattr(counted, name).items())) for name in HISTOGRAMS}


def read(path: Path) -> dict[str, Entry]:
    """The locked entries. Raises ConfigError when the file is absent or is not one."""
    try:
        table = msgspec.json.decode(path.read_bytes(), type=dict[str, Entry])
    except FileNotFoundError:
        message = f"there is no {path}: make it with `vbench gate --update-lock` and commit it"
        raise ConfigError(message) from None
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read as a lock file: {error}; restore it, or remake it with `vbench gate --update-lock`"
        raise ConfigError(message) from None
    return table


def update(path: Path, entries: dict[str, Entry]) -> int:
    """Put these entries into the file, sorted, a number a line, so that unrelated changes merge; return how many changed."""
    before = read(path) if path.exists() else {}
    after = dict(sorted({**before, **entries}.items()))
    changed = sum(before.get(name) != value for name, value in after.items())
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(after), indent=1) + b"\n")
    os.replace(temporary, path)
    return changed


def compare(locked: dict[str, Entry], entries: dict[str, Entry], *, whole: bool) -> list[Difference]:
    """What is not as locked; with `whole`, an entry that nothing was counted for is `removed`."""
    found = []
    for name, now in sorted(entries.items()):
        before = locked.get(name)
        if before is None:
            found.append(Difference(name, "new", {}, red=True))
            continue
        changes = {metric: (before.get(metric), now[metric]) for metric in METRICS if before.get(metric) != now[metric]}
        for histogram in HISTOGRAMS:
            old, new = before.get(histogram, {}), now[histogram]
            for operator in sorted({*old, *new}):
                if old.get(operator, 0) != new.get(operator, 0):
                    changes[operator] = (old.get(operator, 0), new.get(operator, 0))
        if changes:
            numbers = [changes[metric] for metric in METRICS if metric in changes]
            better = bool(numbers) and all(isinstance(old, int) and new < old for old, new in numbers)
            found.append(Difference(name, "changed", changes, red=not better))
    if whole:
        found += [Difference(name, "removed", {}, red=True) for name in sorted(set(locked) - set(entries))]
    return found
