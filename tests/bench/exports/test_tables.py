"""The formats that are tables: read back by pandas, pyarrow and a parser of Markdown; what would be markup is shown as it is."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from vbench import results
from vbench.errors import UnknownNameError, UsageError
from vbench.exports import csv, latex, markdown, parquet
from vbench.exports import json as as_json
from vbench.exports.format import Asked

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Record

NASTY = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30)


def rows_of(text: str) -> list[list[str]]:
    """The cells of a Markdown table as a reader sees them."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    assert [token.type for token in tokens].count("table_open") == 1
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline":
            assert {child.type for child in token.children or ()} <= {"text", "text_special"}, "something was markup"
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


def test_csv_is_what_load_gives(record: Record, nothing: Asked) -> None:
    whole, text = results.frame([record, record]), str(csv.text([record, record], nothing).content)
    back = pd.read_csv(io.StringIO(text))
    assert list(back.columns) == list(whole.columns)
    assert len(back) == 2 * len(record.results)
    pd.testing.assert_series_equal(back["latency_s"], whole["latency_s"], check_exact=True)
    pd.testing.assert_series_equal(back["reason"].fillna(""), whole["reason"], check_dtype=False)
    assert [json.loads(cell) for cell in back["flags"]] == list(whole["flags"])
    assert json.loads(back["throughput_by_batch"].dropna().iloc[0]) == {"1": 50.0, "2": 92.5}
    assert back["energy_j"].isna().all()


def test_json_is_the_rows_with_their_types(record: Record, nothing: Asked) -> None:
    whole, text = results.frame([record, record]), str(as_json.text([record, record], nothing).content)
    rows = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert [list(row) for row in rows] == [list(whole.columns)] * (2 * len(record.results))
    assert [row["case_id"] for row in rows] == list(whole["case_id"])
    by_name = {row["architecture"]: row for row in rows}
    assert (type(by_name["a/odd"]["params"]), by_name["a/odd"]["params"]) == (int, 10)
    assert by_name["b/oom"]["params"] is None
    assert by_name["a/odd"]["flags"] == whole["flags"].iloc[1]
    assert by_name["c/sweep"]["throughput_by_batch"] == {"1": 50.0, "2": 92.5}
    back = pd.read_json(io.StringIO(text), precise_float=True)
    pd.testing.assert_series_equal(back["latency_s"], whole["latency_s"], check_exact=True)
    few = json.loads(str(as_json.text([record], Asked(columns=("reason", "batch"))).content))
    assert {tuple(row) for row in few} == {("reason", "batch")}
    assert "why <b/failed> & so\x07" in {row["reason"] for row in few}


def test_parquet_keeps_types(record: Record, nothing: Asked) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: `nox -s exports` runs this with it")
    whole, content = results.frame([record]), parquet.content([record], nothing).content
    assert isinstance(content, bytes)
    back = pd.read_parquet(io.BytesIO(content))
    assert list(back.columns) == list(whole.columns)
    assert list(back["latency_s"].dropna()) == list(whole["latency_s"].dropna())
    assert back["batch"].dtype.kind == "i"
    assert list(back["case_id"]) == list(whole["case_id"])
    assert json.loads(back["flags"].iloc[0]) == whole["flags"].iloc[0]


def test_without_pyarrow_the_line_that_installs_it_is_said(record: Record, nothing: Asked, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"not installed: pip install 'vbench\[parquet\]'"):
        parquet.content([record], nothing)


def test_markdown_has_the_usual_columns_or_those_that_are_named(record: Record, nothing: Asked) -> None:
    head, *rows = rows_of(str(markdown.text([record], nothing).content))
    assert head == list(results.HEADLINES)
    by_name = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert (by_name["a/odd"]["latency_s"], by_name["a/odd"]["params"], by_name["a/odd"]["quality"]) == ("0.005", "10", "–")
    assert (by_name["b/oom"]["latency_s"], by_name["b/oom"]["status"]) == ("–", "oom")
    asked = Asked(columns=("architecture", "reason"))
    assert ["b/failed", "why <b/failed> & so\x07"] in rows_of(str(markdown.text([record], asked).content))
    for module in (markdown, latex, csv, as_json):
        with pytest.raises(UnknownNameError, match="unknown column 'latency': did you mean latency_s"):
            module.text([record], Asked(columns=("latency",)))


@example("a|b_c_ *d* <e> `f` \\| [g](h) &amp; ~i~")
@example("__0__ and a__b_")
@given(NASTY)
def test_whatever_a_reason_holds_markdown_shows_it(record: Record, reason: str) -> None:
    result = msgspec.structs.replace(record.results[0], status="failed", reason=reason)
    text = str(markdown.text([msgspec.structs.replace(record, results=(result,))], Asked(columns=("reason", "status"))).content)
    assert rows_of(text) == [["reason", "status"], [" ".join(reason.split()), "failed"]]


