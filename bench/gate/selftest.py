"""How often the gate is wrong: runs of identical code, planted slowdowns, and other tools' rules on the same pairs. Pure."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np
from scipy.stats import binomtest, mannwhitneyu, median_abs_deviation

from .. import units, verdicts
from ..stats import median
from . import outcome
from .effects import effect
from .log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .log import Half
    from .outcome import Row

REPLAYS = 10_000


class Rate(NamedTuple):
    """So many of so many, with Wilson's 95 % interval."""

    found: int
    of: int

    def __str__(self) -> str:
        if not self.of:
            return units.MISSING
        interval = binomtest(self.found, self.of).proportion_ci(method="wilson")
        ends = f"{units.percent(interval.low)} to {units.percent(interval.high)}"
        return f"{self.found} of {self.of} ({units.percent(self.found / self.of)}; {ends})"


def red(log: Log) -> bool:
    """Whether a run of the gate called anything a regression."""
    return any(row.verdict == "regression" for row in outcome.outcome(log).rows)


def swapped(log: Log) -> Log:
    """The same run with base called head and head called base."""
    turned = Log(log.head, ended=log.ended)
    for pair in log.pairs:
        turned.add(msgspec.structs.replace(pair, base=pair.head, head=pair.base))
    return turned


def asymmetric(log: Log) -> list[str]:
    """The cases in which swapping the labels does not swap the verdict and negate the effect; there must be none."""
    mirror = {"regression": "improvement", "improvement": "regression"}
    found = []
    for row, other in zip(outcome.outcome(log).rows, outcome.outcome(swapped(log)).rows, strict=True):
        if row.effect is None or other.effect is None:
            continue
        negated = math.isclose(math.log1p(row.effect), -math.log1p(other.effect), abs_tol=1e-9)
        if not negated or ({row.verdict, other.verdict} & mirror.keys() and other.verdict != mirror.get(row.verdict)):
            found.append(f"{row.case} {row.metric}")
    return found


def replays(logs: Sequence[Log], count: int = REPLAYS, seed: int = 0) -> Rate:
    """How often the rule is red on pairs of identical code that were drawn and labelled anew: a run's number of cases each.

    Every replay draws, for each case, as many pairs as both stages take, without repetition, and a coin decides for each which
    side is called base.
    """
    head = logs[0].head
    pools = {case: sizes for case, sizes in sizes_of(logs).items() if len(sizes) >= _needed(head.rule)}
    chance = random.Random(seed)  # noqa: S311 - labels, not secrets
    reds = 0
    for _ in range(count if pools else 0):
        suite = {}
        for case, sizes in pools.items():
            drawn = [size if chance.random() < 0.5 else -size for size in chance.sample(sizes, _needed(head.rule))]  # noqa: PLR2004 - a coin
            suite[case] = verdicts.Pairs(
                screen=tuple(drawn[: head.rule.screen_pairs]), confirm=tuple(drawn[head.rule.screen_pairs :])
            )
        reds += any(verdict.verdict == "regression" for verdict in verdicts.judge(suite, head.rule).values())
    return Rate(reds, count if pools else 0)


def _needed(rule: verdicts.Rule) -> int:
    return rule.screen_pairs + rule.confirm_pairs


def sizes_of(logs: Sequence[Log]) -> dict[str, list[float]]:
    """The effects of all pairs by case, of latency against the base."""
    found: dict[str, list[float]] = defaultdict(list)
    for log in logs:
        for pair in log.pairs:
            size = effect(pair, "latency")
            if pair.against == "base" and size is not None:
                found[pair.case].append(size)
    return dict(found)


def _flat(half: Half) -> list[int]:
    return [sample for batch in half.batches for sample in batch]


def _asv(base: Sequence[int], head: Sequence[int]) -> bool:
    return median(head) > 1.1 * median(base) and _p(base, head) < 0.002  # noqa: PLR2004 - asv's defaults


def _p(base: Sequence[int], head: Sequence[int], alternative: Literal["two-sided", "less"] = "two-sided") -> float:
    return float(mannwhitneyu(np.asarray(base, float), np.asarray(head, float), alternative=alternative).pvalue)


