"""What pairs of base and head say: an effect, a test, an interval, and a verdict on each case of a suite. Pure.

A pair is one number, the logarithm of head's time over base's. Its two sides run in an order that coins decide, so on
identical code its sign is a coin's: the test is exact whatever the noise of the machine is like.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Hashable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import msgspec

from . import units
from .errors import UsageError
from .flags import BIAS_OF_PAIRS, VOID
from .stats import median
from .tolerances import Gate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What the cases of a suite go by.
K = TypeVar("K", bound=Hashable)
Word = Literal["regression", "pass", "improvement", "inconclusive", "invalid"]
_USUAL = Gate()
NORMAL = statistics.NormalDist()
# The standard error of a Hodges-Lehmann estimate of n values of a normal distribution, times sqrt(n) over their deviation.
_EFFICIENCY = math.sqrt(math.pi / 3)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How pairs become verdicts; effects are relative (0.03 is 3 %), and `version` changes whenever a verdict might.

    `alpha` is the chance of any false regression among all cases of a run, `screen_p` what makes a case worth the second
    stage, `pass_below` the effect that must be excluded for a pass, at 95 %.
    """

    version: int = 1
    alpha: float = _USUAL.alpha
    min_effect: float = _USUAL.min_effect
    pass_below: float = _USUAL.pass_below
    screen_p: float = 0.10
    screen_pairs: int = _USUAL.screen_pairs
    confirm_pairs: int = _USUAL.confirm_pairs
    power: float = 0.90


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a case: the pairs of either stage, in their order, and what is said against them.

    `invalid` is a reason for which nothing can be said; `flags` are those of the two sides; `min_effect` and `pass_below`
    are the case's own, where it has some.
    """

    screen: tuple[float, ...] = ()
    confirm: tuple[float, ...] = ()
    flags: tuple[str, ...] = ()
    invalid: str = ""
    min_effect: float | None = None
    pass_below: float | None = None

    def rule(self, rule: Rule) -> Rule:
        """The rule with the case's own limits in it."""
        own = {"min_effect": self.min_effect, "pass_below": self.pass_below}
        return msgspec.structs.replace(rule, **{name: value for name, value in own.items() if value is not None})


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What pairs come to; effect, interval and `detectable` are relative, head over base less 1.

    `detectable` is the slowdown that would have been called a regression with the rule's power, were it the only one tested
    and as far as the pairs' own spread tells.
    """

    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    detectable: float | None = None
    pairs: int = 0


class Verdict(Numbers, frozen=True, kw_only=True):
    """What is said about one metric of a case, and why."""

    verdict: Word
    reason: str = ""

    def numbers(self) -> dict[str, Any]:
        """Its numbers by name."""
        return {name: getattr(self, name) for name in Numbers.__struct_fields__}


def effect(pairs: Sequence[float]) -> float:
    """Hodges and Lehmann's estimate of the centre: the median of the averages of every two values and of each with itself."""
    return median(_averages(pairs))


def _averages(pairs: Sequence[float]) -> list[float]:
    """Walsh averages, in order."""
    return sorted((one + other) / 2 for index, one in enumerate(pairs) for other in pairs[index:])


def p_value(pairs: Sequence[float]) -> float:
    """Wilcoxon's signed-rank test, exact and one-sided: the chance of ranks as positive as these if every sign were a coin's.

    Equal sizes share their ranks, and the distribution is that of the ranks as they are; a pair of exactly 0 says nothing
    either way but keeps its rank (Pratt 1959).
    """
    ranks = _double_ranks([abs(value) for value in pairs])
    signed = [(rank, value > 0) for rank, value in zip(ranks, pairs, strict=True) if value != 0]
    if not signed:
        return 1.0
    ways = _sums(tuple(sorted(rank for rank, _ in signed)))
    seen = sum(rank for rank, positive in signed if positive)
    return sum(ways[seen:]) / float(2 ** len(signed))


def _double_ranks(sizes: Sequence[float]) -> list[int]:
    """Twice the rank of each, so that the shared ones are whole numbers."""
    ordered = sorted(sizes)
    first = {size: index for index, size in reversed(list(enumerate(ordered, 1)))}
    last = {size: index for index, size in enumerate(ordered, 1)}
    return [first[size] + last[size] for size in sizes]


@lru_cache(maxsize=256)
def _sums(ranks: tuple[int, ...]) -> list[int]:
    """How many of all choices of ranks have each sum."""
    ways = [1] + [0] * sum(ranks)
    for rank in ranks:
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    return ways


def bounds(pairs: Sequence[float], level: float) -> tuple[float, float] | None:
    """The one-sided lower and upper bounds of the centre, each missed with a chance of at most `level`; None for too few pairs.

    The averages that the test cannot refuse (Lehmann, Nonparametrics, section 4.3); together they are an interval of
    confidence 1 - 2 * `level`.
    """
    rank = _rank(len(pairs), level)
    averages = _averages(pairs)
    return None if rank == 0 or rank > len(averages) else (averages[rank - 1], averages[-rank])


@cache
def _rank(count: int, level: float) -> int:
    """How many of the sums of ranks from 0 on are together no likelier than `level`."""
    below = 0
    for rank, ways in enumerate(_sums(tuple(range(1, count + 1)))):
        below += ways
        if below / 2**count > level:
            return rank
    return count * (count + 1) // 2


