"""The same on a real S3 server of this machine, credentials and errors included; skipped without moto and s3fs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import vbench
from vbench import results
from vbench.errors import ResultFileError, UsageError
from vbench.store import compacting, local, places, upload

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def rows(place: Any, **where: Any) -> list[tuple[str, str, float]]:
    frame = vbench.load(place, where={"status": "ok"} | where)
    return sorted(zip(frame["run_id"], frame["architecture"], frame["latency_s"], strict=True))


def test_results_of_a_bucket_are_those_of_the_folder(runs: Any, s3: Any, cached: Path) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'vbench[scale]'")
    for day in range(4):
        runs.add(ms=10.0 + day)
    expected = rows(runs.folder, architecture="net/*")
    s3.put(str(runs.folder), "results/team", recursive=True)
    assert rows("s3://results/team", architecture="net/*") == expected
    assert rows("s3://results/team/**", architecture="net/*") == expected
    assert compacting.compact("s3://results/team").files == 4
    assert len(places.listing("s3://results/team").parts) == 2
    assert rows("s3://results/team/**", architecture="net/*") == expected
    assert compacting.compact("s3://results/team").parts == []
    (newest,) = local(["s3://results/team"], newest=1)
    assert newest.name == "20260304T040000Z-000004.jsonl"
    parts = places.listing("s3://results/team").parts
    s3.pipe_file(places.key(parts[0].address), s3.cat_file(places.key(parts[0].address))[:-20])
    with pytest.warns(UserWarning, match="passed over"):
        assert rows("s3://results/team", architecture="net/*") == expected


def test_a_run_is_put_once(runs: Any, s3: Any) -> None:
    path = runs.add()
    target = upload.target("s3://results/team")
    assert target is not None
    url = target.put(path, results.read(path))
    assert url == f"s3://results/team/{path.parent.name}/{path.name}"
    assert s3.cat_file(places.key(url)) == path.read_bytes()
    assert target.put(path, results.read(path)) == url
    s3.pipe_file(places.key(url), b"another")
    with pytest.raises(ResultFileError, match="is another run's"):
        target.put(path, results.read(path))
    with pytest.raises(UsageError, match="exists, and a run file is never written over"):
        upload.target(url)
    with pytest.raises(Exception, match=r".+"):
        s3.pipe_file(places.key(url), b"third", mode="create")


def test_a_bucket_that_there_is_not_is_a_line(s3: Any) -> None:
    with pytest.raises(UsageError, match="no such bucket"):
        upload.target("s3://nowhere/results")
    with pytest.raises(UsageError) as caught:
        places.listing("s3://nowhere/results")
    assert "\n" not in str(caught.value)


def test_without_credentials_there_is_one_line_that_says_which_are_meant(
    s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import s3fs  # noqa: PLC0415 - may not be here

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    s3fs.S3FileSystem.clear_instance_cache()
    places.filesystem.cache_clear()
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID") as caught:
        vbench.load("s3://results/team")
    assert "\n" not in str(caught.value)
    places.filesystem.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.undo()


def test_a_server_that_is_not_there_is_a_line(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs  # noqa: PLC0415 - may not be here

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    places.filesystem.cache_clear()
    with pytest.raises(UsageError, match="cannot list s3://results/team") as caught:
        vbench.load("s3://results/team")
    assert "\n" not in str(caught.value)
    places.filesystem.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.undo()
