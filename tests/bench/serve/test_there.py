"""Results of an object store are served as those of a folder are: the same pages, each object fetched once and in part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vbench import errors

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

from vbench.serve import files, shelf

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install fsspec")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "memory://bucket/results"
PAGES = ("/runs.json", "/report.json", "/history.json", "/compare.json")


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A store in memory that counts the bytes that are asked of it."""
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.read = []
    plain = memory.cat_file

    def counted(path: str, start: int | None = None, end: int | None = None, **more: Any) -> bytes:
        found = bytes(plain(path, start=start, end=end, **more))
        memory.read.append(len(found))
        return found

    monkeypatch.setattr(memory, "cat_file", counted)
    yield memory
    memory.store.clear()


def put(memory: Any, folder: Any) -> None:
    for path in folder.root.glob("*.jsonl"):
        memory.pipe(f"/bucket/results/{path.name}", path.read_bytes())


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_are_those_of_a_folder(bucket: Any, folder: Any, asker: Any, page: str) -> None:
    for day in range(3):
        folder.add(ms=10.0 + day)
    put(bucket, folder)
    assert asker(files.named(URL))(page).content == asker(folder.root)(page).content


def test_an_object_is_fetched_once_and_only_where_its_samples_are_wanted(bucket: Any, folder: Any, asker: Any) -> None:
    folder.add()
    folder.add()
    put(bucket, folder)
    ask = asker(files.named(URL))
    assert len(ask("/runs.json").json()["runs"]) == 2
    few = len(bucket.read)
    ask("/")
    assert len(bucket.read) == few
    assert len(ask("/report.json").json()["runs"]) == 2
    assert len(bucket.read) == few + 2
    ask("/report.json?last=1")
    asker(files.named(URL))("/report.json")
    assert len(bucket.read) == few + 2
    changed = folder.record("net/three")
    folder.written(changed, folder.root / "more.jsonl")
    put(bucket, folder)
    assert "net/three" in ask("/report.json").text


def test_what_is_broken_is_named_and_a_store_that_is_gone_is_shown_as_it_was(
    bucket: Any, folder: Any, asker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add()
    put(bucket, folder)
    bucket.pipe("/bucket/results/bad.jsonl", b'{"type":"run"}\n')
    ask = asker(files.named(URL))
    told = ask("/runs.json").json()
    assert [one["file"] for one in told["runs"] if "refused" in one] == ["bad.jsonl"]
    assert "memory://" not in str(told)
    tag = ask("/runs.json").headers["etag"]
    assert ask("/runs.json", if_none_match=tag).status_code == 304, "what is damaged stays so, and is no news"

    def gone(*_: Any, **__: Any) -> None:
        message = "connection refused\nand much more"
        raise ConnectionError(message)

    monkeypatch.setattr(bucket, "find", gone)
    for _ in range(2):
        later = ask("/runs.json").json()
        assert later["runs"] == told["runs"]
        (refused,) = later["refused"]
        assert refused["name"] == URL
        assert refused["reason"].startswith(f"is shown as it was: cannot list {URL}: ConnectionError: connection refused; ")


def test_what_a_store_did_not_give_is_asked_for_again(
    bucket: Any, folder: Any, asker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add("net/late")
    put(bucket, folder)
    ask = asker(files.named(URL))
    with monkeypatch.context() as busy:

        def slow(*_: Any, **__: Any) -> bytes:
            raise TimeoutError

        busy.setattr(bucket, "cat_file", slow)
        first = ask("/runs.json")
        assert "TimeoutError" in first.json()["runs"][0]["refused"]
    again = ask("/runs.json", if_none_match=first.headers["etag"])
    assert again.status_code == 200
    assert again.json()["runs"][0]["measured"] == 1
    assert ask("/runs.json", if_none_match=again.headers["etag"]).status_code == 304


def test_what_cannot_be_listed_is_not_served(bucket: Any) -> None:
    with pytest.raises(errors.UsageError, match="holds nothing"):
        shelf.Shelf(files.named("memory://bucket/nothing"))
    with pytest.raises(errors.UsageError, match="ftp:// is not served"):
        files.named("ftp://host/results")
    with pytest.raises(errors.UsageError, match="climbs"):
        files.named("memory://bucket/../other")


def test_one_object_by_itself(bucket: Any, folder: Any, asker: Any) -> None:
    path = folder.add("net/alone")
    put(bucket, folder)
    (run,) = asker(files.named(f"{URL}/{path.name}"))("/runs.json").json()["runs"]
    assert run["file"] == path.name
