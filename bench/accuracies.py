"""Measured accuracies: what `vbench evaluate` writes into a result file, and what follows from it. Pure.

A share of right answers comes from the letters of single pictures, each time the file is read, as times come from replicates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .core import Accuracy, Case, Facts, Machine, Measured, Preprocess, Result, Status
from .stats import paired_shares, wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# A picture's letter: the rank that its class had among the answers, from 0; one beyond `TOP`; one that could not be read.
TOP, BEYOND, UNREADABLE = 5, "-", "x"


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What is evaluated on what, written before the first answer: all that a later process needs to go on with it.

    `pictures` of the `available` ones are shown, in an order that `seed` decides, so that any part of them is a random one.
    `targets` says for each class of the data which output of the network it is. `label` names the data with a digest. Of weights
    that vbench trained, `tuned` has those that it began with.
    """

    id: str
    started: str
    machine: Machine
    versions: dict[str, str]
    cases: tuple[Case, ...]
    architectures: dict[str, Facts]
    preprocess: dict[str, Preprocess]
    weights: dict[str, str]
    data: str
    label: str
    targets: tuple[int, ...]
    pictures: int
    available: int
    skipped: dict[str, str] = {}
    mapped: bool = False
    seed: int = 0
    images: str = ""
    sources: dict[str, str] = {}
    catalogue: str = ""
    command: str = ""
    tuned: dict[str, str] = {}

    @property
    def protocol(self) -> str:
        """What accuracies must share to compare: the data, how much of it, and the crop."""
        many = f"{self.pictures}" if self.pictures == self.available else f"a random {self.pictures} of {self.available}"
        return f"{self.label}, {many} pictures, centre crop"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker shows: of the `available` pictures of `data` those from `start` to `end`, in the order of `seed`.

    `label` is what messages call them, `targets` the output of each class, `exact` whether there are no others. So many `workers`
    decode. `tuned` is the file that a trained network is to be written to: then the pictures are to train on, and `key` says of
    what a checkpoint beside it is. Those that cannot be read are passed over where `skip_broken`.
    """

    data: str
    label: str
    targets: tuple[int, ...]
    exact: bool
    available: int
    seed: int
    start: int
    end: int
    workers: int
    tuned: str = ""
    key: str = ""
    skip_broken: bool = False


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """A letter for each of the next pictures of a case, from the `first` on; `outputs` is how many classes it answers."""

    evaluation: str
    case: str
    first: int
    marks: str
    outputs: int
    seconds: float


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a case in an evaluation; `values` are for readers that do not count letters."""

    evaluation: str
    case: str
    status: Status
    reason: str = ""
    values: dict[str, Any] = {}
    unreadable: tuple[str, ...] = ()
    notes: dict[str, str] = {}


class Evaluated(NamedTuple):
    """An evaluation as far as it stands in a file."""

    head: Evaluation
    answers: Mapping[str, Sequence[Answers]] = {}
    finished: Mapping[str, Finished] = {}

    def marks(self, case: Case) -> str:
        """The letters of a case, as far as they follow each other without a gap."""
        found = ""
        for part in sorted(self.answers.get(case.id, ()), key=lambda answers: answers.first):
            if part.first == len(found):
                found += part.marks
        return found

    def outputs(self, case: Case) -> int:
        """How many classes the network answered; 0 where it was not asked yet."""
        return next((part.outputs for part in self.answers.get(case.id, ())), 0)

    def open(self, case: Case) -> bool:
        """Whether the case still wants to be evaluated; one whose worker died is tried again, from where it came to."""
        finished = self.finished.get(case.id)
        return case.id not in self.head.skipped and (finished is None or finished.status != "ok")

    def adding(self, line: Answers | Finished) -> Evaluated:
        """The same with a line more; the last one that finishes a case counts."""
        if isinstance(line, Finished):
            return self._replace(finished={**self.finished, line.case: line})
        return self._replace(answers={**self.answers, line.case: (*self.answers.get(line.case, ()), line)})


# The lines of a result file, by their type.
LINES: dict[str, type[Evaluation | Answers | Finished]] = {
    "evaluation": Evaluation,
    "answers": Answers,
    "accuracy": Finished,
}


def collect(found: list[Evaluated], kind: str, line: Mapping[str, Any]) -> None:
    """Take up a line of a file. Raises msgspec.ValidationError where it is not as it should be."""
    read = msgspec.convert(line, LINES[kind])
    if isinstance(read, Evaluation):
        found.append(Evaluated(read))
        return
    for index, evaluated in enumerate(found):
        if evaluated.head.id == read.evaluation:
            found[index] = evaluated.adding(read)


def results(found: Iterable[Evaluated]) -> list[Result]:
    """A row without costs for each case that was evaluated, the latest evaluation first."""
    ordered = sorted(found, key=lambda evaluated: evaluated.head.started, reverse=True)
    return [_result(evaluated, case) for evaluated in ordered for case in evaluated.head.cases]


