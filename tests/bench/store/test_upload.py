"""`vbench run -o URL`: a file of this machine first, then one object, which is never written over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import vbench
from vbench import results
from vbench.errors import ResultFileError, UsageError
from vbench.store import upload

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def here(project: Path, registries: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(project)
    return project


def test_a_complete_run_is_one_object_by_its_usual_name(here: Path, bucket: Any) -> None:
    record = vbench.run(output="memory://bucket/results")
    (name,) = list(bucket.find("/bucket/results"))
    assert name == f"/bucket/results/{record.run.machine.slug}/{record.run.run_id}.jsonl"
    assert bucket.cat_file(name) == Path(record.path).read_bytes()
    assert Path(record.path).is_relative_to(here)
    again = vbench.run(resume=record.path, output="memory://bucket/results")
    assert (again.ended, len(bucket.find("/bucket/results"))) == ("complete", 1)
    assert len(vbench.load("memory://bucket/results", where={"status": "ok"})) == 2


def test_another_object_is_never_written_over(here: Path, bucket: Any, runs: Any) -> None:
    bucket.pipe_file("/bucket/r.jsonl", b"mine")
    with pytest.raises(UsageError, match="exists, and a run file is never written over"):
        vbench.run(output="memory://bucket/r.jsonl")
    assert not list(here.glob("results/**/*.jsonl"))
    path = runs.add()
    with pytest.raises(ResultFileError, match=r"is another run's.*vbench run --resume"):
        upload.Target("memory://bucket/r.jsonl", bucket, folder=False).put(path, results.read(path))
    assert bucket.cat_file("/bucket/r.jsonl") == b"mine"


def test_one_that_came_in_between_is_not_written_over_either(bucket: Any, runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = runs.add()
    was, answers = bucket.exists, iter([False])
    monkeypatch.setattr(bucket, "exists", lambda path: next(answers, None) is not False and was(path))
    bucket.pipe_file("/bucket/r.jsonl", b"theirs")
    with pytest.raises(ResultFileError, match="vbench run --resume"):
        upload.Target("memory://bucket/r.jsonl", bucket, folder=False).put(path, results.read(path))
    assert bucket.cat_file("/bucket/r.jsonl") == b"theirs"


def test_an_interrupted_run_is_not_put(bucket: Any, runs: Any) -> None:
    path = runs.add(end=False)
    assert upload.Target("memory://bucket", bucket, folder=True).put(path, results.read(path)) == ""
    assert bucket.find("/bucket") == []


def test_a_store_that_breaks_loses_nothing_and_says_how_to_go_on(bucket: Any, runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        msg = "reset by peer\nand more"
        raise ConnectionError(msg)

    monkeypatch.setattr(type(bucket), "pipe_file", broken)
    path = runs.add()
    with pytest.raises(
        ResultFileError, match=r"ConnectionError: reset by peer;.*complete in .*--resume .* -o memory://bucket/r"
    ) as caught:
        upload.Target("memory://bucket/r", bucket, folder=True).put(path, results.read(path))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_bucket_that_there_is_not_is_said_before_anything_is_measured(here: Path, bucket: Any) -> None:
    with pytest.raises(UsageError, match="no such bucket"):
        vbench.run(output="memory://nowhere/results")
    assert not list(here.glob("results/**/*.jsonl"))


def test_a_path_is_no_target() -> None:
    assert upload.target(None) is None
    assert upload.target("results/r.jsonl") is None
