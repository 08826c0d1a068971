"""Weights from a file: every tensor is accounted for, classes follow the file, and a run knows what it loaded."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import vbench
from vbench import Naming, api, data, plugins, weights
from vbench.checkpoint import Checkpoint, Entry, digest
from vbench.core import Architecture, Source
from vbench.errors import PluginError, UsageError, VbenchError
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Plant = Callable[[Mapping[str, str]], Path]

pytestmark = pytest.mark.usefixtures("registries")

QUICK = {"latency": 0.001, "throughput": 0.001, "warmup": 0.0, "min_processes": 1, "max_processes": 1, "spread": 0.0}
NET = """
from torch import nn
from vbench import architecture

@architecture("my/net", input=(3, 8, 8), params=500)
def build(classes=10):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, classes))
"""


def tiny(classes: int = 10) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))


RULES = (("^0", "conv"), ("^1", "bn"), ("^4", "fc"))
THEIRS = Naming(library="theirs", rules=RULES, left_out=("aux.*",))


def item(build: Any = tiny, *names: Naming) -> Architecture:
    return Architecture(name="my/tiny", build=build, source=Source(kind="module", value="x"), input=(3, 8, 8), weights=names)


def state(build: Callable[[], nn.Module] = tiny, naming: Naming | None = None) -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    # Nothing is negative, since no variance is.
    found = {n: torch.rand(v.shape) if v.is_floating_point() else v for n, v in build().state_dict().items()}
    names = naming.theirs(found) if naming is not None else {name: name for name in found}
    return {names[name]: value for name, value in found.items()}


def loaded(fitted: weights.Fitted) -> nn.Module:
    module, how = data.build(fitted, 0, fitted.load)
    assert how == "loaded"
    return module


@pytest.mark.parametrize("save", [torch.save, safetensors.torch.save_file], ids=["torch", "safetensors"])
@pytest.mark.parametrize(("naming", "said"), [(None, "the network's own"), (THEIRS, "theirs")])
def test_every_tensor_comes_back_as_it_was_saved(save: Any, naming: Naming | None, said: str, tmp_path: Path) -> None:
    given = state(naming=naming)
    save(given, tmp_path / "w.bin")
    fitted = weights.fit(item(tiny, THEIRS), tmp_path / "w.bin")
    assert (fitted.library, fitted.classes, len(fitted.pairs)) == (said, None, 9)
    back = loaded(fitted).state_dict()
    names = THEIRS.theirs(back) if naming else {name: name for name in back}
    assert all(torch.equal(back[name], given[other]) for name, other in names.items())


@pytest.mark.parametrize("name", ["nin/cifar-10", "mobilenet/v1-0.25"])
def test_a_network_of_the_catalogue_round_trips_by_another_librarys_names(name: str, tmp_path: Path) -> None:
    found = ARCHITECTURES.get(name)
    naming = next(n for n in found.weights if n.library == "pytorchcv")
    safetensors.torch.save_file(given := state(found.build, naming), tmp_path / "w.safetensors")
    back = loaded(weights.fit(found, tmp_path / "w.safetensors")).state_dict()
    assert all(torch.equal(back[mine], given[other]) for mine, other in naming.theirs(back).items())


def test_weights_are_cast_to_the_type_of_the_network_and_old_files_lack_a_counter(tmp_path: Path) -> None:
    given = {name: value.half() for name, value in state().items() if not name.endswith("num_batches_tracked")}
    torch.save(given, tmp_path / "w.pth")
    back = loaded(weights.fit(item(), tmp_path / "w.pth")).state_dict()
    assert back["0.weight"].dtype == torch.float32
    assert torch.equal(back["0.weight"], given["0.weight"].float())
    assert back["1.num_batches_tracked"] == 0


def test_a_network_with_tables_of_its_own_keeps_them(tmp_path: Path) -> None:
    class Tabled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 2)
            self.register_buffer("table", torch.arange(3.0), persistent=False)

    torch.save(given := state(Tabled), tmp_path / "w.pth")
    module = loaded(weights.fit(item(Tabled), tmp_path / "w.pth"))
    assert torch.equal(module.table, torch.arange(3.0))  # type: ignore[arg-type]  # a buffer
    assert torch.equal(module.state_dict()["inner.weight"], given["inner.weight"])


def test_auxiliary_heads_that_the_rules_leave_out_are_no_problem(tmp_path: Path) -> None:
    torch.save(state(naming=THEIRS) | {"aux.weight": torch.ones(3)}, tmp_path / "w.pth")
    assert len(weights.fit(item(tiny, THEIRS), tmp_path / "w.pth").pairs) == 9


def test_a_linear_layer_that_a_library_writes_as_a_convolution_is_the_same_matrix(tmp_path: Path) -> None:
    given = state(naming=THEIRS)
    given["fc.weight"] = given["fc.weight"].reshape(10, 4, 1, 1)
    torch.save(given, tmp_path / "w.pth")
    flat = msgspec.structs.replace(THEIRS, flattened=True)
    back = loaded(weights.fit(item(tiny, flat), tmp_path / "w.pth")).state_dict()
    assert torch.equal(back["4.weight"], given["fc.weight"].flatten(1))
    with pytest.raises(UsageError, match=r"1 of another shape: fc\.weight is 10x4x1x1 and not 10x4"):
        weights.fit(item(tiny, THEIRS), tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("build", "keyword"),
    [(tiny, "classes"), (partial(tiny), "classes"), (lambda num_classes=10: tiny(num_classes), "num_classes")],
)
def test_classes_follow_the_last_layer_of_the_file(build: Any, keyword: str, tmp_path: Path) -> None:
    torch.save(state(partial(tiny, 3)), tmp_path / "w.pth")
    fitted = weights.fit(item(build), tmp_path / "w.pth")
    assert fitted.classes == 3
    assert fitted._classes == {keyword: 3}
    assert loaded(fitted)(torch.zeros(2, 3, 8, 8)).shape == (2, 3)


def test_a_builder_without_classes_takes_no_others(tmp_path: Path) -> None:
    torch.save(state(partial(tiny, 3)), tmp_path / "w.pth")
    with pytest.raises(UsageError, match=r"2 of another shape: 4\.weight is 3x4 and not 10x4, 4\.bias is 3 and not 10$"):
        weights.fit(item(lambda: tiny(10)), tmp_path / "w.pth")


def test_a_head_of_two_minds_about_its_classes_is_a_wrong_shape(tmp_path: Path) -> None:
    torch.save(state(partial(tiny, 3)) | {"4.bias": torch.ones(4)}, tmp_path / "w.pth")
    with pytest.raises(UsageError, match="2 of another shape"):
        weights.fit(item(), tmp_path / "w.pth")


def test_names_that_are_nobodys_are_shown_beside_the_networks_own(tmp_path: Path) -> None:
    torch.save({f"layer.{index}": torch.ones(1) for index in range(5)}, tmp_path / "w.pth")
    with pytest.raises(UsageError) as caught:
        weights.fit(item(tiny, THEIRS), tmp_path / "w.pth")
    assert "does not fit my/tiny: it holds layer.0, layer.1, layer.2 and 2 more, and the network has 0.weight" in str(
        caught.value
    )
    assert str(caught.value).endswith("names that are known for it: the network's own, theirs")


@settings(deadline=None, max_examples=80)
@given(
    gone=st.sets(st.integers(0, 7)),
    more=st.sets(st.sampled_from(["x.weight", "conv.other", "fc", "auxx.weight"])),
    bent=st.sets(st.integers(0, 7)),
    whole=st.sets(st.integers(0, 7)),
)
def test_the_account_is_complete(gone: set[int], more: set[str], bent: set[int], whole: set[int]) -> None:
    """Whatever was taken away, put in, bent or made whole numbers is counted, and a file with nothing of that fits."""
    full = {name: Entry(tuple(value.shape), value.is_floating_point()) for name, value in state(naming=THEIRS).items()}
    names = [name for name in full if not name.endswith("num_batches_tracked")]
    entries = dict(full)
    for index in whole:
        entries[names[index]] = Entry(full[names[index]].shape, floating=False)
    for index in bent:
        entries[names[index]] = Entry((*full[names[index]].shape, 7), floating=True)
    for index in gone:
        del entries[names[index]]
    for name in more:
        entries[name] = Entry((1,), floating=True)
    left = {names[index] for index in range(8) if index not in gone}
    wrong, counted = {names[i] for i in bent} & left, {names[i] for i in whole - bent} & left
    file = Checkpoint(Path("w.pth"), entries, lambda name: torch.zeros(()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights.checkpoint, "read", lambda path: file)
        if not (gone or more or wrong or counted):
            assert len(weights.fit(item(tiny, THEIRS), Path("w.pth")).pairs) == 9
            return
        with pytest.raises(UsageError) as caught:
            weights.fit(item(tiny, THEIRS), Path("w.pth"))
    kinds = {"missing": len(gone), "left over": len(more), "of another shape": len(wrong), "of whole numbers": len(counted)}
    for kind, number in kinds.items():
        assert (f"{number} {kind}:" in str(caught.value)) == bool(number)


@pytest.fixture
def folder(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a plugin, and files of weights for its network with ten and with three classes."""
    root = plant({"nets.py": NET, "bench.toml": 'plugins = ["nets.py"]\n'})
    monkeypatch.chdir(root)
    api.setup()
    build = ARCHITECTURES.get("my/net").build
    torch.save(state(build), root / "ten.pth")
    torch.save(state(partial(build, 3)), root / "three.pth")
    return root


