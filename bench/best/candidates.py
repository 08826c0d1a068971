"""The rows that a choice is made from: one task, one machine, one accuracy protocol, and what is left out with the reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ..errors import NothingSelectedError, UsageError
from ..reports.rows import choose_protocols, latest, machines, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..core import Machine, Record
    from ..reports.rows import Protocol, Row

_NAMED = 3


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is chosen from: empty lists leave an axis open. `metric` is the accuracy that a limit names, if one does."""

    task: str = "classification"
    scenario: str = "single-stream"
    engine: tuple[str, ...] = ()
    precision: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    batch: tuple[int, ...] = ()
    metric: str = ""
    protocol: str | None = None
    mix_machines: bool = False


class Candidates(NamedTuple):
    """The rows, the protocol in which their accuracies stand, and lines about what is not among them."""

    rows: list[Row]
    protocol: Protocol | None
    machines: list[Machine]
    notes: list[str]


def candidates(records: Iterable[Record], asked: Asked) -> Candidates:
    """The rows that were measured and are asked for. Raises NothingSelectedError or UsageError."""
    every = latest(rows(records))
    tasks = Counter(row.facts.task for row in every)
    found = [row for row in every if row.facts.task == asked.task]
    if not found:
        there = ", ".join(f"{task} ({number})" for task, number in tasks.most_common())
        message = f"nothing to choose from: no network of the task {asked.task!r}; these files have {there}: --task names one"
        raise NothingSelectedError(message)
    found = _measured(found, asked)
    for axis in ("engine", "precision", "device", "batch"):
        found = _on(found, axis, getattr(asked, axis))
    several = machines(found)
    if len(several) > 1 and not asked.mix_machines:
        names = ", ".join(f"{machine.slug} ({machine.fingerprint})" for machine in several)
        message = f"these rows are of {len(several)} machines: {names}; give the files of one, or rank them with --mix-machines"
        raise UsageError(message)
    protocol = _protocol(found, asked)
    found = [_within(row, protocol) for row in found]
    return Candidates(found, protocol, several, _others(found, protocol))


def _measured(found: Sequence[Row], asked: Asked) -> list[Row]:
    """Those that were measured, in inference, in the scenario that is asked for."""
    # An accuracy without costs, which no run planned, is nothing to choose.
    good = [row for row in found if row.result.status == "ok" and row.case.phase == "infer" and row.case in row.run.cases]
    kept = [row for row in good if row.case.scenario == asked.scenario]
    if not kept:
        there = ", ".join(dict.fromkeys(row.case.scenario for row in good)) or "none that was measured"
        message = (
            f"nothing to choose from: no measured row of the scenario {asked.scenario}; there is {there}: --scenario names one"
        )
        raise NothingSelectedError(message)
    return kept


def _on(found: list[Row], axis: str, wanted: Sequence[object]) -> list[Row]:
    there = dict.fromkeys(getattr(row.case, axis) for row in found)
    for value in wanted:
        if value not in there:
            known = ", ".join(map(str, there))
            message = f"nothing to choose from: no measured row has --{axis} {value}; there is {known}"
            raise NothingSelectedError(message)
    return [row for row in found if not wanted or getattr(row.case, axis) in wanted]


def _protocol(found: Sequence[Row], asked: Asked) -> Protocol | None:
    """The one that is asked for, or that most rows have; None where no accuracy is published. Raises UsageError."""
    chosen = choose_protocols(found, asked.protocol)
    fitting = [protocol for protocol in chosen if not asked.metric or protocol.metric == asked.metric]
    if asked.metric and not fitting:
        there = ", ".join(dict.fromkeys(protocol.name for protocol in chosen)) or "no accuracy"
        rest = "--min-quality limits whatever it is" if chosen else "leave the limit out"
        message = f"--min-{asked.metric}: for {asked.task} these files have {there}; {rest}"
        raise UsageError(message)
    return fitting[0] if fitting else None


def _within(row: Row, protocol: Protocol | None) -> Row:
    """The row without what was measured in another protocol than that of the choice."""
    if not row.result.accuracy:
        return row
    own = tuple(a for a in row.result.accuracy if (a.metric, a.protocol, a.kind) == protocol)
    return row._replace(result=msgspec.structs.replace(row.result, accuracy=own))


def _others(found: Sequence[Row], protocol: Protocol | None) -> list[str]:
    """Networks whose accuracy is known in other protocols only, or not at all: they have none here."""
    without = {row.name: row for row in found if protocol is None or row.quality(protocol) is None}
    if not without:
        return []
    elsewhere = Counter(
        accuracy.protocol
        for row in without.values()
        for accuracy in row.facts.accuracy
        if accuracy.quality is not None
        and accuracy.kind == "published"
        and (protocol is None or accuracy.metric == protocol.metric)
    )
    many = f"{len(without)} network{'s' * (len(without) > 1)}"
    if protocol is None:
        return [f"without a published accuracy: {many}"]
    line = f"without a {protocol.name} in the protocol {protocol.text!r}: {many}"
    told = "; ".join(f"{text!r} ({number})" for text, number in elsewhere.most_common(_NAMED))
    more = f" and {len(elsewhere) - _NAMED} more" if len(elsewhere) > _NAMED else ""
    return [f"{line}; protocols are not mixed, --protocol TEXT takes another: {told}{more}" if told else line]
