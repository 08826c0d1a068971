"""Which rows a measured accuracy belongs to: in its own file, and in those that are read together. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from . import accuracies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .accuracies import Evaluated
    from .core import Case, Measured, Record, Result, Run

# Options that say how requests are timed, and change no answer.
_TIMING = {"cold-cache", "cuda-graph"}
# The precision in which every device is held to the same answer, to rounding, and that which is quantised by pictures.
_EXACT, _QUANTISED = "fp32", "int8"
_WHOLE = "none"


def key(case: Case) -> tuple[Any, ...]:
    """What decides a network's answers. Batch, threads, layout, scenario and the machine change its time only.

    So does the device in fp32, where all are held to the same answer; in a narrower precision its kind (`cpu`, `cuda`) counts.
    A file of weights goes by its digest, whatever it is called.
    """
    kind, _, digest = case.weights.rpartition(":")
    return (
        case.architecture, case.compression, case.weights if kind == "random" else digest, case.input_shape, case.phase,
        case.engine, tuple(sorted(option for option in case.engine_options if option[0] not in _TIMING)), case.precision,
        "" if case.precision == _EXACT else case.device.partition(":")[0],
    )  # fmt: skip


def of_file(run: Run, rows: Sequence[Result], evaluated: Iterable[Evaluated]) -> tuple[Run, tuple[Result, ...]]:
    """The rows of a file with what it measured of their accuracy, behind them that of no row; and the head with its networks."""
    given = list(evaluated)
    found = accuracies.results(given)
    joined, taken = _join(rows, found, _calibration(run))
    facts = {name: facts for one in given for name, facts in one.head.architectures.items()}
    tuned = {label: of for one in given for label, of in one.head.tuned.items()}
    head = msgspec.structs.replace(run, architectures=facts | run.architectures, tuned=tuned | run.tuned)
    return head, (*joined, *_alone([one for index, one in enumerate(found) if index not in taken]))


def of_files(records: Iterable[Record]) -> list[Record]:
    """Files that are read together: each row has the accuracies of its case from all of them, and none stands twice.

    A file that had nothing else to say is left out.
    """
    given = list(records)
    pool = [result for record in given for result in record.results if result.accuracy or _extra(record, result)]
    if not pool:
        return given
    found, taken = [], set[int]()
    for record in given:
        rows, own = _join(record.results[: len(record.run.cases)], pool, _calibration(record.run))
        found.append(rows)
        taken |= own
    left = [r for i, r in enumerate(pool) if i not in taken and any(_extra(record, r) for record in given)]
    alone = _alone(left)
    every = []
    for record, rows in zip(given, found, strict=True):
        cases = {id(result.case) for result in record.results}
        own_rows = (*rows, *(result for result in alone if id(result.case) in cases))
        if own_rows or not record.results:
            every.append(msgspec.structs.replace(record, results=own_rows))
    return every


def _extra(record: Record, result: Result) -> bool:
    """Whether it is an accuracy without costs, which stands behind the cases of the run."""
    return any(result is other for other in record.results[len(record.run.cases) :])


def _calibration(run: Run) -> str:
    return accuracies.calibration(str(run.settings.get("images") or ""), int(run.settings.get("seed") or 0))


def _join(rows: Sequence[Result], found: Sequence[Result], calibration: str) -> tuple[tuple[Result, ...], set[int]]:
    """The rows with the accuracies that are theirs, and which of `found` were some row's."""
    by_key: dict[tuple[Any, ...], list[int]] = {}
    for index, other in enumerate(found):
        by_key.setdefault(key(other.case), []).append(index)
    taken: set[int] = set()
    joined = []
    for row in rows:
        own = [index for index in by_key.get(key(row.case), ()) if _made_with(found[index]) in {"", calibration}]
        taken |= set(own)
        joined.append(_with(row, [found[index] for index in own]))
    return tuple(joined), taken


def _made_with(result: Result) -> str:
    """The pictures or the seed that a network was quantised or made smaller with, and then evaluated; else nothing."""
    made = result.case.precision == _QUANTISED or result.case.compression != _WHOLE
    return result.accuracy[0].calibration if made and result.accuracy else ""


def _with(row: Result, found: Sequence[Result]) -> Result:
    """A row with what was measured, the latest of each protocol; where all that was tried came to nothing, with the reason."""
    every = sorted((accuracy for result in (row, *found) for accuracy in result.accuracy), key=_started)
    known = {accuracy.protocol: accuracy for accuracy in every}
    if known:
        latest = tuple(sorted(known.values(), key=_started, reverse=True))
        return msgspec.structs.replace(row, accuracy=latest, values=row.values | accuracies.columns(latest[0]))
    reason = next((f"not evaluated: {one.status}: {one.reason}" for one in found if one.reason and one is not row), "")
    return msgspec.structs.replace(row, values=row.values | {"accuracy_note": reason}) if reason else row


def _started(accuracy: Measured) -> str:
    return accuracy.started


def _alone(found: Iterable[Result]) -> tuple[Result, ...]:
    """Accuracies that belong to no row, as rows of their own: each network once, the latest first."""
    first: dict[tuple[Any, ...], Result] = {}
    for result in sorted(found, key=lambda one: not one.accuracy):
        own = (*key(result.case), _made_with(result))
        first[own] = _with(first[own], [result]) if own in first else result
    return tuple(first.values())
