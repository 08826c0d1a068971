"""What the page promises in a browser beside its numbers: nothing is fetched or run, it can be read by all, in light and dark."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from vbench.core import Record

    from .conftest import Page


def test_it_opens_without_an_error_and_asks_nobody_else(shown: Page) -> None:
    shown.settle()
    asked = shown.requested()
    own = tuple(shown.own())
    assert [url for url in asked if not url.startswith((*own, "data:", "blob:", "about:"))] == []
    assert len([url for url in asked if url.startswith(own)]) <= len(own) + 1
    assert shown.errors() == []
    assert shown.text("#count") == "24 of 24 rows"


def test_dark_and_light_by_the_system_and_by_the_switch(shown: Page) -> None:
    def ground() -> str:
        return str(shown.js("return getComputedStyle(document.body).backgroundColor"))

    def chart() -> str:
        return str(shown.js("return document.getElementById('chart').view.background()"))

    def system(scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        shown.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        shown.settle()

    try:
        system("light")
        assert (ground(), chart()) == ("rgb(255, 255, 255)", "#ffffff")
        system("dark")
        assert (ground(), chart()) == ("rgb(22, 24, 29)", "#16181d")
        shown.set("#theme", "light")
        assert (ground(), chart()) == ("rgb(255, 255, 255)", "#ffffff")
        system("light")
        shown.set("#theme", "dark")
        assert (ground(), chart()) == ("rgb(22, 24, 29)", "#16181d")
        shown.set("#theme", "auto")
        assert chart() == "#ffffff"
    finally:
        shown.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_name_that_is_a_script_stays_text(opened: Callable[..., Page], make_record: Callable[..., Record], nets: Any) -> None:
    evil = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=2'>"
    page = opened(make_record([nets[0]._replace(name=evil), nets[2]]))
    page.settle()
    assert evil in page.column("name")
    chart = page.one("#chart")
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.js("arguments[0].dispatchEvent(new KeyboardEvent('keydown', {key: arguments[1], bubbles: true}))", chart, key)
    page.set("#color", "family")
    assert page.js("return window.hacked") is None
    assert page.errors() == []
    assert page.foreign() == []


def test_axe_finds_no_fault_that_is_serious(shown: Page) -> None:
    """With the copy in `axe-core-python`, or another one that $VBENCH_AXE names."""
    named = os.environ.get("VBENCH_AXE")
    if named is None:
        package = pytest.importorskip("axe_core_python", reason="axe-core is not installed: pip install axe-core-python")
        named = str(Path(package.__file__).parent / "axe.min.js")
    shown.js("for (const one of document.querySelectorAll('details')) one.open = true")
    source = Path(named).read_text(encoding="utf-8")
    for theme in ("light", "dark"):
        shown.set("#theme", theme)
        shown.driver.execute_script(source)
        found = shown.driver.execute_async_script("axe.run(document).then(arguments[0])")
        assert len(found["passes"]) > 20
        told = [f"{one['impact']} {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
        assert [line for line in told if line.startswith(("serious", "critical"))] == [], theme
