"""How often the gate is wrong: runs of identical code, planted slowdowns, and other tools' rules on the same pairs. Pure."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np
from scipy.stats import binomtest, mannwhitneyu

from .. import units, verdicts
from ..stats import median
from . import outcome
from .effects import effect
from .log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .log import Half

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
        suite = {case: _suite_of(sizes, head.rule, chance) for case, sizes in pools.items()}
        reds += any(verdict.verdict == "regression" for verdict in verdicts.judge(suite, head.rule).values())
    return Rate(reds, count if pools else 0)


def power(logs: Sequence[Log], count: int = REPLAYS // 10, seed: int = 0) -> dict[str, Rate]:
    """By case, how often the rule is red where head is slower by what the gate said that it would see.

    Every replay takes that from as many pairs as a first stage has, drawn and labelled anew, and then judges fresh ones, each
    longer by so much. Both come from what was measured of the case, so that its own noise decides, and no bell curve.
    """
    rule, chance = logs[0].head.rule, random.Random(seed)  # noqa: S311 - labels, not secrets
    found = {}
    for case, sizes in sizes_of(logs).items():
        if len(sizes) < _needed(rule):
            continue
        seen = said = 0
        for _ in range(count):
            if (size := verdicts.detectable(_drawn(sizes, rule.screen_pairs, chance), rule)) is not None:
                said += 1
                seen += _red(sizes, rule, chance, math.log1p(size))
        found[case] = Rate(seen, said)
    return found


def shifted(logs: Sequence[Log], size: float, count: int = REPLAYS // 10, seed: int = 0) -> dict[str, Rate]:
    """By case, how often the rule is red on pairs of identical code to which a slowdown of this size was added."""
    rule, chance = logs[0].head.rule, random.Random(seed)  # noqa: S311 - as above
    pools = {case: sizes for case, sizes in sizes_of(logs).items() if len(sizes) >= _needed(rule)}
    return {
        case: Rate(sum(_red(sizes, rule, chance, math.log1p(size)) for _ in range(count)), count) for case, sizes in pools.items()
    }


def _drawn(sizes: Sequence[float], count: int, chance: random.Random) -> list[float]:
    """So many pairs, each drawn once, with labels that coins decide."""
    return [size if chance.random() < 0.5 else -size for size in chance.sample(sizes, count)]  # noqa: PLR2004 - a coin


def _red(sizes: Sequence[float], rule: verdicts.Rule, chance: random.Random, shift: float) -> bool:
    """Whether the rule calls a case red whose pairs were drawn and made longer."""
    return verdicts.judge({"": _suite_of(sizes, rule, chance, shift)}, rule)[""].verdict == "regression"


def _suite_of(sizes: Sequence[float], rule: verdicts.Rule, chance: random.Random, shift: float = 0.0) -> verdicts.Pairs:
    """The pairs of both stages."""
    drawn = [size + shift for size in _drawn(sizes, _needed(rule), chance)]
    return verdicts.Pairs(screen=tuple(drawn[: rule.screen_pairs]), confirm=tuple(drawn[rule.screen_pairs :]))


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
