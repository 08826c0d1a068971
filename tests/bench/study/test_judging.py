"""What the seeds say: paired by seed, with Student's interval, and undecided where the interval does not decide."""

from __future__ import annotations

import json
import math
from statistics import fmean
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from vbench.study import text
from vbench.study.judging import Span, decide, judge, rows, span
from vbench.study.parts import Contrast, Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Toy

    from vbench.study.log import Log

ENDS = some.floats(-50, 50).map(lambda x: round(x, 3))


def test_the_interval_is_students() -> None:
    # Mean 2, standard deviation 1, three values: 2 ± 4.302653 / sqrt(3), from a table of Student's distribution.
    found = span([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.ends == pytest.approx((2 - 4.302652730 / math.sqrt(3), 2 + 4.302652730 / math.sqrt(3)), rel=1e-9)
    assert span([5.0]) == Span(5.0, None, None)
    assert span([]) == Span()
    assert span([5.0, 5.0, 5.0]) == Span(5.0, None, None), "they coincide, and nobody knows how far seeds lie apart"


@given(some.lists(some.floats(-100, 100), min_size=2, max_size=8), some.floats(-10, 10))
def test_a_shift_of_all_seeds_shifts_the_interval(values: list[float], shift: float) -> None:
    assume(max(values) - min(values) > 1e-3)
    one, other = span(values), span([value + shift for value in values])
    assert one.ends is not None
    assert other.ends is not None
    assert other.ends == pytest.approx([end + shift for end in one.ends], abs=1e-6)
    assert one.ends[0] <= fmean(values) + 1e-9
    assert one.ends[1] >= fmean(values) - 1e-9


def test_differences_are_paired_by_seed(toy: Toy, log_of: Callable[..., Log]) -> None:
    # Each arm varies by twenty points from seed to seed, and their difference by none: pairing is what separates them.
    finding = judge(toy, log_of([70.0, 80.0, 90.5], [60.0, 70.0, 80.0]))[0]
    assert finding.differences == {0: 10.0, 1: 10.0, 2: 10.5}
    assert finding.verdict == "holds"
    assert finding.params == 4.0
    assert finding.macs == 1.0


def test_a_seed_that_one_side_lacks_is_not_paired(toy: Toy, log_of: Callable[..., Log]) -> None:
    finding = judge(toy, log_of([70.0, None, 90.0], [60.0, 70.0]))[0]
    assert finding.differences == {0: 10.0}
    assert (finding.verdict, finding.reason) == (
        "undecided",
        "one seed, or some that agree to the last digit, have no interval; toy/wide: diverged",
    )
    assert rows(toy, log_of([None], [None]))["toy/wide"].failed == {0: "diverged"}
    assert judge(toy, log_of([None], [1.0]))[0].verdict == "no result"


def test_a_measure_can_be_compared_with_another_of_the_same_arm(toy: Toy, log_of: Callable[..., Log]) -> None:
    finding = judge(toy, log_of([10.0, 20.0, 30.0], [0.0, 0.0, 0.0], errors=[10.1, 20.0, 30.1]))[1]
    assert list(finding.differences.values()) == pytest.approx([0.1, 0.0, 0.1])
    assert finding.verdict == "holds"
    assert "toy/wide (error)" in text.sentence(finding)
    assert "parameters" not in text.sentence(finding), "an arm costs what it costs"


@pytest.mark.parametrize(
    ("expected", "low", "high", "verdict"),
    [
        ("higher", 0.1, 2.0, "holds"),
        ("higher", -0.1, 2.0, "undecided"),
        ("higher", 0.0, 2.0, "undecided"),
        ("higher", -3.0, -0.1, "does not hold"),
        ("lower", -3.0, -0.1, "holds"),
        ("lower", 0.1, 3.0, "does not hold"),
        ("similar", -0.4, 0.5, "holds"),
        ("similar", -0.6, 0.3, "undecided"),
        ("similar", 0.6, 0.9, "does not hold"),
        ("similar", -0.9, -0.6, "does not hold"),
    ],
)
def test_only_an_interval_on_one_side_decides(toy: Toy, expected: Any, low: float, high: float, verdict: str) -> None:
    contrast = msgspec.structs.replace(toy.contrasts[1], expected=expected)
    assert decide(contrast, Span((low + high) / 2, low, high))[0] == verdict


@given(ENDS, ENDS, some.sampled_from(["higher", "lower", "similar"]))
def test_the_mirror_image_has_the_mirrored_verdict(one: float, other: float, expected: Any) -> None:
    contrast = Contrast(
        id="a", question="", sentence="", source="", of=Side("x", "m"), to=Side("y", "m"), expected=expected, margin=0.5
    )
    mirrored = msgspec.structs.replace(contrast, expected={"higher": "lower", "lower": "higher"}.get(expected, expected))
    low, high = sorted((one, other))
    assert decide(contrast, Span(0.0, low, high)) == decide(mirrored, Span(0.0, -high, -low))


def test_the_table_the_page_and_the_data_say_the_same(toy: Toy, log_of: Callable[..., Log]) -> None:
    log = log_of([70.0, 80.0, 90.5], [60.0, 70.0, 80.0])
    table, page, data = text.table(toy, log), text.markdown(toy, log, ["a.png"]), text.plain(toy, log)
    told = (
        "width: holds. toy/wide is 10.2 points higher in top-1 than toy/narrow (95 % interval +9.4 to +10.9 over 3 seeds), "
        "at 4.00 times the parameters and 1.00 times the MACs; said to be higher."
    )
    assert told in table
    assert told in page
    assert data["contrasts"][0]["told"] == told
    assert json.loads(json.dumps(data)) == data
    assert data["arms"][0]["measures"]["top1"]["by_seed"] == {"0": 70.0, "1": 80.0, "2": 90.5}
    assert table.rstrip().endswith("1 holds, 1 does not hold")
    assert "![a.png](a.png)" in page
