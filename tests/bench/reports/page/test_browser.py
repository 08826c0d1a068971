"""The chart of the page in a browser, as a reader uses it: headless Chromium opens it from the disk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import pytest

from vbench import units

if TYPE_CHECKING:
    from collections.abc import Callable

    from vbench.core import Record

    from .conftest import Page


def dominated(point: tuple[float, float], points: list[tuple[float, float]]) -> bool:
    return any(x <= point[0] and y >= point[1] and (x, y) != point for x, y in points)


def test_the_chart_draws_every_measured_row_with_its_interval(
    opened: Callable[..., Page], make_record: Callable[..., Record]
) -> None:
    record = make_record()
    page = opened(record)
    rows = [result for result in record.results if result.case.architecture != "googlenet/naive"]  # no accuracy is known of it
    drawn = {point["row"]: point for point in page.drawn()}
    assert len(drawn) == len(rows)
    bars = {bar["row"]: bar for bar in page.drawn("bars")}
    for number, result in enumerate(record.results):
        if result in rows:
            assert math.isclose(drawn[number]["x"], result.values["latency_s"] * 1e3, rel_tol=1e-6)
            assert math.isclose(bars[number]["x"], result.values["latency_s_low"] * 1e3, rel_tol=1e-6)
            assert math.isclose(bars[number]["x2"], result.values["latency_s_high"] * 1e3, rel_tol=1e-6)
    assert page.text("#chart-title").startswith("Published top-1")
    assert "googlenet/naive" in page.text("#chart-notes")


def test_the_front_is_that_of_the_points(shown: Page) -> None:
    points = [(point["x"], point["y"]) for point in shown.drawn()]
    front = [(step["x"], step["y"]) for step in shown.drawn("steps")]
    assert front
    assert set(front) == {point for point in points if not dominated(point, points)}


def test_a_filter_leaves_rows_out_of_chart_and_table(shown: Page) -> None:
    shown.tick("precision", "bf16")
    assert shown.text("#count") == "12 of 24 rows"
    assert len(shown.drawn()) == 11
    shown.tick("family", "resnet")
    assert sorted(shown.column("name")) == ["resnet/18", "resnet/50"]
    shown.tick("precision", "fp32")
    assert len(shown.column("name")) == 4
    shown.click("#reset")
    assert shown.text("#count") == "24 of 24 rows"
    assert shown.errors() == []


def test_a_budget_draws_the_front_again_and_leaves_the_rest_faint(shown: Page) -> None:
    before = shown.front()
    most = 20e6
    shown.set("[aria-label='Parameters at most']", "20M")
    within = [point for point in shown.drawn() if point["opacity"] == 1]
    assert 0 < len(within) < len(shown.drawn())
    assert shown.front() != before
    assert not [name for name in shown.front() if name.startswith(("alexnet", "vgg", "resnext"))]
    assert all(float(one.removesuffix(" M")) <= most / 1e6 for one in shown.column("params"))
    points = [(point["x"], point["y"]) for point in within]
    assert {(s["x"], s["y"]) for s in shown.drawn("steps")} == {p for p in points if not dominated(p, points)}


def test_a_slider_moves_the_budget_and_says_where_it_stands(shown: Page) -> None:
    slider = shown.one("#max-latency_s")
    assert slider.get_attribute("aria-valuetext") == "any"
    shown.set("#max-latency_s", "500", "input")
    assert slider.get_attribute("aria-valuetext").startswith("at most ")
    assert "max.latency_s" in shown.fragment()
    few = len(shown.column("name"))
    shown.set("#max-latency_s", "1000", "input")
    assert few < len(shown.column("name"))
    assert slider.get_attribute("aria-valuetext") == "any"


def test_a_budget_that_is_no_quantity_is_marked_and_limits_nothing(shown: Page) -> None:
    shown.set("[aria-label='Request latency at most']", "quick")
    assert shown.one("[aria-label='Request latency at most']").get_attribute("aria-invalid") == "true"
    assert shown.text("#count") == "24 of 24 rows"


def _point_at(page: Page, row: int, kind: str) -> None:
    """Send a pointer's event to where the chart has drawn this row."""
    page.js(
        "const box = document.getElementById('chart'); const view = box.view;"
        "const point = view.data('points').find((one) => one.row === arguments[0]);"
        "const at = box.querySelector('svg, canvas').getBoundingClientRect(); const pad = view.padding();"
        "const x = at.left + pad.left + view.origin()[0] + view.scale('x')(point.x);"
        "const y = at.top + pad.top + view.origin()[1] + view.scale('y')(point.y);"
        "box.dispatchEvent(new PointerEvent(arguments[1], {clientX: x, clientY: y, bubbles: true}));",
        row, kind,
    )  # fmt: skip


