"""The pages of the server in a browser: no error, the policy kept, news told, charts drawn, nothing that keeps a reader out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# axe-core takes a second: each page is judged in one light, and in both the one that has every colour.
BOTH = ("light", "dark")
PAGES = {
    "": ("light",),
    "report": ("dark",),
    "history?metric=latency": BOTH,
    "compare": ("dark",),
    "report?file=nothing.jsonl": ("light",),
}


@pytest.fixture
def place(folder: Any, serving: Callable[..., str]) -> str:
    """The address of a folder with a jump in its history, and a file that is broken."""
    for day in range(24):
        folder.add("net/one", "net/two", ms=(10.0 if day < 14 else 14.0) * (1 + 0.001 * ((day * 0.618) % 1)))
    (folder.root / "broken.jsonl").write_text('{"type":"run"}\n')
    return serving(folder.root)


@pytest.fixture
def browser(driver: Any, place: str) -> Iterator[Any]:
    driver.get(place)
    driver.get_log("browser")
    driver.get_log("performance")
    yield driver
    driver.execute_script("localStorage.clear()")


def _settled(driver: Any) -> None:
    driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => setTimeout(done, 300));")


def _ready(driver: Any) -> None:
    driver.execute_async_script(
        "const done = arguments[0];"
        "const wait = () => (document.documentElement.dataset.ready ? done() : setTimeout(wait, 20)); wait();"
    )


def _faults(driver: Any) -> list[str]:
    """What the browser complained of, a refusal by the policy included; an answer of 400 is what was asked for."""
    return [one["message"] for one in driver.get_log("browser") if "status of 400" not in one["message"]]


def test_every_page_in_light_and_dark_without_a_fault_and_open_to_all(browser: Any, place: str) -> None:
    """One browser and one test, since most of the time goes into starting both."""
    axe = os.environ.get("VBENCH_AXE")
    if axe is None:
        package = pytest.importorskip("axe_core_python", reason="axe-core is not installed: pip install axe-core-python")
        axe = str(Path(package.__file__).parent / "axe.min.js")
    source = Path(axe).read_text(encoding="utf-8")
    for path, judged in PAGES.items():
        browser.get(place + path)
        assert "broken.jsonl" in browser.page_source
        for theme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 24, 29)")):
            browser.execute_script(
                "const one = document.getElementById('theme'); one.value = arguments[0];"
                "one.dispatchEvent(new Event('change', {bubbles: true}));",
                theme,
            )
            _settled(browser)
            assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == ground
            if theme not in judged:
                continue
            browser.execute_script(source)
            found = browser.execute_async_script("axe.run(document).then(arguments[0])")
            told = [f"{one['impact']} {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
            assert [line for line in told if line.startswith(("serious", "critical"))] == [], (path, theme)
        assert _faults(browser) == [], path
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith((place, "data:", "about:"))] == []


def test_a_series_is_drawn_with_its_change_and_its_numbers(browser: Any, place: str) -> None:
    browser.get(f"{place}history?metric=latency")
    _ready(browser)
    view = "const view = document.querySelector('.graph').view;"
    assert len(browser.execute_script(f"{view} return view.data('points').map((one) => one.x)")) == 24
    (change,) = browser.execute_script(f"{view} return view.data('changes').map((one) => [one.x, one.label])")
    assert change[0] == 13.5
    assert change[1].endswith("worse")
    levels = browser.execute_script(f"{view} return view.data('levels').map((one) => [one.x, one.x2])")
    assert levels == [[-0.4, 13.4], [13.6, 23.4]]
    assert browser.execute_script("return document.querySelectorAll('details.series tbody tr').length") >= 24
    assert _faults(browser) == []


def test_news_are_told_and_shown_when_they_are_asked_for(browser: Any, place: str, folder: Any) -> None:
    browser.get(place)
    before = browser.execute_script("return document.querySelectorAll('tbody tr').length")
    folder.add("net/new")
    browser.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
    _settled(browser)
    (button,) = browser.find_elements("css selector", "#changed button")
    button.click()
    _settled(browser)
    assert browser.execute_script("return document.querySelectorAll('tbody tr').length") == before + 1
    assert browser.find_elements("css selector", "#changed button") == []
    assert _faults(browser) == []
