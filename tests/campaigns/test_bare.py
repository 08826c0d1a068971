"""The comparison of a step with a bare call, on calls whose times are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bare

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Clock:
    """Each call takes what it is told to."""

    def __init__(self) -> None:
        self.now = 0

    def call(self, nanoseconds: int) -> Callable[[], None]:
        def step() -> None:
            self.now += nanoseconds

        return step


def test_a_known_difference_is_found_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(bare.time, "perf_counter_ns", lambda: clock.now)
    found = bare.turns(clock.call(1_005_000), clock.call(1_000_000), rounds=8, seconds=0.01)
    assert found == bare.Turns([1_005_000.0] * 8, [1_000_000.0] * 8)
    assert found.row() == ["1.0050 ms", "1.0000 ms", "1.0050", "1.0050 to 1.0050", "5.00", "5.00 to 5.00"]


def test_the_order_changes_from_turn_to_turn() -> None:
    order: list[str] = []
    bare.turns(lambda: order.append("ours"), lambda: order.append("bare"), rounds=2, seconds=0.0)
    each = 5 + bare._DISCARDED
    assert order[each:] == ["bare"] * each + ["ours"] * each * 2 + ["bare"] * each


def test_the_bare_call_of_eager_is_the_module_on_the_same_inputs() -> None:
    seen: list[int] = []
    call = bare.eager(seen.append, None, None, [1, 2])  # type: ignore[arg-type]
    for _ in range(3):
        call()
    assert seen == [1, 2, 1]
