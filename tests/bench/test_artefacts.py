"""What engines made is kept whole or not at all, under all that it depends on, and is never worth an error."""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import artefacts
from vbench.errors import UsageError, VbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

KEY = {"architecture": "a/one", "precision": "int8"}
DAMAGED = "a damaged entry was made again"
WORDS = st.text("ab,=[]", max_size=3)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def making(text: str = "graph", notes: Mapping[str, str] | None = None) -> Callable[[Path], Mapping[str, str]]:
    def make(folder: Path) -> Mapping[str, str]:
        (folder / "deep").mkdir()
        (folder / "deep" / "graph.txt").write_text(text)
        return notes or {}

    return make


def never(folder: Path) -> Mapping[str, str]:
    pytest.fail("this was kept and must not be made again")


def content(found: artefacts.Artefact) -> str:
    return (found.folder / "deep" / "graph.txt").read_text()


def test_what_was_made_is_found_again_with_its_notes_and_seconds(here: Path) -> None:
    first = artefacts.keep("onnx", KEY, making(notes={"calibration": "64 pictures"}))
    again = artefacts.keep("onnx", dict(reversed(KEY.items())), never)
    assert (first.made, again.made, first.trouble, again.trouble) == (True, False, "", "")
    assert (again.folder, again.manifest) == (first.folder, first.manifest)
    assert again.manifest.notes == {"calibration": "64 pictures"}
    assert again.manifest.bytes == len("graph")
    assert [folder for folder, _ in artefacts.entries()] == [first.folder]
    assert first.folder.is_relative_to(here)


@given(st.dictionaries(WORDS, WORDS, max_size=3), st.dictionaries(WORDS, WORDS, max_size=3))
def test_two_keys_have_one_place_only_where_they_are_the_same(one: dict[str, str], other: dict[str, str]) -> None:
    assert (artefacts._place("onnx", one) == artefacts._place("onnx", other)) == (one == other)


@pytest.mark.parametrize("other", [{**KEY, "precision": "fp32"}, {"architecture": "a/one"}, {**KEY, "more": ""}])
def test_another_key_or_name_is_another_entry(other: dict[str, str]) -> None:
    artefacts.keep("onnx", KEY, making("one"))
    assert content(artefacts.keep("onnx", other, making("two"))) == "two"
    assert content(artefacts.keep("xml", KEY, making("three"))) == "three"
    assert content(artefacts.keep("onnx", KEY, never)) == "one"


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("file", ["deep/graph.txt", artefacts.MANIFEST])
@pytest.mark.parametrize("damage", [_flip, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"{}")])
def test_a_damaged_file_or_manifest_is_made_again_and_said(file: str, damage: Callable[[Path], Any]) -> None:
    folder = artefacts.keep("onnx", KEY, making()).folder
    damage(folder / file)
    again = artefacts.keep("onnx", KEY, making("new"))
    assert (again.made, again.trouble, content(again)) == (True, DAMAGED, "new")
    assert content(artefacts.keep("onnx", KEY, never)) == "new"


def test_a_file_that_is_gone_is_damage_and_a_manifest_that_is_gone_is_no_entry() -> None:
    folder = artefacts.keep("onnx", KEY, making()).folder
    (folder / "deep" / "graph.txt").unlink()
    assert artefacts.keep("onnx", KEY, making()).trouble == DAMAGED
    (folder / artefacts.MANIFEST).unlink()
    found = artefacts.keep("onnx", KEY, making("new"))
    assert (found.made, found.trouble, content(found)) == (True, "", "new")


def test_a_manifest_of_another_key_in_its_place_is_not_trusted() -> None:
    one, two = (artefacts.keep("onnx", {**KEY, "precision": p}, making(p)).folder for p in ("fp32", "int8"))
    (one / artefacts.MANIFEST).write_bytes((two / artefacts.MANIFEST).read_bytes())
    assert artefacts.keep("onnx", {**KEY, "precision": "fp32"}, making("new")).trouble == DAMAGED


