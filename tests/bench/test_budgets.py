"""Budgets: exact for what is counted, by the interval for what is timed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.budgets import Budget, judge, number
from vbench.errors import UsageError

SIZES = st.floats(1e-6, 1e6)


def latency(value: float, low: float | None, high: float | None, *flags: str) -> dict[str, Any]:
    return {"latency_s": value, "latency_s_low": low, "latency_s_high": high, "flags": list(flags)}


def at_most(limit: float) -> Budget:
    return Budget(column="latency_s", limit=limit, unit="s", timed=True)


@given(SIZES, SIZES, SIZES, SIZES)
def test_the_word_follows_from_where_the_interval_lies(one: float, two: float, three: float, limit: float) -> None:
    low, value, high = sorted((one, two, three))
    word = judge(latency(value, low, high), at_most(limit)).word
    assert word == ("within" if high <= limit else "over" if low > limit else "inconclusive")
    # Images per second are the mirror of it.
    rate = {"throughput_per_s": value, "throughput_per_s_low": low, "throughput_per_s_high": high}
    least = Budget(column="throughput_per_s", limit=limit, unit="1/s", least=True, timed=True)
    assert judge(rate, least).word == ("within" if low >= limit else "over" if high < limit else "inconclusive")


@pytest.mark.parametrize(
    ("row", "fastest", "word", "said"),
    [
        (latency(0.05, 0.04, 0.06, "stolen"), None, "inconclusive", "stolen"),
        (latency(0.05, 0.04, 0.06, "stolen"), 0.029, "inconclusive", "stolen"),
        (latency(0.05, 0.04, 0.06, "stolen"), 0.031, "over", "at most 30.0 ms"),
        (latency(0.05, 0.04, 0.06, "process_variance", "noisy"), None, "over", "50 ms [40, 60]"),
        (latency(0.02, 0.01, 0.025, "stolen"), None, "within", ""),
        (latency(0.02, 0.01, 0.025, "too_fast"), None, "inconclusive", "too_fast"),
        (latency(0.02, None, None), None, "inconclusive", "one process has no interval"),
        ({"reason": "not on this device"}, None, "inconclusive", "latency_s is not known: not on this device"),
    ],
)
def test_what_may_have_slowed_a_run_excuses_it_and_nothing_else(
    row: dict[str, Any], fastest: float | None, word: str, said: str
) -> None:
    found = judge(row, at_most(0.030), fastest)
    assert found.word == word, found
    assert said in found.line


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_counted_budgets_are_exact(value: int, limit: int) -> None:
    found = judge({"params": value}, Budget(column="params", limit=limit))
    assert found.word == ("within" if value <= limit else "over")
    assert f"{value:,}" in found.line


@pytest.mark.parametrize(
    ("given_", "unit", "value"),
    [("30ms", "s", 0.03), (0.03, "s", 0.03), ("200MB", "B", 2e8), ("1MiB", "B", 2**20), ("5M", "", 5e6), ("1.5G", "", 1.5e9),
     ("100", "1/s", 100.0), (5e6, "", 5e6)],
)  # fmt: skip
def test_limits_are_numbers_in_base_units_or_texts(given_: float | str, unit: str, value: float) -> None:
    assert number(given_, unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("wrong", "unit"),
    [("fast", "s"), ("30 parsecs", "s"), ("5 apples", ""), ("", ""), (-1, "s"), (float("nan"), "B"), (True, "")],
)
def test_what_is_no_limit_is_one_line_with_an_example(wrong: Any, unit: str) -> None:
    with pytest.raises(UsageError, match=r"is no budget.*for example"):
        number(wrong, unit)
