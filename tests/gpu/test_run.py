"""Whole runs on a real GPU: `vbench run --device cuda`, small and quick, and what its rows then hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from vbench import devices, drift, results, stats

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    Measured = Callable[..., pd.DataFrame]

capability = pytest.mark.capability


def _only(rows: pd.DataFrame) -> pd.Series:
    assert len(rows) == 1
    row = rows.iloc[0]
    assert row["status"] == "ok", row["reason"]
    return row


@capability("a whole run")
def test_a_run_fills_the_columns_of_a_device(measured: Measured) -> None:
    row = _only(measured("gpu/small", "--device", "cuda"))
    assert row["device"] == "cuda:0"
    for column in ("latency_s", "device_time_s", "enqueue_s", "throughput_per_s", "peak_device_bytes", "reserved_device_bytes"):
        assert row[column] > 0, column
    assert row["peak_device_bytes"] <= row["reserved_device_bytes"]
    assert row["agreement_sqnr_db"] >= 50
    if "clock_mhz" in devices.get("cuda:0").state():
        assert row["clock_mhz"] > 0


@capability("several devices in one run")
def test_one_run_measures_the_processor_and_every_gpu(measured: Measured) -> None:
    names = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    rows = measured("gpu/small", "--device", ",".join(names))
    assert sorted(rows["device"]) == sorted(names)
    assert set(rows["status"]) == {"ok"}
    on_cpu = rows[rows["device"] == "cpu"].iloc[0]
    assert on_cpu[["device_time_s", "enqueue_s", "peak_device_bytes"]].isna().all()


@capability("cuda:1 in a whole run")
def test_the_second_gpu_is_measured_by_its_name(measured: Measured) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU here")
    assert _only(measured("gpu/small", "--device", "cuda:1"))["device"] == "cuda:1"


@capability("precisions in a whole run")
def test_each_precision_that_the_gpu_has_is_measured_and_the_rest_skipped(measured: Measured) -> None:
    rows = measured("gpu/small", "--device", "cuda", "--precision", "fp32,tf32,bf16,fp16,int8").set_index("precision")
    assert rows.loc["int8", "status"] == "skipped"
    device = devices.get("cuda:0")
    for precision in ("fp32", "tf32", "bf16", "fp16"):
        lacking = device.lacks(precision) is not None
        assert rows.loc[precision, "status"] == ("skipped" if lacking else "ok"), rows.loc[precision, "reason"]
        if not lacking:
            flags = set(rows.loc[precision, "flags"])
            assert "no_interval" in flags, "one process has none"
            assert not {"metric_failed", "not_counted", "macs_disagree", "too_fast"} & flags, precision
            assert rows.loc[[precision], "drift_share"].isna().all(), "and nothing that drift could widen"


@capability("intervals in every precision")
def test_a_switch_of_the_device_is_no_drift_of_the_machine(measured: Measured, tmp_path: Path) -> None:
    words = ("gpu/small", "--device", "cuda", "--precision", "fp32,tf32,bf16,fp16", "--time-limit", "2m")
    rows = measured(*words, quick=False, output=tmp_path / "r.jsonl")
    rows = rows[rows["status"] == "ok"]
    assert "fp32" in set(rows["precision"])
    for _, row in rows.iterrows():
        assert not {"no_interval", "metric_failed", "not_counted", "too_fast"} & set(row["flags"]), row["case_id"]
        assert row["latency_s_low"] <= row["latency_s_run_low"] <= row["latency_s"], row["case_id"]
        assert row["latency_s"] <= row["latency_s_run_high"] <= row["latency_s_high"], row["case_id"]
    # All cases of a device are on one machine, and so share one drift.
    assert rows["drift_share"].notna().all()
    assert len(set(rows["drift_share"])) == 1
    # The sentinel is the same work whatever the case computes in: were it not, the slowest precision would look stolen
    # beside the others. TF32 on matrix products is several times faster, which no neighbour and no clock is.
    replicates = results.read(tmp_path / "r.jsonl").replicates
    usual = {case: stats.median(drift.in_order(r for r in replicates if r.case == case)) for case in rows["case_id"]}
    assert max(usual.values()) < 2 * min(usual.values()), usual


@capability("memory limit ends as `oom`")
def test_a_network_beyond_the_limit_is_a_row_and_the_run_goes_on(measured: Measured) -> None:
    rows = measured("gpu/wide", "gpu/small", "--device", "cuda", "--batch", "16", "--memory-limit", "512MB", code=4)
    rows = rows.set_index("architecture")
    assert rows.loc["gpu/wide", "status"] == "oom"
    assert "(limit 0.5 GiB of cuda:0)" in rows.loc["gpu/wide", "reason"]
    assert rows.loc["gpu/small", "status"] == "ok"


@capability("CUDA graph in a whole run")
def test_a_graph_is_a_case_of_its_own(measured: Measured) -> None:
    row = _only(measured("gpu/small", "--device", "cuda", "--cuda-graph"))
    assert row["engine_options"] == "cuda-graph=on"
    assert row["enqueue_s"] > 0


@capability("cold cache in a whole run")
def test_a_cold_cache_is_a_case_of_its_own_without_throughput(measured: Measured) -> None:
    row = _only(measured("gpu/small", "--device", "cuda", "--cold-cache"))
    assert (row["engine_options"], str(row["throughput_per_s"])) == ("cold-cache=on", "nan")
    assert row["device_time_s"] > 0


@capability("training step")
def test_a_training_step_is_measured(measured: Measured) -> None:
    assert _only(measured("gpu/small", "--device", "cuda", "--phase", "train", "--batch", "4"))["latency_s"] > 0


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=capability(f"scenario {name}")) for name in ("offline", "concurrent:2", "sustained:2s")]
)
def test_a_scenario_is_played(scenario: str, measured: Measured) -> None:
    assert _only(measured("gpu/small", "--device", "cuda", "--scenario", scenario))["throughput_per_s"] > 0


@capability("transfer between host and device")
def test_the_transfer_is_timed_apart(measured: Measured) -> None:
    row = _only(measured("gpu/small", "--device", "cuda", "--batch", "8"))
    assert row["h2d_s"] > 0
    assert row["d2h_s"] > 0


@capability("a device that is not there")
def test_a_number_that_no_gpu_has_is_refused_before_anything_is_measured(measured: Measured) -> None:
    with pytest.raises(AssertionError, match=r"device 'cuda:99' is not here; those that are: cpu, cuda:0"):
        measured("gpu/small", "--device", "cuda:99")
