"""From replicates to rows: the contract's columns, what becomes of trouble, and what a row says about itself."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vbench
from vbench import flags, journal, metrics, results
from vbench.core import Accuracy, Case, Facts, Paper, Record, Replicate, Result, Run
from vbench.errors import UsageError
from vbench.registry import METRICS

if TYPE_CHECKING:
    import random
    from pathlib import Path

# The contract, written down a second time, in its order.
CONTRACT = """
run_id machine case_id definition architecture family task topic year input_shape compression weights phase scenario engine
engine_options precision device batch threads layout status reason flags params trainable_params buffers weight_bytes macs flops
other_ops uncounted_ops activations backward_macs peak_activation_bytes peak_scratch_bytes largest_batch removed_channels
ranked_by zeros nonzeros encoded_bytes encoded_ratio latency_s latency_s_low latency_s_high latency_s_run_low latency_s_run_high
drift_share drift_offset latency_s_p90 latency_s_p95 latency_s_p99 latency_processes latency_samples device_time_s enqueue_s
throughput_per_s throughput_per_s_low throughput_per_s_high throughput_per_s_run_low throughput_per_s_run_high
throughput_processes best_batch oom_batch throughput_by_batch sweep_ended throughput_first_per_s throughput_last_per_s
sustained_ratio stream_balance server_qps server_p50_s server_p99_s server_queries server_trials server_note decode_s resize_s
normalise_s transfer_s forward_s postprocess_s build_s compile_s compile_cold_s first_run_s train_forward_s train_backward_s
train_optimizer_s train_gradient_sqnr_db train_update_sqnr_db peak_host_bytes base_host_bytes page_faults page_fault_share
peak_device_bytes reserved_device_bytes process_device_bytes file_bytes h2d_s d2h_s h2d_pageable_s d2h_pageable_s clock_mhz
temperature_c executed_precision executed_share agreement_sqnr_db agreement_cosine agreement_top1 speedup_over_fp32
speedup_over_fp32_low speedup_over_fp32_high slow_cause fidelity_sqnr_db fidelity_cosine fidelity_top1 speedup_over_uncompressed
speedup_over_uncompressed_low speedup_over_uncompressed_high saved achieved_flops peak_flops bandwidth_bytes_per_s efficiency
bound energy_j energy_method energy_note power_w energy_above_idle_j idle_power_w energy_dram_j receptive_field output_stride
bytes_moved arithmetic_intensity quality quality_metric top1 top5 accuracy_source accuracy_protocol accuracy_kind top1_low
top1_high top5_low top5_high accuracy_pictures top1_published top5_published accuracy_note
""".split()  # noqa: SIM905 - a list would take forty lines
ALWAYS = {*CONTRACT[: CONTRACT.index("params")]} - {"year"}
COUNTED = {"params": 10, "trainable_params": 9, "buffers": 2, "weight_bytes": 48, "macs": 500, "flops": 1000, "other_ops": 7}
STEADY = (9.9, 10.0, 10.0, 10.1, 10.0, 9.95)


@pytest.fixture
def case(make: Any) -> Case:
    return make.case("resnet/50", batch=2, threads=2)


@pytest.fixture
def steady(case: Case, make: Any) -> list[Replicate]:
    """A check, and six processes that differ by 1 %."""
    values = {"throughput_per_s": 150.0, "build_s": 0.1, "compile_s": 0.01, "first_run_s": 0.02, "peak_host_bytes": 2.0**28}
    return [make.check(case), *(make.replicate(case, i, ms, values=values) for i, ms in enumerate(STEADY))]


def test_the_columns_are_those_of_the_contract_in_its_order() -> None:
    assert list(results.COLUMNS) == CONTRACT == list(results.frame([]).columns)


def test_a_whole_case_fills_its_row(case: Case, steady: list[Replicate], make: Any) -> None:
    accuracy = [
        Accuracy(source="paper, table 4", protocol="1 crop", top1=76.0, top5=93.0),
        Accuracy(source="other", protocol="10 crops", top1=78.0),
    ]
    facts = Facts(family="resnet", topic="residual", paper=Paper(title="t", authors="a", year=2015), accuracy=tuple(accuracy))
    run = make.run(case, architectures={"resnet/50": facts})
    frame = results.record(run, steady, "complete").frame()
    assert list(frame.columns) == CONTRACT
    row = frame.iloc[0].to_dict()
    expected: dict[str, Any] = COUNTED | {
        "run_id": run.run_id, "machine": "some-machine", "case_id": case.id, "definition": "d0", "architecture": "resnet/50",
        "family": "resnet", "task": "classification", "topic": "residual", "year": 2015, "input_shape": "3x32x32", "batch": 2,
        "threads": 2, "status": "ok", "reason": "", "flags": [], "activations": 20, "uncounted_ops": {},
        "latency_processes": 6, "latency_samples": 60, "peak_host_bytes": 2**28, "agreement_sqnr_db": 200.0,
        "quality": 76.0, "quality_metric": "top1", "top1": 76.0, "top5": 93.0, "accuracy_source": "paper, table 4",
        "accuracy_protocol": "1 crop", "accuracy_kind": "published", "build_s": 0.1, "throughput_per_s": 150.0,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    times = ("latency_s", "latency_s_low", "latency_s_high", "latency_s_run_low", "latency_s_run_high", "latency_s_p95")
    assert [row[name] for name in times] == pytest.approx([0.010, 0.0099, 0.0101, 0.0099, 0.0101, 0.0101])


def test_what_is_missing_is_empty_and_never_zero(case: Case, make: Any) -> None:
    frame = results.record(make.run(case), [], "complete").frame()
    assert {name for name in frame if not frame[name].isna().all()} == ALWAYS


def test_a_metric_that_a_plugin_adds_comes_after_the_contract(case: Case, make: Any) -> None:
    record = Record(run=make.run(case), results=(Result(case=case, status="ok", values={"beauty": 3}),))
    frame = record.frame()
    assert list(frame.columns) == [*CONTRACT, "beauty"]
    assert frame["beauty"].tolist() == [3]


@pytest.mark.parametrize("status", ["failed", "timeout", "oom", "crashed"])
def test_one_bad_process_gives_the_row_its_status_and_the_good_ones_their_times(
    status: str, case: Case, steady: list[Replicate], make: Any
) -> None:
    bad = make.replicate(case, 6, 999.0, status=status, reason="it broke")
    record = results.record(make.run(case), [*steady, bad], "complete")
    row = record.frame().iloc[0]
    assert (row["status"], row["reason"], row["flags"]) == (status, "it broke", [])
    assert row["latency_s"] == pytest.approx(0.010)
    assert row["latency_processes"] == 6
    assert row["params"] == 10
    assert record.exit_code == 4


def test_a_case_that_fails_its_check_keeps_what_was_counted(case: Case, make: Any) -> None:
    check = msgspec.structs.replace(make.check(case), status="failed", reason="wrong_output", values={})
    row = results.record(make.run(case), [check], "complete").frame().iloc[0]
    assert (row["status"], row["macs"], row["reason"]) == ("failed", 500, "wrong_output")
    assert pd.isna(row["latency_s"])


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        ("complete", "not run: the time limit came first"),
        ("interrupted", "not run: the run was interrupted before it"),
        ("", "not run: the run was interrupted before it"),
    ],
)
@pytest.mark.parametrize("checked", [False, True])
def test_a_case_that_was_never_timed_is_skipped_with_its_counts(
    ended: str, reason: str, case: Case, make: Any, *, checked: bool
) -> None:
    replicates = [make.check(case)] if checked else []
    (result,) = results.derive(make.run(case), replicates, ended)
    assert (result.status, result.reason, result.flags) == ("skipped", reason, ())
    row = results.row(make.run(case), result)
    assert (row.get("params"), row.get("latency_s")) == (10 if checked else None, None)


def test_a_skipped_case_says_why(case: Case, make: Any) -> None:
    (result,) = results.derive(make.run(case, skipped={case.id: "no such device"}), [])
    assert result == Result(case=case, status="skipped", reason="no such device")


def _flags(run: Run, replicates: list[Replicate]) -> tuple[str, ...]:
    (result,) = results.derive(run, replicates, "complete")
    assert set(result.flags) <= set(flags.FLAGS)
    return result.flags


def test_each_flag_is_set_where_there_is_cause(case: Case, steady: list[Replicate], make: Any) -> None:
    run = make.run(case)
    assert _flags(run, steady) == ()
    assert _flags(run, steady[:-1]) == ("no_interval",)
    assert _flags(make.run(case, settings={"interval": 0.0099}), steady) == ("imprecise",)
    assert _flags(make.run(case, settings={"interval": 0.0101}), steady) == ()
    restless = [make.replicate(case, i, notes={"warmup_not_settled": "after 50 samples"}) for i in range(6)]
    assert _flags(run, restless) == ("warmup_not_settled",)
    assert _flags(run, [*steady[:4], *restless[3:]]) == ()
    assert _flags(run, [*steady[:3], *restless[2:]]) == ("warmup_not_settled",)
    # In a quick run the check must not outvote the only process that measured.
    assert _flags(run, [steady[0], restless[0]]) == ("no_interval", "warmup_not_settled")


def test_strict_fails_where_a_row_may_be_biased(case: Case, steady: list[Replicate], make: Any) -> None:
    restless = [make.replicate(case, i, notes={"warmup_not_settled": "after 50 samples"}) for i in range(6)]
    biased = results.record(make.run(case), restless, "complete")
    wide = results.record(make.run(case, settings={"interval": 0.001}), steady, "complete")
    assert [r.flags for r in (*biased.results, *wide.results)] == [("warmup_not_settled",), ("imprecise",)]
    assert [results.exit_code(found, strict=strict) for found in (biased, wide) for strict in (False, True)] == [0, 4, 0, 0]


@pytest.mark.parametrize(("second", "expected"), [(500, ()), (None, ("counted_once",)), (501, ("macs_disagree",))])
def test_counters_that_disagree_are_flagged(
    second: int | None, expected: tuple[str, ...], case: Case, steady: list[Replicate], make: Any
) -> None:
    assert _flags(make.run(case), [make.check(case, macs_second=second), *steady[1:]]) == expected


@given(shuffler=st.randoms(use_true_random=False), bad=st.sets(st.integers(min_value=0, max_value=7)))
def test_a_row_does_not_depend_on_the_order_of_its_replicates(make: Any, shuffler: random.Random, bad: set[int]) -> None:
    case, other = make.case("a/b"), make.case("c/d")
    statuses = {index: {"status": "failed", "reason": f"reason {index}"} for index in bad}
    replicates = [make.replicate(c, i, 10 + i, **statuses.get(i, {})) for c in (case, other) for i in range(8)]
    run = make.run(case, other)
    assert results.derive(run, shuffler.sample(replicates, 16)) == results.derive(run, replicates)


def test_every_metric_describes_itself() -> None:
    results.load_metrics()
    filled: list[str] = []
    for metric in METRICS:
        assert metric.description, metric.name
        assert metric.columns, metric.name
        assert metric.unit in {"", "s", "1/s", "B", "dB", "J", "px"}, metric.name
        assert all(metric.columns.values()), metric.name
        filled += metric.columns
    assert set(filled) <= set(results.COLUMNS)
    assert len(filled) == len(set(filled)), "two metrics fill one column"
    assert len({metric.order for metric in METRICS}) == len(METRICS), "two metrics want one place"


def test_a_metric_fills_the_columns_that_it_names_and_no_other(case: Case, steady: list[Replicate], make: Any) -> None:
    for metric in METRICS:
        full, empty = (metrics.derive(metric, case, found, make.run(case)) for found in (steady, []))
        assert set(full) == set(metric.columns), metric.name
        assert set(empty) <= set(metric.columns), metric.name
        assert all(value is None for value in empty.values()), metric.name


@pytest.mark.parametrize(
    ("ended", "statuses", "plugin_errors", "code"),
    [
        ("complete", ("ok",), (), 0),
        ("complete", ("ok", "skipped"), (), 0),
        ("complete", ("skipped", "skipped"), (), 3),
        ("complete", (), (), 3),
        ("complete", ("ok", "failed"), (), 4),
        ("complete", ("ok", "oom"), (), 4),
        ("complete", ("ok", "timeout"), (), 4),
        ("complete", ("ok", "crashed"), (), 4),
        ("complete", ("ok",), ("plugin x.py:1: ImportError",), 4),
        ("interrupted", ("ok", "failed"), (), 130),
    ],
)
def test_the_exit_code_is_the_worst_that_happened(
    ended: str, statuses: tuple[Any, ...], plugin_errors: tuple[str, ...], code: int, make: Any
) -> None:
    rows = tuple(Result(case=make.case(f"a/{index}"), status=status) for index, status in enumerate(statuses))
    record = Record(run=make.run(), results=rows, ended=ended, plugin_errors=plugin_errors)
    assert record.exit_code == code


def test_a_notebook_shows_names_as_text(make: Any) -> None:
    case = make.case("<script>alert(1)</script>")
    html = results.record(make.run(case), [], "complete")._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html


def _write(path: Path, run: Run, replicates: list[Replicate]) -> Path:
    file = journal.Journal(path)
    file.append("run", run)
    for replicate in replicates:
        file.append("replicate", replicate)
    file.close()
    return path


def test_load_takes_a_file_a_folder_a_glob_or_several_and_each_file_once(
    tmp_path: Path, case: Case, steady: list[Replicate], make: Any
) -> None:
    names = ("a.jsonl", "deep/b.jsonl", "[c].jsonl")
    one, two, three = (_write(tmp_path / name, make.run(case, run_id=name), steady) for name in names)
    (tmp_path / "notes.txt").write_text("not a result", "utf-8")

    def runs(paths: Any) -> list[str]:
        return vbench.load(paths)["run_id"].tolist()

    assert runs(one) == runs(str(one)) == ["a.jsonl"]
    assert runs(three) == ["[c].jsonl"]
    assert runs(tmp_path) == ["[c].jsonl", "a.jsonl", "deep/b.jsonl"]
    assert runs(f"{tmp_path}/**/b*.jsonl") == ["deep/b.jsonl"]
    assert runs([two, str(one)]) == ["deep/b.jsonl", "a.jsonl"]
    assert runs([one, tmp_path, one]) == ["a.jsonl", "[c].jsonl", "deep/b.jsonl"]
    assert runs([]) == []
    for wrong in ("none.jsonl", "notes.txt"):
        with pytest.raises(UsageError, match=wrong):
            vbench.load(tmp_path / wrong)


def test_what_is_read_is_what_was_measured(tmp_path: Path, case: Case, steady: list[Replicate], make: Any) -> None:
    run = make.run(case)
    path = _write(tmp_path / "r.jsonl", run, steady)
    record = results.record(run, steady, "", str(path))
    assert results.read(path) == record
    pd.testing.assert_frame_equal(vbench.load(path), record.frame())


def test_a_file_that_was_cut_gives_what_it_holds(tmp_path: Path, case: Case, steady: list[Replicate], make: Any) -> None:
    data = _write(tmp_path / "r.jsonl", make.run(case), steady).read_bytes()
    (tmp_path / "r.jsonl").write_bytes(data[:-20])
    row = vbench.load(tmp_path / "r.jsonl").iloc[0]
    assert (row["latency_processes"], row["flags"]) == (5, ["no_interval"])
    (tmp_path / "r.jsonl").write_bytes(data[:20])
    assert vbench.load(tmp_path / "r.jsonl").empty
    with pytest.raises(UsageError, match="cut inside its first line"):
        results.read(tmp_path / "r.jsonl")


def test_reading_results_needs_no_torch(tmp_path: Path, case: Case, steady: list[Replicate], make: Any) -> None:
    path = _write(tmp_path / "r.jsonl", make.run(case), steady)
    code = (
        "import sys, vbench; from vbench.results import read; "
        "assert len(vbench.load(sys.argv[1])) == 1 and read(sys.argv[1])._repr_html_(); "
        "assert 'torch' not in sys.modules, 'torch was imported'"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
