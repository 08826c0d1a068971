"""The page of pruning: what a reader sees of a network that was pruned right, wrong, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from prunings import page
from prunings.log import Line, read

if TYPE_CHECKING:
    from pathlib import Path

LINE = Line(
    architecture="a/1", input_shape=(3, 64, 64), compression="taylor:0.5", source="s", versions={"torch": "1"}, status="ok",
    removed=30, channels=60, params=40, params_before=100, macs=25, macs_before=100, implied=25.0, apart=2e-7, seconds=1.5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "| 25 % |"),
        ({"apart": 1e-5}, "| 25 % |"),
        ({"apart": 2e-5}, "| 25 %, **2e-05 apart** |"),
        ({"apart": float("nan")}, "| 25 %, **nan apart** |"),
        ({"apart": None}, "| 25 %, **not compared** |"),
        ({"implied": 24.6}, "| 25 % |"),
        ({"implied": 24.4}, "| 25 %, **MACs off** |"),
        ({"status": "kept", "reason": "no channel can go"}, "| kept (1) |"),
        ({"status": "crashed", "reason": "killed"}, "| **crashed** (1) |"),
    ],
)
def test_a_cell_says_what_holds(change: dict[str, object], said: str) -> None:
    line = msgspec.structs.replace(LINE, **change)
    text = page.text([line], ["a/1", "b/2"])
    assert said in text
    assert "b/2" not in text
    if line.reason:
        assert f"1. {line.reason}" in text


def test_the_summary_counts_what_holds() -> None:
    lines = [
        LINE,
        msgspec.structs.replace(LINE, architecture="a/2", apart=3e-5, implied=20.0),
        msgspec.structs.replace(LINE, architecture="a/3", status="kept", reason="r"),
        msgspec.structs.replace(LINE, architecture="a/4", status="timeout", reason="t"),
    ]
    assert "| `taylor:0.5` | 2 | 1 | 3.0e-05 | 1 | 1 | 1 |" in page.text(lines, ["a/1", "a/2", "a/3", "a/4"])


def test_a_log_gives_the_last_of_each_case_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    again = msgspec.structs.replace(LINE, seconds=3.0)
    other = msgspec.structs.replace(LINE, versions={"torch": "2"})
    text = b"\n".join(msgspec.json.encode(line) for line in (LINE, again, other))
    (tmp_path / "log.jsonl").write_bytes(text + b'\n{"architecture": "a/')
    assert read(tmp_path / "log.jsonl") == [again, other]
    assert read(tmp_path / "none.jsonl") == []


def test_the_page_is_replaced_between_its_marks() -> None:
    assert page.replaced(f"before {page.BEGIN} old {page.END} after", "new") == f"before {page.BEGIN}\n\nnew\n\n{page.END} after"