def test_latex_has_numbers_in_columns_of_siunitx_with_their_units(record: Record) -> None:
    asked = Asked(columns=("architecture", "batch", "latency_s", "latency_s_run_low", "throughput_per_s", "top1", "params"))
    lines = str(latex.text([record], asked).content).splitlines()
    assert lines[0] == (
        r"\begin{tabular}{lS[table-format=1.0]S[table-format=1.4]S[table-format=1.4]S[table-format=2.1]S[table-format=1.0]S[table-format=2.0]}"
    )
    assert lines[2] == (
        r"architecture & {batch} & {latency (\unit{\second})} & {latency run low (\unit{\second})} & "
        r"{throughput (\unit{\per\second})} & {top1 (\unit{\percent})} & {params} \\"
    )
    rows = {line.partition(" & ")[0]: line.removesuffix(r" \\").split(" & ") for line in lines[4:-2]}
    assert rows["a/odd"] == ["a/odd", "1", "0.005", "0.002", "90", "{--}", "10"]
    assert rows["b/oom"][2:5] == ["{--}", "{--}", "{--}"]


@pytest.mark.skipif(shutil.which("kpsewhich") is None, reason="no TeX is installed")
def test_pdflatex_sets_it_without_an_error(record: Record, nothing: Asked, tmp_path: Path) -> None:
    for package in ("booktabs.sty", "siunitx.sty"):
        if subprocess.run(["kpsewhich", package], check=False, capture_output=True).returncode:
            pytest.skip(f"this TeX has no {package}")
    (tmp_path / "table.tex").write_text(str(latex.text([record], nothing).content), "utf-8")
    lines = [r"\documentclass{article}", r"\usepackage[paperwidth=90cm]{geometry}", r"\usepackage[T1]{fontenc}"]
    lines += [r"\usepackage{booktabs,siunitx}", r"\begin{document}", r"\input{table}", r"\end{document}"]
    (tmp_path / "page.tex").write_text("\n".join(lines), "utf-8")
    words = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "page.tex"]
    done = subprocess.run(words, cwd=tmp_path, check=False, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "page.pdf").exists()


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ("peak_host_bytes", r"peak host (\unit{\byte})"),
        ("bandwidth_bytes_per_s", r"bandwidth (\unit{\byte\per\second})"),
        ("latency_s_p99", r"latency p99 (\unit{\second})"),
        ("top1", r"top1 (\unit{\percent})"),
        ("clock_mhz", r"clock (\unit{\mega\hertz})"),
        ("macs", "macs"),
        ("drift_share", r"drift\_share"),
    ],
)
def test_a_column_of_numbers_has_its_unit_in_its_head(column: str, shown: str) -> None:
    assert latex.head(column) == shown


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**9), 10**9)), min_size=1))
def test_whatever_the_numbers_latex_has_room_for_them(values: list[float | None]) -> None:
    cells = [latex._cell(None if value is None else f"{value:.5g}", number=True) for value in values]
    form = re.fullmatch(r"S\[table-format=(-?)(\d+)\.(\d+)\]", latex._numbers(cells))
    assert form is not None
    for cell in cells:
        number = re.fullmatch(r"(-?)(\d+)(?:\.(\d+))?", cell)
        assert number is not None or cell == "{--}"
        if number is not None:
            assert len(number[1]) <= len(form[1])
            assert len(number[2]) <= int(form[2])
            assert len(number[3] or "") <= int(form[3])


@example("50 % of a_b & {c} #1 ~ ^ \\ <d>")
@given(NASTY)
def test_whatever_a_reason_holds_latex_sets_it(record: Record, reason: str) -> None:
    result = msgspec.structs.replace(record.results[0], status="failed", reason=reason)
    text = str(latex.text([msgspec.structs.replace(record, results=(result,))], Asked(columns=("reason", "status"))).content)
    lines = text.split("\n")
    assert lines[:4] == [r"\begin{tabular}{ll}", r"\toprule", r"reason & status \\", r"\midrule"]
    assert lines[5:] == [r"\bottomrule", r"\end{tabular}", ""]
    cell = lines[4].removesuffix(r" & failed \\")
    words = {r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textbackslash{}": "\\", r"\textquotedbl{}": '"'}
    words |= {r"\textless{}": "<", r"\textgreater{}": ">", r"\textbar{}": "|"} | {f"\\{mark}": mark for mark in "&%$#_{}"}
    shown, left = "", cell
    while left:
        word = next((word for word in words if left.startswith(word)), left[0])
        assert word in words or word not in '&%$#_{}~^\\<>|"'
        shown, left = shown + words.get(word, word), left[len(word) :]
    assert shown == " ".join(reason.split())
