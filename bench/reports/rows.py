"""The rows that a report is about: each case with the run that measured it, and the choices that hold for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import units
from ..core import Facts, Measured
from ..errors import NothingSelectedError, UnknownNameError, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..core import Accuracy, Case, Machine, Record, Replicate, Result, Run

# Every axis of a case but the network itself, in the order in which a reader asks for them.
AXES = (
    "input_shape", "compression", "weights", "phase", "scenario", "engine", "engine_options", "precision", "device", "batch",
    "threads", "layout",
)  # fmt: skip
# Rows that were skipped for one reason are named up to so many, and counted beyond.
_NAMED = 3


class Protocol(NamedTuple):
    """What accuracies must share to stand in one chart or column: the metric, and how it was evaluated, data set included.

    What was measured here stands beside nothing that was published: `kind` is `published` or `measured`.
    """

    metric: str
    text: str
    kind: str = "published"

    @property
    def name(self) -> str:
        """The metric as people write it."""
        return units.metric(self.metric)

    @property
    def title(self) -> str:
        """The same with where it is from, as a sentence begins: "Published top-1"."""
        return f"{self.kind.capitalize()} {self.name}"

    @property
    def told(self) -> str:
        """The whole of it inside a sentence."""
        return f"{self.kind} {self.name} in the protocol {self.text}"


class Row(NamedTuple):
    """One case, what came of it, the run that it belongs to, and what it was derived from."""

    run: Run
    result: Result
    replicates: tuple[Replicate, ...] = ()

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
        return self.case.label

    def value(self, column: str) -> float | None:
        """The number in that column, or None."""
        found = self.result.values.get(column)
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    def accuracy(self, protocol: Protocol) -> Accuracy | None:
        """What was measured of the case in this protocol, or the first published value that the network declares in it.

        A compressed network has no published one, nor has one that was measured at another resolution than its own.
        """
        return next((a for a in _known(self) if _protocol(a) == protocol), None)

    def ends(self, protocol: Protocol) -> tuple[float | None, float | None]:
        """The ends of the interval of that accuracy, which one that was published has not."""
        accuracy = self.accuracy(protocol)
        return (accuracy.low, accuracy.high) if isinstance(accuracy, Measured) else (None, None)

    def quality(self, protocol: Protocol) -> float | None:
        """The headline number of that accuracy, in percent."""
        accuracy = self.accuracy(protocol)
        return None if accuracy is None else accuracy.quality


def rows(records: Iterable[Record]) -> list[Row]:
    """Every case of the records, in the order of their plans. Raises NothingSelectedError when there is none."""
    given = list(records)
    found = [row for record in given for row in _of(record)]
    if not found:
        where = ", ".join(record.path or record.run.run_id for record in given) or "no result file"
        message = f"nothing to report: {where} holds no case; `vbench run --list` prints what a run would measure"
        raise NothingSelectedError(message)
    return found


def _of(record: Record) -> list[Row]:
    own: dict[str, list[Replicate]] = {}
    for replicate in record.replicates:
        own.setdefault(replicate.case, []).append(replicate)
    return [Row(record.run, result, tuple(own.get(result.case.id, ()))) for result in record.results]


def _declared(row: Row) -> list[Accuracy]:
    """What was measured of the case, and all that was published of its network, whatever became of it since."""
    published = [a for a in row.facts.accuracy if a.kind == "published"]
    return [a for a in (*row.result.accuracy, *published) if a.quality is not None]


def _known(row: Row) -> list[Accuracy]:
    """As `_declared`, without what was published of a network that is compressed, or measured at another resolution."""
    own = row.case.compression == "none" and row.facts.input in {(), row.case.input_shape}
    return [a for a in _declared(row) if a.kind == "measured" or own]


def _protocol(accuracy: Accuracy) -> Protocol:
    return Protocol(accuracy.metric, accuracy.protocol, accuracy.kind)


def declared(found: Iterable[Row]) -> set[Protocol]:
    """Every protocol in which an accuracy of these networks is known."""
    return {_protocol(a) for row in found for a in _declared(row)}


def choose_protocols(found: Sequence[Row], asked: str | None = None) -> list[Protocol]:
    """The accuracy protocols of the report: the ones called `asked`, else of each metric the one that most measured rows have.

    The one with most rows comes first; of equals what was measured here before what was published, then by the alphabet. None
    where no network has an accuracy. Raises UnknownNameError when no network of the report has the one that is asked for.
    """
    known = declared(found)
    if asked is not None and asked not in {protocol.text for protocol in known}:
        near = nearest(asked, {protocol.text for protocol in known})
        message = f"no network of this report has an accuracy in the protocol {asked!r}: {near}"
        raise UnknownNameError(message)
    measured = [row for row in found if row.result.status == "ok"] or found
    ranked = sorted(known, key=lambda p: (-sum(row.quality(p) is not None for row in measured), p.kind, p.text, p.metric))
    if asked is not None:
        return [protocol for protocol in ranked if protocol.text == asked]
    chosen: dict[str, Protocol] = {}
    for protocol in ranked:
        chosen.setdefault(protocol.metric, protocol)
    return list(chosen.values())


def concerned(found: Iterable[Row], protocol: Protocol) -> list[Row]:
    """The rows of the tasks that this metric is one of: a classifier does not lack an overlap of labels."""
    given = list(found)
    tasks = {row.facts.task for row in given if any(a.metric == protocol.metric for a in _declared(row))}
    return [row for row in given if row.facts.task in tasks]


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


class Alike(NamedTuple):
    """Rows that were skipped for one reason, and are many."""

    reason: str
    rows: list[Row]

    def names(self, labels: Iterable[str]) -> str:
        """The first of their labels, and how many more there are."""
        first = list(labels)[:_NAMED]
        return f"{', '.join(first)} and {len(self.rows) - len(first)} more"


def folded(found: Iterable[Row]) -> tuple[list[Row], list[Alike]]:
    """The rows to show each by itself, and those that say nothing but what many others say: skipped, and for the same reason."""
    given = list(found)
    reasons: dict[str, list[Row]] = {}
    for row in given:
        if row.result.status == "skipped" and not row.result.values:
            reasons.setdefault(row.result.reason, []).append(row)
    many = [Alike(reason, rows) for reason, rows in reasons.items() if len(rows) > _NAMED]
    gone = {alike.reason for alike in many}
    kept = [row for row in given if row.result.status != "skipped" or row.result.values or row.result.reason not in gone]
    return kept, many


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
