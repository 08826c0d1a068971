"""The files of the scale campaign are what a run leaves, and its answers are those that the docs show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scaling import files, timing

from vbench import journal, results
from vbench.store import loading

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HELD = Path(__file__).with_name("scale.json")


@pytest.fixture(scope="module")
def scale(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("scale")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale") / "files"
    patch = pytest.MonkeyPatch()
    patch.setattr(files, "DISTINCT", 1)
    for number in range(2):
        files.write(folder, number)
    patch.undo()
    return folder


def test_a_file_holds_a_hundred_rows_of_six_processes_of_thirty_samples_and_rows_that_follow_from_them(written: Path) -> None:
    path, copy = sorted(written.rglob("*.jsonl"), key=lambda file: file.name)
    lines = journal.read(path)
    assert lines.ended == "complete"
    assert lines.run is not None
    assert len(lines.run.cases) == files.ROWS
    timed = [replicate for replicate in lines.replicates if replicate.role == "measure"]
    assert len(timed) == files.ROWS * files.PROCESSES
    assert {len(replicate.latency_ns) for replicate in timed} == {files.SAMPLES}
    (record,) = loading.records([path])
    whole = results.read(path)
    assert [(row.case, row.status, row.flags, row.values) for row in record.results] == [
        (row.case, row.status, row.flags, row.values) for row in whole.results
    ]
    assert record.replicates == ()
    assert results.read(copy).run.run_id != whole.run.run_id


def test_written_again_nothing_is_touched(written: Path) -> None:
    path = min(written.rglob("*.jsonl"), key=lambda file: file.name)
    was = path.stat().st_mtime_ns
    assert files.write(written, 0) == path
    assert path.stat().st_mtime_ns == was


def test_a_command_is_timed_with_its_memory_and_a_failed_one_is_an_error(written: Path) -> None:
    found = timing.run(timing.load(written, files.WANTED), cold=written)
    assert found["out"] == "2"
    assert found["seconds"] > 0
    assert found["peak_bytes"] > 1e7
    with pytest.raises(RuntimeError, match="no_such_module"):
        timing.run([timing.VERB[0], "-c", "import no_such_module"])


def test_the_smaller_sizes_are_the_newest_files(written: Path) -> None:
    few = files.linked(written, 1)
    (one,) = few.rglob("*.jsonl")
    assert one.name == max(file.name for file in written.rglob("*.jsonl"))


@pytest.mark.skipif(not HELD.exists(), reason="not measured yet: nox -s scale")
def test_what_the_docs_show_was_measured_on_a_million_rows(scale: ModuleType) -> None:
    held: dict[str, Any] = json.loads(HELD.read_text("utf-8"))
    largest = [answer for answer in held["answers"] if answer["files"] == max(scale.SIZES)]
    assert {"load before", "compact", "load"} <= {answer["what"] for answer in largest} <= set(scale.WHAT)
    assert all(answer["rows"] == 1_000_000 for answer in largest)
    assert all(answer["found"] == 10_000 for answer in largest if answer["what"].startswith("load"))
    assert all(answer["peak_bytes"] < scale.MEMORY for answer in largest)
    assert scale.report(held).count("asked for are under") == len(scale.GOALS)
