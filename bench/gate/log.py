"""The gate's own file, `….pairs.jsonl`: what was compared, every pair with its raw samples, and the verdicts. Append only.

The verdicts follow from what stands above them, so that the same file gives the same verdicts again (`--replay`).
"""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from .. import journal, lines
from ..core import Case, Machine
from ..errors import UsageError
from ..evidence import Status
from ..tolerances import Gate
from ..verdicts import Rule
from .exact import Difference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCHEMA = 1

Against = Literal["base", "far", "null"]
Stage = Literal["screen", "confirm"]


class About(msgspec.Struct, frozen=True, kw_only=True):
    """One side: how it was named, the commit behind that, and what runs in its environment."""

    name: str
    commit: str = ""
    dirty: bool = False
    python: str = ""
    versions: dict[str, str] = {}
    digests: dict[str, str] = {}


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: everything that was decided before anything was measured.

    `absent` names the architectures that a base does not have, with what could not be loaded there, or "" where it is simply
    new; `removed` are those that only base's own selection has. `inject` is the
    share by which head was made slower, in a test of the gate itself, and `neighbour` whether another load came and went then.
    """

    schema: int
    gate_id: str
    started: str
    machine: Machine
    rule: Rule
    gate: Gate
    cases: tuple[Case, ...]
    definitions: dict[str, str]
    skipped: dict[str, str] = {}
    nulls: tuple[Case, ...] = ()
    sides: dict[str, About]
    absent: dict[str, dict[str, str]] = {}
    removed: tuple[str, ...] = ()
    places: dict[str, tuple[str, int]] = {}
    allow_output_change: bool = False
    inject: float = 0.0
    neighbour: bool = False
    seed: int
    asked: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    environment: dict[str, str] = {}
    command: str = ""

    @property
    def against(self) -> tuple[Against, ...]:
        """What head is compared with, in order."""
        return ("base", "far") if "far" in self.sides else ("base",)


class Half(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One process of a pair: the nanoseconds of its batches in order, what rates it answered (images, nanoseconds), the rest."""

    status: Status = "ok"
    reason: str = ""
    batches: tuple[tuple[int, ...], ...] = ()
    rates: tuple[tuple[int, int], ...] = ()
    values: dict[str, float] = {}
    notes: dict[str, str] = {}
    output: tuple[float, ...] = ()


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A base and a head process that were measured by turns. `order` has a letter for each batch: b for base, h for head."""

    case: str
    against: Against
    stage: Stage
    index: int
    round: int
    order: str
    base: Half
    head: Half
    started_s: float = 0.0
    seconds: float = 0.0


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What the exact gate found against a base, or against the lock file; and what could not be counted, with the reason."""

    against: str
    differences: tuple[Difference, ...] = ()
    failed: dict[str, str] = {}
    accepted: bool = False


class Log:
    """A file as it stands; `ended` is how the gate ended, empty where it was cut, and `size` the length of its whole lines."""

    def __init__(self, head: Head, *, ended: str = "", size: int = 0) -> None:
        self.head = head
        self.ended = ended
        self.size = size
        self.counts: list[Counts] = []
        self.bursts: list[tuple[float, float]] = []
        self._pairs: dict[tuple[str, str], dict[tuple[str, int], Pair]] = {}

    @property
    def pairs(self) -> list[Pair]:
        """All of them."""
        return [pair for pairs in self._pairs.values() for pair in pairs.values()]

    def add(self, pair: Pair) -> None:
        """One more; the first of a place is the one that counts."""
        self._pairs.setdefault((pair.against, pair.case), {}).setdefault((pair.stage, pair.index), pair)

    def has(self, against: str, case: Case, stage: str, index: int) -> bool:
        """Whether that pair is there."""
        return (stage, index) in self._pairs.get((against, case.id), {})

    def of(self, against: str, case: Case, stage: str = "") -> list[Pair]:
        """The pairs of a case in their order, of both stages unless one is named."""
        found = self._pairs.get((against, case.id), {}).values()
        return sorted((p for p in found if stage in ("", p.stage)), key=lambda p: (p.stage == "confirm", p.index))


def read(path: Path) -> Log:
    """Read a file up to where it was cut; one that ends in `.gz` was packed to be kept, and is not written any more.

    Raises UsageError where it is absent or none of the gate's, and ResultFileError where a line before the last is damaged.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        message = (
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}; name a file that `vbench gate --base REV` wrote"
        )
        raise UsageError(message) from None
    otherwise = "file of the gate: its first line is not a gate; make one with `vbench gate --base REV`"
    log = Log(lines.head(path, data, "gate", SCHEMA, (Head, otherwise)))
    log.size = lines.rest(path, data, SCHEMA, partial(_add, log))
    return log


def _add(log: Log, line: dict[str, Any]) -> None:
    kind = line.pop("type", "")
    if kind == "pair":
        log.add(msgspec.convert(line, Pair))
        log.ended = ""  # it was resumed
    elif kind == "counts":
        log.counts.append(msgspec.convert(line, Counts))
    elif kind == "neighbour":
        log.bursts += msgspec.convert(line.get("ran"), list[tuple[float, float]])
    elif kind == "end":
        log.ended = str(line.get("status", ""))


class Writer:
    """The file while the gate runs, and what it holds so far; a line is on disk before the next thing happens."""

    def __init__(self, path: Path, head: Head) -> None:
        """Begin a new file, or go on with one that has this very head. Raises UsageError as `journal.Journal` does."""
        self.path = path
        new = not path.exists() or not journal.whole(path)
        self.log = Log(head) if new else read(path)
        self._file = journal.Journal(path, self.log.size, verb="gate")
        if new:
            self._file.append("gate", head)
        self.log.ended = ""

    def counts(self, counts: Counts) -> None:
        """Put down what was counted."""
        self._file.append("counts", counts)
        self.log.counts.append(counts)

    def pair(self, pair: Pair) -> None:
        """Put down a pair."""
        self._file.append("pair", pair)
        self.log.add(pair)

    def neighbour(self, ran: Sequence[tuple[float, float]]) -> None:
        """Put down when another load was there, in clock time."""
        self._file.append("neighbour", {"ran": list(ran)})
        self.log.bursts += ran

    def end(self, rows: Sequence[msgspec.Struct]) -> None:
        """The verdicts, a convenience for other readers that is never read back, and how it ended."""
        for row in rows:
            self._file.append("verdict", row)
        self._file.append("end", {"status": self.log.ended})

    def close(self) -> None:
        """Close the file."""
        self._file.close()
