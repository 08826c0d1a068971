"""The page of engines: what a reader sees of a case that ran, ran elsewhere, failed, or was never tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from works import page
from works.log import Line, read

if TYPE_CHECKING:
    from pathlib import Path

LINE = Line(
    architecture="a/1", input_shape=(3, 64, 64), engine="e", precision="int8", source="s", versions={"torch": "1"}, status="ok"
)


def _text(*lines: Line) -> str:
    return page.text(lines, sorted({line.architecture for line in lines}))


def test_a_case_shows_how_near_to_fp32_it_answers() -> None:
    line = msgspec.structs.replace(LINE, sqnr_db=31.6, macs={"int8": 97, "fp32": 3})
    assert "| `a/1` | 3x64x64 | 32 dB |" in _text(line)


def test_a_case_that_ran_elsewhere_says_which_share_did_not() -> None:
    line = msgspec.structs.replace(LINE, sqnr_db=31.6, macs={"int8": 40, "fp32": 60})
    assert line.share == pytest.approx(0.4)
    assert "| 32 dB, 40 % |" in _text(line)


def test_an_account_without_macs_has_no_share() -> None:
    assert LINE.share is None
    assert "| ok |" in _text(LINE)


def test_equal_reasons_stand_once_whatever_their_numbers() -> None:
    lines = [
        msgspec.structs.replace(LINE, architecture=f"a/{number}", status="failed", reason=f"wrong_output: {number}.5 dB signal")
        for number in (1, 2)
    ]
    text = _text(*lines)
    assert text.count("**failed** (1)") == 2
    assert text.count("wrong_output") == 1
    assert "| e | int8 | 0 | failed 2 |" in text


def test_what_is_skipped_for_every_network_has_no_column() -> None:
    text = _text(LINE, msgspec.structs.replace(LINE, precision="tf32", status="skipped", reason="a cpu has none"))
    assert "e tf32 |" not in text
    assert "- e tf32: a cpu has none" in text


def test_the_log_keeps_the_last_of_each_case_and_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert read(path) == []
    again = msgspec.structs.replace(LINE, status="failed")
    other = msgspec.structs.replace(LINE, versions={"torch": "2"})
    path.write_bytes(b"\n".join(map(msgspec.json.encode, (LINE, again, other))) + b'\n{"architecture": "a')
    assert read(path) == [again, other]


def test_only_what_stands_between_the_marks_is_made_again() -> None:
    before = f"title\n\n{page.BEGIN}\n\nold\n\n{page.END}\n\nrest"
    assert page.replaced(before, "new") == f"title\n\n{page.BEGIN}\n\nnew\n\n{page.END}\n\nrest"