def test_hovering_shows_the_whole_row_and_a_click_keeps_it(
    opened: Callable[..., Page], make_record: Callable[..., Record]
) -> None:
    record = make_record()
    page = opened(record)
    result = record.results[2]
    _point_at(page, 2, "pointermove")
    card = page.one("#hover")
    assert card.is_displayed()
    values = result.values
    said = card.text
    assert result.case.architecture in said
    assert units.interval(values["latency_s"], values["latency_s_low"], values["latency_s_high"]) in said
    assert units.count(values["params"]) in said
    assert units.bytes_(values["peak_host_bytes"]) in said
    assert "source of resnet/18" in said
    page.js("document.getElementById('chart').dispatchEvent(new PointerEvent('pointerleave'))")
    assert not card.is_displayed()
    _point_at(page, 2, "click")
    assert page.one("#detail").is_displayed()
    assert page.text("#detail-title") == result.case.architecture
    assert result.case.id in page.text("#detail-body")
    page.click("#detail-close")
    assert not page.one("#detail").is_displayed()


def test_a_link_brings_back_what_was_chosen(shown: Page) -> None:
    shown.tick("precision", "bf16").tick("family", "mobilenet").tick("family", "resnet")
    shown.set("#x", "macs").set("#search", "net", "input").set("#max-params", "900", "input").set("#names", "all")
    shown.click("th[data-column='params'] button").click("th[data-column='params'] button").click("#xlog")
    fragment, rows, title = shown.fragment(), shown.column("name"), shown.text("#chart-title")
    assert rows
    shown.open(fragment.removeprefix("#"))
    assert shown.column("name") == rows
    assert shown.text("#chart-title") == title
    assert shown.one("#search").get_attribute("value") == "net"
    assert shown.one("#x").get_attribute("value") == "macs"
    assert shown.one("th[data-column='params']").get_attribute("aria-sort") == "descending"
    assert sum(one.is_selected() for one in shown.all("[data-facet='family'] input")) == 2
    shown.settle()
    assert shown.fragment() == fragment


@pytest.mark.parametrize(
    "fragment",
    [
        "x=nothing&y=case_id",
        "is.family=none-such",
        "max.params=much",
        "sort=-nothing",
        "zoom=1,0,5,2",
        "color=row",
        "is.=&max.=&=",
        "%",
    ],
)
def test_a_link_that_asks_for_what_is_not_here_is_no_error(
    opened: Callable[..., Page], make_record: Callable[..., Record], fragment: str
) -> None:
    page = opened(make_record(), fragment=fragment)
    assert page.text("#count") == "12 of 12 rows"
    assert page.errors() == []


def test_zooming_narrows_the_axes_and_everything_brings_them_back(shown: Page) -> None:
    def domain() -> list[float]:
        return list(
            shown.js(
                "const view = document.getElementById('chart').view; return [...view.signal('xdom'), ...view.signal('ydom')]"
            )
        )

    whole = domain()
    shown.click("#zoom-in")
    near = domain()
    assert whole[0] < near[0] < near[1] < whole[1]
    assert whole[2] < near[2] < near[3] < whole[3]
    assert "zoom=" in shown.fragment()
    shown.open(shown.fragment().removeprefix("#"))
    assert all(math.isclose(a, b, rel_tol=1e-3) for a, b in zip(domain(), near, strict=True))
    shown.click("#zoom-all")
    assert all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(domain(), whole, strict=True))


