"""OpenMetrics, read by the parser of prometheus_client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from vbench import results
from vbench.core import Machine
from vbench.errors import UnknownNameError
from vbench.exports import openmetrics
from vbench.exports.format import Asked
from vbench.gate import points

if TYPE_CHECKING:
    from vbench.core import Record

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def families(text: object) -> dict[str, Any]:
    assert str(text).endswith("\n# EOF\n")
    return {family.name: family for family in text_string_to_metric_families(str(text))}


def of(family: Any, **labels: str) -> list[float]:
    return [sample.value for sample in family.samples if labels.items() <= sample.labels.items()]


def test_gauges_have_their_unit_and_their_interval(record: Record, nothing: Asked) -> None:
    found = families(openmetrics.of_runs([record], nothing).content)
    rows = {result.case.architecture: result for result in record.results}
    for column, name in (("latency_s", "latency"), ("latency_s_low", "latency_low"), ("latency_s_high", "latency_high")):
        family = found[f"vbench_{name}_seconds"]
        assert (family.type, family.unit) == ("gauge", "seconds")
        assert {s.labels["architecture"]: s.value for s in family.samples} == {
            arch: row.values[column] for arch, row in rows.items() if column in row.values
        }
    assert of(found["vbench_throughput_per_second"], architecture="c/sweep") == [rows["c/sweep"].values["throughput_per_s"]]
    assert of(found["vbench_host_memory_bytes"], architecture="a/odd") == [2**28]
    assert (found["vbench_macs"].unit, of(found["vbench_macs"], architecture="a/odd")) == ("", [500])
    assert "lower end of the 95 % interval: " in found["vbench_latency_low_seconds"].documentation


def test_the_commit_is_on_no_value_and_what_failed_is_seen(record: Record, nothing: Asked) -> None:
    found = families(openmetrics.of_runs([record], nothing).content)
    for family in found.values():
        if family.type == "gauge":
            assert all(set(s.labels) <= {"machine", "case", "architecture", "run"} for s in family.samples)
    assert found["vbench_run"].samples[0].labels["commit"] == record.run.commit
    assert found["vbench_machine"].samples[0].labels["processor"] == 'Some "CPU"'
    assert of(found["vbench_run_started_seconds"]) == [1767323045]
    status = found["vbench_case_status"]
    true = {s.labels["architecture"]: s.labels["vbench_case_status"] for s in status.samples if s.value}
    assert true == {r.case.architecture: r.status for r in record.results}
    (axes,) = [s.labels for s in found["vbench_case"].samples if s.labels["architecture"] == "c/sweep"]
    assert (axes["scenario"], axes["input_shape"], axes["engine_options"]) == ("offline", "3x32x32", "mode=x")
    assert openmetrics.of_runs([record], nothing).left == []


def test_of_several_runs_the_newest_counts_and_the_older_is_named(records: Any, nothing: Asked) -> None:
    old, new = records(), records(factor=2.0, started="2026-01-03T00:00:00+00:00")
    for given_ in ([old, new], [new, old]):
        made = openmetrics.of_runs(given_, nothing)
        found = families(made.content)
        assert of(found["vbench_latency_seconds"], architecture="a/odd") == [pytest.approx(0.010)]
        assert [s.labels["run"] for s in found["vbench_run"].samples] == ["2026-01-03-run"]
        assert len(made.left) == len(old.results)
        assert made.left[0].endswith(" of run 2026-01-02-run: run 2026-01-03-run is newer")
    # The same file under two names is one run.
    families(openmetrics.of_runs([old, old], nothing).content)


def test_metrics_can_be_chosen(record: Record) -> None:
    found = families(openmetrics.of_runs([record], Asked(metrics=("latency",))).content)
    assert [name for name, family in found.items() if family.type == "gauge"] == [
        "vbench_latency_seconds", "vbench_latency_low_seconds", "vbench_latency_high_seconds", "vbench_run_started_seconds",
    ]  # fmt: skip
    with pytest.raises(UnknownNameError, match="unknown metric 'latencies': did you mean latency"):
        openmetrics.of_runs([record], Asked(metrics=("latencies",)))


def test_the_gate_says_head_ratio_and_verdict(gated: Any, nothing: Asked) -> None:
    found = families(openmetrics.of_gate(points.compared(gated.log), nothing).content)
    assert of(found["vbench_gate_latency_seconds"], architecture="a/slow") == [pytest.approx(0.010585)]
    for row in gated.outcome.rows:
        ratio = [] if row.effect is None else [1 + row.effect]
        assert of(found["vbench_gate_ratio"], case=row.case, metric=row.metric, against="base") == ratio
        verdict = [s.labels["verdict"] for s in found["vbench_gate_verdict"].samples if s.labels["case"] == row.case]
        assert row.verdict in verdict
    about = found["vbench_gate"].samples[0].labels
    assert (about["commit"], about["dirty"], about["base_commit"]) == (gated.log.head.sides["head"].commit, "true", "f" * 40)


@given(WORDS, WORDS, st.from_regex(r"[ -~]{1,12}", fullmatch=True))
def test_whatever_a_name_holds_it_is_read_back(make: Any, name: str, processor: str, package: str) -> None:
    case = make.case("a/net")
    machine = Machine(slug=name, fingerprint="f", processor=processor)
    run = make.run(case, machine=machine, versions={package: name}, skipped={case.id: "x"})
    found = families(openmetrics.of_runs([results.record(run, [], "complete")], Asked(metrics=("latency",))).content)
    labels = found["vbench_machine"].samples[0].labels
    assert (labels["machine"], labels["processor"]) == (name, processor)
    assert name in found["vbench_run"].samples[0].labels.values()
    assert all(s.labels["machine"] == name for s in found["vbench_case_status"].samples)
