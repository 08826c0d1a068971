"""The page without a browser: its structure, what it is told, and that a file's text stays text."""

from __future__ import annotations

import html.parser
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import reports
from vbench.reports import page
from vbench.reports.page import library

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vbench.core import Record


class Elements(html.parser.HTMLParser):
    """The elements of a page with what stands in each script; ids, and what names another address."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [value for name, value in attrs if name in {"src", "href"} and value]
        if tag == "script":
            self.inside = True
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[-1] += data


def told(text: str) -> dict[str, Any]:
    return dict(json.loads(Elements(text).scripts[0]))


def column(data: dict[str, Any], name: str) -> list[Any]:
    """The values of a column, read as the contract of the format says, apart from the page's own reader."""
    found = next(one for one in data["columns"] if one["name"] == name)
    many = data["rows"]
    if "k" in found:
        return [found["k"]] * many
    if "t" in found:
        return [None if code < 0 else found["t"][code] for code in found["c"]]
    if "i" in found:
        return [dict(zip(found["i"], found["v"], strict=True)).get(row) for row in range(many)]
    return list(found["v"])


def test_it_is_one_file_that_names_no_other_and_forbids_to_fetch(
    made: Callable[..., str], make_record: Callable[..., Record]
) -> None:
    text = made(make_record())
    elements = Elements(text)
    assert len(elements.scripts) == 3
    assert elements.links == ["data:,", "#table"]
    assert len(elements.ids) == len(set(elements.ids))
    assert "default-src 'none'" in text
    assert "unsafe-eval" not in text.partition("</head>")[0]
    assert not re.search(r"@import|url\(", text.partition("</style>")[0])


def test_every_value_of_the_file_is_in_it(made: Callable[..., str], make_record: Callable[..., Record]) -> None:
    record = make_record(wrong={"vgg/16": ("oom", "out of memory")})
    data = told(made(record))
    for name in ("params", "macs", "latency_s", "latency_s_low", "latency_s_high", "throughput_per_s", "peak_host_bytes"):
        values = [result.values.get(name) for result in record.results]
        assert column(data, name) == [pytest.approx(v, rel=1e-8) if v is not None else None for v in values]
    assert column(data, "architecture") == [result.case.architecture for result in record.results]
    assert column(data, "status") == [result.status for result in record.results]
    assert column(data, "reason") == [result.reason or None for result in record.results]
    assert column(data, "flags") == [", ".join(result.flags) or None for result in record.results]
    assert column(data, "case_id") == [result.case.id for result in record.results]


def test_intervals_are_known_by_their_middle(made: Callable[..., str], make_record: Callable[..., Record]) -> None:
    data = told(made(make_record()))
    by_name = {one["name"]: one for one in data["columns"]}
    assert (by_name["latency_s"]["low"], by_name["latency_s"]["high"]) == ("latency_s_low", "latency_s_high")
    assert by_name["latency_s"]["axis"]
    assert "axis" not in by_name["latency_s_low"]
    assert "low" not in by_name["params"]


def test_accuracies_of_two_protocols_stand_in_two_columns(
    made: Callable[..., str], make_record: Callable[..., Record], nets: Any
) -> None:
    other = nets[1]._replace(protocol="10 crops", top1=73.0)
    data = told(made(make_record([nets[0], other, nets[2]])))
    assert column(data, "published top1: 1 model, 1 crop, 224 px") == [nets[0].top1, None, nets[2].top1]
    assert column(data, "published top1: 10 crops") == [None, 73.0, None]
    assert "axis" not in next(one for one in data["columns"] if one["name"] == "top1")


def test_it_begins_with_one_value_of_what_times_depend_on(made: Callable[..., str], make_record: Callable[..., Record]) -> None:
    data = told(made(make_record(axes=({}, {"batch": 8}, {"precision": "bf16"}))))
    assert data["start"]["only"] == {"batch": ["1"]}
    assert column(data, "latency_per_image_s")[12] == pytest.approx(column(data, "latency_s")[12] / 8, rel=1e-8)
    assert "precision" in data["facets"]


