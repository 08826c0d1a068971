from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import pytest
from campaign import log, markdown
from figures import bias, cost, load, loop, repeatability
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

if TYPE_CHECKING:
    from conftest import Found

positive = st.floats(0.001, 1.0)


def as_log(*entries: dict[str, Any]) -> log.Log:
    return log.Log(None, {entry["repetition"]: entry for entry in entries}, [], 0)


def test_a_table_survives_a_bar() -> None:
    assert markdown.table(("a", "b"), [("1|2", "3")]) == "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (markdown.percent(0.12345), "12.3 %"),
        (markdown.percent(None), "–"),
        (markdown.between((0.5, 0.75)), "50.0 to 75.0 %"),
        (markdown.between(None), "–"),
        (markdown.ms(0.0123456), "12.35 ms"),
        (markdown.ms(None), "–"),
        (markdown.seconds(1234.5), "1234 s"),
        (markdown.seconds(2.3456), "2.35 s"),
        (markdown.seconds(None), "–"),
        (markdown.ratio(1.00456), "1.0046"),
        (markdown.ratio(None), "–"),
    ],
)
def test_numbers_are_shown_as_a_reader_wants_them(shown: str, text: str) -> None:
    assert shown == text


def test_the_ratio_is_paired_by_round() -> None:
    # A machine that doubles its times half-way, and a tool that is 1 % above the other throughout.
    pairs = [(1.01 * base, base) for base in [1.0] * 10 + [2.0] * 11]
    found = bias.ratio(pairs)
    assert found.paired == pytest.approx(1.01)
    assert found.interval == pytest.approx((1.01, 1.01))
    assert found.verdict() == "yes"


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=30), st.sampled_from([0.5, 3.0]))
def test_ratios_depend_on_neither_unit_nor_order_and_turn_with_the_sides(pairs: list[tuple[float, float]], factor: float) -> None:
    found = bias.ratio(pairs)
    other = bias.ratio([(factor * one, factor * two) for one, two in reversed(pairs)])
    turned = bias.ratio([(two, one) for one, two in pairs])
    assert other.paired == pytest.approx(found.paired)
    assert turned.paired == pytest.approx(1 / found.paired)
    assert (found.interval is None) == (len(pairs) < 6)
    if found.interval is not None and turned.interval is not None:
        assert found.interval[0] <= found.paired * (1 + 1e-12)
        assert found.interval[1] >= found.paired * (1 - 1e-12)
        assert turned.interval == pytest.approx((1 / found.interval[1], 1 / found.interval[0]))


@pytest.mark.parametrize(
    ("paired", "interval", "verdict"),
    [
        (1.0, (0.99, 1.01), "yes"),
        (1.05, (1.03, 1.07), "no"),
        (0.95, (0.93, 0.97), "no"),
        (1.0, (0.97, 1.03), "yes, the interval reaches across"),
        (1.03, (1.01, 1.05), "no, the interval reaches across"),
        (1.0, None, "too few rounds"),
    ],
)
def test_a_verdict_says_as_much_as_the_interval(paired: float, interval: tuple[float, float] | None, verdict: str) -> None:
    assert bias.Ratio(9, paired, interval).verdict() == verdict


def test_the_report_of_bias_names_the_worst_for_either_allocator(found: Found) -> None:
    def half(slow: float) -> dict[str, Any]:
        rows = {"net/a": found.row([10.0]), "net/b": found.row([slow]), "net/c": found.row([1.0], status="failed")}
        return {"vbench": found.ours(**rows), "torch": {name: {"median_s": 0.010} for name in rows}}

    entries = [found.repetition(number, keep=half(10.3), system=half(9.5)) for number in range(8)]
    text = bias.report(as_log(*entries))
    assert "Median over networks: +1.50 %. Worst: net/b, +3.00 %." in text
    assert "Median over networks: -2.50 %. Worst: net/b, -5.00 %." in text
    assert "| net/a | 8 | 1.0000 | 1.0000 to 1.0000 | yes | – | – |" in text
    assert "net/c" not in text
    assert "by itself" not in bias.report(as_log(found.repetition(0, keep=half(10.0))))


def test_page_faults_of_either_tool_stand_beside_the_ratio(found: Found) -> None:
    def half(mine: float, theirs: float) -> dict[str, Any]:
        row = found.row([10.0])
        row["processes"][0]["page_faults"] = mine
        return {"vbench": found.ours(**{"net/a": row}), "torch": {"net/a": {"median_s": 0.01, "faults_per_pass": theirs}}}

    halves = [half(7.0, 4000.0), half(9.0, 4100.0), half(8.0, 9000.0)]
    assert bias.faults([], "net/a") == bias.Faults(None, None)
    assert bias.faults(halves, "net/a") == bias.Faults(8.0, 4100.0)
    text = bias.report(as_log(*(found.repetition(number, system=one) for number, one in enumerate(halves))))
    assert "| too few rounds | 8 | 4100 |" in text