def _result(evaluated: Evaluated, case: Case) -> Result:
    head, finished, marks = evaluated.head, evaluated.finished.get(case.id), evaluated.marks(case)
    if case.id in head.skipped:
        return Result(case=case, status="skipped", reason=head.skipped[case.id])
    if finished is not None and finished.status != "ok":
        return Result(case=case, status=finished.status, reason=finished.reason)
    if finished is None or len(marks) < head.pictures:
        reason = f"evaluated on {len(marks)} of {head.pictures} pictures: `vbench evaluate --resume FILE` goes on"
        return Result(case=case, status="skipped", reason=reason)
    found = measured(head, case, marks, evaluated.outputs(case))
    if found is None:
        return Result(case=case, status="failed", reason="none of the pictures could be read")
    return Result(case=case, status="ok", accuracy=(found,), values=columns(found))


def measured(head: Evaluation, case: Case, marks: str, outputs: int) -> Measured | None:
    """The accuracy that these letters say; None where no picture was read. There is no top-5 of five classes or fewer."""
    pictures = len(marks) - marks.count(UNREADABLE)
    if not pictures:
        return None
    first, five = marks.count("0"), pictures - marks.count(BEYOND)
    facts = head.architectures.get(case.architecture, Facts())
    top1, low, high = _percent(first, pictures)
    top5, low5, high5 = _percent(five, pictures) if outputs > TOP else (None, None, None)
    where = f"{head.machine.slug}, {case.device}, {head.started[:10]}"
    found = Measured(
        source=f"measured on {where}, vbench {head.versions.get('vbench', '')}", protocol=head.protocol,
        recipe=f"weights {case.weights}", started=head.started, top1=top1, top5=top5, low=low, high=high, low5=low5, high5=high5,
        pictures=pictures, marks=marks, calibration=calibration(head.images, head.seed), reference=published(facts, case),
    )  # fmt: skip
    return msgspec.structs.replace(found, note=told(found, unreadable=len(marks) - pictures))


def _percent(hits: int, pictures: int) -> tuple[float, float, float]:
    low, high = wilson(hits, pictures)
    return 100.0 * hits / pictures, 100.0 * low, 100.0 * high


def published(facts: Facts, case: Case) -> Accuracy | None:
    """What was published first of a whole network at its own resolution, as long as it is the case's."""
    whole = case.compression == "none" and facts.input in {(), case.input_shape}
    return facts.accuracy[0] if facts.accuracy and whole else None


def told(found: Measured, *, unreadable: int = 0) -> str:
    """The published value beside the measured one, and whether they differ by more than the interval."""
    many = "picture was" if unreadable == 1 else "pictures were"
    parts = [f"{unreadable} unreadable {many} left out"] if unreadable else []
    reference = found.reference
    if reference is not None and reference.top1 is not None and found.top1 is not None:
        name = f"the published {reference.top1:g} % ({reference.protocol})"
        apart = found.top1 - reference.top1
        if found.low <= reference.top1 <= found.high:
            parts.append(f"{name} lies within the interval")
        else:
            parts.append(f"{abs(apart):.2f} points {'below' if apart < 0 else 'above'} {name}, beyond the interval")
    return "; ".join(parts)


def change(before: Measured, after: Measured) -> tuple[float, float, float] | None:
    """By how many points the top-1 of the same pictures is another, with its 95 % interval; None where they are not the same.

    Two that answer alike to most pictures are told apart by the few on which they differ, which their own intervals cannot do.
    """
    if before.protocol != after.protocol or len(before.marks) != len(after.marks):
        return None
    pairs = [pair for pair in zip(before.marks, after.marks, strict=True) if UNREADABLE not in pair]
    if not pairs:
        return None
    lost = sum(one == "0" != other for one, other in pairs)
    won = sum(one != "0" == other for one, other in pairs)
    low, high = paired_shares(lost, won, len(pairs))
    return 100.0 * (won - lost) / len(pairs), 100.0 * low, 100.0 * high


def columns(found: Measured) -> dict[str, Any]:
    """The columns of a row that its measured accuracy fills, those that are known."""
    reference = found.reference
    values = {
        "quality": found.quality, "quality_metric": found.metric, "top1": found.top1, "top5": found.top5,
        "accuracy_source": found.source, "accuracy_protocol": found.protocol, "accuracy_kind": found.kind,
        "top1_low": found.low, "top1_high": found.high, "top5_low": found.low5, "top5_high": found.high5,
        "accuracy_pictures": found.pictures, "top1_published": reference.top1 if reference is not None else None,
        "top5_published": reference.top5 if reference is not None else None, "accuracy_note": found.note,
    }  # fmt: skip
    return {name: value for name, value in values.items() if value not in {None, ""}}


def calibration(images: str, seed: int) -> str:
    """What a network is quantised or made smaller with, where that looks at pictures: those made with others are others."""
    return f"pictures of {images}" if images else f"seed {seed}"
