"""Pose networks: what their parts cost by hand, what they emit, and how a joint is read off a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from vbench.architectures import _pose, pose_cpm, pose_hourglass, pose_openpose
from vbench.architectures._blocks import SoftArgmax
from vbench.counting import module_table
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable

load_all()

# What each network emits for one picture of its own size, in evaluation, and how many outputs it has in training.
EMITTED = {
    "deeppose-alexnet": ([(14, 2)], 1),
    "regression-resnet50": ([(17, 2)], 1),
    "cpm": ([(15, 46, 46)], 6),
    "cpm-vgg": ([(15, 46, 46)], 6),
    "openpose-coco": ([(19 + 38, 46, 46)], 6),
    "openpose-mpi": ([(16 + 28, 46, 46)], 6),
    "openpose-mpi-4": ([(16 + 28, 46, 46)], 4),
    "openpose-body25": ([(26 + 52, 46, 46)], 5),
    "hourglass-1": ([(16, 64, 64)], 1),
    "hourglass-2": ([(16, 64, 64)], 2),
    "simple-baseline-50": ([(17, 64, 48)], 1),
    "hrnet-w32": ([(17, 64, 48)], 1),
    "higher-hrnet-w32": ([(34, 128, 128), (17, 256, 256)], 2),
    "integral-resnet50-2d": ([(17, 2)], 1),
    "integral-resnet50-3d": ([(18, 3)], 1),
}


def params(name: str) -> int:
    return ARCHITECTURES.get(name).params or 0


def macs(name: str) -> int:
    return ARCHITECTURES.get(name).macs or 0


def conv(cin: int, cout: int, side: int) -> int:
    """Weights and biases of a convolution."""
    return cin * cout * side * side + cout


def norm(channels: int) -> int:
    return 2 * channels


def meta(build: Callable[..., nn.Module], *arguments: int) -> nn.Module:
    with torch.device("meta"):
        return build(*arguments)


def outputs(answer: object) -> list[torch.Tensor]:
    return list(answer) if isinstance(answer, tuple) else [answer]


@pytest.mark.parametrize("name", EMITTED)
def test_what_a_network_emits(name: str) -> None:
    shapes, in_training = EMITTED[name]
    architecture = ARCHITECTURES.get(f"pose/{name}")
    network = meta(architecture.build)
    picture = torch.empty(2, *architecture.input, device="meta")
    with torch.no_grad():
        assert [tuple(output.shape) for output in outputs(network.eval()(picture))] == [(2, *shape) for shape in shapes]
        assert len(outputs(network.train()(picture))) == in_training


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_a_regression_is_resnet_with_another_last_layer(depth: int) -> None:
    trunk = params(f"resnet/{depth}") - (2048 * 1000 + 1000)
    assert params(f"pose/regression-resnet{depth}") == trunk + 2048 * 34 + 34
    up = 16 * 256 * (2048 + 256 + 256) + 3 * norm(256)
    assert params(f"pose/simple-baseline-{depth}") == trunk + up + conv(256, 17, 1)
    if depth == 50:
        assert up / params("pose/simple-baseline-50") == pytest.approx(1 / 3, abs=0.03)


def test_upsampling_is_charged_at_the_size_of_its_input() -> None:
    rows = {row.path: row.macs for row in module_table(ARCHITECTURES.get("pose/simple-baseline-50").build, (3, 256, 192))}
    by_hand = 16 * 256 * (8 * 6 * 2048 + 16 * 12 * 256 + 32 * 24 * 256)
    assert rows["up"] == by_hand
    assert by_hand / macs("pose/simple-baseline-50") == pytest.approx(0.26, abs=0.01)
    # Charged at the size of their outputs, and in units of 2^30, the whole costs what the authors print, but for 1 %.
    assert (macs("pose/simple-baseline-50") + 3 * by_hand) / 2**30 == pytest.approx(8.9, rel=0.012)
    assert macs("pose/hrnet-w32") / 2**30 == pytest.approx(7.1, abs=0.05)


def test_most_of_deeppose_is_its_wide_layers() -> None:
    wide = 9216 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 28 + 28
    assert wide / params("pose/deeppose-alexnet") == pytest.approx(0.94, abs=0.005)


def test_a_soft_argmax_adds_no_parameter() -> None:
    assert params("pose/integral-resnet50-2d") == params("pose/simple-baseline-50")
    # 256 x 256 px instead of 256 x 192.
    assert 3 * macs("pose/integral-resnet50-2d") == 4 * macs("pose/simple-baseline-50")
    more = 18 * 64 - 17
    assert params("pose/integral-resnet50-3d") - params("pose/integral-resnet50-2d") == conv(256, more, 1)
    assert macs("pose/integral-resnet50-3d") - macs("pose/integral-resnet50-2d") == 64 * 64 * 256 * more


def test_a_pose_machine_is_the_sum_of_its_stages() -> None:
    trunk = conv(3, 128, 9) + 2 * conv(128, 128, 9)
    first = conv(128, 32, 5) + conv(32, 512, 9) + conv(512, 512, 1) + conv(512, 15, 1)
    later = conv(128, 32, 5) + conv(32 + 15 + 1, 128, 11) + 2 * conv(128, 128, 11) + conv(128, 128, 1) + conv(128, 15, 1)
    assert params("pose/cpm") == 2 * trunk + first + 5 * later
    assert macs("pose/cpm-vgg") / macs("pose/cpm") == pytest.approx(0.5, abs=0.01)


def test_only_later_stages_are_told_who_is_meant() -> None:
    network = pose_cpm.vgg(3).train()
    picture = torch.rand(1, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    other = picture.clone()
    other[:, 3] = 0
    with torch.no_grad():
        before, after = outputs(network(picture)), outputs(network(other))
        # The last stage answers first, and nothing in this network behaves differently in training.
        assert torch.equal(network.eval()(picture), before[0])
    assert [torch.equal(one, two) for one, two in zip(before, after, strict=True)] == [False] * 5 + [True]


def test_two_stages_of_openpose_are_what_the_faster_network_leaves_out() -> None:
    branches = [conv(128 + 16 + 28, 128, 7) + 4 * conv(128, 128, 7) + conv(128, 128, 1) + conv(128, last, 1) for last in (16, 28)]
    assert params("pose/openpose-mpi") - params("pose/openpose-mpi-4") == 2 * sum(branches)
    assert macs("pose/openpose-body25") / macs("pose/openpose-coco") == pytest.approx(0.593, abs=0.001)


def test_maps_come_before_fields() -> None:
    network = pose_openpose.TwoBranches(stages=2, fields=4, classes=3).eval()
    picture = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        before = network(picture)
        network.maps[-1][-1].bias += 1
        network.fields[-1][-1].bias += 2
        shift = (network(picture) - before).mean((0, 2, 3))
    assert shift.tolist() == pytest.approx([1] * 3 + [2] * 4, abs=1e-5)


def test_slopes_are_all_that_body25_has_beside_weights_and_biases() -> None:
    network = meta(ARCHITECTURES.get("pose/openpose-body25").build)
    slopes = sum(module.weight.numel() for module in network.modules() if isinstance(module, nn.PReLU))
    assert params("pose/openpose-body25") - slopes == 26_152_068


def test_hourglasses_cost_the_same_each() -> None:
    residual = norm(256) + conv(256, 128, 1) + norm(128) + conv(128, 128, 3) + norm(128) + conv(128, 256, 1)
    # Four halvings with three blocks each, one in the middle, one behind.
    glass = 14 * residual + conv(256, 256, 1) + norm(256) + conv(256, 16, 1)
    back = conv(256, 256, 1) + conv(16, 256, 1)
    assert params("pose/hourglass-2") - params("pose/hourglass-1") == glass + back
    assert params("pose/hourglass-8") - params("pose/hourglass-2") == 6 * (glass + back)
    assert macs("pose/hourglass-8") - macs("pose/hourglass-2") == 6 * (macs("pose/hourglass-2") - macs("pose/hourglass-1"))


def test_an_hourglass_sees_the_whole_map_and_keeps_its_size() -> None:
    glass = pose_hourglass.hourglass(4).eval()
    x = torch.rand(1, 256, 16, 16, requires_grad=True)
    y = glass(x)
    assert y.shape == x.shape
    y[0, :, 0, 0].sum().backward()
    assert x.grad is not None
    # By way of the coarsest map, which has a single pixel, the first pixel depends on something in every part of the input.
    assert bool((nn.functional.max_pool2d(x.grad[0].abs(), 4).amax(0) > 0).all())


@pytest.mark.parametrize("width", [32, 48])
def test_higher_hrnet_is_hrnet_with_one_more_resolution(width: int) -> None:
    tags = conv(width, 17, 1)
    up = 16 * (width + 34) * width + norm(width)
    blocks = 4 * 2 * (9 * width * width + norm(width))
    assert params(f"pose/higher-hrnet-w{width}") - params(f"pose/hrnet-w{width}") == tags + up + blocks + conv(width, 17, 1)


def test_hrnet_exchanges_eight_times_and_emits_its_finest_maps_alone() -> None:
    trunk = _pose.HighResolution(4).eval()
    exchanges = [exchange for stage in trunk.stages for exchange in stage]
    assert [len(exchange.branches) for exchange in exchanges] == [2] + [3] * 4 + [4] * 3
    assert [len(exchange.gathers) for exchange in exchanges] == [2] + [3] * 4 + [4, 4, 1]
    assert trunk(torch.rand(1, 3, 64, 32)).shape == (1, 4, 16, 8)


def test_each_resolution_receives_the_sum_of_all() -> None:
    exchange = _pose.Exchange([2, 4, 8], 3).eval()
    maps = [torch.rand(1, channels, side, side) for channels, side in ((2, 16), (4, 8), (8, 4))]
    for source, x in enumerate(maps):
        x.requires_grad_()
        for target, y in enumerate(exchange(maps)):
            assert y.shape == maps[target].shape
            (gradient,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
            assert bool(gradient.any()), (source, target)


def gaussian(size: int, *centres: float, sigma: float = 2.0) -> torch.Tensor:
    """A map of one dimension, shape `(1, 1, size)`: the largest of a bell at each centre, each 1 high."""
    cells = torch.arange(size, dtype=torch.float64)
    bells = [torch.exp(-((cells - centre) ** 2) / (2 * sigma**2)) for centre in centres]
    return torch.stack(bells).amax(0).view(1, 1, size)


def test_soft_argmax_answers_x_then_y_then_z() -> None:
    plane, space = torch.zeros(2, 3, 8, 16), torch.zeros(2, 3, 4, 8, 16)
    plane[:, :, 5, 11] = 1
    space[:, :, 2, 5, 11] = 1
    for joint in range(3):
        assert SoftArgmax(1000)(plane)[1, joint].tolist() == [11, 5]
        assert SoftArgmax(1000)(space)[1, joint].tolist() == [11, 5, 2]


@pytest.mark.parametrize("place", [20.3, 20.5])
def test_soft_argmax_is_finer_than_a_cell(place: float) -> None:
    # The logarithm of a bell is what a network has to emit for its softmax to be the bell.
    assert SoftArgmax()(gaussian(64, place).log()).item() == pytest.approx(place, abs=1e-6)


def test_two_equal_peaks_give_the_middle() -> None:
    for beta in (1.0, 10.0, 100.0):
        assert SoftArgmax(beta)(gaussian(64, 12, 51)).item() == pytest.approx(31.5)
    assert SoftArgmax(100)(gaussian(64, 12, 50)).item() == pytest.approx(31.0, abs=1e-6)


def test_a_map_of_small_values_is_biased_to_the_centre_and_beta_mends_it() -> None:
    single = gaussian(64, 20)
    assert SoftArgmax()(single).item() == pytest.approx(30.3, abs=0.05)
    assert SoftArgmax(100)(single).item() == pytest.approx(20, abs=1e-6)


def test_soft_argmax_hands_gradients_to_every_cell() -> None:
    maps = gaussian(16, 5).view(1, 1, 4, 4).requires_grad_()
    SoftArgmax()(maps).sum().backward()
    assert maps.grad is not None
    assert bool((maps.grad != 0).all())
    # A constant added to a map changes nothing, so what arrives sums to nothing.
    assert maps.grad.sum().item() == pytest.approx(0, abs=1e-12)


def test_a_constant_on_a_map_changes_nothing_and_one_on_a_depth_does() -> None:
    maps = torch.rand(1, 2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    answer = SoftArgmax()(maps)
    assert torch.allclose(SoftArgmax()(maps + 5), answer, atol=1e-5)
    maps[:, :, 3] += 5
    assert bool((SoftArgmax()(maps)[..., 2] > answer[..., 2] + 1).all())
