"""The second count is kept between runs, and never trusted further than it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from torch import nn

from vbench import cache as kept
from vbench.counting import cache, count, counter
from vbench.counting.second import Second

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = Second(macs=12, other_ops=3, uncounted_ops={"aten::fft_fft": 1})
REAL_MACS = 12


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


def linear() -> nn.Module:
    return nn.Linear(3, 4)


def test_an_entry_comes_back() -> None:
    name = cache.key("work")
    assert cache.read(name) is None
    cache.write(name, ENTRY)
    assert cache.read(name) == ENTRY
    assert [path.suffix for path in (kept.folder() / "counts").iterdir()] == [".json"]


def test_the_key_names_the_work_and_the_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.key("work")
    assert cache.key("work") == before
    assert cache.key("other work") != before
    monkeypatch.setattr(cache, "version", lambda _: "0")
    assert cache.key("work") != before


def test_the_second_counter_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert count(linear, (3,)).macs_second == REAL_MACS

    def fail(*_: object) -> Second:
        message = "counted again"
        raise AssertionError(message)

    monkeypatch.setattr(counter, "second_count", fail)
    assert count(linear, (3,)).macs_second == REAL_MACS


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"macs": "many"}', b'{"macs": 99, "other_ops": 1'])
def test_a_damaged_entry_is_counted_again(damage: bytes) -> None:
    count(linear, (3,))
    (entry,) = (kept.folder() / "counts").iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(damage)
    assert count(linear, (3,)).macs_second == REAL_MACS
    assert entry.read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("VBENCH_CACHE", str(blocked))
    assert count(linear, (3,)).macs_second == REAL_MACS


def test_a_write_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(kept.os, "replace", full)
    cache.write(cache.key("work"), ENTRY)
    assert list((kept.folder() / "counts").iterdir()) == []
