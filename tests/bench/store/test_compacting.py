"""`vbench compact`: twice, at once, killed midway, on damaged parts, and never a run file touched."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

import vbench
from vbench import results
from vbench.errors import NothingSelectedError, ResultFileError, UsageError
from vbench.store import compacting, places

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'vbench[scale]'")


def digests(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.jsonl")}


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "compacted").iterdir())


def rows(place: Any) -> list[tuple[str, str, float]]:
    frame = vbench.load(place, where={"status": "ok"})
    return sorted(zip(frame["run_id"], frame["architecture"], frame["latency_s"], strict=True))


def test_twice_makes_nothing_new_and_a_new_file_a_new_part(runs: Any) -> None:
    for _ in range(3):
        runs.add()
    before = digests(runs.folder)
    first = compacting.compact(runs.folder)
    assert (first.files, first.rows, first.before, len(first.parts)) == (3, 9, 0, 1)
    was = parts(runs.folder)
    again = compacting.compact(runs.folder)
    assert (again.files, again.before, again.parts) == (0, 3, [])
    assert parts(runs.folder) == was
    runs.add()
    more = compacting.compact(runs.folder)
    assert (more.files, more.before) == (1, 3)
    assert set(was) < set(parts(runs.folder))
    assert before.items() <= digests(runs.folder).items()


def test_many_rows_are_several_parts(runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "PART_ROWS", 5)
    for day in range(5):
        runs.add(ms=10.0 + day)
    expected = rows(runs.folder)
    done = compacting.compact(runs.folder)
    assert (len(done.parts), done.rows) == (3, 15)
    assert rows(runs.folder) == expected


def test_made_again_it_replaces_what_was_there(runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        runs.add()
        compacting.compact(runs.folder)
    assert len(parts(runs.folder)) == 8
    (runs.folder / "compacted" / "notes.txt").write_text("mine")
    expected = rows(runs.folder)
    compacting.compact(runs.folder, again=True)
    assert len(parts(runs.folder)) == 3
    assert rows(runs.folder) == expected
    compacting.compact(runs.folder, again=True)
    assert len(parts(runs.folder)) == 3


def test_derived_anew_rows_are_those_of_this_version(runs: Any) -> None:
    path = runs.add()
    path.write_bytes(path.read_bytes().replace(b'"latency_s":', b'"latency_s":7e3,"was":'))
    compacting.compact(runs.folder)
    assert {row[2] for row in rows(runs.folder)} == {7e3}
    compacting.compact(runs.folder, again=True, derive=True)
    assert max(row[2] for row in rows(runs.folder)) < 1


def compact(folder: str, start: Any) -> None:
    start.wait()
    compacting.compact(folder)


def test_at_once_it_comes_to_the_same(runs: Any) -> None:
    for _ in range(6):
        runs.add()
    expected = rows(runs.folder)
    context = multiprocessing.get_context("fork")
    start = context.Event()
    many = [context.Process(target=compact, args=(str(runs.folder), start)) for _ in range(3)]
    for one in many:
        one.start()
    start.set()
    for one in many:
        one.join()
        assert one.exitcode == 0
    assert len(parts(runs.folder)) == 2
    assert rows(runs.folder) == expected


def test_parts_that_overlap_count_each_file_once(runs: Any) -> None:
    runs.add()
    compacting.compact(runs.folder)
    aside = runs.folder / "aside"
    (runs.folder / "compacted").rename(aside)
    runs.add()
    compacting.compact(runs.folder)
    for file in aside.iterdir():
        file.rename(runs.folder / "compacted" / file.name)
    assert len(parts(runs.folder)) == 4
    assert len(rows(runs.folder)) == 6


@pytest.mark.parametrize("kind", ["runs", "rows"])
@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_half_written_object_is_passed_over_and_its_files_read(runs: Any, kind: str, keep: int) -> None:
    runs.add()
    expected = rows(runs.folder)
    compacting.compact(runs.folder)
    (file,) = (runs.folder / "compacted").glob(f"{kind}-*.parquet")
    data = file.read_bytes()
    file.write_bytes(data[:keep])
    with pytest.warns(UserWarning, match="passed over: .*compacted"):
        assert rows(runs.folder) == expected
    told: list[str] = []
    compacting.compact(runs.folder, again=kind == "rows", warn=told.append)
    assert rows(runs.folder) == expected


def test_killed_before_the_last_file_there_is_no_part(runs: Any) -> None:
    runs.add()
    expected = rows(runs.folder)
    compacting.compact(runs.folder)
    (runs.folder / "compacted" / next(name for name in parts(runs.folder) if name.startswith("runs"))).unlink()
    assert rows(runs.folder) == expected
    assert compacting.compact(runs.folder).files == 1
    assert len(parts(runs.folder)) == 2


def test_killed_anywhere_nothing_is_lost_and_what_was_left_is_removed(runs: Any) -> None:
    for _ in range(8):
        runs.add()
    expected, before = rows(runs.folder), digests(runs.folder)
    for number in range(6):
        pid = os.fork()
        if not pid:
            compacting.compact(runs.folder, again=True)
            os._exit(0)
        time.sleep(0.02 * number)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        assert rows(runs.folder) == expected
    stale = runs.folder / "compacted" / ".rows-1-0000000000000000.parquet.abcd0123.tmp"
    stale.parent.mkdir(exist_ok=True)
    stale.write_bytes(b"PAR1")
    os.utime(stale, (1, 1))
    compacting.compact(runs.folder)
    assert not stale.exists()
    assert rows(runs.folder) == expected
    assert digests(runs.folder) == before


def test_a_full_disk_leaves_what_was_there(runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.add()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compacting.shutil, "copyfile", full)
    with pytest.raises(ResultFileError, match=r"No space left.*nothing that was there is touched"):
        compacting.compact(runs.folder)
    assert len(rows(runs.folder)) == 3


def test_a_file_and_an_empty_folder_are_refused_in_a_line(runs: Any, tmp_path: Path) -> None:
    path = runs.add()
    with pytest.raises(UsageError, match="name a folder"):
        compacting.compact(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingSelectedError, match="holds no result file"):
        compacting.compact(tmp_path / "empty")
    with pytest.raises(UsageError, match="cannot read"):
        compacting.compact(tmp_path / "none")


def test_what_a_plugin_measured_is_kept(runs: Any) -> None:
    path = runs.add()
    path.write_bytes(
        path.read_bytes().replace(b'"values":{"latency_s"', b'"values":{"my_metric":{"a":[1,2.5]},"Latency_S":"x","latency_s"')
    )
    before = vbench.load(runs.folder, where={"architecture": "net/one"})
    compacting.compact(runs.folder)
    after = vbench.load(runs.folder, where={"architecture": "net/one"})
    assert before["my_metric"].tolist() == after["my_metric"].tolist() == [{"a": [1, 2.5]}]
    assert after["Latency_S"].tolist() == ["x"]


def test_a_value_of_another_kind_is_kept_as_it_is(runs: Any) -> None:
    runs.add()
    second = runs.add()
    second.write_bytes(re.sub(rb'"latency_s":0\.01002[0-9]*', b'"latency_s":"fast"', second.read_bytes()))
    before = vbench.load(runs.folder, where={"architecture": "net/one"})["latency_s"].tolist()
    assert "fast" in before
    compacting.compact(runs.folder)
    assert vbench.load(runs.folder, where={"architecture": "net/one"})["latency_s"].tolist() == before


def test_rows_of_a_store_are_compacted_into_it(runs: Any, bucket: Any, cached: Path) -> None:
    for _ in range(3):
        runs.add()
    bucket.put(str(runs.folder), "/bucket/results", recursive=True)
    done = compacting.compact("memory://bucket/results")
    assert (done.files, done.rows) == (3, 9)
    assert [entry.path.split("-")[0] for entry in places.listing("memory://bucket/results").parts] == [
        "compacted/rows",
        "compacted/runs",
    ]
    assert compacting.compact("memory://bucket/results").parts == []
    assert rows("memory://bucket/results") == rows(runs.folder)
    assert len(results.files([runs.folder])) == 3
