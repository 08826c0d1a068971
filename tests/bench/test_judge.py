from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from vbench import flags as every
from vbench import judge, results
from vbench.core import Case, Replicate
from vbench.drift import Drift

CASE = Case(architecture="a/b", input_shape=(3, 8, 8))


def _six(make: Any, **fields: Any) -> list[Replicate]:
    return [make.replicate(CASE, i, 10 + 0.05 * i, started_s=float(i), **fields) for i in range(6)]


def _some(make: Any, count: int, **fields: Any) -> list[Replicate]:
    """Six processes, of which the first `count` have these fields."""
    return [*_six(make, **fields)[:count], *_six(make)[count:]]


def test_steady_processes_give_no_cause() -> None:
    assert set(judge._RULES) | every.BIAS <= set(every.FLAGS)
    assert judge.flags([]) == []


def test_no_flag_without_cause(make: Any) -> None:
    assert judge.flags(_six(make)) == []


@pytest.mark.parametrize(
    ("flag", "least", "fields"),
    [
        ("stolen", 2, {"values": {"steal_share": 0.03}}),
        ("stolen", 2, {"values": {"involuntary_switches": 120.0, "passes_s": 2.0}}),
        ("stolen", 2, {"values": {"waited_s": 0.09, "passes_s": 2.0, "threads": 2.0}}),
        ("noisy", 3, {"latency_ns": (8_000_000, 9_000_000, 10_000_000, 11_000_000, 12_000_000) * 2}),
        ("warmup_not_settled", 4, {"notes": {"warmup_not_settled": "after 50 samples"}}),
        ("throttled", 3, {"values": {"clock_mhz_start": 2000.0, "clock_mhz": 1700.0}}),
        ("throttled", 3, {"values": {"throttle": float(0x20)}}),
        ("throttled", 3, {"sentinel_ns": (1_000_000,) * 5 + (1_200_000,) * 5}),
        ("clock_limited", 3, {"values": {"clock_reading_ns": 200_000.0}}),
        ("page_faults", 3, {"values": {"page_faults": 600.0, "page_fault_s": 1e-6}}),
    ],
)
def test_a_flag_needs_its_share_of_the_processes(flag: str, least: int, fields: dict[str, Any], make: Any) -> None:
    assert flag in judge.flags(_some(make, least, **fields))
    assert flag not in judge.flags(_some(make, least - 1, **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"values": {"steal_share": 0.02}},
        {"values": {"involuntary_switches": 100.0, "passes_s": 2.0}},
        {"values": {"waited_s": 0.08, "involuntary_switches": 900.0, "passes_s": 2.0, "threads": 2.0}},
        {"values": {"clock_mhz_start": 2000.0, "clock_mhz": 1800.0}},
        {"values": {"throttle": float(0x1)}},  # idle is no throttling
        {"sentinel_ns": (1_000_000,) * 5 + (1_100_000,) * 5},
    ],
)
def test_at_the_threshold_there_is_no_flag(fields: dict[str, Any], make: Any) -> None:
    assert judge.flags(_six(make, **fields)) == []


@pytest.mark.parametrize("scenario", ["server:15ms", "concurrent:2"])
@pytest.mark.parametrize("waited", [{"waited_s": 1.5}, {"involuntary_switches": 900.0}])
def test_threads_of_one_case_that_take_turns_are_not_stolen_time(scenario: str, waited: dict[str, float], make: Any) -> None:
    six = _six(make, values={"passes_s": 2.0, **waited})
    assert "stolen" not in judge.flags(six, scenario=scenario)
    assert "stolen" in judge.flags(six)
    beside_others = _six(make, values={"passes_s": 2.0, "steal_share": 0.03, **waited})
    assert "stolen" in judge.flags(beside_others, scenario=scenario)


def test_a_sentinel_that_is_late_is_evidence_where_the_kernel_counts_nothing(make: Any) -> None:
    quiet, late = {"sentinel_ns": (1_000_000,) * 10}, {"sentinel_ns": (1_400_000,) * 10}
    mixed = [*_six(make, **late)[:2], *_six(make, **quiet)[2:]]
    assert "stolen" in judge.flags(mixed)
    # A whole run beside a neighbour looks steady to itself: the machine's history knows better.
    assert judge.flags(_six(make, **late)) == []
    assert judge.flags(_six(make, **late), usual_sentinel_s=0.001) == ["stolen"]


def test_processes_that_differ_are_flagged(make: Any) -> None:
    far = [make.replicate(CASE, i, ms, started_s=i) for i, ms in enumerate((10, 11, 10, 9, 10, 11.5))]
    assert judge.flags(far) == ["process_variance"]