def check(rule: Rule, cases: int) -> None:
    """Refuse a rule that could never find anything in a suite of so many cases. Raises UsageError."""
    for stage, pairs, level in (
        ("screen", rule.screen_pairs, rule.screen_p),
        ("confirm", rule.confirm_pairs, rule.alpha / max(1, cases)),
    ):
        if 0.5**pairs > level:
            fewest = math.ceil(-math.log2(level))
            message = (
                f"{pairs} pairs in the {stage} stage cannot reach p = {level:.2g}: their smallest is {0.5**pairs:.2g}; "
                f"take at least {fewest} pairs"
            )
            raise UsageError(message)


def candidate(pairs: Pairs, rule: Rule) -> int:
    """Whether the first stage calls for the second: 1 for what may be slower, -1 for what may be faster, else 0."""
    rule = pairs.rule(rule)
    least = math.log1p(rule.min_effect / 2)
    for sign in (1, -1):
        turned = [sign * value for value in pairs.screen]
        if turned and p_value(turned) <= rule.screen_p and effect(turned) >= least:
            return sign
    return 0


def judge(suite: Mapping[K, Pairs], rule: Rule, host: str = "") -> dict[K, Verdict]:
    """A verdict for every case. `host` is why the machine itself cannot be trusted, if the null control says so.

    Only the fresh pairs of the second stage confirm: those of the first have chosen the case, and would flatter it.
    """
    slower = _confirmed(suite, rule, 1)
    faster = _confirmed(suite, rule, -1)
    return {name: _verdict(pairs, rule, name in slower, name in faster, host) for name, pairs in suite.items()}


def _confirmed(suite: Mapping[K, Pairs], rule: Rule, sign: int) -> set[K]:
    """The cases that Holm's procedure rejects at alpha, and whose effect is at least the smallest that matters."""
    tested: dict[K, tuple[float, float]] = {}
    for name, pairs in suite.items():
        if pairs.confirm and not pairs.invalid and candidate(pairs, rule) == sign:
            turned = [sign * value for value in pairs.confirm]
            tested[name] = (p_value(turned), effect(turned))
    found = set()
    for done, name in enumerate(sorted(tested, key=lambda name: tested[name][0])):
        p, size = tested[name]
        if p > rule.alpha / (len(tested) - done):
            break
        if size >= math.log1p(suite[name].rule(rule).min_effect):
            found.add(name)
    return found


def _verdict(pairs: Pairs, rule: Rule, slower: bool, faster: bool, host: str) -> Verdict:  # noqa: FBT001 - one caller
    if pairs.invalid:
        return Verdict(verdict="invalid", reason=pairs.invalid)
    void = [flag for flag in pairs.flags if flag in VOID]
    if void:
        return Verdict(verdict="invalid", reason=", ".join(void), pairs=len(pairs.screen) + len(pairs.confirm))
    rule = pairs.rule(rule)
    measured = pairs.confirm or pairs.screen
    if not measured:
        return Verdict(verdict="invalid", reason="no pair was measured")
    ends = bounds(measured, 0.05)
    word, reason = _word(pairs, slower, faster, host, None if ends is None else ends[1], rule)
    shown = (None, None) if ends is None else tuple(math.expm1(end) for end in ends)
    return Verdict(
        verdict=word,
        reason=reason,
        effect=math.expm1(effect(measured)),
        low=shown[0],
        high=shown[1],
        p=p_value(measured),
        detectable=detectable(measured, rule),
        pairs=len(pairs.screen) + len(pairs.confirm),
    )


def _word(  # noqa: PLR0913, PLR0917 - all that a verdict hangs on
    pairs: Pairs, slower: bool, faster: bool, host: str, high: float | None, rule: Rule  # noqa: FBT001 - as above
) -> tuple[Word, str]:  # fmt: skip
    biased = [flag for flag in pairs.flags if flag in BIAS_OF_PAIRS]
    if slower and not host and not biased:
        return "regression", ""
    if (slower or faster) and host:
        return "inconclusive", f"host: {host}"
    if biased:
        return "inconclusive", ", ".join(biased)
    if faster:
        return "improvement", ""
    if high is not None and high < math.log1p(rule.pass_below):
        return "pass", ""
    return "inconclusive", "too few pairs" if high is None else f"up to {units.change(math.expm1(high))} cannot be excluded"


class _Step(NamedTuple):
    """A condition on the estimate of one stage: it must exceed `least`, and its standard error is `error`."""

    least: float
    error: float


def detectable(pairs: Sequence[float], rule: Rule) -> float | None:
    """The slowdown that the rule would call a regression with its power, if pairs spread as these do; None for too few.

    Estimates of the centre are taken as normal, with the standard error of a Hodges-Lehmann estimate; both stages must agree.
    """
    ends = bounds(pairs, 0.05)
    if ends is None:
        return None
    spread = (ends[1] - ends[0]) / 2 / NORMAL.inv_cdf(0.95) * math.sqrt(len(pairs)) / _EFFICIENCY
    steps = [
        _step(spread, rule.screen_pairs, rule.screen_p, rule.min_effect / 2),
        _step(spread, rule.confirm_pairs, rule.alpha, rule.min_effect),
    ]
    low, high = 0.0, max(step.least + 6 * step.error for step in steps) + 1e-9
    for _ in range(60):
        middle = (low + high) / 2
        power = math.prod(
            NORMAL.cdf((middle - step.least) / step.error) if step.error else float(middle >= step.least) for step in steps
        )
        low, high = (middle, high) if power < rule.power else (low, middle)
    return math.expm1(high)


def _step(spread: float, pairs: int, level: float, least: float) -> _Step:
    error = spread * _EFFICIENCY / math.sqrt(pairs)
    return _Step(max(math.log1p(least), -NORMAL.inv_cdf(level) * error), error)
