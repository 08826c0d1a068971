"""A folder of asv's, read by asv itself: its loader, `asv publish`, `asv compare`."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from vbench.errors import NothingSelectedError, UsageError
from vbench.exports import asv as export
from vbench.exports.format import Asked

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Record

needs_asv = pytest.mark.skipif(
    importlib.util.find_spec("asv") is None, reason="asv is not installed: `nox -s exports` runs this with it"
)
FILE = "some-cpu-2c-0000aa/01234567-vbench-py3.11.7-torch2.13.0+cpu.json"


def write(folder: Path, records: list[Record], *metrics: str) -> list[str]:
    """What the verb does with the files."""
    made = export.files(records, Asked(metrics=metrics))
    assert not isinstance(made.content, str | bytes)
    for name, text in made.content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(path.read_text() if path.exists() else ""))
    return list(made.left)


def cells(folder: Path, file: str = FILE, name: str = "vbench.latency") -> dict[str, dict[str, Any]]:
    """By architecture, the values of a benchmark in a file of results."""
    found = json.loads((folder / file).read_text())
    row = dict(zip(found["result_columns"], found["results"][name], strict=True))
    (cases,) = row["params"]
    each = {key: row[key] for key in export.EACH if row[key] is not None}
    return {case.strip("'").partition("@")[0]: {k: v[i] for k, v in each.items()} for i, case in enumerate(cases)}


def test_a_case_is_a_parameter_and_a_process_a_sample(record: Record, tmp_path: Path) -> None:
    left = write(tmp_path, [record])
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")) == sorted(
        ["benchmarks.json", FILE, "some-cpu-2c-0000aa/machine.json"]
    )
    found, rows = cells(tmp_path), {result.case.architecture: result for result in record.results}
    for name in ("a/even", "a/odd", "a/seven"):
        assert found[name]["result"] == rows[name].values["latency_s"]
        assert found[name]["stats_repeat"] == len(found[name]["samples"]) == rows[name].values["latency_processes"]
    # Of nine processes the outermost two hold the median with 99.6 %; of seven nothing holds it with 99 %.
    assert (found["a/odd"]["stats_ci_99_a"], found["a/odd"]["stats_ci_99_b"]) == pytest.approx((0.001, 0.009))
    assert (found["a/seven"]["stats_ci_99_a"], found["a/seven"]["stats_ci_99_b"]) == (-math.inf, math.inf)
    assert [found[name]["result"] for name in ("b/failed", "b/timeout", "b/oom", "b/crashed")] == [None] * 4
    assert [line.partition("@")[0] for line in left] == ["c/skipped", "c/sweep"]


def test_metrics_of_which_less_is_better_and_no_others(record: Record, tmp_path: Path) -> None:
    write(tmp_path, [record], "latency", "host_memory", "params")
    known = json.loads((tmp_path / "benchmarks.json").read_text())
    kinds = {name: (entry["type"], entry["unit"]) for name, entry in known.items() if name != "version"}
    assert kinds == {
        "vbench.latency": ("time", "seconds"), "vbench.host_memory": ("memory", "bytes"), "vbench.params": ("track", "1"),
    }  # fmt: skip
    assert cells(tmp_path, name="vbench.params")["a/odd"]["result"] == 10
    with pytest.raises(UsageError, match="--metric throughput: to asv less is better"):
        export.files([record], Asked(metrics=("throughput",)))
    with pytest.raises(NothingSelectedError, match="it has no energy"):
        export.files([record], Asked(metrics=("energy",)))


@pytest.mark.parametrize(
    ("commit", "why"), [("", "it was not measured in a git repository"), ("0" * 40 + "-dirty", "files differed")]
)
def test_a_run_without_a_commit_is_filed_under_none(records: Any, commit: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"r.jsonl has no commit that asv could file it under: {why}"):
        export.files([records(commit=commit)], Asked())


def test_what_stands_in_the_folder_is_kept(records: Any, make: Any, tmp_path: Path) -> None:
    from vbench import results  # noqa: PLC0415

    first, later = records(), records(factor=2.0, started="2026-01-03T00:00:00+00:00")
    other = make.case("z/other")
    run = make.run(other, machine=first.run.machine, commit=first.run.commit, versions=first.run.versions)
    small = results.record(run, [make.replicate(other, index) for index in range(2)], "complete")
    write(tmp_path, [first])
    mine = json.loads((tmp_path / "benchmarks.json").read_text()) | {"mine.time": {"name": "mine.time", "params": []}}
    (tmp_path / "benchmarks.json").write_text(json.dumps(mine))
    (tmp_path / "some-cpu-2c-0000aa" / "machine.json").write_text('{"machine": "some-cpu-2c-0000aa", "os": "mine"}')
    before = cells(tmp_path)
    write(tmp_path, [small])
    assert cells(tmp_path) == before | {"z/other": cells(tmp_path)["z/other"]}
    known = json.loads((tmp_path / "benchmarks.json").read_text())
    assert known["mine.time"] == {"name": "mine.time", "params": []}
    assert repr(other.id) in known["vbench.latency"]["params"][0]
    assert len(known["vbench.latency"]["params"][0]) == 8
    assert '"mine"' in (tmp_path / "some-cpu-2c-0000aa" / "machine.json").read_text()
    # The same again changes nothing, and a later run of the same case wins in whichever order they are named.
    texts = {path: path.read_text() for path in tmp_path.rglob("*.json")}
    write(tmp_path, [small])
    assert {path: path.read_text() for path in tmp_path.rglob("*.json")} == texts
    write(tmp_path, [later, first])
    assert cells(tmp_path)["a/odd"]["result"] == pytest.approx(0.010)
    (tmp_path / "benchmarks.json").write_text("notes")
    with pytest.raises(UsageError, match=r"benchmarks.json in the folder of -o is no file of asv"):
        write(tmp_path, [small])


@needs_asv
def test_asv_publishes_and_compares_two_commits(records: Any, tmp_path: Path) -> None:
    def git(*words: str) -> str:
        named = ["-c", "user.name=t", "-c", "user.email=t@t"]
        return subprocess.run(["git", *named, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    commits = []
    for text in ("one", "two"):
        git("commit", "-q", "--allow-empty", "-m", text)
        commits.append(git("rev-parse", "HEAD"))
    pair = [records(commit=commit, factor=factor) for commit, factor in zip(commits, (1.0, 12.0), strict=True)]
    write(tmp_path / "results", pair)
    settings = {"version": 1, "project": "p", "repo": ".", "branches": ["main"], "results_dir": "results", "html_dir": "html"}
    (tmp_path / "asv.conf.json").write_text(json.dumps(settings))

    def asv(*words: str) -> str:
        done = subprocess.run([sys.executable, "-m", "asv", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "Skipping" not in asv("publish", "--no-pull")
    index = json.loads((tmp_path / "html" / "index.json").read_text())
    assert sorted(index["revision_to_hash"].values()) == sorted(commits)
    cases = index["benchmarks"]["vbench.latency"]["params"][0]
    (graph,) = [path for path in (tmp_path / "html" / "graphs").rglob("vbench.latency.json") if "summary" not in path.parts]
    drawn = [values for _, values in sorted(json.loads(graph.read_text()))]
    odd = cases.index(repr(next(r.case.id for r in pair[0].results if r.case.architecture == "a/odd")))
    assert [values[odd] for values in drawn] == [pytest.approx(0.005), pytest.approx(0.060)]
    said = asv("compare", *commits)
    (line,) = [line for line in said.splitlines() if "a/odd" in line]
    assert all(word in line for word in ("5.00", "60.0", "12.00"))
    assert line.strip("| ").startswith("+")
    assert "failed" in next(line for line in said.splitlines() if "b/oom" in line)