def test_what_make_raises_goes_through_and_leaves_nothing(here: Path) -> None:
    def failing(folder: Path) -> Mapping[str, str]:
        (folder / "half").write_text("a graph")
        message = "no such operator"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="no such operator"):
        artefacts.keep("onnx", KEY, failing)
    assert [path for path in here.rglob("*") if path.is_file()] == []
    assert list((here / artefacts.FOLDER / "onnx").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_no_error(here: Path) -> None:
    here.write_text("a file where the folder should be")
    found = artefacts.keep("onnx", KEY, making())
    assert (found.made, found.temporary, content(found)) == (True, True, "graph")
    assert found.trouble.startswith("not kept: ")
    assert not found.folder.is_relative_to(here)
    artefacts.remove(found.folder)


def test_a_full_disk_is_no_error_as_long_as_another_has_room(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make(folder: Path) -> Mapping[str, str]:
        made.append(folder)
        if folder.is_relative_to(here):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return making()(folder)

    found = artefacts.keep("onnx", KEY, make)
    assert (found.trouble, found.temporary, len(made)) == ("not kept: No space left on device", True, 2)
    assert content(found) == "graph"
    assert list((here / artefacts.FOLDER / "onnx").iterdir()) == []
    artefacts.remove(found.folder)
    assert list(artefacts.entries()) == []


@pytest.mark.parametrize(("free", "kept"), [(2**20, True), (2**40, False)])
def test_an_exporter_that_hides_a_full_disk_is_tried_where_there_is_room(
    *, here: Path, monkeypatch: pytest.MonkeyPatch, free: int, kept: bool
) -> None:
    def make(folder: Path) -> Mapping[str, str]:
        if folder.is_relative_to(here):
            message = "cannot be exported"
            raise VbenchError(message)
        return making()(folder)

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free if folder.is_relative_to(here) else 2**40))
    if kept:
        found = artefacts.keep("onnx", KEY, make)
        assert (found.trouble, found.temporary) == ("not kept: No space left on device", True)
        artefacts.remove(found.folder)
    else:
        with pytest.raises(VbenchError, match=r"^cannot be exported$"):
            artefacts.keep("onnx", KEY, make)
    assert list((here / artefacts.FOLDER / "onnx").iterdir()) == []


def test_where_there_is_no_room_at_all_the_line_says_which_folders(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(folder: Path) -> Mapping[str, str]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(VbenchError, match=rf"^no room .*{re.escape(str(here))}.*VBENCH_CACHE and TMPDIR$"):
        artefacts.keep("onnx", KEY, make)


def test_what_was_used_longest_ago_goes_first_and_the_newest_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE_LIMIT", "25B")
    folders = {}
    for age, name in enumerate(("old", "middle", "young")):
        folders[name] = artefacts.keep("onnx", {"architecture": name}, making("x" * 8)).folder
        os.utime(folders[name] / artefacts.MANIFEST, (1000 + age, 1000 + age))
    artefacts.keep("onnx", {"architecture": "old"}, never)  # used now
    artefacts.keep("onnx", {"architecture": "new"}, making("x" * 8))
    assert {m.key["architecture"] for _, m in artefacts.entries()} == {"old", "young", "new"}
    artefacts.keep("onnx", {"architecture": "large"}, making("x" * 30))
    assert [m.key["architecture"] for _, m in artefacts.entries()] == ["large"], "larger than the limit, and just made"


def test_a_limit_that_is_no_size_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert artefacts.limit() == artefacts.LIMIT_BYTES
    monkeypatch.setenv("VBENCH_CACHE_LIMIT", "much")
    with pytest.raises(UsageError, match=r"VBENCH_CACHE_LIMIT='much' is no size; allowed is .* 20GiB"):
        artefacts.limit()


def test_two_that_make_the_same_at_once_leave_one_whole_entry(here: Path) -> None:
    both = threading.Barrier(2)

    def make(folder: Path) -> Mapping[str, str]:
        both.wait(timeout=30)
        return making(folder.name)(folder)

    found: list[artefacts.Artefact] = []
    threads = [threading.Thread(target=lambda: found.append(artefacts.keep("onnx", KEY, make))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.made for one in found] == [True, True]
    assert len(list(artefacts.entries())) == 1
    whole = artefacts.keep("onnx", KEY, never)
    assert [(one.folder, one.manifest) for one in found] == [(whole.folder, whole.manifest)] * 2, "the quicker one may be in use"
    assert not list(here.rglob(".making-*"))


def test_everything_can_be_swept_away(here: Path) -> None:
    folder = artefacts.keep("onnx", KEY, making()).folder
    (folder.parent / ".making-left").mkdir()
    artefacts.sweep()
    assert not artefacts.root().exists()
    assert list(artefacts.entries()) == []
    artefacts.sweep()
