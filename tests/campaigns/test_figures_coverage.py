from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest
from campaign import log
from figures import coverage
from figures.coverage import Share, Trial
from hypothesis import given
from hypothesis import strategies as st

from vbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conftest import Found


def test_a_trial_is_judged_by_the_processes_of_the_others() -> None:
    # Without its own ten processes the long-run value of the first is 10, and its interval misses it.
    trials = [Trial([1.0] * 10, 1.0, (0.9, 1.1)), Trial([10.0, 10.0], 10.0, (9.0, 11.0)), Trial([10.0], 10.0, (0.5, 10.5))]
    found = coverage.share(trials)
    assert found == Share(held=1, trials=3, width=pytest.approx(0.1), long_run=1.0)


def test_a_trial_alone_or_without_an_interval_is_not_judged() -> None:
    assert coverage.share([Trial([1.0], 1.0, (0.9, 1.1))]).trials == 0
    assert coverage.share([Trial([1.0], 1.0, None), Trial([1.0], 1.0, (0.9, 1.1))]) == Share(1, 1, pytest.approx(0.1), 1.0)
    assert coverage.share([]) == Share(0, 0, None, None)


@given(
    st.lists(st.tuples(st.lists(st.integers(1, 1000), min_size=1, max_size=5), st.integers(0, 300)), min_size=2, max_size=8),
    st.sampled_from([0.5, 2.0, 64.0]),
)
def test_shares_depend_on_neither_unit_nor_order(given_: list[tuple[list[int], int]], factor: float) -> None:
    def trials(scale: float) -> list[Trial]:
        return [
            Trial([scale * v for v in values], scale * values[0], (scale * (values[0] - w), scale * (values[0] + w)))
            for values, w in given_
        ]

    found, scaled = coverage.share(trials(1.0)), coverage.share(trials(factor)[::-1])
    assert (scaled.held, scaled.trials) == (found.held, found.trials)
    assert scaled.width == pytest.approx(found.width)


@given(st.lists(st.lists(st.integers(1, 1000), min_size=1, max_size=4), min_size=2, max_size=8))
def test_intervals_that_hold_everything_always_hold(groups: list[list[int]]) -> None:
    found = coverage.share([Trial([float(v) for v in values], 500.0, (0.0, 1000.0)) for values in groups])
    assert found.held == found.trials == len(groups)


TORCH = {"median_s": 0.010, "per_block": 10, "blocks_ns": [int(1e7 * ms) for ms in (9, 9.5, 9.8, 10.2, 10.5, 11)]}
PYTEST = {"mean_s": 0.010, "stddev_s": 0.002, "rounds": 16, "per_round": 1, "rounds_ns": [10_000_000] * 16}


def test_the_intervals_are_what_a_reader_of_each_tool_would_compute() -> None:
    assert coverage.torch_trial(TORCH).interval == pytest.approx((0.009, 0.011))
    assert coverage.torch_quartiles(TORCH).interval == pytest.approx((0.009575, 0.010425))
    assert coverage.pytest_trial(PYTEST).interval == pytest.approx((0.010 - 1.96 * 0.0005, 0.010 + 1.96 * 0.0005))


def test_few_blocks_of_torch_benchmark_are_given_their_whole_range() -> None:
    assert coverage.torch_trial(TORCH | {"blocks_ns": [int(9e7), int(12e7)]}).interval == pytest.approx((0.009, 0.012))


def repetitions(found: Found, others: Sequence[float] = (0.0, 0.0, 0.0)) -> list[dict[str, Any]]:
    """Three repetitions of one network: ours holds the long-run value in all but the last."""
    rows = [
        found.row([10.0, 10.1, 10.2], (9.9, 10.3)),
        found.row([10.1, 10.2, 10.3], (10.0, 10.4), run_low=0.01015, run_high=0.0102),
        found.row([12.0, 12.1, 12.2], (11.9, 12.3)),
    ]
    return [
        found.repetition(
            number,
            others[number],
            vbench=found.ours(**{"net/a": row}),
            torch={"net/a": TORCH | {"median_s": (0.010, 0.0105, 0.013)[number]}},
            pytest={"net/a": PYTEST | {"mean_s": (0.010, 0.010, 0.013)[number]}},
        )
        for number, row in enumerate(rows)
    ]


