"""The report in words: the table, what went wrong, where numbers come from, and names that try to be markup."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import errors, flags, reports
from vbench.core import Accuracy
from vbench.groups import Group, Ratio
from vbench.reports import cells, charts, choose_protocols, rows
from vbench.reports.rows import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vbench.core import Record

HEAD = "| architecture | params | MACs | activations | latency [95 % interval] | throughput (images) | peak memory "
HEAD += "| top-1 (1 model, 1 crop, 224 px) | status |"


def summary(tmp_path: Path, *records: Record, **options: Any) -> str:
    """The summary alone: the pictures take most of a report's time, and have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "write", lambda *_: [])
        return reports.make(records, tmp_path, **options)[0].read_text(encoding="utf-8")


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def test_the_table_has_a_line_per_case_in_the_order_of_the_plan(make_record: Callable[..., Record], nets: Any) -> None:
    table = reports.readme_table([make_record()]).splitlines()
    assert table[0] == HEAD
    assert [line.split(" | ")[0].removeprefix("| ") for line in table[2:]] == [net.name for net in nets]
    assert len({line.count("|") for line in table}) == 1
    (resnet,) = [line for line in table if line.startswith("| resnet/50 |")]
    for cell in ("25.6 M", "4.09 G", " ms [", "/s |", "288 MiB", "76.13 %", "| ok"):
        assert cell in resnet
    (naive,) = [line for line in table if "googlenet/naive" in line]
    assert "| – | ok" in naive


def test_axes_that_differ_are_columns(make_record: Callable[..., Record]) -> None:
    table = reports.readme_table([make_record(axes=({}, {"batch": 8, "engine_options": (("a", "1"),)}))]).splitlines()
    assert table[0].startswith("| architecture | engine options | batch | params |")
    assert table[-1].startswith("| shufflenet/v1-g3 | a=1 | 8 |")


def test_the_summary_says_how_it_was_measured(make_record: Callable[..., Record], tmp_path: Path) -> None:
    text = summary(tmp_path, make_record())
    assert "- Machine: Some CPU, 2 of 2 cores usable, 16.0 GiB of memory, virtual machine (fingerprint 0000aa)" in text
    assert "- Measured: 2026-01-02T03:04:05+00:00, complete" in text
    assert "- Command: `vbench run --time-limit 4m30s`" in text
    assert "- Versions: vbench 0.1.0, torch 2.13.0" in text
    assert "- Settings: interval ± 2.0 %, time-limit 270 s, min-processes 6\n" in text
    assert "- Processes: 8 for each case that is ok, in 8 rounds" in text
    assert HEAD in text
    assert "![Published top-1 against measured request latency](top1-latency.png)" in text
    assert "([SVG](top1-gmacs.svg), [PDF](top1-gmacs.pdf))" in text


def test_every_flag_comes_with_its_advice(make_record: Callable[..., Record], tmp_path: Path) -> None:
    text = summary(tmp_path, make_record(processes=1))
    assert f"- **no_interval** (all 12 rows): {flags.FLAGS['no_interval']}" in text


def test_what_was_not_measured_is_there_with_its_reason(make_record: Callable[..., Record], tmp_path: Path) -> None:
    wrong = {"vgg/16": ("timeout", "no answer after 120 s"), "alexnet/one-tower": ("crashed", "killed by signal 11")}
    record = make_record(wrong=wrong)
    skipped = {record.run.cases[2].id: "eager cannot run this"}
    text = summary(tmp_path, make_record(wrong=wrong, skipped=skipped))
    assert lines(text, "- `vgg/16@none,")[0].endswith(": timeout: no answer after 120 s")
    assert lines(text, "- `alexnet/one-tower@none,")[0].endswith(": crashed: killed by signal 11")
    assert lines(text, "- `resnet/18@none,")[0].endswith(": skipped: eager cannot run this")
    assert lines(text, "| vgg/16 ")[0].endswith("| timeout |")


def test_an_interrupted_run_says_so_and_how_to_go_on(make_record: Callable[..., Record], tmp_path: Path) -> None:
    record = make_record(processes=0, ended="", path="cut `here`.jsonl")
    text = summary(tmp_path, record)
    assert "**interrupted**: ``vbench run --resume cut `here`.jsonl`` measures what is missing" in text
    assert lines(text, "- `vgg/16@none,")[0].endswith("skipped: not run: the run was interrupted before it")
    assert "Published top-1 against measured request latency" in lines(text, "Not drawn: ")[0]


