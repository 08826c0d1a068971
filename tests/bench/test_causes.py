"""Why a narrower precision is hardly quicker: the cause by its numbers, on accounts that were made by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import causes
from vbench.causes import Side
from vbench.core import Operator

# 900 MACs in convolutions that take 9 s, 100 in the first layer that take 1 s, and a pooling.
FP32 = Side("fp32", (
    Operator(kind="convolution", precision="fp32", macs=900, seconds=9.0),
    Operator(kind="convolution", precision="fp32", place="first", macs=100, seconds=1.0),
    Operator(kind="pooling", precision="fp32", seconds=2.0),
))  # fmt: skip


def int8(*more: Operator, macs: int = 900, seconds: float = 2.25, **fields: Any) -> Side:
    """A case whose convolutions became four times as quick, and what else it has."""
    operators = (Operator(kind="convolution", precision="int8", macs=macs, seconds=seconds), *more)
    return Side("int8", operators, **fields)


def other(kind: str, seconds: float, macs: int = 0, precision: str = "fp32", place: Any = "") -> Operator:
    return Operator(kind=kind, precision=precision, place=place, macs=macs, seconds=seconds)


def test_conversions() -> None:
    own = int8(other("conversion", 6.75))
    assert causes.cause(own, FP32) == "conversions take 75 % of the time, 0 % in fp32 (4 times as quick without)"


def test_macs_that_stayed_in_another_precision_would_go_at_the_pace_of_the_others() -> None:
    own = int8(other("group convolution", 6.0, macs=300), other("convolution", 1.0, macs=100, place="first"))
    text = causes.cause(own, FP32)
    # 400 MACs that took 7 s would take 1: of 9.25 s, 3.25 are left.
    assert text == (
        "31 % of the MACs stayed in fp32 (group convolution, first layer), in 76 % of the time (2.85 times as quick without)"
    )


def test_where_nothing_ran_as_asked_it_is_taken_to_gain_what_arithmetic_may() -> None:
    own = Side("bf16", (other("convolution", 8.0, macs=1000),))
    assert causes.cause(own, FP32) == (
        "100 % of the MACs stayed in fp32 (convolution), in 100 % of the time (2 times as quick without)"
    )


def test_the_first_and_the_last_layer() -> None:
    own = int8(other("convolution", 2.25, macs=100, precision="int8", place="first"),
               other("matmul", 1.0, macs=400, precision="int8", place="last"))  # fmt: skip
    # The last is at the pace of the others, and not named; the first would take 0.25 s.
    text = "the first layer takes 41 % of the time, 8 % in fp32, for 7 % of the MACs (1.57 times as quick without)"
    assert causes.cause(own, FP32) == text


def test_layers_that_are_no_quicker_for_each_mac_and_a_machine_that_has_no_more() -> None:
    own = int8(seconds=9.0, peak=0.9e9)
    text = "convolution takes 100 % of the time and is 1 times as quick for each MAC as in fp32"
    assert causes.cause(own, FP32) == f"{text} (4 times as quick without)"
    told = causes.cause(own, FP32._replace(peak=1e9))
    assert told == f"{text} (this machine's measured peak: 0.9 times) (4 times as quick without)"
    assert "measured peak" not in causes.cause(own._replace(peak=4e9), FP32._replace(peak=1e9))


def test_operators_without_macs_that_got_no_quicker() -> None:
    own = int8(other("pooling", 2.0), other("add", 1.0), other("softmax", 0.1, precision="int8"))
    theirs = FP32._replace(operators=(*FP32.operators, other("softmax", 4.0)))
    found = {candidate.text for candidate in causes.candidates(own, theirs)}
    assert "operators without MACs (pooling, add) take 56 % of the time, 12 % in fp32" in found


def test_a_request_takes_longer_than_its_operators() -> None:
    own = int8(seconds=2.25)._replace(seconds=9.0)
    assert causes.cause(own, FP32) == "75 % of the time is in no operator of the engine's account (4 times as quick without)"
    # A profiler that slows the operators down says nothing of what is outside.
    assert causes.cause(int8()._replace(seconds=1.0), FP32).startswith("no cause found")


def test_memory_bound_is_said_where_traffic_is_most_of_the_request() -> None:
    own = int8()
    bound = own._replace(traffic_s=2.0, arithmetic_s=0.5)
    assert causes.cause(bound, FP32) == (
        "memory bound: the counted traffic takes 89 % of the time at the measured bandwidth (4.5 times as quick without)"
    )
    for side in (own, own._replace(traffic_s=1.0, arithmetic_s=0.5), own._replace(traffic_s=2.0, arithmetic_s=2.1)):
        assert "memory" not in causes.cause(side, FP32)


def test_the_leading_two_are_named_and_a_small_one_is_not() -> None:
    both = causes.cause(int8(other("conversion", 3.0), other("pooling", 3.0)), FP32)
    assert [part.partition(" take")[0] for part in both.split("; ")] == ["conversions", "operators without MACs (pooling)"]
    one = causes.cause(int8(other("conversion", 6.0), other("pooling", 2.0)), FP32)
    assert one.count("times as quick without") == 1


def test_no_cause_names_the_largest_contributors() -> None:
    own = int8(other("pooling", 0.05), other("conversion", 0.02))
    assert causes.cause(own, FP32) == (
        "no cause found: most of the time is in convolution in int8 97 %, pooling in fp32 2 %, conversion in fp32 1 %"
    )


def test_what_the_engine_does_not_say_is_not_guessed() -> None:
    assert causes.cause(Side("int8", ()), FP32) == "not known: the engine gives no account of what it runs"
    untimed = (Operator(kind="matmul", precision="int8", macs=3), Operator(kind="convolution", precision="fp32", macs=1))
    text = causes.cause(Side("int8", untimed), FP32)
    assert text.startswith("not known: ")
    assert text.endswith("25 % of the MACs stayed in fp32 (convolution)")
    # An fp32 sibling without an account leaves out what compares with it.
    alone = causes.cause(int8(other("conversion", 6.75)), Side("fp32", ()))
    assert alone == "conversions take 75 % of the time (4 times as quick without)"


seconds = st.none() | st.floats(0, 1e3)
operators = st.lists(
    st.builds(
        Operator, kind=st.sampled_from(["convolution", "matmul", "conversion", "pooling"]),
        precision=st.sampled_from(["fp32", "int8"]), place=st.sampled_from(["", "first", "last"]), macs=st.integers(0, 10**9),
        seconds=seconds,
    ), max_size=6,
)  # fmt: skip


@given(own=operators, theirs=operators, measured=seconds, traffic=seconds, arithmetic=seconds)
def test_whatever_the_accounts_hold_there_is_one_line_whose_numbers_are_possible(
    own: list[Operator], theirs: list[Operator], measured: float | None, traffic: float | None, arithmetic: float | None
) -> None:
    side = Side("int8", own, measured, traffic, arithmetic)
    text = causes.cause(side, Side("fp32", theirs))
    assert text
    assert "\n" not in text
    assert all(0 <= int(share) <= 100 for share in re.findall(r"(\d+) %", text))
    if any(operator.seconds for operator in own):
        gains = [candidate.gain for candidate in causes.candidates(side, Side("fp32", theirs))]
        assert gains == sorted(gains, reverse=True)
        assert all(1.0 <= gain <= 100.0 + 1e-9 for gain in gains)


@given(share=st.floats(0.01, 0.95))
def test_the_gain_is_amdahls(share: float) -> None:
    own = int8(other("conversion", 2.25 * share / (1 - share)))
    assert causes.candidates(own, FP32)[0].gain == pytest.approx(1 / (1 - share))
