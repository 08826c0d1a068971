"""A page made from records, and a browser that opens it: Debian's Chromium, driven through selenium, without a network.

It is opened twice: from the disk, and from `vbench serve`, which shows the same to those who ask over HTTP.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from vbench.reports import page
from vbench.reports.rows import choose_protocols, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vbench.core import Record


@pytest.fixture(scope="session")
def made() -> Callable[..., str]:
    """The page of these records."""

    def make(*records: Record, mix: bool = False) -> str:
        found = rows(records)
        return page.make(records, found, choose_protocols(found), mix=mix)

    return make


class Page:
    """An open page, by what a reader sees of it. After an action it waits until the page has drawn it."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver, self.url = driver, url

    def open(self, fragment: str = "") -> Page:
        """Open it anew, not merely with another fragment."""
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(self.url + (f"#{fragment}" if fragment else ""))
        assert self.js("return document.documentElement.dataset.ready") == "yes", self.driver.get_log("browser")
        return self

    def js(self, code: str, *given: Any) -> Any:
        return self.driver.execute_script(code, *given)

    def settle(self) -> Page:
        """Until what was asked for is drawn, and the address says it."""
        self.driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => setTimeout(done, 250));")
        return self

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0]).textContent", selector))

    def set(self, selector: str, value: str, event: str = "change") -> Page:
        """Give a control a value as a reader would, with its event."""
        self.js(
            "const one = document.querySelector(arguments[0]); one.value = arguments[1];"
            "one.dispatchEvent(new Event(arguments[2], {bubbles: true}));",
            selector, value, event,
        )  # fmt: skip
        return self.settle()

    def tick(self, facet: str, value: str) -> Page:
        self.js(
            "const boxes = document.querySelectorAll(`[data-facet='${arguments[0]}'] input`);"
            "[...boxes].find((one) => one.value === arguments[1]).click();",
            facet, value,
        )  # fmt: skip
        return self.settle()

    def click(self, selector: str) -> Page:
        self.js("document.querySelector(arguments[0]).click()", selector)
        return self.settle()

    def drawn(self, data: str = "points") -> list[dict[str, Any]]:
        """What the chart draws, as Vega has it."""
        return list(json.loads(self.js("return JSON.stringify(document.getElementById('chart').view.data(arguments[0]))", data)))

    def front(self) -> list[str]:
        """The names on the front, as the notes below the chart say them."""
        said = [one.text for one in self.all("#chart-notes li") if one.text.startswith("Front of the medians")]
        return said[0].rstrip(".").partition("being better: ")[2].split(", ") if said else []

    def column(self, name: str) -> list[str]:
        """The cells of a column of the table, from above."""
        return list(
            self.js(
                "const heads = [...document.querySelectorAll('#table thead th')];"
                "const at = heads.findIndex((one) => one.dataset.column === arguments[0]);"
                "return [...document.querySelectorAll('#table tbody tr')].map((line) => line.children[at].textContent);",
                name,
            )
        )

    def fragment(self) -> str:
        return str(self.js("return location.hash"))

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """Every address that the browser asked for since the page was opened."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def own(self) -> list[str]:
        """Where it may ask: from the disk nowhere but for itself, from a server the few addresses of that."""
        if self.url.startswith("file:"):
            return [self.url]
        base = self.url.partition("report")[0]
        return [self.url, f"{base}asset/", f"{base}state.json"]

    def foreign(self) -> list[str]:
        """What it asked for elsewhere."""
        own = (*self.own(), "data:", "blob:", "about:")
        return [url for url in self.requested() if not url.startswith(own)]


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., str]) -> tuple[Path, str]:
    """A folder that is served, and the address."""
    folder = tmp_path_factory.mktemp("served")
    return folder, serving(folder)


# What a server could spoil, run by default for the served page too; that it passes all the others is a matter of minutes.
_BOTH = {
    "test_it_opens_without_an_error_and_asks_nobody_else", "test_dark_and_light_by_the_system_and_by_the_switch",
    "test_a_name_that_is_a_script_stays_text", "test_two_machines_stand_apart_until_they_are_asked_for_together",
    "test_numbers_are_written_as_everywhere_else", "test_the_copy_is_csv_of_what_is_listed",
}  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of an open page is one of the page from the disk and one of the page that is served."""
    if "opened" in metafunc.fixturenames:
        marks = () if metafunc.function.__name__ in _BOTH else (pytest.mark.slow,)
        metafunc.parametrize("opened", ["disk", pytest.param("served", marks=marks)], indirect=True)


@pytest.fixture
def opened(
    request: pytest.FixtureRequest,
    driver: Any,
    made: Callable[..., str],
    written: Callable[[Record, Path], Path],
    tmp_path: Path,
) -> Iterator[Callable[..., Page]]:
    """Write the page of these records and open it from the disk; or write their files, and open what is served of them."""

    def from_disk(*records: Record, fragment: str = "", mix: bool = False) -> Page:
        path = tmp_path / page.NAME
        path.write_text(made(*records, mix=mix), encoding="utf-8")
        return Page(driver, path.as_uri()).open(fragment)

    def from_server(*records: Record, fragment: str = "", mix: bool = False) -> Page:
        folder, address = request.getfixturevalue("shelf")
        for path in folder.iterdir():
            path.unlink()
        for number, record in enumerate(records):
            path = written(record, folder / record.path)
            os.utime(path, (2e9 - number, 2e9 - number))  # the newest stands first, as the first record does on the disk
        return Page(driver, f"{address}report{'?mix=1' if mix else ''}").open(fragment)

    yield from_disk if request.param == "disk" else from_server
    driver.execute_script("localStorage.clear()")  # where the switch of colours is kept, by all pages of one place


@pytest.fixture
def shown(opened: Callable[..., Page], make_record: Callable[..., Record]) -> Page:
    """The twelve networks, in fp32 and, twice as quick, in bf16."""
    return opened(make_record(axes=({}, {"precision": "bf16"})))