def test_a_run_loads_the_file_in_its_workers_and_says_which_it_was(folder: Path) -> None:
    record = vbench.run("my/net", weights="three.pth", threads=[1], output="r.jsonl", quick=True, settings=QUICK)
    (result,) = record.results
    assert (result.status, result.reason) == ("ok", "")
    assert result.case.weights == f"three:{digest(folder / 'three.pth')}"
    assert result.case.id.endswith(result.case.weights)
    assert record.run.weights == {result.case.weights: "three.pth"}
    assert {replicate.notes["weights"] for replicate in record.replicates} == {"loaded"}
    # What is counted is the network with three classes, of which nothing was declared.
    assert result.values["params"] == 3 * 4 * 9 + 4 + 8 + 144 * 3 + 3
    assert record.run.architectures["my/net"].declared_params is None
    with torch.inference_mode():
        build = partial(ARCHITECTURES.get("my/net").build, 3)
        module = build().eval()
        module.load_state_dict(torch.load("three.pth", weights_only=True))
        wanted = module(data.noise((3, 8, 8), 1, 0)[0]).flatten()
    check = next(replicate for replicate in record.replicates if replicate.role == "check")
    assert check.output == pytest.approx(wanted.tolist(), rel=1e-4)
    assert vbench.run(resume="r.jsonl").results == record.results
    torch.save(state(partial(ARCHITECTURES.get("my/net").build, 4)), "three.pth")
    with pytest.raises(UsageError, match=r"r\.jsonl was measured with other weights than three\.pth holds now: start a new file"):
        vbench.run(resume="r.jsonl")