def test_accuracies_stand_with_protocol_recipe_and_source(make_record: Callable[..., Record], tmp_path: Path) -> None:
    text = summary(tmp_path, make_record())
    assert "| resnet/50 | **top-1 76.13 %** | 1 model, 1 crop, 224 px | torchvision V1 | source of resnet/50 |" in text
    assert "| googlenet/naive | none published |" in text


def test_the_protocol_is_the_one_with_most_rows_and_ties_go_by_the_alphabet(
    make_record: Callable[..., Record], nets: Any
) -> None:
    mixed = [net._replace(protocol=protocol) for net, protocol in zip(nets[:5], "bbaac", strict=True)]
    found = rows([make_record(mixed)])
    assert choose_protocols(found) == [Protocol("top1", "a")]
    assert choose_protocols(found, "c") == [Protocol("top1", "c")]
    # A protocol whose networks all failed has no rows to draw.
    failed = {net.name: ("failed", "wrong") for net in mixed[2:4]}
    assert choose_protocols(rows([make_record(mixed, wrong=failed)])) == [Protocol("top1", "b")]
    with pytest.raises(errors.UsageError, match="in the protocol 'aa': did you mean a"):
        choose_protocols(found, "aa")


def test_a_protocol_is_looked_for_among_all_that_a_network_declares(make_record: Callable[..., Record], nets: Any) -> None:
    record = make_record(nets[:2])
    several = (
        Accuracy(source="s", protocol="x", top1=1.0, kind="measured"),
        Accuracy(source="s", protocol="x", top5=90.0),
        Accuracy(source="s", protocol="x", top1=70.0, recipe="first"),
        Accuracy(source="s", protocol="x", top1=71.0, recipe="second"),
    )
    facts = {name: msgspec.structs.replace(f, accuracy=f.accuracy + several) for name, f in record.run.architectures.items()}
    record = msgspec.structs.replace(record, run=msgspec.structs.replace(record.run, architectures=facts))
    assert [row.quality(Protocol("top1", "x")) for row in rows([record])] == [70.0, 70.0]


def test_without_any_accuracy_the_summary_says_why_there_is_no_chart(
    make_record: Callable[..., Record], nets: Any, tmp_path: Path
) -> None:
    only = ("quality-gmacs", "quality-latency")
    written = reports.make([make_record([net._replace(top1=None) for net in nets])], tmp_path, only=only)
    assert [path.name for path in written] == ["summary.md", "report.html"]
    (line,) = lines(written[0].read_text(encoding="utf-8"), "Not drawn: ")
    titles = "Published accuracy against multiply-accumulates per image, Published accuracy against measured request latency"
    assert line == f"Not drawn: {titles} (no network of this report has a published accuracy)."


