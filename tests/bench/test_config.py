"""bench.toml: what is wrong is named with file, full key, value, what is allowed and an example."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import config
from vbench.config import ALLOWED, Settings, Suite
from vbench.errors import ConfigError, UnknownNameError, UsageError
from vbench.groups import Group
from vbench.tolerances import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Plant = Callable[[Mapping[str, str]], Path]

# For every key that there is, values that it must refuse, as they are written in the file.
WRONG: dict[str, tuple[str, ...]] = {
    "plugins": ('"models"', "[1]"),
    "lock": ("true", "[]"),
    "run.time-limit": ('"soon"', "-1", "[]", "inf", "nan", "false"),
    "run.interval": ('"narrow"', "0", "1", "2.5", "nan"),
    "run.min-processes": ("0", "6.5", '"six"', "true"),
    "run.max-processes": ("5", "0", '"all"'),
    "run.warmup": ("-1", '"5 parsecs"', "inf"),
    "run.latency": ('"-1s"', "[]", "nan"),
    "run.throughput": ("-0.5", "true"),
    "run.timeout": ("0", '"never"', "inf", "nan"),
    "run.memory-limit": ('"much"', "0", "-1", "1.5"),
    "run.spread": ("-1", '"1s 2m"'),
    "run.seed": ("-1", "0.5", '"luck"'),
    "run.start": ('"forkserve"', "1"),
    "run.images": ("1", "[]"),
    "run.energy": ('"yes"', "1"),
    "suites.*.architectures": ('"resnet/*"', "[1]", "[]"),
    "suites.*.exclude": ('"*/naive"', "[1]"),
    "suites.*.topic": ('"inception"', "[true]"),
    "suites.*.device": ('"cpu"', "[0]", "[]"),
    "suites.*.engine": ('"eager"', "[1]", "[]", '["openvino[hint]"]', '["all[hint=throughput]"]', '["[a=b]"]', '["a[b=c]d"]'),
    "suites.*.precision": ('["fp31"]', '"fp32"', "[32]", "[]"),
    "suites.*.batch": ("[0]", "1", "[1.5]", '["1"]', "[]"),
    "suites.*.threads": ("[0]", "[-2]", "2", "[true]"),
    "suites.*.layout": ('["nhcw"]', '["all"]', "[1]", "[]"),
    "suites.*.phase": ('["training"]', '"infer"', "[1]", "[]"),
    "suites.*.scenario": ('["server"]', '["single-stream:2"]', '["concurrent:1"]', '["sustained:0s"]', '["offlin"]', "[1]", "[]"),
    "suites.*.compress": ('["l1-filter:"]', '["none+l1-filter:0.5"]', '["L1:0.5"]', '"none"', "[1]", "[]"),
    "suites.*.cold-cache": ('"yes"', "1"),
    "suites.*.cuda-graph": ('"on"', "[]"),
    "suites.*.also": ('"engines"', "[1]", '["nowhere"]'),
    "suites.*.quick": ('"yes"', "1"),
    "groups.*.title": ("1", '""', '"two\\nlines"'),
    "groups.*.topic": ("1", "[]"),
    "groups.*.prose": ("[]", '" "'),
    "groups.*.members": ('"a/b"', "[1]", "[]", '["a/*"]', '["a/b", "a/b"]'),
    "groups.*.ratio": (
        "1",
        "[1]",
        '{ of = "a/b", to = "a/c" }',
        '{ metric = "beauty", of = "a/b", to = "a/c" }',
        '{ metric = "macs", of = "a/b", to = "a/d" }',
        '[{ metric = "macs", of = "a/b", to = "a/c", stated = 2 }]',
        '{ metric = "macs", of = "a/b", to = "a/c", source = "a paper" }',
        '{ metric = "macs", of = "a/b", to = "a/c", stated = [3.0, 2.0], source = "a paper" }',
        '{ metric = "macs", of = "a/b", to = "a/c", stated = -1.0, source = "a paper" }',
        '{ metric = "macs", of = "a/b", to = "a/c", state = 2 }',
    ),
    "gate.alpha": ("0", "0.5", '"1 %"', "nan"),
    "gate.min-effect": ("0", "1", '"little"'),
    "gate.pass-below": ("0.01", "1", "[]"),
    "gate.screen-pairs": ("4", "8.5", '"many"'),
    "gate.confirm-pairs": ("6", "true"),
    "gate.time-limit": ('"soon"', "-1", "nan"),
    "gate.mode": ('"tennis"', "1"),
    "gate.metrics": ('["beauty"]', "[]", '"latency"'),
    "gate.threshold": ("{}", "[1]", "[{}]", '[{ case = "a", metric = "beauty" }]', '[{ case = "a", bound = 1 }]'),
    "gate.accept": ("{}", '[{ case = "a" }]', '[{ case = "a", bound = 0.1, reason = "r", expires = "soon" }]'),
}
CASES = [(key, text) for key, texts in WRONG.items() for text in texts]


def _file(key: str, text: str, suite: str = "mine") -> tuple[str, str]:
    """A bench.toml that is right but for this key, and the key in full."""
    if key.startswith("suites."):
        own = "" if key.endswith(".architectures") else 'architectures = ["a/b"]\n'
        return f'[suites."{suite}"]\n{own}{key.rpartition(".")[2]} = {text}\n', key.replace("*", suite)
    if key.startswith("groups."):
        members = '["squeezenet/1.0", "squeezenet/1.1"]' if "squeezenet" in text else '["a/b", "a/c"]'
        keys = {"title": '"T"', "prose": '"P."', "members": members} | {key.rpartition(".")[2]: text}
        lines = "\n".join(f"{name} = {value}" for name, value in keys.items())
        return f"[groups.{suite}]\n{lines}\n", key.replace("*", suite)
    table, _, name = key.rpartition(".")
    return (f"[{table}]\n" if table else "") + f"{name} = {text}\n", key


def test_every_key_has_a_wrong_value_here_and_is_in_the_list() -> None:
    fields = {f"run.{field.encode_name}" for field in msgspec.structs.fields(Settings)}
    fields |= {f"suites.*.{field.encode_name}" for field in msgspec.structs.fields(Suite)}
    fields |= {f"groups.*.{field.encode_name}" for field in msgspec.structs.fields(Group)}
    fields |= {f"gate.{field.encode_name}" for field in msgspec.structs.fields(Gate)}
    assert set(WRONG) == set(ALLOWED) == fields | {"plugins", "lock"}


@pytest.mark.parametrize(("key", "text"), CASES)
def test_a_wrong_value_is_named_with_what_is_allowed_and_an_example(plant: Plant, key: str, text: str) -> None:
    content, full = _file(key, text)
    file = plant({"bench.toml": content}) / "bench.toml"
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    allowed, example = ALLOWED[key]
    value = tomllib.loads(f"v = {text}")["v"]
    shown = re.escape(f"{file}: {full} = ")
    tail = re.escape(f"; allowed is {allowed}; for example: {example}")
    shape = re.fullmatch(rf"{shown}(.+?): .+{tail}", str(caught.value))
    assert shape is not None, str(caught.value)
    assert str(value) in shape[1] or shape[1] in repr(value)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ALLOWED)
def test_every_example_is_accepted(plant: Plant, key: str) -> None:
    name, _, text = ALLOWED[key][1].partition(" = ")
    assert name == key.rpartition(".")[2]
    content, _ = _file(key, text)
    config.load(plant({"bench.toml": content}) / "bench.toml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("plugin = []", "unknown key plugin: did you mean plugins?"),
        ("[run]\ntime-limt = 3", "unknown key run.time-limt: did you mean time-limit"),
        ("[run]\ntime_limit = 3", "unknown key run.time_limit: did you mean time-limit"),
        ('[suites.mine]\narchitectures = ["a/b"]\nbatches = [1]', "unknown key suites.mine.batches: did you mean batch?"),
        ("[suites.mine]\nbatch = [1]", "suites.mine has no architectures: it needs a list of names or globs; for example: arch"),
        (
            "[groups.mine]\nmembers = []\nprose = ''",
            "groups.mine has no title: it needs a few words, on one line; for example: title =",
        ),
        ("[groups.mine]\nmember = []", "unknown key groups.mine.member: did you mean members"),
        ("groups = 1", "groups = 1: it must be a table, written [groups]"),
        ("run = 3", "run = 3: it must be a table, written [run]"),
        ("suites = []", "suites = []: it must be a table, written [suites]"),
        ("[suites]\nmine = 1", "suites.mine = 1: it must be a table, written [suites.mine]"),
        ("[run\n", "is not valid TOML: Expected ']'"),
        ("[run]\nseed = 1\nseed = 2", "is not valid TOML: Cannot overwrite a value"),
    ],
)
def test_a_wrong_key_or_shape_is_named(plant: Plant, content: str, words: str) -> None:
    file = plant({"bench.toml": content}) / "bench.toml"
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    assert str(caught.value).startswith(f"{file}")
    assert words in str(caught.value)


def test_the_name_of_a_suite_may_hold_a_dot(plant: Plant) -> None:
    content, full = _file("suites.*.batch", "[0]", suite="v1.2")
    with pytest.raises(ConfigError, match=re.escape(f"{full} = 0: less than 1; allowed is a list of whole numbers")):
        config.load(plant({"bench.toml": content}) / "bench.toml")


def test_a_file_that_cannot_be_read_is_named(plant: Plant) -> None:
    root = plant({"empty/x": "", "bench.toml": "lock = 'ä'"})
    (root / "latin.toml").write_bytes(b"lock = '\xe4'")
    with pytest.raises(ConfigError, match=r"none\.toml: No such file or directory; name another with --config FILE"):
        config.load(root / "none.toml")
    with pytest.raises(ConfigError, match=r"latin\.toml is not valid TOML"):
        config.load(root / "latin.toml")
    assert config.load(root / "bench.toml").lock == "ä"


def test_the_nearest_file_upwards_counts_and_none_beyond_the_checkout(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    root = plant(
        {"bench.toml": "lock = 'outer'", "repo/.git/HEAD": "", "repo/a/b/c": "", "repo/a/own/bench.toml": "lock = 'inner'"}
    )
    monkeypatch.chdir(root / "repo/a/b")
    here = config.load()
    assert (here.file, here.root, here.lock) == (None, root / "repo/a/b", "vbench.lock.json")
    plant({"repo/bench.toml": "lock = 'repo'"})
    assert (config.load().root, config.load().lock) == (root / "repo", "repo")
    monkeypatch.chdir(root / "repo/a/own")
    assert config.load().lock == "inner"
    monkeypatch.chdir(root)
    assert config.load().file == root / "bench.toml"


def test_a_file_is_laid_over_the_defaults(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    root = plant({"plain/.git/HEAD": ""})
    monkeypatch.chdir(root / "plain")
    default = config.load()
    assert list(default.suites) == ["default", "engines"]
    assert config.also(default, "default") == [default.suite("engines")]
    assert set(default.suite("engines").architectures) < set(default.suite("default").architectures)
    assert len(default.suite("default").architectures) == 12
    content = '[run]\nseed = 7\n[suites.mine]\narchitectures = ["a/b"]\nbatch = [1, 8]\n'
    own = config.load(plant({"bench.toml": content}) / "bench.toml")
    assert list(own.suites) == ["default", "engines", "mine"]
    assert own.suite("default") == default.suite("default")
    assert own.suite("mine") == Suite(architectures=("a/b",), batch=(1, 8))
    assert own.settings == msgspec.structs.replace(default.settings, seed=7)
    replaced = config.load(plant({"bench.toml": '[suites.default]\narchitectures = ["c/*"]'}) / "bench.toml")
    assert replaced.suite("default") == Suite(architectures=("c/*",))


def test_an_unknown_suite_names_the_nearest(plant: Plant) -> None:
    own = config.load(plant({"bench.toml": '[suites.contrasts]\narchitectures = ["a"]'}) / "bench.toml")
    with pytest.raises(UnknownNameError, match=r"unknown suite 'contrast': did you mean contrasts\?"):
        own.suite("contrast")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ('time-limit = "4m30s"', "time_limit", 270.0),
        ("time-limit = 12", "time_limit", 12.0),
        ("time-limit = 0", "time_limit", None),
        ('time-limit = "0"', "time_limit", None),
        ('warmup = "250ms"', "warmup", 0.25),
        ("spread = 0", "spread", 0.0),
        ('memory-limit = "2GiB"', "memory_limit", 2**31),
        ('memory-limit = "3 GB"', "memory_limit", 3 * 10**9),
        ("memory-limit = 1000", "memory_limit", 1000),
        ("min-processes = 30\nmax-processes = 30", "min_processes", 30),
    ],
)
def test_times_and_sizes_may_have_their_units(plant: Plant, text: str, field: str, value: Any) -> None:
    settings = config.load(plant({"bench.toml": f"[run]\n{text}"}) / "bench.toml").settings
    assert getattr(settings, field) == value


def test_pictures_lie_beside_the_file_wherever_the_command_runs(plant: Plant) -> None:
    root = plant({"bench.toml": '[run]\nimages = "pictures"'})
    assert config.load(root / "bench.toml").settings.images == str(root / "pictures")


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        ({"batch": (0,)}, "--batch 0: less than 1; allowed is a list of whole numbers of at least 1; for example: --batch 1,8"),
        ({"precision": ("fp33",)}, "--precision fp33: unknown precision 'fp33', did you mean fp32"),
        ({"layout": ("nhwcc",)}, "for example: --layout nchw"),
    ],
)
def test_the_same_mistake_on_the_command_line_is_answered_with_options(suite: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.check_axes(Suite(architectures=("a",), **suite), "--")
    assert words in str(caught.value)


def test_settings_from_the_command_line_are_answered_with_options() -> None:
    with pytest.raises(UsageError) as caught:
        config.check_settings(Settings(interval=2.0))
    assert str(caught.value).startswith("--interval 2.0: not between 0 and 1; ")
    assert str(caught.value).endswith("for example: --interval 0.02")


def test_settings_survive_the_result_file() -> None:
    settings = Settings(time_limit=None, memory_limit=2**33, seed=3)
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(settings)), Settings) == settings
