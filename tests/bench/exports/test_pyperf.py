"""The file of pyperf, read by pyperf itself: a run is a process, and no sample is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyperf
import pytest

from vbench import results
from vbench.exports import pyperf as export

if TYPE_CHECKING:
    from vbench.core import Record
    from vbench.exports.format import Asked

COMMITTED = sorted((Path(__file__).resolve().parents[3] / "results").glob("*/2*Z-*.jsonl"))


def load(record: Record, asked: Asked) -> pyperf.BenchmarkSuite:
    return pyperf.BenchmarkSuite.loads(str(export.text([record], asked).content))


def test_every_sample_and_warm_up_of_every_process_is_there_to_the_nanosecond(record: Record, nothing: Asked) -> None:
    suite = load(record, nothing)
    assert [name.partition("@")[0] for name in suite.get_benchmark_names()] == ["a/even", "a/odd", "a/seven"]
    for benchmark in suite:
        ours = [r for r in record.replicates if r.case == benchmark.get_name() and r.latency_ns]
        assert [[round(value * 1e9) for value in run.values] for run in benchmark.get_runs()] == [
            list(r.latency_ns) for r in ours
        ]
        assert [run.warmups for run in benchmark.get_runs()] == [((1, 9e-9), (1, 8e-9))] * len(ours)
        assert all(
            run.values == tuple(ns / 1e9 for ns in r.latency_ns) for run, r in zip(benchmark.get_runs(), ours, strict=True)
        )
        assert benchmark.get_unit() == "second"
        (row,) = [result for result in record.results if result.case.id == benchmark.get_name()]
        metadata = benchmark.get_metadata()
        assert metadata["vbench_latency_s"] == row.values["latency_s"]
        assert (metadata["mem_max_rss"], metadata["load_avg_1min"], metadata["duration"]) == (2**28, 0.5, 2.5)
        assert benchmark.get_dates()[0].isoformat() == "2023-11-14T22:13:20"


def test_what_is_committed_loads(nothing: Asked) -> None:

    for path in COMMITTED:
        record = results.read(path)
        suite = load(record, nothing)
        assert sum(benchmark.get_nvalue() for benchmark in suite) == sum(len(r.latency_ns) for r in record.replicates)


@pytest.mark.parametrize(
    "words", [["stats", "a.json"], ["hist", "a.json"], ["compare_to", "a.json", "b.json"]], ids=lambda w: w[0]
)
def test_pyperf_does_with_it_what_it_does(words: list[str], records: Any, nothing: Asked, tmp_path: Path) -> None:
    for name, factor in (("a", 1.0), ("b", 2.0)):
        (tmp_path / f"{name}.json").write_text(str(export.text([records(factor=factor)], nothing).content))
    done = subprocess.run([sys.executable, "-m", "pyperf", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = {"stats": "Number of run with values: 9", "hist": "a/odd@none", "compare_to": "2.00x slower"}
    assert said[words[0]] in done.stdout


def test_a_sample_of_no_time_costs_its_case_and_not_the_file(make: Any, nothing: Asked) -> None:
    good, bad = make.case("a/good"), make.case("a/bad")
    done = [make.replicate(good, latency_ns=(5, 6)), make.replicate(bad, latency_ns=(5, 0))]
    made = export.text([results.record(make.run(good, bad), done, "complete")], nothing)
    assert [benchmark.get_name() for benchmark in pyperf.BenchmarkSuite.loads(str(made.content))] == [good.id]
    assert made.left == [f"{bad.id}: one of its samples took no time"]
