"""`vbench.load` at scale: the same rows as deriving gives, from files, from what was compacted, and from an object store."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import vbench
from vbench import journal, results
from vbench.accuracies import Answers, Evaluation, Finished
from vbench.core import Machine, Preprocess
from vbench.errors import ResultFileError, UnknownNameError, UsageError
from vbench.store import compacted, compacting, loading, places, raw, tails

from .conftest import FACTS, MACHINE, case

if TYPE_CHECKING:
    from pathlib import Path

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'vbench[scale]'")


def derived(folder: Path, **where: Any) -> pd.DataFrame:
    """What reading every file whole gives, with the rows that are asked for."""
    frame = results.load(folder)
    for column, values in where.items():
        frame = frame[frame[column].isin(values)]
    return frame.reset_index(drop=True)


def cells(frame: pd.DataFrame) -> list[list[Any]]:
    """What stands in a frame, a missing value as None."""
    rows = frame.astype(object).itertuples(index=False)
    return [[None if not isinstance(value, list | dict) and pd.isna(value) else value for value in row] for row in rows]


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    assert list(one.columns) == list(other.columns)
    assert cells(one) == cells(other)


def evaluated(path: Path) -> None:
    """Add a measured accuracy of the network `net/one` to a complete file."""
    one = case(batch=50)
    head = Evaluation(
        id="e1", started="2026-04-01T00:00:00+00:00", machine=MACHINE, versions={"vbench": "0.1"}, cases=(one,),
        architectures={"net/one": FACTS}, preprocess={"net/one": Preprocess()}, weights={}, data="d", label="data d",
        targets=(0, 1), pictures=4, available=4,
    )  # fmt: skip
    file = journal.Journal(path, journal.whole(path))
    file.append("evaluation", head)
    file.append("answers", Answers(evaluation="e1", case=one.id, first=0, marks="001-", outputs=10, seconds=1.0))
    file.append("accuracy", Finished(evaluation="e1", case=one.id, status="ok"))
    file.close()


@pytest.mark.parametrize("form", ["files", "compacted", "url", "both"])
def test_the_rows_asked_for_are_those_that_deriving_gives(runs: Any, bucket: Any, cached: Path, form: str) -> None:
    for day in range(4):
        runs.add(ms=10.0 + day)
    place: Any = runs.folder
    if form in {"url", "both"}:
        bucket.put(str(runs.folder), "/bucket/results", recursive=True)
        place = "memory://bucket/results"
    if form in {"compacted", "both"}:
        assert compacting.compact(place).files == 4
    same(vbench.load(place, where={"architecture": "net/one"}), derived(runs.folder, architecture=["net/one"]))
    same(vbench.load(place, where={"architecture": "*/one", "batch": 8}), derived(runs.folder, batch=[8]))
    same(vbench.load(place, where={"status": "ok"}), derived(runs.folder))
    assert len(vbench.load(place, where={"machine": "another"})) == 0


def test_only_the_columns_asked_for_are_read(runs: Any) -> None:
    runs.add()
    for _ in range(2):
        frame = vbench.load(runs.folder, columns=["architecture", "latency_s", "quality", "energy_j"])
        assert list(frame.columns) == ["architecture", "latency_s", "quality", "energy_j"]
        assert frame["latency_s"].tolist() == results.load(runs.folder)["latency_s"].tolist()
        assert frame["quality"].tolist() == [71.5] * 3
        (record, *_) = loading.records([runs.folder], columns=["latency_s"])
        assert all(set(row.values) == {"latency_s"} for row in record.results)
        compacting.compact(runs.folder)
    with pytest.raises(UnknownNameError, match="did you mean latency_s"):
        vbench.load(runs.folder, columns=["latency"])


def test_files_that_came_after_compacting_are_read_and_those_that_grew_or_went_are_not_as_they_were(runs: Any) -> None:
    first, second = runs.add(), runs.add(end=False)
    compacting.compact(runs.folder)
    third = runs.add(ms=30.0)
    same(vbench.load(runs.folder, where={"family": "net"}), derived(runs.folder, family=["net"]))
    file = journal.Journal(second, journal.whole(second))
    file.append("end", {"status": "complete", "finished": ""})
    file.close()
    first.unlink()
    frame = vbench.load(runs.folder, where={"family": "net"})
    same(frame, derived(runs.folder, family=["net"]))
    assert set(frame["run_id"]) == {second.stem, third.stem}


def test_a_glob_takes_of_what_was_compacted_only_what_it_matches(runs: Any) -> None:
    paths = [runs.add(), runs.add(machine=Machine(slug="another", fingerprint="0000bb"))]
    compacting.compact(runs.folder)
    for pattern, path in (("some*/*.jsonl", paths[0]), ("an*/*.jsonl", paths[1])):
        assert vbench.load(str(runs.folder / pattern), where={"batch": 8})["run_id"].tolist() == [path.stem]


@pytest.mark.parametrize("where", [{"architecture": "net/one"}, {"batch": 1, "architecture": "net/*"}, {"run_id": "*-000002"}])
def test_a_measured_accuracy_is_joined_whatever_rows_are_asked_for(runs: Any, where: dict[str, Any]) -> None:
    evaluated(runs.add())
    runs.add()
    whole = results.load(runs.folder)
    assert (whole["accuracy_kind"] == "measured").sum() >= 2
    for _ in range(2):
        frame = vbench.load(runs.folder, where=where)
        wanted = whole[[raw.asking.asked(where).told(row) for row in whole.to_dict("records")]].reset_index(drop=True)
        same(frame, wanted)
        compacting.compact(runs.folder)


def test_without_duckdb_the_files_are_read_and_the_line_that_installs_it_is_said(
    runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.add()
    compacting.compact(runs.folder)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.warns(UserWarning, match=r"pip install 'vbench\[scale\]'"):
        frame = vbench.load(runs.folder, where={"architecture": "net/one"})
    assert len(frame) == 1
    with pytest.raises(UsageError, match=r"compact needs duckdb.*pip install 'vbench\[scale\]'"):
        compacting.compact(runs.folder)


def test_of_many_runs_the_latest_rows_of_each_case(runs: Any) -> None:
    for day in range(3):
        runs.add(ms=10.0 + day)
    runs.add([case()], ms=20.0)
    for _ in range(2):
        found = loading.records([runs.folder], latest=True)
        newest = {}
        for record in found:
            for row in record.results:
                newest[row.case.id] = max(newest.get(row.case.id, ("", 0.0)), (record.run.started, row.values["latency_s"]))  # noqa: PD011 - no frame
        assert {name.split("@")[0]: value[1] for name, value in newest.items()} == pytest.approx(
            {"net/one": 0.020025, "net/two": 0.013025, "other/one": 0.014025}
        )
        compacting.compact(runs.folder)


def test_a_damaged_file_in_a_folder_is_left_out_with_a_warning_and_by_its_name_an_error(runs: Any) -> None:
    good, bad = runs.add(), runs.add()
    lines = bad.read_bytes().splitlines(keepends=True)
    bad.write_bytes(b"".join([lines[0], b"{torn\n", *lines[1:-1]]))
    with pytest.warns(UserWarning, match="left out: .*damaged: line 2"):
        assert vbench.load(runs.folder, where={"architecture": "net/one"})["run_id"].tolist() == [good.stem]
    with pytest.raises(ResultFileError, match="damaged: line 2"):
        vbench.load(bad, where={"architecture": "net/one"})


def test_an_older_file_loads_with_what_it_has(runs: Any) -> None:
    path = runs.add()
    path.write_bytes(
        path.read_bytes().replace(b'"settings"', b'"later_field":[1],"settings"', 1).replace(b'"commit"', b'"old_commit"', 1)
    )
    for _ in range(2):
        (record,) = loading.records([runs.folder], {"architecture": "net/one"})
        assert record.run.commit == ""
        assert record.results[0].values["latency_s"] == pytest.approx(0.010025)  # noqa: PD011 - no frame
        compacting.compact(runs.folder)


def test_the_plain_path_derives_as_ever(runs: Any) -> None:
    path = runs.add()
    path.write_bytes(path.read_bytes().replace(b'"latency_s":', b'"latency_s":7e3,"was":'))
    assert vbench.load(runs.folder)["latency_s"].max() < 1
    assert vbench.load(runs.folder, where={"architecture": "net/one"})["latency_s"].tolist() == [7e3]
    assert vbench.load(runs.folder, where={"architecture": "net/one"}, derive=True)["latency_s"].max() < 1


def test_loading_what_was_compacted_imports_no_torch(runs: Any) -> None:
    runs.add()
    compacting.compact(runs.folder)
    asked = f"vbench.load({str(runs.folder)!r}, where={{'architecture': 'net/*'}})"
    code = f"import sys, vbench; print(len({asked}), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("2 False\n", "")


def test_a_part_of_another_format_is_passed_over(runs: Any) -> None:
    runs.add()
    compacting.compact(runs.folder)
    folder = runs.folder / "compacted"
    for file in list(folder.iterdir()):
        shutil.move(file, folder / file.name.replace(f"-{compacted.FORMAT}-", "-99-"))
    assert len(vbench.load(runs.folder, where={"architecture": "net/one"})) == 1


@pytest.mark.parametrize("many", [1, 3, 70])
def test_every_file_is_announced_once_and_before_it_is_read(monkeypatch: pytest.MonkeyPatch, runs: Any, many: int) -> None:
    for _ in range(many):
        runs.add([case()])
    told: list[str] = []
    monkeypatch.setattr(loading.tails, "announce", lambda entry: told.append(entry.path))
    entries = places.listing(runs.folder).entries
    late = [entry.path for entry in loading._announced(entries) if entry.path not in told]
    assert late == []
    assert told == [entry.path for entry in entries]
    assert len(vbench.load(runs.folder, where={"architecture": "net/*"})) == many


def test_what_cannot_be_announced_is_told_by_whoever_reads_it(tmp_path: Path) -> None:
    tails.announce(places.Entry(places.Root(str(tmp_path)), "gone.jsonl", 100))
