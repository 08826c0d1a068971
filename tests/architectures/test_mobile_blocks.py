"""The blocks of the networks for phones: shuffles are permutations, halves stay what they were, and scaled widths divide by 8."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from vbench.architectures._blocks import Residual, Shuffle, SqueezeExcite, conv_norm, round_to_eight
from vbench.architectures._modules import DropPath, inverted_residual
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

load_all()


def _numbered(channels: int) -> torch.Tensor:
    return torch.arange(channels, dtype=torch.float32).reshape(1, channels, 1, 1)


@given(st.integers(1, 8), st.integers(1, 8))
def test_a_shuffle_deals_channels_and_the_opposite_one_takes_them_back(groups: int, each: int) -> None:
    channels = _numbered(groups * each)
    dealt = Shuffle(groups)(channels)
    # Card i of group g comes to place i * groups + g.
    assert dealt.flatten().tolist() == [g * each + i for i in range(each) for g in range(groups)]
    assert torch.equal(Shuffle(each)(dealt), channels)


@pytest.mark.parametrize(("name", "talk"), [("shufflenet/v1-g3", True), ("shufflenet/v1-g3-no-shuffle", False)])
def test_only_a_shuffle_lets_the_groups_of_a_unit_talk(name: str, *, talk: bool) -> None:
    torch.manual_seed(0)
    unit = ARCHITECTURES.get(name).build().get_submodule("stage2.1").eval()
    x = torch.rand(1, 240, 3, 3).requires_grad_()
    unit(x)[:, :80].sum().backward()
    assert x.grad is not None
    assert x.grad[:, :80].any()
    assert bool(x.grad[:, 80:].any()) == talk


@pytest.mark.parametrize(
    ("name", "unit", "kept", "old"),
    [
        ("shufflenet/v2-1.0", slice(1, 3), slice(0, None, 2), 24),
        ("shufflenet/v2-1.0-torchvision", slice(2, 3), slice(0, 58), 58),
    ],
)
def test_the_authors_v2_keeps_even_channels_and_all_inputs_where_torchvision_keeps_halves(
    name: str, unit: slice, kept: slice, old: int
) -> None:
    stage = ARCHITECTURES.get(name).build().get_submodule("stage2").eval()
    assert isinstance(stage, nn.Sequential)
    x = torch.rand(1, 116, 3, 3)
    assert torch.equal(stage[unit](x)[:, :58], x[:, kept])
    assert stage[0].old(torch.rand(1, 24, 4, 4)).shape == (1, old, 2, 2)


@given(st.floats(1, 4000))
def test_scaled_widths_divide_by_eight_and_lose_at_most_a_tenth(width: float) -> None:
    rounded = round_to_eight(width)
    assert rounded % 8 == 0
    assert rounded >= 0.9 * width
    assert rounded - width < 12


def test_a_branch_is_dropped_for_whole_images_and_only_in_training() -> None:
    torch.manual_seed(0)
    drop, x = DropPath(0.25), torch.ones(4000, 2, 3, 3)
    assert drop.eval()(x) is x
    dropped = drop.train()(x)
    shares = {float(image.unique()) for image in dropped}  # raises where an image is not of one value
    assert sorted(shares) == pytest.approx([0, 4 / 3])
    assert float((dropped[:, 0, 0, 0] == 0).float().mean()) == pytest.approx(0.25, abs=0.03)


def test_a_gate_looks_at_every_channel() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 8, 4, 4).requires_grad_()
    gate = SqueezeExcite(8, 4)
    gate(x)[:, 0].sum().backward()
    assert x.grad is not None
    assert x.grad[:, 1:].any()
    assert torch.all(gate(x) <= x)


@pytest.mark.parametrize(("cout", "stride", "added"), [(8, 1, True), (8, 2, False), (16, 1, False)])
def test_an_inverted_residual_adds_its_input_where_the_shape_stays(cout: int, stride: int, *, added: bool) -> None:
    block = inverted_residual(conv_norm, 8, cout, 3, stride, expanded=48, drop=0.1)
    assert isinstance(block, Residual) == added
    depthwise = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1]
    assert [layer.groups for layer in depthwise] == [48]
    assert block(torch.rand(2, 8, 6, 6)).shape == (2, cout, 6 // stride, 6 // stride)


def test_an_inverted_residual_without_expansion_has_no_first_convolution() -> None:
    block = inverted_residual(conv_norm, 8, 4, 3, 1, expanded=8)
    assert [layer.kernel_size for layer in block.modules() if isinstance(layer, nn.Conv2d)] == [(3, 3), (1, 1)]
