"""Columns of the table that only some scenarios fill."""

from __future__ import annotations

from typing import Any

import pytest

from vbench.core import Record, Result
from vbench.reports import extra, markdown, text
from vbench.reports.rows import rows

SWEPT = {"best_batch": 32, "oom_batch": 64}
LASTED = {"throughput_first_per_s": 75.0, "throughput_last_per_s": 60.0, "sustained_ratio": 0.8}


def test_a_column_is_shown_where_a_row_fills_it_and_nowhere_else() -> None:
    assert extra.shown([{"latency_s": 1.0}, {}, {"best_batch": None}]) == []
    assert [column.head for column in extra.shown([SWEPT, LASTED])] == ["best batch", "first to last"]
    assert [column.head for column in extra.shown([{}, {"stream_balance": 0.5}])] == ["stream balance"]


@pytest.mark.parametrize(
    ("head", "values", "cell"),
    [
        ("best batch", SWEPT, "32 (no memory at 64)"),
        ("best batch", {"best_batch": 8}, "8"),
        ("best batch", {}, "–"),
        ("first to last", LASTED, "75.0/s to 60.0/s (80.0 %)"),
        ("first to last", {"sustained_ratio": 1.0}, "– to – (100.0 %)"),
        ("stream balance", {"stream_balance": 0.05}, "5.0 %"),
        ("efficiency", {"efficiency": 0.617, "bound": "memory"}, "62 % of memory"),
    ],
)
def test_a_cell_says_what_it_knows(head: str, values: dict[str, Any], cell: str) -> None:
    (column,) = [column for column in extra.EXTRAS if column.head == head]
    assert column.cell(values) == cell


def test_the_table_of_a_report_has_them_before_the_memory(make: Any) -> None:
    cases = [make.case(scenario=scenario) for scenario in ("offline", "single-stream")]
    results = tuple(Result(case=case, status="ok", values=values) for case, values in zip(cases, (SWEPT, {}), strict=True))
    record = Record(run=make.run(*cases), results=results)
    found = rows([record])
    heads = [column.head for column in text.columns([], (), found)]
    assert heads.index("best batch") == heads.index("peak memory") - 1
    head, _, swept, plain = markdown.table([record], ()).splitlines()
    assert "best batch" in head
    assert "32 (no memory at 64)" in swept
    assert "no memory" not in plain
