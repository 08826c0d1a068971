"""A profiler's events joined to the operators that were seen, and kernels joined to what the compiler planned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch
from torch import nn

from vbench import kinds
from vbench.engines import _compiled, _compiled_layers, _layers
from vbench.engines._schedule import Kernel

if TYPE_CHECKING:
    from pathlib import Path


def event(name: str, start: float, microseconds: float, *children: Any) -> Any:
    found = SimpleNamespace(
        name=name, cpu_parent=None, cpu_children=list(children),
        time_range=SimpleNamespace(start=start, elapsed_us=lambda: microseconds),
    )  # fmt: skip
    for child in children:
        child.cpu_parent = found
    return found


def flat(*roots: Any) -> list[Any]:
    return [one for root in roots for one in (root, *flat(*root.cpu_children))]


def test_events_are_matched_in_order_within_what_encloses_them() -> None:
    inner = event("aten::convolution", 1, 10, event("aten::empty", 2, 1), event("aten::relu_", 3, 1))
    events = flat(event("aten::relu_", 20, 5), event("aten::conv2d", 0, 12, inner), event("aten::t", 30, 1))
    assert _layers.matched(events, ["aten::convolution", "aten::relu_"]) == pytest.approx([10e-6, 5e-6])
    assert _layers.matched(events, ["aten::convolution", "aten::relu_", "aten::add"]) is None
    assert _layers.matched(events, ["aten::relu_", "aten::convolution"]) is None


class Branches(nn.Module):
    """A module that runs twice, a concatenation in the network itself, and a view."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(4, 4, 1, bias=False)
        self.head = nn.Linear(8 * 36, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.one(x), self.one(x).relu()], 1).flatten(1))


def test_layers_of_a_module_have_its_paths_and_its_traffic() -> None:
    found = _layers.account(Branches().eval(), [torch.zeros(2, 4, 6, 6)])
    assert found.profiler == "torch.profiler"
    assert [(layer.path, layer.kind) for layer in found.layers] == [
        ("one", kinds.ONE), ("one", kinds.ONE), ("", kinds.ACTIVATION), ("", kinds.MOVEMENT), ("head", kinds.LINEAR),
    ]  # fmt: skip
    pixels = 2 * 4 * 36
    assert [layer.bytes for layer in found.layers] == [
        4 * (2 * pixels + 16), 4 * (2 * pixels + 16), 4 * 2 * pixels, 4 * 4 * pixels, 4 * (2 * pixels + 8 * 36 * 3 + 3 + 2 * 3),
    ]  # fmt: skip
    assert [layer.macs for layer in found.layers] == [4 * pixels, 4 * pixels, 0, 0, 2 * 8 * 36 * 3]
    assert all(layer.seconds is not None and layer.seconds > 0 for layer in found.layers)
    assert _layers.LEAST <= found.runs <= _layers.MOST


def test_where_the_profiler_sees_something_else_each_operator_is_timed_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_layers, "matched", lambda *_: None)
    found = _layers.account(Branches().eval(), [torch.zeros(2, 4, 6, 6)])
    assert found.profiler.startswith("each operator timed on its own")
    assert len(found.layers) == 5


def kernels(tmp_path: Path, *planned: Kernel) -> Path:
    (tmp_path / _compiled.KERNELS).write_bytes(msgspec.json.encode(planned))
    return tmp_path


CONV = Kernel("mkldnn__convolution_pointwise", "fp32", 100, kinds.THREE, "stem.0", 4000, (1, 8, 4, 4))
LOOP = Kernel("", "fp32", 0, path="stem.1", bytes=800)


def test_generated_loops_are_known_by_their_order(tmp_path: Path) -> None:
    folder = kernels(tmp_path, LOOP, CONV, msgspec.structs.replace(LOOP, path="pool", bytes=900))
    calls = [("graph_0_cpp_fused_relu_0", 1e-6), ("aoti_torch_cpu_mkldnn__convolution_pointwise", 5e-6), ("aten::empty", 1e-7),
             ("graph_0_cpp_fused_cat_max_pool2d_with_indices_1", 3e-6)]  # fmt: skip
    slower = [(name, 3 * seconds) for name, seconds in calls]
    partial = calls[:2]
    found = _compiled_layers.layers(folder, [calls, slower, slower, partial])
    assert [(layer.path, layer.kind, layer.bytes, layer.operator) for layer in found] == [
        ("stem.1", kinds.ACTIVATION, 800, "fused relu"),
        ("stem.0", kinds.THREE, 4000, "mkldnn__convolution_pointwise"),
        ("pool", kinds.POOLING, 900, "fused cat max pool2d with indices"),
    ]
    assert [layer.seconds for layer in found] == pytest.approx([3e-6, 15e-6, 9e-6])


def test_loops_that_are_more_or_fewer_than_planned_stay_unknown(tmp_path: Path) -> None:
    folder = kernels(tmp_path, LOOP, LOOP, CONV)
    (relu, conv) = _compiled_layers.layers(folder, [[("graph_0_cpp_fused_relu_0", 1e-6)]])
    assert (relu.path, relu.bytes, relu.seconds) == ("", None, pytest.approx(1e-6))
    assert (conv.path, conv.macs, conv.seconds) == ("stem.0", 100, None)
