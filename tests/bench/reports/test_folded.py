"""Rows that say nothing but what many others say are counted in tables, and are all in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vbench import results
from vbench.cli import _live
from vbench.reports import markdown
from vbench.reports.rows import folded, rows

if TYPE_CHECKING:
    from vbench.core import Record

MANY, FEW = "int8 is not here", "trt is not installed: pip install trt"


@pytest.fixture
def record(make: Any) -> Record:
    """One row that is ok, four skipped for one reason, three for another, and one that was checked and no more."""
    ok, checked = make.case("net/ok"), make.case("net/checked")
    many = [make.case(f"net/{index}", precision="int8") for index in range(4)]
    few = [make.case(f"net/{index}", engine="trt") for index in range(3)]
    skipped = dict.fromkeys((case.id for case in many), MANY) | dict.fromkeys((case.id for case in few), FEW)
    run = make.run(ok, *many, *few, checked, skipped=skipped)
    return results.record(run, [make.check(ok), make.replicate(ok), make.check(checked)], "complete")


def test_more_than_three_of_one_reason_are_counted_and_the_others_named(record: Record) -> None:
    kept, many = folded(rows([record]))
    assert [row.name for row in kept] == ["net/ok", "net/0", "net/1", "net/2", "net/checked"]
    assert [(alike.reason, [row.name for row in alike.rows]) for alike in many] == [(MANY, [f"net/{i}" for i in range(4)])]
    assert many[0].names("abcd") == "a, b, c and 1 more"
    assert len(record.results) == 9
    assert record.exit_code == 0


def test_the_table_and_the_summary_count_them(record: Record) -> None:
    lines = markdown.table([record], []).splitlines()
    assert len(lines) == 2 + 5 + 2
    assert lines[-2:] == ["", f"- 4 cases were skipped: {MANY}"]
    told = markdown.summary([record], [], [])
    assert f"- 4 cases: skipped: {MANY}: `net/0@none" in told
    assert told.count(f"skipped: {FEW}") == 3


def test_the_command_line_counts_them_in_one_row_and_says_each_reason(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _live.table(record).splitlines()
    assert len(lines) == 1 + 5 + 1
    assert lines[-1].split() == ["4", "cases", *"–––––", "0", "skipped"]
    _live.closing(record)
    said = capsys.readouterr().err.splitlines()
    assert f"net/0 eager int8, net/1 eager int8, net/2 eager int8 and 1 more: skipped: {MANY}" in said
    assert sum(FEW in line for line in said) == 3