def test_axes_are_any_two_numbers_linear_or_logarithmic(shown: Page) -> None:
    names = [one.get_attribute("value") for one in shown.all("#x option")]
    assert {"latency_s", "throughput_per_s", "macs", "params", "activations", "memory_bytes"} <= set(names)
    assert not [name for name in names if name.endswith(("_low", "_high")) or name in {"quality", "top1"}]
    for x in names:  # each second one on a logarithmic axis
        shown.set("#x", x).click("#xlog")
    assert shown.errors() == []
    shown.set("#x", "latency_s").set("#y", "memory_bytes")
    points = [(point["x"], -point["y"]) for point in shown.drawn()]
    assert {(s["x"], -s["y"]) for s in shown.drawn("steps")} == {p for p in points if not dominated(p, points)}


def test_keys_go_from_network_to_network(shown: Page) -> None:
    keys = pytest.importorskip("selenium.webdriver").Keys
    chart = shown.one("#chart")
    chart.send_keys(keys.ARROW_RIGHT)
    first = min(shown.drawn(), key=lambda point: (point["x"], point["y"]))
    assert shown.drawn("active")[0]["row"] == first["row"]
    assert "request latency" in shown.text("#said")
    chart.send_keys(keys.ARROW_RIGHT)
    assert shown.drawn("active")[0]["row"] != first["row"]
    chart.send_keys(keys.ENTER)
    assert shown.one("#detail").is_displayed()
    shown.one("#detail-close").send_keys(keys.ENTER)
    assert not shown.one("#detail").is_displayed()
    shown.one("body").send_keys("/")
    assert shown.js("return document.activeElement.id") == "search"


def test_two_machines_stand_apart_until_they_are_asked_for_together(
    opened: Callable[..., Page], make_record: Callable[..., Record]
) -> None:
    first = make_record()
    other = msgspec.structs.replace(first.run.machine, slug="other-cpu", fingerprint="0000bb", processor="Other CPU")
    records = (first, make_record(machine=other, path="s.jsonl"))
    page = opened(*records, mix=False)
    assert len(page.drawn()) == 11
    assert "Some CPU" in page.text("#chart-notes")
    assert "Other CPU" not in page.text("#chart-notes")
    page.tick("fingerprint", "0000bb")
    assert len(page.drawn()) == 22
    assert "different machines, mixed as asked" in page.text("#chart-notes")
    page = opened(*records, mix=True)
    assert len(page.drawn()) == 22


def test_the_link_to_the_table_leaves_the_view_as_it_is(shown: Page) -> None:
    shown.tick("precision", "bf16")
    fragment = shown.fragment()
    shown.click(".skip")
    assert shown.fragment() == fragment
    assert shown.js("return document.activeElement.getAttribute('aria-labelledby')") == "table-title"


def test_names_stand_on_the_front_on_all_or_nowhere(shown: Page) -> None:
    assert {point["label"] for point in shown.drawn("named")} == set(shown.front())
    shown.set("#names", "all")
    assert len(shown.drawn("named")) == len(shown.drawn())
    shown.set("#names", "none")
    assert shown.drawn("named") == []


def test_a_flag_makes_a_mark_hollow_and_is_explained(opened: Callable[..., Page], make_record: Callable[..., Record]) -> None:
    record = make_record(processes=3)
    flagged = {number for number, result in enumerate(record.results) if result.flags}
    assert flagged
    page = opened(record)
    assert {point["row"] for point in page.drawn() if point["fill"] == "#ffffff"} == flagged & {p["row"] for p in page.drawn()}
    assert "Hollow" in page.text("#chart-notes")
    for flag in {flag for result in record.results for flag in result.flags}:
        assert flag in page.text("main")