def test_of_two_runs_of_a_case_the_newest_is_shown(made: Callable[..., str], make_record: Callable[..., Record]) -> None:
    old, new = make_record(), make_record(started="2026-01-03T03:04:05+00:00", run_id="later")
    data = told(made(old, new))
    assert column(data, "repeat") == ["older"] * 12 + ["newest"] * 12
    assert data["start"]["only"] == {"repeat": ["newest"]}
    assert "repeat" not in {one["name"] for one in told(made(new))["columns"]}


def test_two_machines_are_apart_unless_they_are_to_be_mixed(made: Callable[..., str], make_record: Callable[..., Record]) -> None:
    first = make_record()
    other = make_record(machine=msgspec.structs.replace(first.run.machine, fingerprint="0000bb", processor="Other CPU"))
    assert told(made(first, other))["start"]["only"]["fingerprint"] == ["0000aa"]
    assert "fingerprint" not in told(made(first, other, mix=True))["start"]["only"]
    assert set(told(made(first, other))["machines"]) == {"0000aa", "0000bb"}


def test_the_machine_the_day_and_the_command_are_on_the_page(
    made: Callable[..., str], make_record: Callable[..., Record]
) -> None:
    text = made(make_record())
    for said in ("Some CPU", "2026-01-02", "vbench run --time-limit 4m30s", "torch 2.13.0", "8 for each case that is ok"):
        assert said in text


EVIL = (
    "<script>alert(1)</script>",
    "</script><!--<script>",
    "\u2028\u2029",
    "'\"><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
)


@pytest.mark.parametrize("evil", EVIL)
def test_text_of_a_file_stays_text_wherever_it_stands(
    made: Callable[..., str], make_record: Callable[..., Record], nets: Any, evil: str
) -> None:
    plain, strange = nets[2], nets[0]._replace(name=evil, recipe=evil, protocol=evil)
    machine = msgspec.structs.replace(make_record().run.machine, processor=evil)
    usual = Elements(made(make_record([plain])))
    wrong = {plain.name: ("failed", evil)}
    text = made(make_record([plain, strange], machine=machine, wrong=wrong, command=evil, versions={"torch": evil}))
    elements = Elements(text)
    assert elements.tags.count("script") == usual.tags.count("script")
    assert elements.tags.count("img") == 0
    assert elements.scripts[1:] == usual.scripts[1:]
    data = told(text)
    assert evil in column(data, "architecture")
    assert evil in column(data, "reason")
    assert any(evil in said for said in data["machines"].values())


@given(st.text())
def test_json_in_the_page_is_the_same_value_and_holds_no_sign_that_ends_it(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return  # half a pair: no result file can hold it
    found = page.embedded({"a": text})
    assert json.loads(found) == {"a": text}
    assert not set(found) & set("<>&\u2028\u2029")


def test_two_thousand_rows_take_less_than_four_megabytes(made: Callable[..., str], crowded: Callable[[int], Record]) -> None:
    assert len(made(crowded(2000)).encode()) < 4e6


def test_nothing_measured_is_still_a_page(made: Callable[..., str], make_record: Callable[..., Record], nets: Any) -> None:
    net = nets[5]
    data = told(made(make_record([net], wrong={net.name: ("crashed", "by signal 11")})))
    assert data["start"]["x"] in {one["name"] for one in data["columns"]} | {"year"}
    assert column(data, "reason") == ["by signal 11"]


def test_the_report_writes_it_beside_the_summary(make_record: Callable[..., Record], tmp_path: Path) -> None:
    record = make_record()
    written = reports.make([record], tmp_path)
    assert written[:2] == [tmp_path / "summary.md", tmp_path / "report.html"]
    text = written[1].read_text(encoding="utf-8")
    for name in {path.name for path in written[2:] if path.suffix == ".svg"}:
        assert name in Elements(text).links


def test_the_library_is_put_together_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path))
    calls = []

    def bundle() -> str:
        calls.append(1)
        return "the library"

    assert library.vega(bundle) == library.vega(bundle) == "the library"
    assert len(calls) == 1
    assert next((tmp_path / "page").iterdir()).name.startswith("vega-")


def test_the_library_cannot_end_its_script() -> None:
    assert "</script" not in library.vega().lower()
    assert "<!--" not in library.vega()


def test_a_page_needs_no_torch() -> None:
    code = "import sys; from vbench.reports import page; print(sorted({'torch', 'altair', 'fvcore'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
