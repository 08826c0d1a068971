"""What an engine may use besides network and case: artefacts kept under the network's digest, and pictures to calibrate with."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image
from torch import nn

from vbench import artefacts, data, job, preparation
from vbench.core import Preprocess
from vbench.preparation import Preparation, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


class Net(nn.Module):
    """A convolution, a norm (which has buffers), and a number that is no tensor."""

    def __init__(self, width: int = 4, stride: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, width, 3, stride=stride)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x))


def _weight(net: Net) -> None:
    with torch.no_grad():
        net.conv.weight[0, 0, 0, 0] += 1e-6


def _buffer(net: Net) -> None:
    net.norm.running_mean[1] = 1e-6


def _structure(net: Net) -> None:
    net.conv.stride = (2, 2)


def _type(net: Net) -> None:
    net.half()


@pytest.mark.parametrize("change", [_weight, _buffer, _structure, _type])
def test_the_digest_changes_with_values_buffers_structure_and_type(change: Callable[[Net], None]) -> None:
    net = Net()
    before = digest(net)
    assert digest(Net()) == before
    change(net)
    assert digest(net) != before


def test_the_digest_changes_with_the_source_of_the_network_and_of_what_it_imports(
    plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nets = (
        "from torch import nn\nfrom ._blocks import Act\n\nclass Net(nn.Module):\n    def forward(self, x):\n        return x\n"
    )
    blocks = "from torch import nn\n\nclass Act(nn.ReLU):\n    pass\n"
    root = plant({"planted/__init__.py": "", "planted/nets.py": nets, "planted/_blocks.py": blocks, "planted/other.py": ""})
    monkeypatch.syspath_prepend(str(root))
    import planted.nets  # type: ignore[import-not-found]  # noqa: PLC0415 - written just now

    net = planted.nets.Net()
    seen = {digest(net)}
    for file, text in (("nets", nets), ("_blocks", blocks)):
        (root / "planted" / f"{file}.py").write_text(f"{text}\n# edited\n")
        seen.add(digest(net))
    assert len(seen) == 3
    (root / "planted" / "other.py").write_text("# nobody imports this\n")
    assert digest(net) in seen


def made(notes: Mapping[str, str] | None = None) -> Callable[[Path], Mapping[str, str]]:
    def make(folder: Path) -> Mapping[str, str]:
        (folder / "graph").write_text("graph")
        return notes or {}

    return make


def never(folder: Path) -> Mapping[str, str]:
    pytest.fail("this was kept and must not be made again")


def test_what_is_kept_is_found_by_the_same_network_and_case_alone(make: Any) -> None:
    case = make.case(precision="int8", batch=2)
    first = Preparation(Net(), case)
    folder = first.artefact("onnx", {"onnx": "1"}, made({"opset": "20"}))
    warm = Preparation(Net(), case)
    assert warm.artefact("onnx", {"onnx": "1"}, never) == folder
    assert (warm.notes, warm.kept, warm.uses, first.kept) == ({"opset": "20"}, True, True, False)
    others = [
        (Preparation(Net(stride=2), case), {"onnx": "1"}),
        (Preparation(Net(), case), {"onnx": "2"}),
        (Preparation(Net(), make.case(precision="fp16", batch=2)), {"onnx": "1"}),
        (Preparation(Net(), make.case(precision="int8", batch=2, engine_options=(("hint", "throughput"),))), {"onnx": "1"}),
        (Preparation(Net(), case, seed=1), {"onnx": "1"}),
        (Preparation(Net(), case, full_precision=["conv"]), {"onnx": "1"}),
    ]
    folders = {prepared.artefact("onnx", versions, made()) for prepared, versions in others}
    assert len(folders | {folder}) == 1 + len(others)


def test_axes_that_are_left_out_make_no_difference(make: Any) -> None:
    few = ("precision", "input_shape")
    folder = Preparation(Net(), make.case(batch=1)).artefact("onnx", {}, made(), axes=few)
    assert Preparation(Net(), make.case(batch=8, threads=2)).artefact("onnx", {}, never, axes=few) == folder


def test_seconds_of_a_cold_and_of_a_warm_start(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that advances by one at each look, making takes what the manifest says, and upkeep is left out."""
    cold = Preparation(Net(), make.case())
    monkeypatch.setattr(preparation.time, "perf_counter", itertools.count().__next__)
    cold.artefact("onnx", {}, made())
    assert (cold.made_s, cold.cold_s, cold.upkeep_s) == (1, 1, 2), "four looks, of which making took the two in the middle"
    warm = Preparation(Net(), make.case())
    warm.artefact("onnx", {}, never)
    assert (warm.made_s, warm.cold_s, warm.upkeep_s) == (0, 1, 1)
    # Prepared in 10 s; what took no part in a deployment is not counted, and a cold start has the making of the first one in it.
    assert job.start_seconds(10.0, cold) == {"compile_s": 7.0, "compile_cold_s": 8.0}
    assert job.start_seconds(10.0, warm) == {"compile_s": 9.0, "compile_cold_s": 10.0}
    assert job.start_seconds(10.0, Preparation(Net(), make.case())) == job.start_seconds(10.0, None) == {"compile_s": 10.0}


def test_what_could_not_be_kept_is_said_and_removed_in_the_end(make: Any, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    prepared = Preparation(Net(), make.case())
    folder = prepared.artefact("onnx", {}, made())
    assert prepared.notes["artefact_onnx"].startswith("not kept: ")
    assert folder.is_dir()
    prepared.close()
    assert not folder.exists()


def test_what_is_discarded_is_made_again(make: Any) -> None:
    prepared = Preparation(Net(), make.case())
    prepared.artefact("onnx", {}, made())
    prepared.discard()
    assert list(artefacts.entries()) == []
    again = Preparation(Net(), make.case())
    again.artefact("onnx", {}, made())
    assert not again.kept


def test_seeded_calibration_differs_from_what_is_compared_and_is_the_same_each_time(make: Any) -> None:
    prepared = Preparation(Net(), make.case(input_shape=(3, 8, 8)), seed=3)
    pictures, compared = prepared.pictures(4), data.smooth((3, 8, 8), 4, 3)
    assert pictures.shape == (4, 3, 8, 8)
    assert torch.equal(pictures, Preparation(Net(), make.case(input_shape=(3, 8, 8)), seed=3).pictures(4))
    assert not any(torch.equal(a, b) for a in pictures for b in compared)
    assert prepared.notes["calibration"] == "64 smooth seeded pictures (seed 1003)"


def test_pictures_of_a_folder_calibrate_from_its_end(make: Any, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(6):
        Image.new("RGB", (16, 16), (40 * index, 0, 0)).save(folder / f"{index}.png")
    case = make.case(input_shape=(3, 8, 8), precision="int8")
    prepared = Preparation(Net(), case, images=str(folder), preprocess=Preprocess())
    calibrating, compared = prepared.pictures(3), data.images(str(folder), (3, 8, 8), 3, Preprocess())
    assert not any(torch.equal(a, b) for a in calibrating for b in compared)
    assert prepared.notes["calibration"] == f"the last 64 pictures of {folder}"
    kept = prepared.artefact("onnx", {}, made())
    Image.new("RGB", (16, 16), (0, 99, 0)).save(folder / "5.png")
    exchanged = Preparation(Net(), case, images=str(folder), preprocess=Preprocess()).artefact("onnx", {}, made())
    assert exchanged != kept, "a picture was exchanged under its name"