@pytest.mark.parametrize("records", [0, 1])
def test_nothing_to_report_is_an_error(make_record: Callable[..., Record], tmp_path: Path, records: int) -> None:
    with pytest.raises(errors.NothingSelectedError, match="nothing to report"):
        reports.make([make_record([])] * records, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line(make_record: Callable[..., Record], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(errors.UsageError, match=r"cannot write the report to .*file"):
        reports.make([make_record()], tmp_path / "file")


def test_two_runs_stand_apart(make_record: Callable[..., Record], nets: Any, tmp_path: Path) -> None:
    text = summary(tmp_path, make_record(nets[:2]), make_record(nets[2:4], run_id="second"))
    assert lines(text, "## Run") == ["## Run 20260102T030405Z-abcdef", "## Run second"]
    assert text.count(HEAD) == 2


def test_nasty_names_and_reasons_stay_text(make_record: Callable[..., Record], nets: Any, tmp_path: Path) -> None:
    nasty = nets[3]._replace(name="a|b<script>`x`", recipe="r|s\n# t")
    bad = nets[4]._replace(name="c|d<script>")
    record = make_record([*nets[:2], nasty, bad], wrong={bad.name: ("failed", "boom | `x`\n\n# title <img src=x>")})
    text = summary(tmp_path, record)
    outside = "\n".join(line for line in text.splitlines() if not line.startswith("- `"))
    assert "<script" not in outside
    assert "<img" not in text
    assert lines(text, "| a\\|b&lt;script&gt;\\`x\\` |")
    assert text.splitlines().count("# t") == 0
    assert ": failed: boom \\| \\`x\\` # title &lt;img src=x&gt;" in text
    table = [line for line in text.splitlines() if line.startswith("| ") and line.endswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {10, 6}


@given(st.text())
def test_escaped_text_is_one_cell_on_one_line(text: str) -> None:
    escaped = cells.escape(text)
    assert len(escaped.splitlines()) <= 1
    bare = escaped.replace("\\\\", "").replace("\\|", "").replace("\\`", "")
    assert not set(bare) & set("|`<>")


@given(st.text(alphabet="a` \n", min_size=1))
def test_a_code_span_is_closed_only_by_its_fence(text: str) -> None:
    span = cells.code(text)
    fence = span[: len(span) - len(span.lstrip("`"))]
    inner = span[len(fence) : -len(fence)]
    assert "\n" not in span
    assert fence not in inner.strip()


def test_a_report_is_made_without_torch(make_record: Callable[..., Record], tmp_path: Path) -> None:
    record = make_record()
    file = tmp_path / "r.jsonl"
    parts = [{"type": "run", **msgspec.to_builtins(record.run)}]
    parts += [{"type": "replicate", **msgspec.to_builtins(replicate)} for replicate in record.replicates]
    parts.append({"type": "end", "status": "complete"})
    file.write_text("".join(json.dumps(part) + "\n" for part in parts), encoding="utf-8")
    script = (
        "import sys; from pathlib import Path; from vbench import reports, results\n"
        f"files = reports.make([results.read({str(file)!r})], Path({str(tmp_path / 'out')!r}), formats=('svg',))\n"
        "print(len(files), 'torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    files, *imported = done.stdout.split()
    assert int(files) > 6
    assert imported == ["False", "False"]


def test_a_group_that_is_complete_is_compared_in_its_order(make_record: Callable[..., Record], tmp_path: Path) -> None:
    names = ("mobilenet/v1-1.0", "mobilenet/full-conv")
    ratios = (
        Ratio(metric="macs", of=names[1], to=names[0], stated=(8.0, 9.0), source="a *book*"),
        Ratio(metric="bytes_moved", of=names[1], to=names[0]),
    )
    whole = Group(title="Two of a kind", prose="One costs more.", members=names, ratio=ratios)
    part = Group(title="One of two", prose="The other is not here.", members=(*names, "mobilenet/v2"))
    text = summary(tmp_path, make_record(), groups=(part, whole))
    section = text.partition("\n## Comparisons\n")[2].partition("\n## ")[0]
    assert lines(section, "### ") == ["### Two of a kind"]
    assert "One costs more." in section
    assert [line.split(" | ")[0] for line in lines(section, "| mobilenet")] == [f"| {name}" for name in names]
    told = "- macs of mobilenet/full-conv over that of mobilenet/v1-1.0: 8.558 counted; stated: 8 to 9 (a \\*book\\*)"
    assert lines(section, "- ") == [told], "what was not counted is not there"
    assert "## Comparisons" not in summary(tmp_path, make_record(), groups=(part,))


def test_a_compressed_member_of_a_group_has_the_rows_of_that_name(make_record: Callable[..., Record], tmp_path: Path) -> None:
    names = ("mobilenet/v1-1.0", "mobilenet/v1-1.0@l1-filter:0.5")
    ratio = Ratio(metric="macs", of=names[1], to=names[0])
    group = Group(title="Whole and half", prose="Half of the channels.", members=names, ratio=ratio)
    record = make_record(axes=({}, {"compression": "l1-filter:0.5"}))
    section = summary(tmp_path, record, groups=(group,)).partition("\n## Comparisons\n")[2].partition("\n## ")[0]
    assert [line.split(" | ")[0] for line in lines(section, "| mobilenet")] == [f"| {name}" for name in names]
    assert lines(section, "- ") == [f"- macs of {names[1]} over that of {names[0]}: 1 counted"]
