"""From a gate's file to its verdicts, its words and its exit code. Pure: the same file gives the same, byte for byte."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

import msgspec

from .. import units, verdicts
from ..errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_REGRESSION, UsageError
from ..verdicts import Numbers, Pairs
from .effects import effect, flags, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core import Case
    from .log import Head, Log

State = Literal[
    "regression", "pass", "improvement", "inconclusive", "invalid", "not_run", "new", "removed", "skipped", "accepted"
]


class Row(Numbers, frozen=True, kw_only=True):
    """What is said of one metric of one case against one base, with the numbers of its verdict."""

    case: str
    architecture: str
    metric: str = ""
    against: str = "base"
    verdict: State
    reason: str = ""
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


def evidence(log: Log, case: Case, against: str, metric: str) -> Pairs:
    """The pairs of a case for a metric, as the rule judges them."""
    found = log.of(against, case)
    min_effect, pass_below = log.head.gate.limits(case, metric)
    sizes = {stage: [effect(pair, metric) for pair in found if pair.stage == stage] for stage in ("screen", "confirm")}
    known = {stage: tuple(size for size in all_sizes if size is not None) for stage, all_sizes in sizes.items()}
    bad = invalid(found, allow_output_change=log.head.allow_output_change)
    if not bad and found and not known["screen"]:
        bad = f"nothing here measures {metric}"
    return Pairs(**known, flags=flags(found), invalid=bad, min_effect=min_effect, pass_below=pass_below)


def host(log: Log) -> str:
    """What the null control says against the machine, or "": base differs from itself."""
    rule = log.head.rule
    for case in log.head.nulls:
        sizes = [size for pair in log.of("null", case) if (size := effect(pair, "latency")) is not None]
        if not sizes:
            continue
        p = min(1.0, 2 * min(verdicts.p_value(sizes), verdicts.p_value([-size for size in sizes])))
        centre = verdicts.effect(sizes)
        if p <= rule.alpha and abs(centre) >= math.log1p(rule.min_effect / 2):
            return f"base differs from itself by {units.change(math.expm1(centre))} in {case.architecture} (p = {p:.2g})"
    return ""


def _suite(log: Log, against: str) -> dict[tuple[Case, str], Pairs]:
    """The evidence of every case that is compared with this base, for every metric that is gated."""
    head = log.head
    cases = [c for c in head.cases if c.id not in head.skipped and c.architecture not in head.absent.get(against, {})]
    return {(case, metric): evidence(log, case, against, metric) for case in cases for metric in head.gate.metrics}


def _wanting(suite: Mapping[tuple[Case, str], Pairs], rule: verdicts.Rule) -> set[str]:
    """The ids of the cases that want the second stage, for any metric: those that may be slower, or faster."""
    screened = {key: pairs for key, pairs in suite.items() if len(pairs.screen) >= rule.screen_pairs and not pairs.invalid}
    return {case.id for (case, _), pairs in screened.items() if verdicts.candidate(pairs, rule)}


def candidates(log: Log, against: str) -> set[str]:
    """The ids of the cases that the first stage has left for the second."""
    return _wanting(_suite(log, against), log.head.rule)


def outcome(log: Log) -> Outcome:
    """All that the file says. An accepted regression expires on the day on which the gate began, or it does not."""
    head = log.head
    if head.rule.version != verdicts.Rule().version:
        message = f"the file was judged by rule {head.rule.version}, and this vbench knows rule {verdicts.Rule().version} only"
        raise UsageError(message)
    reason, today = host(log), head.started[:10]
    rows = [row for against in head.against for row in _measured(log, against, reason)]
    rows = [_accept(head, row, today) for row in rows]
    for against, names in head.absent.items():
        rows += [_absent(name, against, why) for name, why in names.items()]
    rows += [
        Row(case=name, architecture=name, verdict="removed", reason="head has no such architecture") for name in head.removed
    ]
    owners = {case.id: case.label for case in head.cases}
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
            wrong = not counts.accepted
            red |= wrong
            line = difference.line()
            if line not in seen:  # against base and against the lock it is mostly the same
                seen.add(line)
                note = ", as locked" if counts.accepted else ""
                lines.append(Exact(text=f"exact, against {counts.against}{note}: {line}", red=wrong))
        lines += [Exact(text=f"exact: {name}: {reason}", red=True) for name, reason in counts.failed.items()]
        failed |= bool(counts.failed)
    return lines, red, failed


def _measured(log: Log, against: str, reason: str) -> list[Row]:
    """A row for every case and metric; Holm's procedure runs over all of them together."""
    rule, suite = log.head.rule, _suite(log, against)
    said, wanting = verdicts.judge(suite, rule, reason), _wanting(suite, rule)
    rows = []
    for (case, metric), pairs in suite.items():
        verdict = said[case, metric]
        state: State = verdict.verdict
        why = verdict.reason
        short = len(pairs.screen) < rule.screen_pairs
        if not pairs.invalid and (short or (case.id in wanting and len(pairs.confirm) < rule.confirm_pairs)):
            state = "not_run"
            which, most = ("screening", rule.screen_pairs) if short else ("confirming", rule.confirm_pairs)
            why = f"{len(pairs.screen if short else pairs.confirm)} of {most} {which} pairs"
        row = Row(
            case=case.id, architecture=case.label, metric=metric, against=against, verdict=state, reason=why,
            flags=pairs.flags, **verdict.numbers(),
        )  # fmt: skip
        rows.append(row)
    return rows


def _accept(head: Head, row: Row, today: str) -> Row:
    """A regression that bench.toml accepts up to this size, until a day that has not passed."""
    case = next((case for case in head.cases if case.id == row.case), None)
    entry = head.gate.accepted(case, row.metric) if case is not None and row.verdict == "regression" else None
    if entry is None or entry.expires.isoformat() < today or row.effect is None:
        return row
    if row.effect > entry.bound:
        return msgspec.structs.replace(row, reason=f"accepted up to {units.percent(entry.bound)} only: {entry.reason}")
    return msgspec.structs.replace(row, verdict="accepted", reason=f"{entry.reason} (until {entry.expires})")
