"""A study's log, `study.jsonl`: what was decided, then a line for each training as it ends. Append only."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from .. import journal, lines, results
from ..errors import UsageError
from .parts import SCHEMA, Head, Seeds, Trial

if TYPE_CHECKING:
    from pathlib import Path

NAME = results.STUDY
WEIGHTS = "weights"


class Log:
    """A study as far as it went; `size` is the length of the file's whole lines."""

    def __init__(self, head: Head, trials: dict[tuple[str, int], Trial], size: int, folder: Path) -> None:
        self.head = head
        self.trials = trials
        self.size = size
        self.folder = folder

    def widen(self, more: Seeds) -> None:
        """Go on with these seeds too."""
        self.head = msgspec.structs.replace(self.head, seeds=tuple(dict.fromkeys([*self.head.seeds, *more.seeds])))

    def missing(self) -> list[tuple[str, int]]:
        """The trainings that are not there, all arms of a seed before the next seed, so that what is there is paired."""
        pairs = [(arm.name, seed) for seed in self.head.seeds for arm in self.head.arms]
        return [pair for pair in pairs if pair not in self.trials]

    def value(self, arm: str, seed: int, measure: str) -> float | None:
        """What a training measured; None where it failed or is not there."""
        trial = self.trials.get((arm, seed))
        return None if trial is None else trial.values.get(measure)


def read(folder: Path) -> Log:
    """Read the log of a folder, or a log that is named itself, up to where it was cut.

    Raises UsageError where it is absent or none of a study's, and ResultFileError where a line before the last is damaged.
    """
    path = folder / NAME if folder.is_dir() else folder
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}; name a folder that `vbench study NAME -o DIR` wrote"
        raise UsageError(message) from None
    otherwise = "log of a study: its first line is not a study; make one with `vbench study NAME -o DIR`"
    log = Log(lines.head(path, data, "study", SCHEMA, (Head, otherwise)), {}, 0, path.parent)
    log.size = lines.rest(path, data, SCHEMA, partial(_add, log))
    return log


def _add(log: Log, line: dict[str, Any]) -> None:
    kind = line.pop("type", "")
    if kind == "trial":
        trial = msgspec.convert(line, Trial)
        log.trials.setdefault((trial.arm, trial.seed), trial)
    elif kind == "seeds":
        log.widen(msgspec.convert(line, Seeds))


class Writer:
    """The log while trainings end; each is on disk before it counts."""

    def __init__(self, folder: Path, head: Head | None = None) -> None:
        """Begin a new log with this head, or without one go on with the one that is there.

        Raises UsageError where a new log would overwrite another, or as `journal.Journal` does.
        """
        path = folder / NAME
        begun = path.exists() and journal.whole(path) > 0
        if head is not None and begun:
            message = (
                f"{path} exists: go on with it by `vbench study {head.study} --resume {folder}`, or name another with -o DIR"
            )
            raise UsageError(message)
        self.log = Log(head, {}, 0, folder) if head is not None else read(folder)
        self._file = journal.Journal(self.log.folder / NAME, self.log.size, verb=f"study {self.log.head.study}")
        if head is not None:
            self._file.append("study", head)

    def trial(self, trial: Trial) -> None:
        """Put down a training."""
        self._file.append("trial", trial)
        self.log.trials[trial.arm, trial.seed] = trial

    def widen(self, count: int) -> None:
        """Go on until there are so many seeds; fewer than there are change nothing."""
        more = Seeds(seeds=tuple(seed for seed in range(count) if seed not in self.log.head.seeds))
        if more.seeds:
            self._file.append("seeds", more)
            self.log.widen(more)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