def test_shares_by_tool_and_network(found: Found) -> None:
    shares = coverage.shares(repetitions(found), ["net/a"])
    held = {tool.partition(" ")[0] + tool[-8:]: (one.held, one.trials) for (tool, of), one in shares.items() if of == "net/a"}
    # Without the first, the long-run value is 11.15 ms; without the second, 11.1 ms; without the third, 10.15 ms.
    assert list(held.values())[:2] == [(0, 3), (0, 3)]
    pooled = {tool: one for (tool, of), one in shares.items() if of == "all"}
    assert len(pooled) == 5
    assert all(one.trials == 3 for one in pooled.values())


def test_a_long_run_value_that_stands_is_held(found: Found) -> None:
    rows = [
        found.row([10.0, 10.1, 10.2], (9.9, 10.3)),
        found.row([10.0, 10.1, 10.3], (10.0, 10.4), run_low=0.01012, run_high=0.0102),
    ]
    repeated = [found.repetition(n, vbench=found.ours(**{"net/a": rows[n % 2]})) for n in range(4)]
    shares = coverage.shares(repeated, ["net/a"])
    assert (shares["vbench (drift included)", "net/a"].held, shares["vbench (drift included)", "net/a"].trials) == (4, 4)
    # The interval of the run alone begins above 10.1 ms in every other repetition.
    assert shares["vbench (run alone)", "net/a"].held == 2
    assert {tool for tool, _ in shares} == {"vbench (drift included)", "vbench (run alone)"}
    assert shares["vbench (run alone)", "net/a"].long_run == pytest.approx(0.0101)


def test_pytest_benchmark_is_judged_by_means(found: Found) -> None:
    shares = coverage.shares(repetitions(found), ["net/a"])
    one = shares["pytest-benchmark (mean ± 1.96 standard errors)", "net/a"]
    assert one.long_run == pytest.approx(fmean([0.010, 0.010, 0.013]))
    # 13 ms is judged by 10; each 10 by the mean of 10 and 13.
    assert one.held == 0
    assert one.width == pytest.approx(1.96 * 0.0005 / 0.010)


def test_half_hours_count_from_the_first_process(found: Found) -> None:
    row = found.row([10.0, 11.0, 12.0])
    for process, started in zip(row["processes"], (5000.0, 5000.0 + 1799.0, 5000.0 + 3700.0), strict=True):
        process["started_s"] = started
    slots = coverage.half_hours([found.repetition(0, vbench=found.ours(**{"net/a": row}))], ["net/a"])
    assert slots == [(0, {"net/a": (2, pytest.approx(0.0105))}), (2, {"net/a": (1, pytest.approx(0.012))})]


def test_the_report_shows_busy_repetitions_with_and_without(found: Found) -> None:
    entries = dict(enumerate(repetitions(found, (0.0, 0.0, 1.5))))
    text = coverage.report(log.Log(None, entries, [{"reason": "why"}], 0))
    assert "3 repetitions (1 on a machine that was not idle), 1 failed attempts" in text
    assert "the 2 others alone" in text
    assert text.count("| net/a | vbench (run alone) |") == 2
    assert "| since the first process | net/a |" in text
    calm = coverage.report(log.Log(None, dict(enumerate(repetitions(found))), [], 0))
    assert "others alone" not in calm
    assert calm.count("| net/a | vbench (run alone) |") == 1


def test_later_repetitions_can_be_judged_alone(found: Found) -> None:
    whole = log.Log(None, dict(enumerate(repetitions(found))), [], 0)
    text = coverage.report(whole, first=2)
    assert "3 repetitions" in text
    assert "Judged are the 2 from repetition 2 on." in text
    line = next(line for line in text.splitlines() if line.startswith("| net/a | vbench (run alone) |"))
    assert line.split(" | ")[3] == "2"
    with pytest.raises(UsageError, match="--first 4: the log holds no repetition from there on"):
        coverage.report(whole, first=4)


def test_widths_are_shown_so_that_a_wide_interval_cannot_hide(found: Found) -> None:
    line = next(
        line
        for line in coverage.report(log.Log(None, dict(enumerate(repetitions(found))), [], 0)).splitlines()
        if line.startswith("| net/a | vbench (drift")
    )
    middles, halves = (10.1, 10.2, 12.1), 0.2
    assert f"{100 * sorted(halves / m for m in middles)[1]:.2f} %" in line
