"""Compression as an axis: what is named is what is measured, counted, locked and shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch
from PIL import Image
from torch import nn

from vbench import api, check, compress, job
from vbench.core import Case
from vbench.counting import count
from vbench.errors import UsageError, VbenchError
from vbench.gate import exact
from vbench.plan import definition
from vbench.registry import ARCHITECTURES, COMPRESSORS, ENGINES
from vbench.weights import given as weights_given

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = """
import torch
from torch import nn
from vbench import Option, architecture, compressor

@architecture("tiny/conv", input=(3, 8, 8), params=129, macs=3_908)
def conv(classes=5):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))

class Base:
    needs = ""
    options = ()
    def version(self):
        return "1"

@compressor("halve")
class Halve(Base):
    description = "the first layer with half of its filters"
    options = (Option("share", "share that goes"), Option("loud", "say so", "flag"))
    def apply(self, module, work, **options):
        keep = round(4 * (1 - options["share"]))
        conv, head = module[0], module[3]
        smaller = nn.Sequential(nn.Conv2d(3, keep, 3), *module[1:3], nn.Linear(keep, head.out_features))
        smaller[0].load_state_dict({"weight": conv.weight[:keep], "bias": conv.bias[:keep]})
        smaller[3].load_state_dict({"weight": head.weight[:, :keep], "bias": head.bias})
        work.note("kept", f"{keep} filters")
        work.add("removed_channels", 4 - keep)
        def twin(network):
            with torch.no_grad():
                network[3].weight[:, keep:] = 0
            return network
        work.same(twin, tolerance=1e-5)
        return smaller

@compressor("wrong")
class Wrong(Base):
    description = "says that nothing changes, and changes it"
    def apply(self, module, work, **options):
        with torch.no_grad():
            module[0].weight.mul_(1.1)
        work.same(lambda network: network, tolerance=1e-5)
        return module

@compressor("refuses")
class Refuses(Base):
    description = "cannot"
    def apply(self, module, work, **options):
        raise ValueError("this network\\nhas nothing to give")

@compressor("looks")
class Looks(Base):
    description = "looks at pictures, and has no option for others"
    needs = "data"
    def apply(self, module, work, **options):
        return module

@compressor("absent")
class Absent(Base):
    description = "is not installed"
    def version(self):
        raise ImportError("absent needs a package: pip install 'vbench[absent]'")