def test_a_process_has_one_ratio_and_rounds_are_no_processes(found: Found) -> None:
    def process(*ratios: float) -> dict[str, Any]:
        return {"pairs": [(0.01 * ratio, 0.01) for ratio in ratios]}

    assert loop.of_process(process(1.0, 1.01, 9.0)) == pytest.approx(1.01)
    entries = [found.repetition(n, networks={"net/a": process(1.01, 1.0, 1.02), "net/b": process(1.05)}) for n in range(6)]
    text = loop.report(as_log(*entries))
    assert "| net/a | 6 | 1.0100 | 1.0100 to 1.0100 | yes |" in text
    assert "| net/b | 6 | 1.0500 | 1.0500 to 1.0500 | no |" in text
    assert "| all | 12 | 1.0298 |" in text


def cost_repetition(
    found: Found, number: int, mine: list[float], theirs: list[float], seconds: tuple[float, float]
) -> dict[str, Any]:
    return found.repetition(
        number,
        interval=0.02,
        vbench=found.ours(seconds[0], 4.0, **{"net/a": found.row(mine)}),
        torch={"networks": {"net/a": [{"median_s": ms / 1e3} for ms in theirs]}, "seconds": seconds[1]},
    )


def test_cost_compares_times_only_where_both_arrived(found: Found) -> None:
    narrow, wide = [10.0] * 8, [8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    both = cost.sides(cost_repetition(found, 0, narrow, narrow, (20.0, 50.0)), 0.02)
    assert (both[0].done, both[1].done) == (True, True)
    assert cost.times_less(*both) == "2.50"
    assert both[0].per_process == pytest.approx((20.0 - 4.0) / 8)
    assert both[1].per_process == pytest.approx(50.0 / 8)
    stopped = cost.sides(cost_repetition(found, 0, narrow, wide, (20.0, 50.0)), 0.02)
    assert cost.times_less(*stopped) == "at least 2.50 (theirs was stopped)"
    neither = cost.sides(cost_repetition(found, 0, wide, wide, (20.0, 50.0)), 0.02)
    assert cost.times_less(*neither) == "–"


def test_five_processes_never_reach_an_interval() -> None:
    assert not cost.reached([1.0] * 5, 0.02)
    assert cost.reached([1.0] * 6, 0.02)


def test_an_estimate_is_blind_to_a_bias_between_the_tools(found: Found) -> None:
    chance = random.Random(0)  # noqa: S311 - made-up times, not a secret
    mine = [10 * math.exp(chance.gauss(0, 0.05)) for _ in range(40)]
    even = cost.estimate([cost_repetition(found, 0, mine, mine, (1.0, 1.0))], "net/a", 0.02)
    biased = cost.estimate([cost_repetition(found, 0, mine, [1.5 * ms for ms in mine], (1.0, 1.0))], "net/a", 0.02)
    assert even.needed == biased.needed
    assert even.needed is not None
    assert biased.spread_mine == pytest.approx(biased.spread_theirs, rel=1e-5)
    assert (even.mine, even.theirs) == (40, 40)


@given(st.lists(positive, min_size=3, max_size=20), st.sampled_from([0.5, 4.0]))
def test_the_spread_has_no_unit(values: list[float], factor: float) -> None:
    assert cost.spread([factor * value for value in values]) == pytest.approx(cost.spread(values))


def test_the_report_of_cost_calls_an_estimate_one(found: Found) -> None:
    entry = cost_repetition(found, 0, [10.0] * 8, [10.0] * 8, (20.0, 50.0))
    measured, _, estimated = cost.report(as_log(entry)).partition("Estimates, not measurements")
    assert "| 1 | 20 s (1 of 1) | 50 s (1 of 1) | 2.50 | 2 s | 6.25 s | 3.12 |" in measured
    assert "| net/a | 8 + 8 | 0.0 % | 0.0 % | 6 | 12 s | 37.5 s |" in estimated


def test_two_honest_normal_intervals_are_rarely_disjoint() -> None:
    expected = repeatability.expected_share()
    assert 0.005 < expected < 0.006
    # The errors of two runs differ by sqrt(2) of one, and the intervals reach 1.96 from either side.
    assert expected == pytest.approx(2 * (1 - norm.cdf(2 * norm.ppf(0.975) / math.sqrt(2))))


def test_disjoint_intervals_are_counted_and_judged_by_chance(found: Found) -> None:
    names = [f"net/{index}" for index in range(12)]
    first = found.ours(**{name: found.row([10.0 + i] * 6, (9.9 + i, 10.1 + i)) for i, name in enumerate(names)})
    rows = {name: found.row([10.0 + i] * 6, (9.95 + i, 10.2 + i)) for i, name in enumerate(names)}
    second = found.ours(**rows | {"net/3": found.row([13.5] * 6, (13.3, 13.7))})
    compared, disjoint = repeatability.compare(first, second, (1, 2))
    assert compared == 12
    assert [(one.network, one.one, one.other) for one in disjoint] == [
        ("net/3", pytest.approx((0.0129, 0.0131)), pytest.approx((0.0133, 0.0137)))
    ]
    # One of twelve is what chance gives once in fifteen times; two are not.
    assert repeatability.tail(1, 12) > 0.05 > repeatability.tail(2, 12)
    assert repeatability.tail(0, 0) == 1.0
    assert repeatability.tau(first, second) == pytest.approx(1.0)
    text = repeatability.report(as_log(found.repetition(0, vbench=first), found.repetition(1, vbench=second)))
    assert "| 1 and 2 | 12 | 1 | 0.07 |" in text
    assert "| net/3 | 1 and 2 | 12.9 ms to 13.1 ms | 13.3 ms to 13.7 ms |" in text


def test_tau_counts_pairs_that_changed_places(found: Found) -> None:
    first = found.ours(**{f"net/{i}": found.row([1.0 + i]) for i in range(4)})
    swapped = found.ours(**{f"net/{i}": found.row([ms]) for i, ms in enumerate((2.0, 1.0, 3.0, 4.0))})
    # One of six pairs is the other way round: (5 - 1) / 6.
    assert repeatability.tau(first, swapped) == pytest.approx(4 / 6)
    assert repeatability.tau(first, found.ours(**{"net/0": found.row([1.0])})) is None


def test_only_networks_that_are_told_apart_can_be_reversed(found: Found) -> None:
    first = found.ours(a=found.row([1.0], (0.9, 1.1)), b=found.row([2.0], (1.9, 2.1)), c=found.row([2.05], (1.95, 2.2)))
    second = found.ours(a=found.row([1.9], (0.9, 3.0)), b=found.row([1.8], (1.0, 2.1)), c=found.row([2.0], (1.0, 2.2)))
    # The first tells a from b and from c; the second has a above b, and tells nothing apart.
    assert repeatability.reversed_pairs(first, second) == (2, 1)
    assert repeatability.reversed_pairs(first, first) == (4, 0)
    text = repeatability.report(as_log(found.repetition(0, vbench=first), found.repetition(1, vbench=second)))
    assert "| 1 of 2 |" in text


def test_networks_without_an_interval_are_not_compared(found: Found) -> None:
    first = found.ours(a=found.row([1.0]), b=found.row([1.0] * 6, (0.9, 1.1)), c=found.row([1.0] * 6, (0.9, 1.1)))
    second = found.ours(a=found.row([9.0]), b=found.row([1.0] * 6, (0.9, 1.1), status="failed"))
    assert repeatability.compare(first, second, (1, 2)) == (0, [])


def load_repetition(found: Found, number: int, **loaded: dict[str, Any]) -> dict[str, Any]:
    idle = {name: found.row([10.0] * 6, (9.9, 10.1)) for name in loaded}
    bursts = [(100.0, 105.0), (120.0, 135.0)]
    return found.repetition(number, idle=found.ours(**idle), loaded=found.ours(50.0, **loaded), bursts=bursts)


def test_only_what_is_wrong_and_unflagged_is_silent(found: Found) -> None:
    rows = {
        "right": found.row([10.0] * 6, (9.8, 10.2), flags=["imprecise"]),
        "flagged": found.row([14.0] * 6, (13.0, 15.0), flags=["imprecise", "stolen"]),
        "silent": found.row([14.0] * 6, (13.0, 15.0), flags=["imprecise"]),
        "bare": found.row([14.0] * 3, None),
    }
    entry = load_repetition(found, 0, **rows)
    judged = load.judged(entry["loaded"], 1, load.idle_values([entry["idle"]], list(rows)))
    assert [(row.network, row.holds, row.flagged, row.silent) for row in judged] == [
        ("right", True, False, False),
        ("flagged", False, True, False),
        ("silent", False, False, True),
        ("bare", False, False, True),
    ]
    text = load.report(as_log(entry))
    assert "Silently wrong: silent (1), bare (1)." in text
    assert "2 bursts of load took 40.0 % of the loaded runs" in text
    assert "| under load | 4 | 1 | 1 | 1 | 2 |" in text
    assert "| idle |" not in text


def test_an_idle_run_is_judged_by_the_other_idle_runs(found: Found) -> None:
    entries = [load_repetition(found, n, net=found.row([10.0] * 6, (9.9, 10.1))) for n in range(3)]
    entries[2]["idle"]["networks"]["net"] = found.row([12.0] * 60, (11.9, 12.1))
    text = load.report(as_log(*entries))
    assert "| idle | 3 | 0 | 0 | 0 | 3 |" in text
    assert load.idle_values([e["idle"] for e in entries], ["net"], without=2) == {"net": pytest.approx(0.010)}


def test_nothing_silent_is_said_plainly(found: Found) -> None:
    assert "Silently wrong: none." in load.report(as_log(load_repetition(found, 0, net=found.row([10.0] * 6, (9.9, 10.1)))))
