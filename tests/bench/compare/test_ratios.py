"""Ratios of two runs: the numbers, the interval with the machine's drift in it, and when nothing is said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from vbench.compare import matching, ratios
from vbench.history.measures import measures
from vbench.stats import median, ratio_interval

from .conftest import ELSEWHERE, TIMES

if TYPE_CHECKING:
    from vbench.compare.matching import Pair
    from vbench.compare.ratios import Ratio
    from vbench.core import Case

SLOWER = tuple(1.2 * ms for ms in TIMES)


def paired(before: Any, after: Any) -> Pair:
    sides = (matching.Side(name, name, (record,)) for name, record in (("A", before), ("B", after)))
    return matching.match(*sides).pairs[0]


def compared(before: Any, after: Any, metric: str = "latency", **given: Any) -> Ratio:
    pair = paired(before, after)
    found = ratios.compare(pair, measures([metric])[0], ratios.between(pair), **given)
    assert found is not None
    return found


def test_the_ratio_is_that_of_the_medians_and_the_interval_that_of_the_processes(files: Any, one: Case) -> None:
    found = compared(files.record({one: TIMES}), files.record({one: SLOWER}))
    assert found.ratio == pytest.approx(1.2)
    assert (found.before, found.after) == (pytest.approx(0.01), pytest.approx(0.012))
    assert (found.low, found.high) == pytest.approx(ratio_interval(TIMES, SLOWER))
    assert (found.word, found.why, found.processes) == ("worse", "", (6, 6))


@pytest.mark.parametrize(
    ("metric", "times", "word"),
    [
        ("latency", (SLOWER, TIMES), "better"),
        ("latency", (TIMES, TIMES), "open"),
        ("throughput", (TIMES, SLOWER), "worse"),
        ("throughput", (SLOWER, TIMES), "better"),
    ],
)
def test_the_word_follows_from_the_interval_and_the_direction(files: Any, one: Case, metric: str, times: Any, word: str) -> None:
    before, after = (files.record({one: own}) for own in times)
    assert compared(before, after, metric).word == word


def test_memory_is_of_processes_too_and_does_not_drift(files: Any, one: Case) -> None:
    before, after = files.record({one: TIMES}), files.record({one: TIMES}, memory=2.0**28 + 2**20, sentinel=2.0)
    found = compared(before, after, "host_memory")
    peaks = [2.0**28 + 1024 * index for index in range(6)]
    assert found.before == median(peaks)
    assert (found.low, found.high) == ratio_interval(peaks, [peak + 2**20 for peak in peaks])
    assert found.word == "worse"


def test_a_slower_machine_may_account_for_a_longer_time_and_never_for_a_shorter(files: Any, one: Case) -> None:
    plain = compared(files.record({one: TIMES}), files.record({one: SLOWER}))
    drifted = compared(files.record({one: TIMES}), files.record({one: SLOWER}, sentinel=1.3))
    assert (drifted.low, drifted.high) == (pytest.approx(plain.low / 1.3), pytest.approx(plain.high))
    assert drifted.word == "open"
    faster = compared(files.record({one: TIMES}, sentinel=1.3), files.record({one: SLOWER}))
    assert (faster.low, faster.high) == (pytest.approx(plain.low), pytest.approx(plain.high * 1.3))
    rate = compared(files.record({one: TIMES}), files.record({one: SLOWER}, sentinel=1.3), "throughput")
    assert rate.high == pytest.approx(1.3 / 1.2, rel=0.02)
    assert rate.word == "open"


def test_with_another_torch_each_run_is_held_against_its_own_history(files: Any, one: Case) -> None:
    new = {"versions": {"torch": "2.14.0"}}
    key = f"{one.device},t{one.threads}"
    known, unknown = {"sentinels": {key: (1e-3,) * 6}}, files.record({one: SLOWER}, sentinel=1.3, **new)
    moved = ratios.between(paired(files.record({one: TIMES}, **known), unknown))
    assert moved.unknown.startswith("PyTorch differs")
    assert moved.offset == 0
    # The new version's product takes 1.3 times as long as it usually does with that version, or as long as ever.
    before = files.record({one: TIMES}, **known)
    late = files.record({one: SLOWER}, sentinel=1.3, **new, **known)
    assert ratios.between(paired(before, late)).offset == pytest.approx(math.log(1.3))
    usual = files.record({one: SLOWER}, sentinel=1.3, sentinels={key: (1.3e-3,) * 6}, **new)
    assert ratios.between(paired(before, usual)).offset == pytest.approx(0)


def test_too_few_processes_have_a_ratio_and_no_interval(files: Any, one: Case) -> None:
    found = compared(files.record({one: TIMES}), files.record({one: SLOWER[:5]}))
    assert found.ratio == pytest.approx(1.2)
    assert (found.low, found.high, found.word) == (None, None, "")
    assert found.why == "no interval: 6 and 5 processes, it takes 6 each"


def test_another_machine_or_another_definition_has_no_verdict(files: Any, one: Case) -> None:
    there = compared(files.record({one: TIMES}), files.record({one: SLOWER}, machine=ELSEWHERE))
    assert (there.low, there.word, there.why) == (None, "", "other machine")
    redefined = compared(files.record({one: TIMES}), files.record({one: SLOWER}), same_work=False)
    assert (redefined.low, redefined.word, redefined.why) == (None, "", "other definition")


def test_what_was_disturbed_is_not_called_worse_and_what_is_too_good_not_better(files: Any, one: Case) -> None:
    disturbed = {"notes": {"warmup_not_settled": "no"}}
    found = compared(files.record({one: TIMES}), files.record({one: SLOWER}, **disturbed))
    assert (found.word, found.why) == ("open", "worse, but B is warmup_not_settled")
    # That A was disturbed makes it all the more certain.
    assert compared(files.record({one: TIMES}, **disturbed), files.record({one: SLOWER})).word == "worse"
    found = compared(files.record({one: SLOWER}, **disturbed), files.record({one: TIMES}))
    assert (found.word, found.why) == ("open", "better, but A is warmup_not_settled")
    assert compared(files.record({one: SLOWER}, **disturbed), files.record({one: TIMES}), "host_memory").why == ""


def test_a_sweep_is_compared_at_the_batch_that_is_best(make: Any, files: Any) -> None:
    swept = make.case("net/swept", scenario="offline")
    record = files.record({})
    series = [((1.0, 50.0), (2.0, 90.0 + index)) for index in range(6)]
    found = [make.replicate(swept, index, latency_ns=(), series=pairs) for index, pairs in enumerate(series)]
    assert ratios.processes(type(record)(run=record.run, replicates=tuple(found)), swept, "throughput_per_s") == [
        90.0 + index for index in range(6)
    ]
