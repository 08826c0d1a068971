"""Groups: read from bench.toml and beside the catalogue, counted when asked, and selected by the verbs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from vbench import config, contrasts, groups
from vbench.core import Architecture, Source
from vbench.errors import UnknownNameError
from vbench.evidence import Counted
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Plant = Callable[[Mapping[str, str]], Path]

NETS = """
import torch
from vbench import architecture

for units in (1, 2, 4):
    @architecture(f"twin/{units}", input=(3, 4, 4), topic="tiny")
    def net(units=units):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, units, bias=False))

@architecture("twin/none", input=(3, 4, 4), topic="tiny")
def none():
    return torch.nn.Flatten()
"""
CONFIG = """
plugins = ["nets.py"]

[run]
spread = 0
warmup = 0.05
latency = 0.02
throughput = 0.02

[suites.default]
architectures = ["twin/1"]

[groups.smaller]
title = "Smaller"
prose = "Zeros stay where they are."
members = ["twin/4", "twin/4@magnitude:0.5"]
ratio = { metric = "params", of = "twin/4@magnitude:0.5", to = "twin/4", stated = 1, source = "a book" }

[groups.loose]
title = "Loose"
prose = "Written in another way than it is shown."
members = ["twin/4@magnitude:.50"]

[groups.broken]
title = "Broken"
prose = "No such ratio."
members = ["twin/4@magnitude:2"]

[groups.twins]
title = "Twins"
prose = "Each of these has twice the weights of the one before."
members = ["twin/4", "twin/1", "twin/2"]
ratio = [
    { metric = "params", of = "twin/4", to = "twin/2", stated = 2, source = "a book" },
    { metric = "macs", of = "twin/1", to = "twin/4", stated = [0.1, 0.3], source = "another" },
]

[groups.nothing]
title = "Nothing"
prose = "What has no weights cannot be divided by."
members = ["twin/1", "twin/none"]
ratio = { metric = "params", of = "twin/1", to = "twin/none" }

