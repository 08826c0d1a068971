"""How cases are dealt out, and what stays together."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vbench.cluster import shares
from vbench.core import Case


def case(batch: int = 1, **axes: Any) -> Case:
    return Case(architecture="family/variant", input_shape=(3, 32, 32), batch=batch, **axes)


def test_what_is_compared_with_each_other_stays_together() -> None:
    whole, narrow, smaller = case(), case(precision="bf16"), case(compression="l1-filter:0.5")
    other, engine = case(batch=8), case(engine="openvino")
    assert shares.groups([whole, other, narrow, engine, smaller]) == [(whole, narrow, smaller), (other,), (engine,)]


@given(st.lists(st.integers(1, 4096), max_size=60), st.integers(1, 9))
def test_every_case_is_dealt_once_and_nobody_has_much_more(batches: list[int], count: int) -> None:
    groups = shares.groups(case(batch) for batch in dict.fromkeys(batches))
    hands = shares.deal(groups, [0.0] * count)
    assert sorted(group[0].batch for hand in hands for group in hand) == sorted(set(batches))
    loads = [sum(map(shares.weight, hand)) for hand in hands]
    assert max(loads) <= sum(loads) / count + max(map(shares.weight, groups), default=0.0)


def test_whoever_has_much_already_gets_less() -> None:
    groups = shares.groups(case(batch) for batch in range(1, 5))
    hands = shares.deal(groups, [1000.0, 0.0])
    assert [len(hand) for hand in hands] == [0, 4]


def test_a_scenario_that_lasts_counts_for_more() -> None:
    assert shares.weight((case(scenario="sustained:60s"),)) > 10 * shares.weight((case(),))
