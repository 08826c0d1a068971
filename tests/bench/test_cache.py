"""What is kept between runs: where, whole or not at all, and never worth an error."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import cache


class Entry(msgspec.Struct, frozen=True):
    number: int
    text: str = ""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_an_entry_comes_back_by_its_name_and_its_type(here: Path) -> None:
    assert cache.read("some/entry", Entry) is None
    cache.write("some/entry", Entry(7, "é"))
    assert cache.read("some/entry", Entry) == Entry(7, "é")
    assert cache.read("some/entry", list) is None
    assert [str(path.relative_to(here)) for path in here.rglob("*.*")] == ["some/entry.json"]


@given(st.binary(max_size=40))
def test_whatever_stands_in_a_file_it_is_an_entry_or_none(tmp_path_factory: pytest.TempPathFactory, damage: bytes) -> None:
    root = tmp_path_factory.mktemp("cache")
    (root / "entry.json").write_bytes(damage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VBENCH_CACHE", str(root))
        found = cache.read("entry", Entry)
    assert found is None or json.loads(damage)["number"] == found.number


def test_many_writers_leave_one_whole_entry(here: Path) -> None:
    writers = [threading.Thread(target=cache.write, args=("entry", Entry(n, "x" * 100_000 * n))) for n in range(1, 5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = cache.read("entry", Entry)
    assert found is not None
    assert found.text == "x" * 100_000 * found.number
    assert [path.name for path in here.iterdir()] == ["entry.json"]


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"VBENCH_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ("linux", {"XDG_CACHE_HOME": "/b"}, "/b/vbench"),
        ("linux", {"HOME": "/h"}, "/h/.cache/vbench"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/vbench"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/vbench/cache"),
    ],
)
def test_where_it_is_kept(platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VBENCH_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cache.sys, "platform", platform)
    assert cache.folder() == Path(expected)
