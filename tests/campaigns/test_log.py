from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from campaign import log
from hypothesis import given
from hypothesis import strategies as st

from vbench.errors import ResultFileError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def head(**fields: Any) -> log.Head:
    given = {"campaign": "c", "settings": {"threads": 2, "networks": ["a/b"]}, "machine": "m", "fingerprint": "f"}
    return log.Head(**given | {"versions": {"torch": "2"}} | fields)


def write(path: Path, *numbers: int) -> None:
    file, _ = log.begin(path, head())
    for number in numbers:
        file.append("repetition", {"repetition": number, "value": number * 0.5})
    file.close()


def test_a_log_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "c.jsonl"
    write(path, 0, 2)
    file, _ = log.begin(path, head())
    file.append("failure", {"repetition": 1, "reason": "why"})
    file.close()
    found = log.read(path)
    assert found.head == head()
    assert found.ordered() == [{"repetition": 0, "value": 0.0}, {"repetition": 2, "value": 1.0}]
    assert found.failures == [{"repetition": 1, "reason": "why"}]
    assert found.missing(4) == [1, 3]
    assert found.size == path.stat().st_size


def test_an_absent_log_is_empty_and_has_nothing_to_analyse(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    assert log.read(path) == log.Log(None, {}, [], 0)
    with pytest.raises(UsageError, match="no finished repetition"):
        log.filled(path)


@pytest.mark.parametrize("torn", [b'{"type":"repetition","repeti', b"\0\0\0\0\n", b'{"type":"repetition"}\n', b"{}\xff"])
def test_a_torn_last_line_is_dropped_and_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "c.jsonl"
    write(path, 0, 1)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert log.read(path).size == len(whole)
    file, found = log.begin(path, head())
    file.append("repetition", {"repetition": 2})
    file.close()
    assert found.missing(3) == [2]
    assert path.read_bytes().startswith(whole + b'{"type":"repetition","repetition":2')
    assert log.read(path).missing(3) == []


@given(cut=st.integers(0, 400))
def test_wherever_a_log_is_cut_the_rest_can_be_done(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "c.jsonl"
    write(path, 0, 1, 2)
    path.write_bytes(path.read_bytes()[:cut])
    file, found = log.begin(path, head())
    for number in found.missing(3):
        file.append("repetition", {"repetition": number, "value": number * 0.5})
    file.close()
    assert [entry["value"] for entry in log.read(path).ordered()] == [0.0, 0.5, 1.0]


def test_a_bad_line_before_the_last_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    write(path, 0)
    path.write_bytes(path.read_bytes() + b"junk\n" + b'{"type":"repetition","repetition":1}\n')
    with pytest.raises(ResultFileError, match="line 3"):
        log.read(path)


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"type":"run","schema":1}\n')
    with pytest.raises(UsageError, match="no campaign's log"):
        log.read(path)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"settings": {"threads": 1, "networks": ["a/b"]}}, "settings: threads was 2 and is 1"),
        ({"settings": {"threads": 2}}, "settings: networks was"),
        ({"fingerprint": "g"}, "fingerprint was 'f' and is 'g'"),
        ({"versions": {"torch": "3"}}, "versions: torch was '2' and is '3'"),
        ({"campaign": "d"}, "campaign was 'c'"),
    ],
)
def test_a_log_is_only_continued_as_it_was_begun(tmp_path: Path, fields: dict[str, Any], named: str) -> None:
    path = tmp_path / "c.jsonl"
    write(path, 0)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=named):
        log.begin(path, head(**fields))
    assert path.read_bytes() == before


def test_two_campaigns_do_not_write_one_log(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    file, _ = log.begin(path, head())
    with pytest.raises(UsageError, match="being written"):
        log.begin(path, head())
    file.close()