# What other tools say of one measurement of base and one of head, as they would take them: a process each, their samples.
OTHERS: dict[str, Callable[[Sequence[int], Sequence[int]], bool]] = {
    "pytest-benchmark, mean:5%": lambda base, head: fmean(head) > 1.05 * fmean(base),
    "asv, 1.1 and p < 0.002": _asv,
    "github-action-benchmark, 200 %": lambda base, head: fmean(head) > 2 * fmean(base),
    "7 % of the median": lambda base, head: median(head) > 1.07 * median(base),
}
POOLED = "Mann-Whitney on the pooled samples, p < 0.01"


def others(log: Log) -> dict[str, dict[str, bool]]:
    """By rule and case, whether it would have been red: on the first pair, or on the samples of all of the first stage."""
    found: dict[str, dict[str, bool]] = {name: {} for name in (*OTHERS, POOLED)}
    for case in log.head.cases:
        pairs = [pair for pair in log.of("base", case, "screen") if pair.base.batches and pair.head.batches]
        if not pairs:
            continue
        base, head = _flat(pairs[0].base), _flat(pairs[0].head)
        for name, rule in OTHERS.items():
            found[name][case.id] = rule(base, head)
        bases = [sample for pair in pairs for sample in _flat(pair.base)]
        heads = [sample for pair in pairs for sample in _flat(pair.head)]
        found[POOLED][case.id] = _p(bases, heads, "less") < 0.01  # noqa: PLR2004 - a usual level
    return found


def report(logs: Sequence[Log], count: int = REPLAYS) -> str:
    """The tables over all runs that are complete, as Markdown."""
    groups: dict[float, list[Log]] = defaultdict(list)
    for log in logs:
        if log.ended == "complete":
            groups[log.head.inject].append(log)
    same = groups.pop(0.0, [])
    parts = [_identical(same, count)] if same else ["No run of identical code is complete yet."]
    if groups:
        parts.append(_planted(groups))
    return "\n\n".join(parts)


def _identical(logs: Sequence[Log], count: int) -> str:
    """False reds, of the gate and of other rules on the same pairs."""
    reds = Rate(sum(map(red, logs)), len(logs))
    mirrored = Rate(sum(not asymmetric(log) for log in logs), len(logs))
    said_first = (
        f"Identical code on both sides, {len(logs)} runs: red in {reds}; of {count:,} replays with labels drawn anew, "
        f"{replays(logs, count)}. Labels swapped, the verdicts are mirrored in {mirrored}."
    )
    lines = [said_first, "", "| rule | red runs | red cases |", "| --- | --- | --- |"]
    cases = [row.verdict == "regression" for log in logs for row in outcome.outcome(log).rows]
    lines.append(f"| vbench gate | {reds} | {Rate(sum(cases), len(cases))} |")
    said = [others(log) for log in logs]
    for name in (*OTHERS, POOLED):
        runs = [any(one[name].values()) for one in said]
        each = [wrong for one in said for wrong in one[name].values()]
        lines.append(f"| {name} | {Rate(sum(runs), len(runs))} | {Rate(sum(each), len(each))} |")
    lines += ["", "| case | pairs | their spread (standard deviation; robust) |", "| --- | ---: | --- |"]
    for case, sizes in sorted(sizes_of(logs).items()):
        spread = stdev(sizes) if len(sizes) > 1 else None
        robust = float(median_abs_deviation(sizes, scale="normal"))
        lines.append(f"| {case.partition('@')[0]} | {len(sizes)} | {units.percent(spread)}; {units.percent(robust)} |")
    return "\n".join(lines)


def _planted(groups: dict[float, list[Log]]) -> str:
    """How often a slowdown that was planted is called one, case by case, beside what was said to be detectable."""
    lines = ["| slowdown | called a regression | effect found (median) | would see (median) |", "| ---: | --- | ---: | ---: |"]
    for size, logs in sorted(groups.items()):
        rows = [row for log in logs for row in outcome.outcome(log).rows if row.effect is not None]
        found = Rate(sum(row.verdict == "regression" for row in rows), len(rows))
        middle = [median(known) if known else None for known in (_known(rows, "effect"), _known(rows, "detectable"))]
        lines.append(f"| {units.change(size)} | {found} | {' | '.join(map(units.change, middle))} |")
    return "\n".join(lines)


def _known(rows: Sequence[Row], name: str) -> list[float]:
    return [value for row in rows if (value := getattr(row, name)) is not None]
