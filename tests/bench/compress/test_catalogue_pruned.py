"""Structured pruning on networks of the catalogue, held against another's dependency graph where that one is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import torch

from vbench import data
from vbench.compress import _building, _choice, _follow, _surgery, filters
from vbench.compress._building import Smaller
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from pathlib import Path

load_all()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["resnet/18", "squeezenet/1.1", "mobilenet/v1-0.25"])
def test_torch_pruning_takes_out_the_same(name: str) -> None:
    """Another's dependency graph, where it is right: from one layer of each group it finds all that must go with it."""
    reference = pytest.importorskip("torch_pruning")
    shape = (3, 64, 64)
    architecture = msgspec.structs.replace(ARCHITECTURES.get(name), input=shape)
    module, _ = data.build(architecture.build, 0)
    theirs, _ = data.build(architecture.build, 0)
    options = {"ratio": 0.5, "global": False, "round": 1}
    plan = filters.L1().plan(module, _building.Task(architecture, 0), options)
    ours = _surgery.remove(module, plan)
    graph = reference.DependencyGraph().build_dependency(theirs, torch.randn(1, *shape))
    groups = _choice.groups(_follow.follow(data.build(architecture.build, 0)[0], shape))
    for group in groups:
        name = next(iter(group.made)).tensor
        gone = next(one.gone for one in plan.layers if one.tensor == name)
        layer = theirs.get_submodule(name.removesuffix(".weight"))
        graph.get_pruning_group(layer, reference.prune_conv_out_channels, idxs=list(gone)).prune()
    sizes = [tuple(parameter.shape) for parameter in ours.parameters()]
    assert sizes == [tuple(parameter.shape) for parameter in theirs.parameters()]
    assert _building.difference(theirs, ours, data.smooth(shape, 2, 0)) < filters.TOLERANCE


def test_a_network_of_the_catalogue_with_shuffles_is_pruned_right() -> None:
    """torch-pruning 1.6.1 raises on this one."""
    architecture = msgspec.structs.replace(ARCHITECTURES.get("shufflenet/v1-g3"), input=(3, 64, 64))
    build = Smaller(architecture, "l1-filter:0.5", seed=0, verify=True)
    build.take({})
    assert build.values["removed_channels"] > 0
