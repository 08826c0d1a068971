"""The file of pytest-benchmark, read by pytest-benchmark itself: its statistics, its table, its own way to group."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats

from vbench import results
from vbench.errors import NothingSelectedError, UsageError
from vbench.exports import pytest_benchmark

if TYPE_CHECKING:
    from vbench.core import Record
    from vbench.exports.format import Asked

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = sorted((ROOT / "results").glob("*/2*Z-*.jsonl"))


def read(record: Record, asked: Asked) -> tuple[dict[str, Any], list[str]]:
    made = pytest_benchmark.text([record], asked)
    assert isinstance(made.content, str)
    return json.loads(made.content), list(made.left)


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=40))
def test_every_statistic_is_what_pytest_benchmark_makes_of_the_same_rounds(data: list[float]) -> None:
    theirs = Stats()
    for value in data:
        theirs.update(value)
    ours = pytest_benchmark.stats(data)
    assert ours.pop("data") == data
    assert ours.pop("iterations") == 1
    assert ours == theirs.as_dict()


def test_a_round_is_a_process_and_the_median_is_the_headline(record: Record, nothing: Asked) -> None:
    found, left = read(record, nothing)
    by_name = {entry["name"]: entry for entry in found["benchmarks"]}
    assert list(by_name) == ["a/even", "a/odd", "a/seven"]
    rows = {result.case.architecture: result for result in record.results}
    for name, entry in by_name.items():
        assert entry["stats"]["median"] == rows[name].values["latency_s"]
        assert entry["stats"]["rounds"] == rows[name].values["latency_processes"]
        assert entry["fullname"] == rows[name].case.id
    info = by_name["a/odd"]["extra_info"]
    assert (info["params"], info["macs"], info["definition"], info["run_id"]) == (10, 500, "d1", "2026-01-02-run")
    assert info["latency_s_low"] < info["latency_s"] < info["latency_s_high"]
    assert "process_variance" in info["flags"]
    assert found["commit_info"]["id"] == record.run.commit
    assert found["commit_info"]["dirty"] is False
    said = dict(line.split(": ", 1) for line in left)
    assert {case.partition("@")[0]: why.partition(":")[0] for case, why in said.items()} == {
        "b/failed": "failed", "b/timeout": "timeout", "b/oom": "oom", "b/crashed": "crashed", "c/skipped": "skipped",
        "c/sweep": "it has no latency (offline)",
    }  # fmt: skip


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_what_is_committed_keeps_its_headlines(path: Path, nothing: Asked) -> None:
    record = results.read(path)
    found, left = read(record, nothing)
    timed = [result for result in record.results if result.status == "ok"]
    assert len(left) == len(record.results) - len(timed)
    medians = {entry["fullname"]: entry["stats"]["median"] for entry in found["benchmarks"]}
    assert medians == {result.case.id: result.values["latency_s"] for result in timed}


def test_pytest_benchmark_compares_two_of_our_runs(records: Any, nothing: Asked, tmp_path: Path) -> None:
    for name, factor in (("before", 1.0), ("after", 2.0)):
        made = pytest_benchmark.text([records(factor=factor)], nothing)
        (tmp_path / f"{name}.json").write_text(str(made.content))
    words = [
        "before.json",
        "after.json",
        "--columns=min,median,rounds",
        "--sort=name",
        "--group-by=func,param:batch",
        "--csv=t.csv",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    tables = [line for line in done.stdout.splitlines() if line.startswith("--") and "benchmark" in line]
    assert [table.partition("'")[2].partition("'")[0] for table in tables] == [f"a/{n} batch=1" for n in ("even", "odd", "seven")]
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("a/odd")]
    assert [({"5.0000", "10.0000"} & set(row), row[-1]) for row in rows] == [({"10.0000"}, "9"), ({"5.0000"}, "9")]
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1 + 6


def test_one_run_only_and_something_in_it(records: Any, make: Any, nothing: Asked) -> None:
    with pytest.raises(UsageError, match=r"pytest-benchmark describes one run, and these are 2 \(r.jsonl, r.jsonl\)"):
        pytest_benchmark.text([records(), records()], nothing)
    case = make.case("a/net")
    empty = results.record(make.run(case, skipped={case.id: "no time"}), [], "complete")
    with pytest.raises(NothingSelectedError, match=r"nothing to export: a/net@none.*: skipped: no time"):
        pytest_benchmark.text([empty], nothing)
