"""What the seeds say: the mean of each arm, and of each contrast the paired difference, both with their intervals.

A seed decides all that is random: which pictures are drawn, which are for testing, their order, and the first weights. Both
sides of a contrast have the same seeds, so their difference is taken seed by seed. The interval is Student's, 95 %, over the
seeds: it holds the chance of the weights and that of the pictures, and with few seeds it is wide, as it should be.
"""

from __future__ import annotations

import math
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Literal, NamedTuple

from scipy import stats as distributions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import Study
    from .log import Log
    from .parts import Arm, Contrast, Measure

Verdict = Literal["holds", "does not hold", "undecided", "no result"]
VERDICTS: tuple[Verdict, ...] = ("holds", "does not hold", "undecided", "no result")
_LEAST = 2


class Span(NamedTuple):
    """A mean over seeds with its interval, which needs two at least; all None where there is no value."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float, float] | None:
        """The interval, where there is one."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def span(values: Sequence[float], confidence: float = 0.95) -> Span:
    """Student's interval for the mean: exact for normal values, and the mean alone where there is but one.

    Values that are all the same say nothing of how far seeds lie apart: shares of some hundred pictures coincide now and then.
    """
    if not values:
        return Span()
    mean = fmean(values)
    if len(values) < _LEAST or len(set(values)) == 1:
        return Span(mean)
    half = float(distributions.t.ppf((1 + confidence) / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return Span(mean, mean - half, mean + half)


class Row(NamedTuple):
    """An arm: what each seed measured, by measure, and what its network costs; `compression` is as a result file writes it."""

    arm: Arm
    values: dict[str, dict[int, float]]
    params: int | None
    macs: int | None
    seconds: float
    failed: dict[int, str]
    weight_bytes: int | None = None
    compression: str = "none"

    def span(self, measure: str) -> Span:
        """The mean of a measure, with its interval."""
        return span(list(self.values.get(measure, {}).values()))


class Finding(NamedTuple):
    """A contrast and what was found: the difference by seed, its mean and interval, and the verdict with its reason."""

    contrast: Contrast
    measure: Measure
    of: Row
    to: Row
    differences: dict[int, float]
    difference: Span
    verdict: Verdict
    reason: str = ""

    @property
    def params(self) -> float | None:
        """How many times the parameters of `to` its other side has."""
        return self.of.params / self.to.params if self.of.params and self.to.params else None

    @property
    def macs(self) -> float | None:
        """As `params`, of multiply-accumulates."""
        return self.of.macs / self.to.macs if self.of.macs and self.to.macs else None


def rows(study: Study, log: Log) -> dict[str, Row]:
    """All arms of the log, by name."""
    found = {}
    for arm in log.head.arms:
        trials = [trial for (name, _), trial in sorted(log.trials.items()) if name == arm.name]
        good = [trial for trial in trials if trial.status == "ok"]
        values = {
            measure.name: {trial.seed: trial.values[measure.name] for trial in good if measure.name in trial.values}
            for measure in study.measures
        }
        first = good[0] if good else None
        found[arm.name] = Row(
            arm, values, first.params if first else None, first.macs if first else None,
            sum(trial.seconds for trial in trials), {trial.seed: trial.reason for trial in trials if trial.status != "ok"},
            first.weight_bytes if first else None, first.compression if first else arm.compression,
        )  # fmt: skip
    return found


def judge(study: Study, log: Log) -> list[Finding]:
    """Every contrast of the log, in order."""
    every = rows(study, log)
    return [_judged(study, contrast, every) for contrast in study.contrasts if contrast.id in log.head.contrasts]


def _judged(study: Study, contrast: Contrast, every: dict[str, Row]) -> Finding:
    of, to = every[contrast.of.arm], every[contrast.to.arm]
    one, other = of.values.get(contrast.of.measure, {}), to.values.get(contrast.to.measure, {})
    differences = {seed: one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())}
    found = span(list(differences.values()))
    verdict, reason = decide(contrast, found)
    failed = [f"{row.arm.name}: {next(iter(row.failed.values()))}" for row in (of, to) if row.failed]
    return Finding(contrast, study.measure(contrast.of.measure), of, to, differences, found, verdict,
                   "; ".join(dict.fromkeys([part for part in (reason, *failed) if part])))  # fmt: skip


def decide(contrast: Contrast, found: Span) -> tuple[Verdict, str]:
    """What an interval of the difference says of the expectation, and why where it says nothing.

    Higher or lower: the whole interval lies on one side of 0. Similar: it lies within the margin, or wholly beyond it.
    """
    if found.mean is None:
        return "no result", "no seed has a value on both sides"
    ends = found.ends
    if ends is None:
        return "undecided", "one seed, or some that agree to the last digit, have no interval"
    low, high = ends if contrast.expected != "lower" else (-ends[1], -ends[0])
    if contrast.expected == "similar":
        if max(abs(low), abs(high)) <= contrast.margin:
            return "holds", ""
        apart = low > contrast.margin or high < -contrast.margin
        return ("does not hold", "") if apart else ("undecided", "the interval is wider than what is called similar")
    if low > 0:
        return "holds", ""
    return ("does not hold", "") if high < 0 else ("undecided", "the seeds cannot separate the two")