def test_a_trend_within_processes_or_across_them_is_drifting(make: Any) -> None:
    ramp = tuple(int(1e7 * (1 + 0.001 * i)) for i in range(40))
    assert "drifting" in judge.flags(_some(make, 3, latency_ns=ramp))
    assert "drifting" not in judge.flags(_some(make, 2, latency_ns=ramp))
    across = [make.replicate(CASE, i, 10 * (1 + 0.004 * i), started_s=float(i)) for i in range(12)]
    assert judge.flags(across) == ["drifting"]
    assert judge.flags(across[::-1]) == ["drifting"], "the order is that of time, not of the list"


def test_two_groups_within_processes_or_across_them_are_bimodal(make: Any) -> None:
    noise = np.random.default_rng(2).normal(0, 0.002, 60)
    pairs = tuple(int((10e6 if i % 2 else 13e6) * (1 + noise[i])) for i in range(60))
    assert "bimodal" in judge.flags(_some(make, 3, latency_ns=pairs))
    across = [make.replicate(CASE, i, (10 if i % 2 else 14) * (1 + noise[i]), started_s=float(i)) for i in range(30)]
    assert judge.flags(across) == ["process_variance", "bimodal"]


def test_a_host_that_cannot_keep_up_is_flagged(make: Any) -> None:
    bound = {"device_ns": (1_000_000,) * 10, "enqueue_ns": (900_000,) * 10}
    free = {"device_ns": (1_000_000,) * 10, "enqueue_ns": (700_000,) * 10}
    assert judge.flags(_six(make, **bound)) == ["host_bound"]
    assert judge.flags(_six(make, **free)) == []


def _rated(make: Any, rates: Any) -> list[Replicate]:
    """Processes without latency, as of a sweep: each has found its throughput at a single batch."""
    return [
        make.replicate(CASE, i, latency_ns=(), started_s=float(i), series=((1.0, rate),), values={"throughput_per_s": rate})
        for i, rate in enumerate(rates)
    ]


def test_processes_without_latency_are_judged_by_their_throughput(make: Any) -> None:
    noise = np.random.default_rng(2).normal(0, 0.002, 30)
    assert judge.flags(_rated(make, 100 * (1 + noise)), scenario="offline") == []
    assert judge.flags(_rated(make, (100, 110, 100, 90, 100, 115)), scenario="offline") == ["process_variance"]
    rising = _rated(make, [100 * (1 + 0.004 * i) for i in range(12)])
    assert judge.flags(rising, scenario="offline") == judge.flags(rising[::-1], scenario="offline") == ["drifting"]
    pairs = _rated(make, [(100 if i % 2 else 140) * (1 + x) for i, x in enumerate(noise)])
    assert judge.flags(pairs, scenario="offline") == ["process_variance", "bimodal"]


def test_processes_of_a_sweep_are_compared_at_one_batch(make: Any) -> None:
    # At batch 1 all are alike; what each calls its own best is another batch, and says nothing about the others.
    apart = [
        make.replicate(
            CASE, i, latency_ns=(), started_s=float(i), series=((1.0, 100.0), (2.0, 163.0 if i == 0 else 102.0)),
            values={"throughput_per_s": 163.0 if i == 0 else 100.0},
        )
        for i in range(7)
    ]  # fmt: skip
    assert judge.flags(apart, scenario="offline") == []


def test_windows_of_sustained_throughput_may_drift_and_be_noisy(make: Any) -> None:
    def one(rates: Any) -> list[str]:
        series = tuple((float(i), float(rate)) for i, rate in enumerate(rates))
        process = make.replicate(CASE, latency_ns=(), series=series, values={"throughput_per_s": 100.0})
        return judge.flags([process], scenario="sustained:60s")

    source = np.random.default_rng(3)
    assert one(source.normal(100, 1, 60)) == []
    assert one(np.linspace(100, 90, 60) + source.normal(0, 0.5, 60)) == ["drifting"]
    assert one(source.normal(100, 12, 60)) == ["noisy"]
    # What the server scenario keeps in its series are rates that it tried.
    trials = make.replicate(CASE, latency_ns=(), series=tuple((float(i), 0.01 * (1 + i)) for i in range(60)))
    assert judge.flags([trials], scenario="server:15ms") == []


def _row(column: str = "latency_s", own: float = 0.01, shown: float = 0.01, **more: Any) -> dict[str, Any]:
    ends = {"_run_low": 1 - own, "_run_high": 1 + own, "_low": 1 - shown, "_high": 1 + shown}
    return {column: 1.0} | {f"{column}{end}": value for end, value in ends.items()} | more