"""


@pytest.fixture
def plugin(tmp_path: Path, registries: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "tiny.py"
    file.write_text(PLUGIN)
    return file


def _cases(plugin: Path, *names: str, **axes: Any) -> list[Case]:
    return list(api.prepare(names or ("tiny/conv",), plugin=[str(plugin)], **axes).plan.cases)


def test_the_axis_and_the_name_mean_the_same_case(plugin: Path) -> None:
    (by_name,) = _cases(plugin, "tiny/conv@halve:.5")
    (by_axis,) = _cases(plugin, compress=["halve:0.50"])
    assert by_name == by_axis
    assert (by_name.architecture, by_name.compression, by_name.label) == ("tiny/conv", "halve:0.5", "tiny/conv@halve:0.5")
    assert by_name.id.startswith("tiny/conv@halve:0.5,3x8x8,")


def test_the_axis_follows_what_is_named(plugin: Path) -> None:
    cases = _cases(plugin, "tiny/conv", "tiny/conv@halve:0.25", compress=["none", "wrong"])
    assert [case.label for case in cases] == [
        "tiny/conv", "tiny/conv@halve:0.25", "tiny/conv@wrong", "tiny/conv@halve:0.25+wrong",
    ]  # fmt: skip


def test_wrappers_stay_in_the_name(plugin: Path) -> None:
    (case,) = _cases(plugin, "tiny/c*@halve:0.5@upsample:2.0")
    assert (case.architecture, case.compression) == ("tiny/conv@upsample:2", "halve:0.5")


def test_definitions_and_the_lock_tell_them_apart(plugin: Path) -> None:
    plain, half = _cases(plugin, compress=["none", "halve:0.5"])
    assert definition(plain, 0) != definition(half, 0)
    assert exact.key(plain) != exact.key(half)
    # Those of the networks as they are stay as they were, or no history could go on.
    assert definition(Case(architecture="a/b", input_shape=(3, 8, 8)), 0) == "afea69b55d65"


def test_what_is_counted_and_built_is_the_smaller_network(plugin: Path) -> None:
    (case,) = _cases(plugin, "tiny/conv@halve:0.5")
    found = ARCHITECTURES.get("tiny/conv@halve:0.5")
    assert (found.name, found.compression, found.params, found.macs, found.accuracy) == ("tiny/conv", "halve:0.5", None, None, ())
    assert count(found.build, found.input, second=True).params == 2 * 28 + 5 * 2 + 5
    task = job.Job(case=case, architecture=ARCHITECTURES.source("tiny/conv"), engine=ENGINES.source("eager"))
    architecture, _ = job.load(msgspec.structs.replace(task, compressors=compress.sources(case)))
    assert architecture is not None
    notes: dict[str, str] = {}
    first, second = (job.build(architecture, case, notes) for _ in range(2))
    assert first is not second
    assert notes == {"weights": "filled", "halve kept": "2 filters"}
    assert compress.told(architecture)[0] == {"removed_channels": 2.0}
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert sum(p.numel() for p in first.parameters()) == 2 * 28 + 5 * 2 + 5


def test_loaded_weights_are_made_smaller_too(plugin: Path, tmp_path: Path) -> None:
    _cases(plugin)
    whole: nn.Module = ARCHITECTURES.get("tiny/conv").build(classes=7)
    torch.save(whole.state_dict(), tmp_path / "seven.pt")
    (case,) = _cases(plugin, "tiny/conv@halve:0.5", weights=tmp_path / "seven.pt")
    assert weights_given(tmp_path / "seven.pt", [ARCHITECTURES.get("tiny/conv@halve:0.5")]).classes == {"tiny/conv": 7}
    task = job.Job(
        case=case, architecture=ARCHITECTURES.source("tiny/conv"), engine=ENGINES.source("eager"),
        weights=str(tmp_path / "seven.pt"), compressors=compress.sources(case),
    )  # fmt: skip
    architecture, _ = job.load(task)
    assert architecture is not None
    notes: dict[str, str] = {}
    made = job.build(architecture, case, notes)
    assert notes["weights"] == "loaded"
    assert torch.equal(made[3].weight, whole[3].weight[:, :2])  # type: ignore[index]  # both are Sequential


@pytest.mark.parametrize(
    ("names", "axes", "said"),
    [
        (["tiny/conv@halve:1.5"], {}, "tiny/conv@halve:1.5: halve: share '1.5' is not allowed"),
        (["tiny/conv@halv:0.5"], {}, "'halv' is neither a wrapper nor a compressor.*halve"),
        ([], {"compress": ["halv:0.5"]}, "unknown compressor 'halv'.*halve"),
        ([], {"compress": ["halve"]}, "halve needs share"),
        ([], {"compress": ["halve:0.5+"]}, "'halve:0.5.' is no compression"),
        ([], {"compress": ["absent"]}, "absent needs a package: pip install"),
        (["tiny/conv@absent"], {}, "absent needs a package: pip install"),
        (["tiny/conv@taylor:0.5"], {}, r"taylor looks at pictures, .* --images FOLDER, or write taylor:0\.5:data=noise$"),
        ([], {"compress": ["none", "magnitude:0.5+apoz:0.3:global"]}, r"or write apoz:0\.3:global:data=noise$"),
        ([], {"compress": ["looks"]}, "looks looks at pictures, and there are none: give some with --images FOLDER$"),
        ([], {"compress": ["taylor:0.5:data=seeded"]}, "data 'seeded' is not allowed: it is one of images, noise"),
    ],
)
def test_bad_input_is_one_line(plugin: Path, names: list[str], axes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        _cases(plugin, *names, **axes)
    assert "\n" not in str(caught.value)


def test_a_case_that_trains_says_as_much_of_its_network_as_one_that_infers(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "settle_threads", lambda *_: None)
    monkeypatch.setenv("VBENCH_CACHE", str(plugin.parent / "cache"))
    text = "taylor:0.5:data=noise+magnitude:0.5"
    found: dict[str, dict[str, Any]] = {}
    for phase in ("infer", "train"):
        (case,) = _cases(plugin, f"tiny/conv@{text}", phase=[phase], batch=[2], engine=["eager"], threads=[1])
        task = job.Job(
            case=case, check=True, architecture=ARCHITECTURES.source("tiny/conv"), engine=ENGINES.source("eager"),
            compressors=compress.sources(case),
        )  # fmt: skip
        found[phase] = check.check(task, job.Phase(lambda _: None))
    named = ("removed_channels", "zeros", "nonzeros", "encoded_bytes", "dense_bytes", "fidelity_sqnr_db", "fidelity_cosine")
    infer, train = (found[phase]["values"] for phase in ("infer", "train"))
    assert {name: train[name] for name in named} == {name: infer[name] for name in named}
    assert train["removed_channels"] == 2
    own = {key: text for key, text in found["infer"]["notes"].items() if key.startswith(("taylor ", "magnitude ", "fidelity"))}
    assert own.items() <= found["train"]["notes"].items()
    assert "taylor data" in own


def test_what_is_absent_is_skipped_in_a_suite(plugin: Path, tmp_path: Path) -> None:
    suite = '[suites.small]\narchitectures = ["tiny/conv"]\ncompress = ["none", "absent"]\n'
    (tmp_path / "bench.toml").write_text(f'plugins = ["tiny.py"]\n{suite}')
    found = api.prepare(suite="small").plan
    assert [case.label for case in found.open] == ["tiny/conv"]
    assert list(found.skipped.values()) == ["absent needs a package: pip install 'vbench[absent]'"]


def test_what_looks_at_pictures_wants_some_or_is_told_that_there_are_none(plugin: Path, tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "seen" / "a.png")
    with_some = _cases(plugin, compress=["taylor:0.5", "looks"], settings={"images": "seen"})
    assert [case.compression for case in with_some] == ["taylor:0.5", "looks"]
    assert [case.compression for case in _cases(plugin, compress=["taylor:0.5:data=noise"])] == ["taylor:0.5:data=noise"]
    suite = '[suites.small]\narchitectures = ["tiny/conv"]\ncompress = ["none", "taylor:0.5"]\n'
    (tmp_path / "bench.toml").write_text(f'plugins = ["tiny.py"]\n{suite}')
    found = api.prepare(suite="small").plan
    assert [case.label for case in found.open] == ["tiny/conv"]
    assert "--images FOLDER" in next(iter(found.skipped.values()))


def test_what_cannot_be_done_says_so(plugin: Path) -> None:
    _cases(plugin)
    with pytest.raises(VbenchError, match=r"^refuses: this network has nothing to give$"):
        ARCHITECTURES.get("tiny/conv@refuses").build()


def test_runs_measure_and_show_it(plugin: Path, tmp_path: Path, commands: Any) -> None:
    words = "--plugin", "tiny.py", "--quick", "--no-report", "--threads", "1", "-o", "r.jsonl"
    done = commands(tmp_path, "run", "tiny/conv", "--compress", "none,halve:0.5,wrong", *words)
    assert done.returncode == 4, done.stderr
    assert {"tiny/conv", "tiny/conv@halve:0.5", "tiny/conv@wrong"} <= set(done.stdout.split())
    assert "wrong_output: wrong: " in done.stderr
    shown = commands(tmp_path, "export", "json", "r.jsonl")
    rows = {row["compression"]: row for row in json.loads(shown.stdout)}
    assert [rows[name]["status"] for name in ("none", "halve:0.5", "wrong")] == ["ok", "ok", "failed"]
    assert (rows["halve:0.5"]["removed_channels"], rows["none"]["removed_channels"]) == (2, None)
    assert rows["halve:0.5"]["macs"] < rows["none"]["macs"]
    assert rows["halve:0.5"]["architecture"] == "tiny/conv"
    listed = commands(tmp_path, "list", "--compressors", "--plugin", "tiny.py", "--json")
    entries = {entry["name"]: entry for entry in json.loads(listed.stdout)}
    assert entries["halve"]["example"] == "halve:0.5"
    assert entries["absent"]["missing"].startswith("absent needs")
    table = commands(tmp_path, "list", "--compressors", "--plugin", "tiny.py").stdout
    assert "the first layer with half of its filters" in table


def test_a_plugin_registers_by_name(plugin: Path) -> None:
    _cases(plugin)
    assert COMPRESSORS.get("halve").options[0].name == "share"
    assert COMPRESSORS.source("halve").value == str(plugin)
