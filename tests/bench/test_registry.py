"""One registry for all: names are unique, a clash names both files, and what a broken plugin left is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vbench.core import Accuracy, Preprocess, Source
from vbench.errors import PluginError, UnknownNameError
from vbench.registry import ARCHITECTURES, ENGINES, METRICS, Registry, architecture, engine, loading, metric

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Source(kind="path", value="/here.py", file="/here.py", line=3)
THERE = Source(kind="path", value="/there.py", file="/there.py", line=14)

pytestmark = pytest.mark.usefixtures("registries")


@pytest.fixture
def letters() -> Registry[str]:
    found: Registry[str] = Registry("letter")
    for name in ("b/2", "a/1", "a/2"):
        found.add(name, name.upper(), HERE)
    return found


def test_names_stay_in_the_order_of_registration(letters: Registry[str]) -> None:
    assert letters.names() == ["b/2", "a/1", "a/2"]
    assert list(letters) == ["B/2", "A/1", "A/2"]
    assert (len(letters), "a/1" in letters, "c" in letters) == (3, True, False)
    assert (letters.get("a/1"), letters.source("a/1")) == ("A/1", HERE)


def test_a_clash_names_both_files_and_changes_nothing(letters: Registry[str]) -> None:
    with pytest.raises(PluginError, match=r"letter 'a/1' is registered twice: in /here\.py:3 and in /there\.py:14; rename"):
        letters.add("a/1", "other", THERE)
    assert (letters.get("a/1"), letters.source("a/1")) == ("A/1", HERE)


def test_an_unknown_name_comes_with_the_nearest(letters: Registry[str]) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown letter 'a/3': did you mean a/2, a/1\?"):
        letters.get("a/3")
    letters.discard("a/2")
    letters.discard("a/2")
    assert letters.names() == ["b/2", "a/1"]


@pytest.mark.parametrize(
    ("patterns", "exclude", "expected"),
    [
        (["*"], [], ["B/2", "A/1", "A/2"]),
        (["a/?", "b/2"], [], ["A/1", "A/2", "B/2"]),
        (["a/[!1]"], [], ["A/2"]),
        (["*"], ["a/*"], ["B/2"]),
        (["A/*"], [], []),
        ([], [], []),
    ],
)
def test_patterns_select(letters: Registry[str], patterns: list[str], exclude: list[str], expected: list[str]) -> None:
    assert letters.match(patterns, exclude) == expected


def test_what_a_failed_block_registered_is_forgotten_in_every_registry() -> None:
    before = [registry.names() for registry in (ARCHITECTURES, ENGINES, METRICS)]

    def half() -> None:
        architecture("half/one", input=(3, 8, 8))(list)
        engine("half")(type("Half", (), {}))
        metric("half", unit="", better="none", description="d", kind="derived", columns={})(lambda *_: {})
        assert "half/one" in ARCHITECTURES
        message = "half-way"
        raise SystemExit(message)

    with pytest.raises(SystemExit), loading(HERE):
        half()
    assert [registry.names() for registry in (ARCHITECTURES, ENGINES, METRICS)] == before


def test_what_is_registered_while_a_plugin_loads_came_from_it() -> None:
    with loading(Source(kind="path", value="/folder", part="file")):
        architecture("mine/one", input=(3, 8, 8))(list)
    source = ARCHITECTURES.source("mine/one")
    assert (source.kind, source.value, source.part, source.file) == ("path", "/folder", "file", __file__)
    assert str(source) == f"{__file__}:{source.line}"


@pytest.mark.parametrize(
    ("module", "kind", "value"),
    [("__main__", "script", "/script.py"), ("__vbench_worker__", "script", "/script.py"), ("nets", "module", "nets")],
)
def test_what_is_registered_by_a_script_or_module_is_found_there_again(module: str, kind: str, value: str) -> None:
    code = compile("architecture('mine/two', input=(3, 8, 8))(list)", "/script.py", "exec")
    exec(code, {"__name__": module, "architecture": architecture})  # noqa: S102 - as an interpreter does with a script
    source = ARCHITECTURES.source("mine/two")
    assert (source.kind, source.value, source.file, source.line) == (kind, value, "/script.py", 1)


def test_an_architecture_keeps_every_fact() -> None:
    accuracy = Accuracy(source="s", protocol="p", top1=70.0)

    @architecture("mine/whole", input=(1, 28, 28), topic="t", params=5, macs=6, accuracy=[accuracy], deviation="none")
    def build(classes: int = 10) -> Any:
        return classes

    item = ARCHITECTURES.get("mine/whole")
    assert item.build is build
    assert (item.family, item.input, item.params, item.macs, item.accuracy) == ("mine", (1, 28, 28), 5, 6, (accuracy,))
    assert item.preprocess == Preprocess()
    facts = item.facts()
    assert (facts.topic, facts.declared_params, facts.declared_macs, facts.deviation) == ("t", 5, 6, "none")


@pytest.mark.parametrize("register", [lambda: engine("able"), lambda: architecture("a/able", input=(3,))])
def test_a_decorated_thing_is_itself(register: Callable[[], Any]) -> None:
    class Able:
        pass

    assert register()(Able) is Able
    with pytest.raises(PluginError, match=r"test_registry\.py:\d+ and in .*test_registry\.py:\d+"):
        register()(Able)
