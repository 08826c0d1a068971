"""One registry for all: names are unique, a clash names both files, and what a broken plugin left is gone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vbench.core import Accuracy, Paper, Preprocess, Source
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


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"input": ()}, r"input=\(\): write whole numbers from 1, channels first, for example \(3, 224, 224\)"),
        ({"input": 224}, "input=224: write whole"),
        ({"input": (3, 0, 8)}, r"input=\(3, 0, 8\): write whole"),
        ({"input": (3, 8.0, 8)}, r"input=\(3, 8\.0, 8\): write whole"),
        ({"input": "3x8x8"}, r"input='3x8x8': write whole"),
        ({"macs": 1.5e9}, r"macs=1500000000\.0: write a whole number, for example 1_500_000_000"),
        ({"params": True}, "params=True: write a whole number"),
        ({"params": -7}, "params=-7: write a whole number"),
        ({"params": np.int64(7)}, r"params=.*7.*: write a whole number"),
        ({"paper": Paper(title="t", authors="a", year="2015")}, r"paper: Expected `int`, got `str` - at `paper\.year`"),
        ({"paper": {"title": "t", "authors": "a", "year": 2015}}, r"paper=\{.*\}: write Paper \| None"),
        ({"accuracy": [Accuracy(source="s", protocol="p", top1="76")]}, r"accuracy: Expected .*float.*`accuracy\[0\]\.top1`"),
        ({"accuracy": [Accuracy(source="s", protocol="p", top1=float("nan"))]}, r"accuracy=.*nan.*: write .*, numbers finite"),
        ({"accuracy": [Accuracy(source="s", protocol="p", kind="guessed")]}, r"accuracy: Invalid enum value 'guessed'"),
        (
            {"accuracy": [Accuracy(source="s", protocol="p", value=60.3)]},
            r"accuracy\[0\]: metric='top1' and value=60\.3: write top1=",
        ),
        (
            {"accuracy": [Accuracy(source="s", protocol="p", metric="AP")]},
            r"accuracy\[0\]: metric='AP' and value=None: write .*'mIoU'",
        ),
        ({"accuracy": [{"source": "s", "protocol": "p"}]}, r"accuracy="),
        ({"topic": 3}, "topic: Expected `str`, got `int`"),
        ({"preprocess": Preprocess(resize="large")}, "resize: Expected `float`, got `str`"),
    ],
)
def test_a_fact_of_another_type_is_refused_with_what_is_allowed(facts: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError, match=rf"test_registry\.py:\d+: architecture 'mine/wrong': {said}"):
        architecture("mine/wrong", **{"input": (3, 8, 8)} | facts)(list)
    assert "mine/wrong" not in ARCHITECTURES


@pytest.mark.parametrize(
    "name", ["", "one", "Mine/one", "mine/", "/one", "mine//one", "mine/o ne", "mine/one,b1", "mine/ö", "m:f", "-m/1"]
)
def test_a_name_that_is_no_path_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(PluginError, match=r"a name is made of lower-case letters, .* for example 'family/variant'") as caught:
        architecture(name, input=(3, 8, 8))(list)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "Eager", "my engine", "my/engine", "a,b", "a.b", "a[b]", None])
def test_engines_and_metrics_are_single_words(name: Any) -> None:
    with pytest.raises(PluginError, match=r"engine .*: a name is made of lower-case letters, digits, _ -, for example 'my-name'"):
        engine(name)(type("Some", (), {}))
    with pytest.raises(PluginError, match=r"metric .*: a name is made of lower-case letters"):
        metric(name, unit="", better="none", description="d", kind="derived", columns={})(lambda *_: {})


def test_names_that_are_in_use_are_allowed() -> None:
    for name in ("timm/resnet50.a1_in1k", "mine/v1-1.0", "a/b/c", "3/4"):
        architecture(name, input=(3, 8, 8))(list)
        assert name in ARCHITECTURES


@pytest.mark.parametrize(
    ("column", "said"),
    [("latency_s", "is filled by metric 'latency'"), ("status", "identifies the row"), ("mine", "is filled by metric 'first'")],
)
def test_a_column_that_is_taken_is_refused(column: str, said: str) -> None:
    def register(name: str, column: str) -> None:
        metric(name, unit="", better="none", description="d", kind="derived", columns={column: "c"})(lambda *_: {})

    register("first", "mine")
    with pytest.raises(
        PluginError, match=rf"test_registry\.py:\d+: metric 'second': column '{column}' {said}; give yours another"
    ):
        register("second", column)
    with pytest.raises(PluginError, match="metric 'first' is registered twice"):
        register("first", "mine")
    assert "second" not in METRICS


def test_the_metrics_of_vbench_come_first_and_outlive_a_plugin_that_fails() -> None:
    code = """
from vbench.core import Source
from vbench.errors import PluginError
from vbench.registry import METRICS, loading, metric

def register(name, column):
    metric(name, unit="", better="none", description="d", kind="derived", columns={column: "c"})(lambda *_: {})

for name, column in (("mine", "latency_s"), ("latency", "mine")):
    try:
        with loading(Source(kind="path", value="/plugin.py", file="/plugin.py")):
            register("before", "before")
            register(name, column)
    except PluginError as error:
        print(error)
print("latency" in METRICS, "before" in METRICS, METRICS.source("latency").value)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    column, name, state = done.stdout.splitlines()
    assert column.startswith("<string>:7: metric 'mine': column 'latency_s' is filled by metric 'latency'; ")
    assert name.startswith("metric 'latency' is registered twice: in ")
    assert "latency.py" in name
    assert state == "True False vbench.metrics.latency"
