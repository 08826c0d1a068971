"""Columns of the table that only some scenarios fill."""

from __future__ import annotations

from typing import Any

import pytest

from vbench.core import Record, Result
from vbench.reports import extra, markdown, text
from vbench.reports.rows import rows

SWEPT = {"best_batch": 32, "oom_batch": 64}
LASTED = {"throughput_first_per_s": 75.0, "throughput_last_per_s": 60.0, "sustained_ratio": 0.8}


ASKED = {"executed_precision": {"int8": 0.97, "fp32": 0.03}, "executed_share": 0.97}
OTHER = {"executed_precision": {"fp32": 0.92, "int8": 0.08}, "executed_share": 0.08}
UNSAID = {"executed_precision": {"unknown": 0.7, "int8": 0.3}, "executed_share": 0.3}


def test_a_column_is_shown_where_a_row_fills_it_and_nowhere_else(make: Any) -> None:
    def heads(*rows: dict[str, Any], **axes: Any) -> list[str]:
        results = [Result(case=make.case(f"a/{n}", **axes), status="ok", values=values) for n, values in enumerate(rows)]
        return [column.head for column in extra.shown(results)]

    assert heads({"latency_s": 1.0}, {}, {"best_batch": None}) == []
    assert heads(SWEPT, LASTED) == ["best batch", "first to last"]
    assert heads({}, {"stream_balance": 0.5}) == ["stream balance"]
    assert heads(ASKED, {"agreement_sqnr_db": 200.0}, precision="int8") == []


def test_what_tells_engines_and_precisions_apart_is_shown_where_there_are_several(make: Any) -> None:
    values = {**ASKED, "agreement_sqnr_db": 31.234, "speedup_over_fp32": 2.5}
    ok = [Result(case=make.case(precision=name), status="ok", values=values) for name in ("fp32", "int8")]
    assert [column.head for column in extra.shown(ok)] == ["executed", "agreement", "over fp32"]
    other = Result(case=make.case(engine="other"), status="ok", values={"agreement_sqnr_db": 150.0})
    assert [column.head for column in extra.shown([ok[0], other])] == ["executed", "agreement", "over fp32"]
    skipped = Result(case=make.case(precision="bf16"), status="skipped", reason="not here")
    assert extra.shown([ok[0], skipped]) == []


@pytest.mark.parametrize(
    ("head", "values", "cell"),
    [
        ("best batch", SWEPT, "32 (no memory at 64)"),
        ("best batch", {"best_batch": 8}, "8"),
        ("best batch", {}, "–"),
        ("first to last", LASTED, "75.0/s to 60.0/s (80.0 %)"),
        ("first to last", {"sustained_ratio": 1.0}, "– to – (100.0 %)"),
        ("stream balance", {"stream_balance": 0.05}, "5.0 %"),
        ("executed", ASKED, "int8 97 %, fp32 3 %"),
        ("executed", OTHER, "mostly fp32 92 %, int8 8 %"),
        ("executed", UNSAID, "unknown 70 %, int8 30 %"),
        ("agreement", {"agreement_sqnr_db": 31.234}, "31.2 dB"),
        ("over fp32", {"speedup_over_fp32": 2.5}, "2.50 times"),
        (
            "over fp32",
            {"speedup_over_fp32": 2.5, "speedup_over_fp32_low": 2.4, "speedup_over_fp32_high": 2.6},
            "2.5 times [2.4, 2.6]",
        ),
        ("on disk", {"encoded_bytes": 11_300_000, "encoded_ratio": 48.96}, "10.8 MiB (49 times smaller)"),
        ("zeros", {"zeros": 900, "nonzeros": 100}, "90.0 %"),
        ("zeros", {"zeros": 900}, "900"),
        ("fidelity", {"fidelity_sqnr_db": 12.34}, "12.3 dB"),
        ("over uncompressed", {"speedup_over_uncompressed": 1.25}, "1.25 times"),
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
