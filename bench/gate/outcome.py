"""From a gate's file to its verdicts, its words and its exit code. Pure: the same file gives the same, byte for byte."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

import msgspec

from .. import verdicts
from ..errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_REGRESSION, UsageError
from ..verdicts import Pairs, Verdict
from .effects import effect, flags, invalid

if TYPE_CHECKING:
    from ..core import Case
    from .log import Head, Log

State = Literal[
    "regression", "pass", "improvement", "inconclusive", "invalid", "not_run", "new", "removed", "skipped", "accepted"
]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one metric of one case against one base; the numbers are those of `verdicts.Verdict`."""

    case: str
    architecture: str
    metric: str = ""
    against: str = "base"
    verdict: State
    reason: str = ""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    detectable: float | None = None
    pairs: int = 0
    flags: tuple[str, ...] = ()


class Exact(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the exact gate, and whether it is red: not where the lock file holds the new numbers."""

    text: str
    red: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a gate says: its rows, what the exact gate found, what is wrong with the machine, and the exit code."""

    gate_id: str
    rule_version: int
    rows: tuple[Row, ...]
    exact: tuple[Exact, ...] = ()
    host: str = ""
    expired: tuple[str, ...] = ()
    ended: str = ""
    exit_code: int = 0


def evidence(head: Head, log: Log, case: Case, against: str, metric: str) -> Pairs:
    """The pairs of a case for a metric, as the rule judges them."""
    found = log.of(against, case)
    least, passing = head.gate.limits(case, metric)
    stages: dict[str, list[float]] = {"screen": [], "confirm": []}
    for pair in found:
        size = effect(pair, metric)
        if size is not None:
            stages[pair.stage].append(size)
    bad = invalid(found, allow_output_change=head.allow_output_change)
    if not bad and found and not stages["screen"]:
        bad = f"nothing here measures {metric}"
    return Pairs(
        screen=tuple(stages["screen"]), confirm=tuple(stages["confirm"]), flags=flags(found), invalid=bad,
        min_effect=least, passing=passing,
    )  # fmt: skip


def host(log: Log) -> str:
    """What the null control says against the machine, or "": base differs from itself."""
    head = log.head
    if head is None:
        return ""
    for case in head.nulls:
        sizes = [size for pair in log.of("null", case) if (size := effect(pair, "latency")) is not None]
        if not sizes:
            continue
        p = min(1.0, 2 * min(verdicts.p_value(sizes), verdicts.p_value([-size for size in sizes])))
        centre = verdicts.effect(sizes)
        if p <= head.rule.alpha and abs(centre) >= math.log1p(head.rule.min_effect / 2):
            return f"base differs from itself by {math.expm1(centre):+.1%} in {case.architecture} (p = {p:.2g})"
    return ""


def candidates(log: Log, against: str) -> set[str]:
    """The ids of the cases that want the second stage, for any metric: those that may be slower, or faster."""
    head = log.head
    found = set()
    for case in () if head is None else head.cases:
        for metric in head.gate.metrics if head is not None else ():
            pairs = evidence(head, log, case, against, metric)  # type: ignore[arg-type]  # there is a head where it has cases
            enough = len(pairs.screen) >= head.rule.screen_pairs if head is not None else False
            if enough and not pairs.invalid and verdicts.candidate(pairs, head.rule):  # type: ignore[union-attr]  # as above
                found.add(case.id)
    return found


def outcome(log: Log) -> Outcome:
    """All that the file says. An accepted regression expires on the day on which the gate began, or it does not."""
    head = log.head
    if head is None:
        message = "there is no head to judge by"
        raise UsageError(message)
    if head.rule.version != verdicts.Rule().version:
        message = f"the file was judged by rule {head.rule.version}, and this vbench knows rule {verdicts.Rule().version} only"
        raise UsageError(message)
    reason, today = host(log), head.started[:10]
    rows = [row for against in head.against for row in _measured(head, log, against, reason)]
    rows = [_accept(head, row, today) for row in rows]
    for against, names in head.absent.items():
        rows += [_absent(name, against, why) for name, why in names.items()]
    rows += [
        Row(case=name, architecture=name, verdict="removed", reason="head has no such architecture") for name in head.removed
    ]
    owners = {case.id: case.architecture for case in head.cases}
    rows += [Row(case=c, architecture=owners.get(c, c), verdict="skipped", reason=r) for c, r in head.skipped.items()]
    expired = tuple(
        f"{entry.case} ({entry.metric}): accepted until {entry.expires}: {entry.reason}"
        for entry in head.gate.accept
        if entry.expires.isoformat() < today and any(fnmatchcase(case.architecture, entry.case) for case in head.cases)
    )
    exact, red, uncounted = _exact(log)
    words = {row.verdict for row in rows}
    if log.ended == "interrupted":
        code = EXIT_INTERRUPTED
    elif red or expired or "regression" in words:
        code = EXIT_REGRESSION
    else:
        code = EXIT_FAILED if uncounted or words & {"invalid", "not_run"} else EXIT_OK
    return Outcome(
        gate_id=head.gate_id, rule_version=head.rule.version, rows=tuple(rows), exact=tuple(exact), host=reason,
        expired=expired, ended=log.ended, exit_code=code,
    )  # fmt: skip


def _absent(name: str, against: str, why: str) -> Row:
    if why:
        return Row(case=name, architecture=name, against=against, verdict="invalid", reason=f"{against} cannot load it: {why}")
    return Row(case=name, architecture=name, against=against, verdict="new", reason=f"{against} has no such architecture")


def _exact(log: Log) -> tuple[list[Exact], bool, bool]:
    """The lines of the exact gate, whether any is red, and whether something could not be counted."""
    lines: list[Exact] = []
    red = failed = False
    seen: set[str] = set()
    for counts in log.counts:
        for difference in counts.differences:
            wrong = not counts.accepted and difference.kind == "changed"
            red |= wrong
            line = difference.line()
            if line not in seen:  # against base and against the lock it is mostly the same
                seen.add(line)
                note = ", as locked" if counts.accepted else ""
                lines.append(Exact(text=f"exact, against {counts.against}{note}: {line}", red=wrong))
        lines += [Exact(text=f"exact: {name}: {reason}", red=True) for name, reason in counts.failed.items()]
        failed |= bool(counts.failed)
    return lines, red, failed


def _measured(head: Head, log: Log, against: str, reason: str) -> list[Row]:
    """A row for every case and metric; Holm's procedure runs over all of them together."""
    keys = [(case, metric) for case in head.cases if case.id not in head.skipped for metric in head.gate.metrics]
    keys = [(case, metric) for case, metric in keys if case.architecture not in head.absent.get(against, {})]
    found = {f"{case.id} {metric}": evidence(head, log, case, against, metric) for case, metric in keys}
    said = verdicts.judge(found, head.rule, reason)
    wanting = candidates(log, against)
    rows = []
    for case, metric in keys:
        pairs, verdict = found[f"{case.id} {metric}"], said[f"{case.id} {metric}"]
        state: State = verdict.verdict
        why = verdict.reason
        short = len(pairs.screen) < head.rule.screen_pairs
        if not pairs.invalid and (short or (case.id in wanting and len(pairs.confirm) < head.rule.confirm_pairs)):
            state = "not_run"
            which, most = ("screening", head.rule.screen_pairs) if short else ("confirming", head.rule.confirm_pairs)
            why = f"{len(pairs.screen if short else pairs.confirm)} of {most} {which} pairs"
        rows.append(_row(case, metric, against, state, why, verdict, pairs))
    return rows


def _row(  # noqa: PLR0913, PLR0917 - what a row is made of
    case: Case, metric: str, against: str, state: State, why: str, verdict: Verdict, pairs: Pairs
) -> Row:
    numbers = {name: getattr(verdict, name) for name in ("effect", "low", "high", "p", "detectable", "pairs")}
    return Row(
        case=case.id, architecture=case.architecture, metric=metric, against=against, verdict=state, reason=why,
        flags=pairs.flags, **numbers,
    )  # fmt: skip


def _accept(head: Head, row: Row, today: str) -> Row:
    """A regression that bench.toml accepts up to this size, until a day that has not passed."""
    case = next((case for case in head.cases if case.id == row.case), None)
    entry = head.gate.accepted(case, row.metric) if case is not None and row.verdict == "regression" else None
    if entry is None or entry.expires.isoformat() < today or row.effect is None:
        return row
    if row.effect > entry.bound:
        return msgspec.structs.replace(row, reason=f"accepted up to {entry.bound:.1%} only: {entry.reason}")
    return msgspec.structs.replace(row, verdict="accepted", reason=f"{entry.reason} (until {entry.expires})")
