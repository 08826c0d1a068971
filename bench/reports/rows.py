"""The rows that a report is about: each case with the run that measured it, and the choices that hold for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..core import Facts
from ..errors import NothingSelectedError, UnknownNameError, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..core import Accuracy, Case, Machine, Record, Result, Run

# Every axis of a case but the network itself, in the order in which a reader asks for them.
AXES = (
    "input_shape", "compression", "weights", "phase", "scenario", "engine", "engine_options", "precision", "device", "batch",
    "threads", "layout",
)  # fmt: skip


class Row(NamedTuple):
    """One case, what came of it, and the run that it belongs to."""

    run: Run
    result: Result

    @property
    def case(self) -> Case:
        """The point on every axis."""
        return self.result.case

    @property
    def facts(self) -> Facts:
        """What the result file keeps about the network."""
        return self.run.architectures.get(self.case.architecture, Facts())

    @property
    def family(self) -> str:
        """The network's family, which decides its colour."""
        return self.facts.family or self.case.architecture.partition("/")[0]

    @property
    def name(self) -> str:
        """The network, and what was taken out of it."""
        compression = self.case.compression
        return self.case.architecture if compression == "none" else f"{self.case.architecture}@{compression}"

    def value(self, column: str) -> float | None:
        """The number in that column, or None."""
        found = self.result.values.get(column)
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    def accuracy(self, protocol: str | None) -> Accuracy | None:
        """The first published top-1 that the network declares in this protocol.

        A compressed network has none, nor has one that was measured at another resolution than its own.
        """
        if self.case.compression != "none" or self.facts.input not in {(), self.case.input_shape}:
            return None
        fitting = (a for a in self.facts.accuracy if a.protocol == protocol and a.kind == "published" and a.top1 is not None)
        return next(fitting, None)

    def top1(self, protocol: str | None) -> float | None:
        """The top-1 of that accuracy, in percent."""
        accuracy = self.accuracy(protocol)
        return None if accuracy is None else accuracy.top1


def rows(records: Iterable[Record]) -> list[Row]:
    """Every case of the records, in the order of their plans. Raises NothingSelectedError when there is none."""
    given = list(records)
    found = [Row(record.run, result) for record in given for result in record.results]
    if not found:
        where = ", ".join(record.path or record.run.run_id for record in given) or "no result file"
        message = f"nothing to report: {where} holds no case; `vbench run --list` prints what a run would measure"
        raise NothingSelectedError(message)
    return found


def choose_protocol(found: Sequence[Row], asked: str | None = None) -> str | None:
    """The accuracy protocol of the report: the one asked for, else the one in which most measured rows have a top-1.

    Ties go to the alphabetically first. None where no network declares a published top-1. Raises UnknownNameError when
    the one asked for is declared by no network of the report.
    """
    published = {a.protocol for row in found for a in row.facts.accuracy if a.kind == "published" and a.top1 is not None}
    if asked is not None:
        if asked not in published:
            message = f"no network of this report has a published top-1 in the protocol {asked!r}: {nearest(asked, published)}"
            raise UnknownNameError(message)
        return asked
    measured = [row for row in found if row.result.status == "ok"] or found
    return min(published, key=lambda p: (-sum(row.top1(p) is not None for row in measured), p), default=None)


def machines(found: Iterable[Row]) -> list[Machine]:
    """The different machines that measured these rows, in order."""
    return list({row.run.machine.fingerprint: row.run.machine for row in found}.values())


def check_machines(found: Sequence[Row], *, mix: bool) -> None:
    """Refuse to draw times of several machines together, unless asked to. Raises UsageError naming them."""
    several = machines(found)
    if len(several) > 1 and not mix:
        names = ", ".join(f"{m.slug} ({m.fingerprint})" for m in several)
        message = (
            f"these results are of {len(several)} machines, whose times do not compare: {names}; "
            "report each alone, or add --mix-machines"
        )
        raise UsageError(message)


def latest(found: Iterable[Row]) -> list[Row]:
    """Each case once per machine: where several runs measured it, the one that started last."""
    chosen: dict[tuple[str, str], Row] = {}
    for row in found:
        key = (row.run.machine.fingerprint, row.case.id)
        if key not in chosen or row.run.started >= chosen[key].run.started:
            chosen[key] = row
    return list(chosen.values())


def varied(found: Iterable[Row]) -> list[str]:
    """The axes on which these rows differ."""
    cases = [row.case for row in found]
    return [axis for axis in AXES if len({getattr(case, axis) for case in cases}) > 1]


def axis_text(case: Case, axis: str) -> str:
    """One axis of a case in plain text."""
    value = getattr(case, axis)
    if axis == "input_shape":
        return "x".join(map(str, value))
    if axis == "engine_options":
        return " ".join(f"{key}={option}" for key, option in value)
    return str(value)
