from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vbench import flags as every
from vbench import judge
from vbench.core import Case, Replicate

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
        {"values": {"waited_s": 1.5, "stream_balance": 0.9, "passes_s": 2.0}},  # its own threads take turns
        {"values": {"involuntary_switches": 900.0, "server_trials": 9.0, "passes_s": 2.0}},
        {"values": {"clock_mhz_start": 2000.0, "clock_mhz": 1800.0}},
        {"values": {"throttle": float(0x1)}},  # idle is no throttling
        {"sentinel_ns": (1_000_000,) * 5 + (1_100_000,) * 5},
    ],
)
def test_at_the_threshold_there_is_no_flag(fields: dict[str, Any], make: Any) -> None:
    assert judge.flags(_six(make, **fields)) == []


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


def test_drift_widens_the_interval_and_leaves_the_runs_own(make: Any) -> None:
    row: dict[str, Any] = {"latency_s": 1.0, "latency_s_low": 0.98, "latency_s_high": 1.02, "throughput_per_s": None}
    found = judge.with_drift(row, 0.05)
    assert set(found) == {"latency_s_low", "latency_s_high", "drift_share"}
    assert found["latency_s_low"] < row["latency_s_low"]
    assert found["latency_s_high"] > row["latency_s_high"]
    assert found["drift_share"] == pytest.approx(0.0513, abs=1e-4)
    assert judge.with_drift(row, None) == {}
    assert judge.with_drift({"latency_s": 1.0, "latency_s_low": None, "latency_s_high": None}, 0.05) == {}
