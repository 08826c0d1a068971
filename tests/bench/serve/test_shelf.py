"""What is read and when, and which files are not even opened."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from vbench import errors, results
from vbench.history import reading

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

from vbench.serve import files, shelf

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read, each time that one was."""
    seen: list[str] = []
    for module in (results, reading):
        read = module.read

        def counted(path: Any, *more: Any, read: Any = read, **named: Any) -> Any:
            seen.append(os.path.basename(path))  # noqa: PTH119 - it may be text
            return read(path, *more, **named)

        monkeypatch.setattr(module, "read", counted)
    return seen


@pytest.mark.parametrize("path", ["/", "/report", "/history"])
def test_only_what_is_new_or_changed_is_read_again(ask: Any, folder: Any, reads: list[str], path: str) -> None:
    first, second = folder.add(), folder.add()
    before = ask(path).text
    assert sorted(reads) == sorted([first.name, second.name])
    assert ask(path).text == before
    assert len(reads) == 2
    third = folder.add("net/three")
    assert "net/three" in ask(f"{path}.json" if path != "/" else "/runs.json").text
    assert reads[2:] == [third.name]
    record = folder.record("net/four")
    folder.written(record, second)
    assert "net/four" in ask(f"{path}.json" if path != "/" else "/runs.json").text
    assert reads[3:] == [second.name]


def test_a_file_that_goes_is_gone_and_forgotten(ask: Any, folder: Any) -> None:
    folder.add()
    path = folder.add("net/gone")
    assert "net/gone" in ask("/report.json").text
    path.unlink()
    assert "net/gone" not in ask("/report.json").text
    assert set(ask.shelf._records) == {one.path for one in ask.shelf.listing().files}


def test_a_run_is_followed_while_it_goes_on(ask: Any, folder: Any) -> None:
    lines = folder.lines()
    for many, measured in ((1, 0), (8, 1), (len(lines), 2)):
        folder.put("now.jsonl", lines[:many])
        (run,) = ask("/runs.json").json()["runs"]
        assert (run["measured"], run["rows"], run["ended"]) == (measured, 2, "complete" if many == len(lines) else "")
    assert "running, or cut" not in ask("/").text


def test_the_newest_stands_first_by_its_name_else_by_when_it_was_written(folder: Any) -> None:
    lines = folder.lines()
    for name, when in (("20260301T040000Z-a.jsonl", 9e8), ("20260303T040000Z-b.jsonl", 1e8), ("other.jsonl", 1772424000)):
        os.utime(folder.put(name, lines), (when, when))
    order = [one.name for one in shelf.Shelf(folder.root).listing().files]
    assert order == ["20260303T040000Z-b.jsonl", "other.jsonl", "20260301T040000Z-a.jsonl"]


def test_memory_holds_so_much_and_no_more(ask: Any, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [folder.add() for _ in range(4)]
    monkeypatch.setattr(shelf, "_KEPT_BYTES", 2 * max(path.stat().st_size for path in paths))
    assert len(ask("/report.json").json()["runs"]) == 4
    assert len(ask.shelf._records) == 2


def test_a_folder_is_a_folder_and_a_file_a_file(folder: Any, asker: Any, tmp_path: Path) -> None:
    path = folder.add("net/one")
    folder.add("net/two")
    assert "net/two" not in asker(path)("/report.json").text
    with pytest.raises(errors.UsageError, match="no such folder"):
        shelf.Shelf(tmp_path / "nothing")


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
def test_what_leads_out_of_the_results_is_named_and_not_opened(ask: Any, folder: Any, tmp_path: Path) -> None:
    folder.add("net/one")
    for name in ("secret.jsonl", "other.jsonl"):
        folder.written(folder.record("net/secret"), tmp_path / "outside" / name)
    inner = folder.root / "inner"
    inner.mkdir()
    (folder.root / "link.jsonl").symlink_to(tmp_path / "outside" / "secret.jsonl")
    (inner / "up.jsonl").symlink_to("../../outside/other.jsonl")
    (folder.root / "folder").symlink_to(tmp_path / "outside")
    (folder.root / "self.jsonl").symlink_to("self.jsonl")
    (folder.root / "nowhere.jsonl").symlink_to("absent.jsonl")
    os.mkfifo(folder.root / "pipe.jsonl")
    (folder.root / "a-folder.jsonl").mkdir()
    answer = ask("/report.json").json()
    assert {row["architecture"] for row in answer["rows"]} == {"net/one"}
    reasons = {one["name"]: one["reason"] for one in answer["refused"]}
    assert reasons["link.jsonl"] == reasons["inner/up.jsonl"] == "is a link that leads out of the results"
    assert reasons["pipe.jsonl"] == reasons["a-folder.jsonl"] == "is no regular file"
    assert {"self.jsonl", "nowhere.jsonl"} <= set(reasons)
    for path in ("/", "/report", "/history", "/compare"):
        answer = ask(path)
        assert "net/secret" not in answer.text
        assert "link.jsonl" in answer.text


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_link_to_a_neighbour_is_that_file(ask: Any, folder: Any) -> None:
    path = folder.add("net/one")
    (folder.root / "newest.jsonl").symlink_to(path.name)
    assert len(ask("/report.json").json()["runs"]) == 1


def test_what_no_result_file_is_so_large_as_is_not_read(ask: Any, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder.add("net/one")
    folder.add("net/two", "net/three")
    monkeypatch.setattr(files, "MOST_BYTES", path.stat().st_size)
    answer = ask("/report.json").json()
    assert [row["architecture"] for row in answer["rows"]] == ["net/one"]
    assert "is larger than" in answer["refused"][0]["reason"]


def test_results_that_vanish_are_said_to_be_gone(ask: Any, folder: Any) -> None:
    folder.add().unlink()
    folder.root.rmdir()
    answer = ask("/")
    assert answer.status_code == 200
    assert "is no longer there" in answer.text


@pytest.mark.parametrize(
    ("given", "said"),
    [("plain", "plain"), ("a\n b\x00c", "a b c"), ("\ud800x", "?x"), ("x" * 400, f"{'x' * 300} …")],
)
def test_a_line_is_one_short_line(given: str, said: str) -> None:
    assert files.line(given) == said