def test_ten_classes_as_declared_keep_their_facts(folder: Path) -> None:
    prepared = api.prepare(["my/net"], weights=folder / "ten.pth", engine=["fake"], device=["fake"])
    assert prepared.weights is not None
    assert prepared.weights.classes == {}
    assert api.begin(prepared, folder / "r.jsonl").head.architectures["my/net"].declared_params == 500
    (case,) = prepared.plan.cases
    assert case.weights.startswith("ten:")
    (random,) = api.prepare(["my/net"], engine=["fake"], device=["fake"]).plan.cases
    assert random.weights == "random:0"


def test_a_file_must_fit_every_network_that_was_selected(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"--weights ten\.pth does not fit nin/cifar-10") as caught:
        api.prepare(["my/net", "nin/cifar-10"], weights="ten.pth")
    assert caught.value.exit_code == 2


def test_a_worker_refuses_a_file_that_is_not_the_one_of_its_case(folder: Path) -> None:
    found = ARCHITECTURES.get("my/net")
    assert weights.verified(found, folder / "ten.pth", f"ten:{digest(folder / 'ten.pth')}").classes is None
    with pytest.raises(VbenchError, match="is another file than it was when the run began"):
        weights.verified(found, folder / "ten.pth", "ten:0123456789ab")


@pytest.mark.parametrize(("name", "depth"), [("my/net@upsample:2", 1), ("my/net@multiscale:0.5+1@upsample:2", 2)])
def test_a_wrapped_network_takes_the_file_of_what_is_inside(folder: Path, name: str, depth: int) -> None:
    module: Any = loaded(weights.fit(ARCHITECTURES.get(name), folder / "three.pth"))
    for _ in range(depth):
        module = module.network
    given = torch.load(folder / "three.pth", weights_only=True)
    assert all(torch.equal(value, given[key]) for key, value in module.state_dict().items())
    assert module[3].out_features == 3


def test_rules_that_clash_are_the_plugins_fault(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pth")
    with pytest.raises(PluginError, match=r"x: architecture 'my/tiny': the names of bad: .* mend the rules"):
        weights.fit(item(tiny, Naming(library="bad", rules=(("#", "one"),))), tmp_path / "w.pth")


def test_onnx_files_have_no_engine_yet() -> None:
    with pytest.raises(UsageError, match=r"model\.onnx: no engine of this version reads ONNX files; those here \(eager"):
        plugins.add_named("model.onnx", None)
