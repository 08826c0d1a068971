"""What training must not undo: zeros, shared values and signs are what they were, after any change of the weights."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vbench import compress, compression
from vbench.compress import _stages as stages
from vbench.core import Architecture, Source
from vbench.lineage import Written
from vbench.registry import ARCHITECTURES
from vbench.tuning import held

compress.load_builtin()


def _net() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    )


def _compressed(text: str) -> tuple[nn.Module, dict[str, Written]]:
    net = _net()
    architecture = Architecture(name="a/b", build=_net, source=Source(kind="module", value="m"), input=(3, 8, 8))
    written: dict[str, Written] = {}
    for step in compression.steps(text, ARCHITECTURES.options):
        task = stages.task(architecture, 0)
        net = stages.done(net, stages.Part(step), net, task)
        written.update(stages.written(task.codings))
    return net, written


@torch.no_grad()
def _shake(net: nn.Module, size: float) -> None:
    for parameter in net.parameters():
        parameter.add_(size * torch.randn_like(parameter))


@pytest.mark.parametrize(
    "text", ["magnitude:0.7", "codebook:3", "magnitude:0.5+codebook:2", "deep-compression:0.3", "binary:all"]
)
@settings(max_examples=8, deadline=None)
@given(size=st.floats(0.0, 0.5))
def test_what_a_compressor_decided_stays(text: str, size: float) -> None:
    net, written = _compressed(text)
    before = {name: net.get_parameter(name).detach().clone() for name in written}
    hold = held.begin(net, written)
    for _ in range(3):
        _shake(net, size)
        hold.put()
    for name, was in before.items():
        now, kind = net.get_parameter(name).detach(), written[name].kind
        if kind in {"sparse", "deep"}:
            assert torch.equal(now == 0, was == 0)
        if kind in {"codebook", "deep"}:
            for value in was.unique():
                assert len(now[was == value].unique()) == 1, "those that shared a value share one"
        if kind == "binary":
            assert torch.equal(torch.signbit(now), torch.signbit(was))
            assert all(len(one.abs().unique()) == 1 for one in now)


def test_a_shared_value_moves_by_the_mean_of_what_its_weights_want() -> None:
    net = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[1.0, 1.0, -2.0, 0.0]]))
    hold = held.begin(net, {"weight": Written("deep", 2)})
    with torch.no_grad():
        net.weight.add_(torch.tensor([[0.5, 0.1, -0.25, 9.0]]))
    hold.put()
    assert net.weight.detach().flatten().tolist() == pytest.approx([1.3, 1.3, -2.25, 0.0])


@pytest.mark.parametrize("text", ["magnitude:0.7", "magnitude:0.5+codebook:2", "binary:all"])
def test_a_gradient_is_turned_along_what_is_held_and_a_step_along_it_stays_there(text: str) -> None:
    net, written = _compressed(text)
    hold = held.begin(net, written)
    for parameter in net.parameters():
        parameter.grad = torch.randn_like(parameter)
    before = {name: net.get_parameter(name).grad.clone() for name in written}  # type: ignore[union-attr]  # set above
    hold.turn()
    for name in written:
        weight = net.get_parameter(name)
        turned = weight.grad
        assert turned is not None
        assert turned.norm() < before[name].norm()
        # What was taken away stands square on what is left: this is the nearest point.
        assert float(((before[name] - turned) * turned).sum()) == pytest.approx(0.0, abs=1e-3)
        with torch.no_grad():
            weight -= 1e-4 * turned
            moved = weight.clone()
    hold.put()
    assert torch.allclose(net.get_parameter(name), moved, atol=1e-7)


def test_a_size_follows_its_signs_and_never_turns_them() -> None:
    net = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[1.0, -1.0], [2.0, 2.0]]))
    hold = held.begin(net, {"weight": Written("binary")})
    with torch.no_grad():
        net.weight.add_(torch.tensor([[1.0, 0.0], [-9.0, -9.0]]))
    hold.put()
    assert net.weight[0].tolist() == [1.5, -1.5]
    assert (net.weight[1] > 0).all()
    assert float(net.weight[1].detach().max()) < 1e-30


def test_what_is_held_is_taken_up_from_a_state_when_the_numbers_have_moved_on() -> None:
    net, written = _compressed("magnitude:0.5+codebook:2")
    state = held.begin(net, written).state()
    zero = {name: net.get_parameter(name).detach() == 0 for name in written}
    _shake(net, 0.1)
    held.begin(net, written, state).put()
    assert all(torch.equal(net.get_parameter(name).detach() == 0, gone) for name, gone in zero.items())
    assert all(len(net.get_parameter(name).detach().unique()) <= 4 for name in written)


def test_a_tensor_of_which_nothing_is_said_is_free() -> None:
    net = nn.Linear(3, 2)
    hold = held.begin(net, {"gone.weight": Written("sparse"), "weight": Written("raw")})
    assert hold.state() == {}
