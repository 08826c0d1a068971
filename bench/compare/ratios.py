"""What a metric of two runs comes to: the ratio of the medians over processes, its interval with the machine's drift, a word."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from .. import drift, metrics, sweeps
from ..budgets import FASTER, SLOWER
from ..flags import BIAS
from ..registry import METRICS
from ..stats import MIN_PROCESSES, median, ratio_interval
from ..variance import halves, widened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Record, Replicate, Result
    from ..history.measures import Measure
    from .matching import Pair

Word = Literal["worse", "better", "open", ""]
# So many earlier runs tell what the sentinel usually takes (variance.between_runs counts this one too).
_EARLIER = 4
# Only what takes time follows the machine's drift.
_TIMED = {"s": 1.0, "1/s": -1.0}


class Drift(NamedTuple):
    """What lies between two runs on a logarithmic scale: a half-width, and how much slower the machine was in the later one.

    `unknown` says why the latter is not known, if it is not.
    """

    spread: float = 0.0
    offset: float = 0.0
    unknown: str = ""


class Ratio(NamedTuple):
    """One metric of one case on both sides, in the metric's unit; the interval is that of after over before.

    `word` is empty where nothing is said of the ratio, and `why` says why, or why it stays open.
    """

    measure: Measure
    before: float
    after: float
    processes: tuple[int, int]
    low: float | None = None
    high: float | None = None
    word: Word = ""
    why: str = ""
    flags: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def ratio(self) -> float | None:
        """After over before."""
        return self.after / self.before if self.before else None

    @property
    def worse_by(self) -> float:
        """For sorting: the logarithm of how many times worse it became; where no direction is worse, of how many times more."""
        if self.before <= 0 or self.after <= 0:
            return 0.0
        return math.log(self.after / self.before) * (-1 if self.measure.better == "higher" else 1)


def processes(record: Record, case: Case, column: str) -> list[float]:
    """One number per process that measured the case; empty where the column has none.

    Of a sweep all at the batch that is best over all processes; of any other column what its metric makes of each process alone.
    """
    timed = [r for r in record.replicates if r.case == case.id and r.role == "measure" and r.status == "ok"]
    if column == "latency_s":
        return [median(r.latency_ns) * 1e-9 for r in timed if r.latency_ns]
    if column == "throughput_per_s":
        return sweeps.rates(case.scenario, timed)
    found = (_alone(record, case, replicate, column) for replicate in timed)
    return [value for value in found if value is not None]


def _alone(record: Record, case: Case, replicate: Replicate, column: str) -> float | None:
    for metric in METRICS:
        if column in metric.columns:
            value = metrics.derive(metric, case, [replicate], record.run).get(column)
            return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    return None


def between(pair: Pair) -> Drift:
    """How the machine changed from one run to the other, as its sentinel shows it.

    The sentinel is a product of matrices by PyTorch: with two versions of it each run is held against its own machine's history,
    and where one has none, what changed between the runs is not known.
    """
    before, after = pair.before.record, pair.after.record
    if pair.case.virtual or before.run.run_id == after.run.run_id:
        return Drift()
    key = drift.key(pair.case)
    old, new = (drift.of_run(record.run, record.replicates).get(key, []) for record in (before, after))
    if not old or not new:
        return Drift(unknown="no sentinel ran")
    if before.run.versions.get("torch") == after.run.versions.get("torch"):
        return Drift(1.96 * math.hypot(halves(old), halves(new)), math.log(median(new) / median(old)))
    earlier = [record.run.sentinels.get(key, ()) for record in (before, after)]
    usual = [drift.of(now, runs) for now, runs in zip((old, new), earlier, strict=True)]
    spread = math.hypot(*(found.spread for found in usual if found is not None))
    if any(len(runs) < _EARLIER for runs in earlier):
        return Drift(spread, unknown="PyTorch differs, whose product of matrices the sentinel is")
    # Its distance from what is usual is positive where the machine was faster.
    return Drift(spread, sum(sign * found.offset for sign, found in zip((1, -1), usual, strict=True) if found is not None))


def compare(pair: Pair, measure: Measure, moved: Drift, *, same_work: bool = True) -> Ratio | None:
    """The ratio of one metric; None where a side has no number. Without `same_work` nothing is said about it."""
    old, new = (processes(entry.record, pair.case, measure.column) for entry in pair)
    if not old or not new:
        return None
    flags = tuple(_biased(entry.result) for entry in pair)
    found = Ratio(measure, median(old), median(new), (len(old), len(new)), flags=(flags[0], flags[1]))
    if not pair.one_machine:
        return found._replace(why="other machine")
    if not same_work:
        return found._replace(why="other definition")
    interval = ratio_interval(old, new)
    if interval is None:
        return found._replace(why=_too_few(old, new))
    sign = _TIMED.get(measure.unit)
    if sign is not None:
        # A machine that became slower may account for that much of a longer time: the interval reaches there.
        interval = widened(median(new) / median(old), interval, moved.spread, -sign * moved.offset)
    found = found._replace(low=interval[0], high=interval[1])
    word, why = _word(found)
    return found._replace(word=word, why=why)


def _biased(result: Result) -> tuple[str, ...]:
    return tuple(flag for flag in result.flags if flag in BIAS)


def _too_few(old: Sequence[float], new: Sequence[float]) -> str:
    if min(len(old), len(new)) >= MIN_PROCESSES:
        return "no interval: a value is 0"
    return f"no interval: {len(old)} and {len(new)} processes, it takes {MIN_PROCESSES} each"


def _word(found: Ratio) -> tuple[Word, str]:
    """What the interval says; what can only have made a side look slower, or faster, does not prove the other better."""
    if found.low is None or found.high is None or found.measure.better == "none" or found.low <= 1.0 <= found.high:
        return ("" if found.measure.better == "none" else "open"), ""
    word: Word = "worse" if (found.low > 1.0) == (found.measure.better == "lower") else "better"
    if found.measure.unit not in _TIMED:
        return word, ""
    # The side that lost may have been disturbed, the one that won may be too good to be true.
    lost, won = reversed(found.flags) if word == "worse" else found.flags
    names = ("B", "A") if word == "worse" else ("A", "B")
    doubts = [(names[0], flag) for flag in lost if flag in SLOWER] + [(names[1], flag) for flag in won if flag in FASTER]
    if doubts:
        return "open", f"{word}, but " + ", ".join(f"{side} is {flag}" for side, flag in doubts)
    return word, ""
