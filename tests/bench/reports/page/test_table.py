"""The table of the page in a browser: sorted, searched, copied and printed."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from vbench import units

if TYPE_CHECKING:
    from collections.abc import Callable

    from vbench.core import Record

    from .conftest import Page


def test_the_table_sorts_both_ways_with_what_is_missing_last(
    opened: Callable[..., Page], make_record: Callable[..., Record]
) -> None:
    page = opened(make_record(wrong={"vgg/16": ("oom", "out of memory: 3 GiB")}))
    for times in (1, 2):
        page.click("th[data-column='params'] button")
        cells = page.column("params")
        numbers = [float(one.split()[0]) for one in cells if one != units.MISSING]
        assert numbers == sorted(numbers, reverse=times == 2)
        assert cells[-1] == units.MISSING
        assert page.column("status")[-1] == "oom: out of memory: 3 GiB"
    assert page.one("th[data-column='params']").get_attribute("aria-sort") == "descending"


def test_the_search_finds_names_and_reasons(opened: Callable[..., Page], make_record: Callable[..., Record]) -> None:
    page = opened(make_record(wrong={"vgg/16": ("oom", "out of memory: 3 GiB")}))
    page.set("#search", "resnet 50", "input")
    assert page.column("name") == ["resnet/50"]
    page.set("#search", "MEMORY", "input")
    assert page.column("name") == ["vgg/16"]
    page.set("#search", "nothing like it", "input")
    assert page.column("name") == []
    assert page.text("#count") == "0 of 12 rows"
    assert page.errors() == []


def test_numbers_are_written_as_everywhere_else(opened: Callable[..., Page], make_record: Callable[..., Record]) -> None:
    record = make_record()
    page = opened(record)
    page.click("th[data-column='name'] button")
    found = sorted(record.results, key=lambda result: result.case.architecture)
    assert page.column("name") == [result.case.architecture for result in found]
    for name, write in (
        ("macs", units.count),
        ("params", units.count),
        ("activations", units.count),
        ("memory_bytes", units.bytes_),
    ):
        column = "peak_host_bytes" if name == "memory_bytes" else name
        assert page.column(name) == [write(result.values[column]) for result in found]
    ends = ("", "_low", "_high")
    assert page.column("latency_s") == [units.interval(*(r.values[f"latency_s{end}"] for end in ends)) for r in found]
    rates = [units.interval(*(r.values.get(f"throughput_per_s{end}") for end in ends), unit="1/s") for r in found]
    assert page.column("throughput_per_s") == rates


def test_the_copy_is_csv_of_what_is_listed(opened: Callable[..., Page], make_record: Callable[..., Record]) -> None:
    record = make_record(wrong={"vgg/16": ("oom", 'said "no", twice\nand left')})
    page = opened(record)
    page.js("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    page.click("#copy")
    rows = list(csv.DictReader(io.StringIO(page.js("return window.copied"))))
    assert len(rows) == 12
    by_name = {row["architecture"]: row for row in rows}
    assert by_name["vgg/16"]["reason"] == 'said "no", twice\nand left'
    for result in record.results:
        latency = result.values.get("latency_s")
        text = by_name[result.case.architecture]["latency_s"]
        assert (text == "") if latency is None else math.isclose(float(text), latency, rel_tol=1e-8)
    page.set("#search", "vgg", "input")
    page.click("#copy")
    assert len(list(csv.DictReader(io.StringIO(page.js("return window.copied"))))) == 1


def test_it_prints_in_light_and_with_every_row(opened: Callable[..., Page], crowded: Callable[[int], Record]) -> None:
    page = opened(crowded(120))
    page.set("#theme", "dark")
    assert len(page.column("name")) == 50
    page.js("window.dispatchEvent(new Event('beforeprint'))")
    assert len(page.column("name")) == 120
    assert page.js("return document.getElementById('chart').view.background()") == "#ffffff"
    page.js("window.dispatchEvent(new Event('afterprint'))")
    assert len(page.column("name")) == 50
    page.set("#theme", "auto")