[groups.lost]
title = "Lost"
prose = "One of these is not there."
members = ["twin/1", "twin/3"]
"""
ENTRY = '[groups.{name}]\ntitle = "{title}"\nprose = "P."\nmembers = ["a/b"]\n'


def group(name: str, title: str) -> str:
    return ENTRY.format(name=name, title=title)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "nets.py").write_text(NETS)
    (folder / "bench.toml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def cli(project: Path, commands: Any) -> Any:
    return lambda *words: commands(project, *words)


def test_groups_of_the_catalogue_in_use_come_first_and_namesakes_of_bench_toml_take_their_place(plant: Plant) -> None:
    root = plant(
        {
            "bench.toml": 'plugins = ["architectures"]\n' + group("b", "own b") + group("c", "own c"),
            "pyproject.toml": '[project]\nname = "vbench"\n',
            "architectures/groups.toml": group("a", "its a") + group("b", "its b"),
        }
    )
    found = contrasts.known(config.load(root / "bench.toml"))
    assert [(name, one.title) for name, one in found.items()] == [("a", "its a"), ("b", "own b"), ("c", "own c")]


def test_without_a_catalogue_of_its_own_a_project_has_the_installed_one_s(plant: Plant) -> None:
    cfg = config.load(plant({"bench.toml": group("mine", "mine")}) / "bench.toml")
    found = contrasts.known(cfg)
    assert found["mine"].title == "mine"
    assert "inception-module" in found
    with pytest.raises(UnknownNameError, match=r"unknown group 'inceptionmodule': did you mean inception-module"):
        contrasts.find(cfg, "inceptionmodule")


def test_one_ratio_needs_no_brackets(plant: Plant) -> None:
    ratio = '{ metric = "macs", of = "a/b", to = "a/b" }'
    for text in (ratio, f"[{ratio}]"):
        own = config.load(plant({"bench.toml": group("g", "G") + f"ratio = {text}\n"}) / "bench.toml").groups["g"]
        assert own.ratios == (groups.Ratio(metric="macs", of="a/b", to="a/b"),)


def test_what_a_ratio_may_be_of_is_counted() -> None:
    assert set(groups.METRICS) <= set(Counted.__struct_fields__)


def test_each_network_is_counted_once(registries: None) -> None:
    source = Source(kind="script", value="here")
    for name in ("x/1", "x/2"):
        ARCHITECTURES.add(name, Architecture(name=name, build=object, source=source, input=(1,)), source)
    asked: list[str] = []

    def count(architecture: Architecture) -> groups.Group:
        asked.append(architecture.name)
        # Whatever has the attributes of the metrics will do.
        return type("Counts", (), {"macs": 2 * len(asked), "params": None})()  # type: ignore[no-any-return]

    ratios = [groups.Ratio(metric=m, of=of, to=to) for m, of, to in (("macs", "x/2", "x/1"), ("params", "x/1", "x/2"))]
    assert contrasts.counted(ratios, count) == [0.5, None]
    assert asked == ["x/2", "x/1"]


def test_the_members_of_a_group_are_listed_in_its_order_with_counted_and_stated_ratios(cli: Any) -> None:
    done = cli("list", "--group", "twins")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["twins: Twins", "  Each of these has twice the weights of the one before."]
    assert [line.split()[0] for line in lines[4:7]] == ["twin/4", "twin/1", "twin/2"]
    assert [line.split() for line in lines[8:]] == [
        ["ratio", "of", "to", "counted", "stated", "by"],
        ["params", "twin/4", "twin/2", "2", "2", "a", "book"],
        ["macs", "twin/1", "twin/4", "0.25", "0.1", "to", "0.3", "another"],
    ]
    found = json.loads(cli("list", "--group", "twins", "--json").stdout)
    assert [member["name"] for member in found["members"]] == ["twin/4", "twin/1", "twin/2"]
    assert [(ratio["counted"], ratio["stated"]) for ratio in found["ratio"]] == [(2.0, 2.0), (0.25, [0.1, 0.3])]


def test_a_ratio_to_nothing_is_a_dash(cli: Any) -> None:
    done = cli("list", "--group", "nothing")
    assert done.stdout.splitlines()[-1].split() == ["params", "twin/1", "twin/none", "–", "–"]


def test_all_groups_are_listed(cli: Any) -> None:
    rows = [line.split(maxsplit=2) for line in cli("list", "--groups").stdout.splitlines()]
    assert rows[-3:] == [["twins", "3", "Twins"], ["nothing", "2", "Nothing"], ["lost", "2", "Lost"]]
    found = json.loads(cli("list", "--groups", "--json").stdout)
    assert len(found) == len(rows) - 1
    assert found[-3]["name"] == "twins"
    assert found[-3]["members"] == ["twin/4", "twin/1", "twin/2"]


def test_a_run_measures_the_members_of_groups_and_what_is_named_beside_them(cli: Any) -> None:
    words = ("run", "twin/none", "--group", "twins,nothing", "--engine", "fake", "--device", "fake", "--list", "--json")
    done = cli(*words, "--exclude", "twin/2")
    assert done.returncode == 0, done.stderr
    names = [entry["case_id"].partition("@")[0] for entry in json.loads(done.stdout)]
    assert names == ["twin/none", "twin/4", "twin/1"]


def test_a_member_may_be_a_compressed_network(cli: Any) -> None:
    done = cli("list", "--group", "smaller")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split()[:4] == ["params", "twin/4@magnitude:0.5", "twin/4", "1"]
    listed = json.loads(cli("run", "--group", "smaller", "--engine", "eager", "--list", "--json").stdout)
    assert [entry["case_id"].partition(",")[0] for entry in listed] == ["twin/4@none", "twin/4@magnitude:0.5"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--group", "twin"), ("unknown group 'twin'", "twins", "[groups.NAME]")),
        (("run", "--group", "twin", "--list"), ("unknown group 'twin'", "twins")),
        (("list", "--group", "lost"), ("group 'lost': unknown architecture 'twin/3'", "twin/")),
        (("run", "--group", "lost", "--list"), ("group 'lost': unknown architecture 'twin/3'",)),
        (("run", "--group", "loose", "--list"), ("the member twin/4@magnitude:.50 is called twin/4@magnitude:0.5",)),
        (("list", "--group", "broken"), ("group 'broken': twin/4@magnitude:2: magnitude: ratio '2' is not allowed",)),
        (("list", "twin/*", "--group", "twins"), ("--group lists", "leave out PATTERNS")),
        (("list", "--groups", "--topic", "tiny"), ("--groups lists", "leave out --topic")),
        (("run", "--group", "twins", "--resume", "r.jsonl"), ("leave out --group",)),
    ],
    ids=" ".join,
)
def test_a_wrong_word_about_groups_is_one_line_that_helps(cli: Any, words: tuple[str, ...], said: tuple[str, ...]) -> None:
    returned, out, err = cli(*words)
    assert (returned, out, err.count("\n")) == (2, "", 1), err
    assert all(word in err for word in said), err