@pytest.mark.parametrize("column", ["latency_s", "throughput_per_s"])
@pytest.mark.parametrize(
    ("own", "shown", "share", "flags"),
    [
        (0.010, 0.010, None, []),
        (0.010, 0.019, 0.016, []),
        (0.030, 0.030, None, ["imprecise"]),
        (0.010, 0.058, 0.057, ["machine_drift"]),
        (0.019, 0.022, 0.011, ["machine_drift"]),  # neither alone, both together
        (0.030, 0.032, 0.010, ["imprecise"]),
        (0.030, 0.058, 0.050, ["imprecise", "machine_drift"]),
    ],
)
def test_a_wide_interval_says_whose_fault_it_is(column: str, own: float, shown: float, share: float | None, flags: list[str]) -> None:  # fmt: skip  # noqa: E501 - a row of the table
    row = _row(column, own, shown, drift_share=share)
    assert judge.width_flags(row, 0.02) == flags
    assert judge.width_flags(row, None) == []
    assert set(flags) <= set(every.FLAGS) - every.BIAS


def test_no_interval_is_said_of_a_number_and_of_nothing_else() -> None:
    assert judge.width_flags({"latency_s": 1.0}, 0.02) == ["no_interval"]
    assert judge.width_flags({"latency_s": None, "throughput_per_s": 5.0}, 0.02) == ["no_interval"]
    assert judge.width_flags({"latency_s": None}, 0.02) == []
    # A throughput that is not known does not matter where the latency decides.
    assert judge.width_flags(_row() | {"throughput_per_s": 5.0}, 0.02) == []


def test_drift_widens_the_interval_of_a_row_without_latency_too() -> None:
    row = {"throughput_per_s": 100.0, "throughput_per_s_low": 99.0, "throughput_per_s_high": 101.0, "latency_s": None}
    found = judge.with_drift(row, Drift(0.05))
    assert set(found) == {"throughput_per_s_low", "throughput_per_s_high", "drift_share", "drift_offset"}
    assert found["throughput_per_s_low"] < 99.0
    assert found["throughput_per_s_high"] > 101.0
    assert found["drift_share"] == pytest.approx(0.0513, abs=1e-4)


def test_a_row_on_a_machine_that_drifts_says_so_and_keeps_its_own_interval(make: Any) -> None:
    case = make.case(scenario="offline", engine="fake", device="fake")
    replicates = [
        make.replicate(case, i, latency_ns=(), started_s=float(i), series=((1.0, 100.0 + 0.1 * i),), sentinel_ns=(10**6 + i,) * 4)
        for i in range(7)
    ]
    run = make.run(case, sentinels={"fake,t1": (0.0009, 0.00095, 0.001, 0.00105, 0.0011)})
    (result,) = results.derive(run, replicates, "complete")
    values = result.values
    assert (values["throughput_per_s_run_low"], values["throughput_per_s_run_high"]) == (100.0, pytest.approx(100.6))
    assert values["throughput_per_s_low"] < 95
    assert values["throughput_per_s_high"] > 105
    assert values["drift_share"] > 0.05
    assert result.flags == ("machine_drift",)


def test_drift_widens_the_interval_and_leaves_the_runs_own(make: Any) -> None:
    row: dict[str, Any] = {"latency_s": 1.0, "latency_s_low": 0.98, "latency_s_high": 1.02, "throughput_per_s": None}
    found = judge.with_drift(row, Drift(0.05))
    assert set(found) == {"latency_s_low", "latency_s_high", "drift_share", "drift_offset"}
    assert found["latency_s_low"] < row["latency_s_low"]
    assert found["latency_s_high"] > row["latency_s_high"]
    assert found["drift_share"] == pytest.approx(0.0513, abs=1e-4)
    assert judge.with_drift(row, None) == {}
    rate = {"throughput_per_s": 1.0, "throughput_per_s_low": 0.9, "throughput_per_s_high": 1.1}
    faster = judge.with_drift(row | rate, Drift(0.0, 0.1))
    assert (faster["latency_s_low"], faster["latency_s_high"]) == pytest.approx((0.98, 1.02 * math.exp(0.1)))
    assert (faster["throughput_per_s_low"], faster["throughput_per_s_high"]) == pytest.approx((0.9 * math.exp(-0.1), 1.1))
    assert faster["drift_offset"] == pytest.approx(math.exp(-0.1) - 1)
    assert judge.with_drift({"latency_s": 1.0, "latency_s_low": None, "latency_s_high": None}, Drift(0.05)) == {}
