"""What the variants of a family have to do with each other: costs by hand, and equalities that the papers state."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from vbench.architectures import _blocks, _trunks, densenet, mlp, sppnet, vgg
from vbench.counting import module_table
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

load_all()


def params(name: str) -> int:
    return ARCHITECTURES.get(name).params or 0


def macs(name: str) -> int:
    return ARCHITECTURES.get(name).macs or 0


def built(name: str) -> nn.Module:
    with torch.device("meta"):
        network: nn.Module = ARCHITECTURES.get(name).build()
    return network


@pytest.mark.parametrize("name", mlp.NETS)
def test_a_fully_connected_network_costs_its_matrices(name: str) -> None:
    (hidden, units, side, classes), _, _ = mlp.NETS[name]
    matrices = 3 * side * side * units + (hidden - 1) * units * units + units * classes
    assert macs(f"mlp/{name}") == matrices
    assert params(f"mlp/{name}") == matrices + hidden * units + classes


def test_a_larger_picture_costs_an_mlp_more_weights_than_vgg_has() -> None:
    assert params("mlp/1x1024-224") > params("vgg/19")
    assert 100 * macs("mlp/1x1024-224") < macs("vgg/19")


def test_two_groups_halve_the_weights_of_the_three_grouped_convolutions() -> None:
    dense = 96 * 256 * 25 + 384 * 384 * 9 + 384 * 256 * 9
    # AlexNet of the same widths without groups has 62,378,344 parameters.
    assert params("alexnet/two-group") == 62_378_344 - dense // 2
    assert params("zfnet/small") - params("alexnet/two-group") == dense // 2 - 96 * 3 * (121 - 49)


@pytest.mark.parametrize("depth", vgg.DEPTHS)
def test_batch_norm_adds_two_numbers_per_filter_and_no_products(depth: int) -> None:
    filters = sum(width * count for width, count in zip(vgg.WIDTHS, vgg.DEPTHS[depth], strict=True))
    assert params(f"vgg/{depth}-bn") - params(f"vgg/{depth}") == 2 * filters
    assert macs(f"vgg/{depth}-bn") == macs(f"vgg/{depth}")


@pytest.mark.parametrize("depth", [18, 34])
def test_shortcuts_of_zeros_cost_nothing(depth: int) -> None:
    assert params(f"resnet/{depth}-a") == params(f"resnet/plain-{depth}")
    assert macs(f"resnet/{depth}-a") == macs(f"resnet/plain-{depth}")


def test_each_option_costs_its_projections() -> None:
    steps = [(64, 128), (128, 256), (256, 512)]
    changing = sum(cin * cout + 2 * cout for cin, cout in steps)
    assert params("resnet/34") - params("resnet/34-a") == changing
    # Option C has one more on each of the blocks that keep their shape: 3, 4, 6 and 3 less those three.
    keeping = sum((width * width + 2 * width) * count for width, count in ((64, 3), (128, 3), (256, 5), (512, 2)))
    assert params("resnet/34-c") - params("resnet/34") == keeping
    assert params("resnet/50-c") / params("resnet/50") == pytest.approx(1.57, abs=0.005)


def test_a_padded_shortcut_is_the_input_thinned_out_and_zeros() -> None:
    x = torch.arange(2 * 3 * 5 * 4, dtype=torch.float32).view(2, 3, 5, 4)
    y = _blocks.padded(3, 8, 2)(x)
    assert y.shape == (2, 8, 3, 2)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert not y[:, 3:].any()
    assert _blocks.padded(3, 3, 1)(x) is x


def test_a_plain_block_is_the_residual_block_without_its_input() -> None:
    torch.manual_seed(0)

    def body(cin: int, cout: int, stride: int) -> nn.Module:
        return nn.Conv2d(cin, cout, 3, stride, 1)

    plain, residual = _trunks.residual(body, None)(4, 4, 1), _trunks.residual(body)(4, 4, 1)
    residual.load_state_dict({f"body.{k.removeprefix('0.')}": v for k, v in plain.state_dict().items()})
    x = torch.randn(1, 4, 6, 6)
    before = residual.body(x)
    torch.testing.assert_close(plain(x), before.relu())
    torch.testing.assert_close(residual(x), (before + x).relu())


def test_a_stride_that_comes_early_costs_less_with_the_same_weights() -> None:
    late, early = _blocks.bottleneck(256, 512, 2), _blocks.bottleneck(256, 512, 2, early=True)
    assert [p.shape for p in late.parameters()] == [p.shape for p in early.parameters()]
    costs = [module_table(lambda block=block: block.to("meta"), (256, 56, 56))[0].macs for block in (late, early)]
    assert costs[0] - costs[1] == (56**2 - 28**2) * 256 * 128


@pytest.mark.parametrize("depth", [50, 101])
def test_cardinality_keeps_weights_and_lets_macs_grow_by_less_than_a_twentieth(depth: int) -> None:
    for form in ("2x40d", "4x24d", "8x14d", "32x4d"):
        name, plain = f"resnext/{depth}-{form}", f"resnet/{depth}"
        assert abs(params(name) / params(plain) - 1) < 0.022
        assert 0 <= macs(name) / macs(plain) - 1 < 0.045


def test_table_4_doubles_the_cost_of_resnet_101_in_four_ways() -> None:
    for name in ("resnet/200", "resnet/101-w100", "resnext/101-2x64d", "resnext/101-64x4d"):
        assert macs(name) / macs("resnet/101") == pytest.approx(1.95, abs=0.04)


@pytest.mark.parametrize(
    ("gated", "plain", "blocks"),
    [
        ("se/resnet-50", "resnet/50", (3, 4, 6, 3)),
        ("se/resnet-101", "resnet/101", (3, 4, 23, 3)),
        ("se/resnet-152", "resnet/152", (3, 8, 36, 3)),
        ("se/resnext-50", "resnext/50-32x4d", (3, 4, 6, 3)),
        ("se/resnext-101", "resnext/101-32x4d", (3, 4, 23, 3)),
    ],
)
def test_gates_cost_what_the_paper_s_formula_says(gated: str, plain: str, blocks: tuple[int, ...]) -> None:
    extra = sum(
        count * (2 * width * width // 16 + width // 16 + width)
        for width, count in zip((256, 512, 1024, 2048), blocks, strict=True)
    )
    assert params(gated) - params(plain) == extra


def test_a_gate_scales_every_map_by_one_number_between_0_and_1() -> None:
    torch.manual_seed(0)
    gate = _blocks.SqueezeExcite(8, 2)
    x = torch.rand(3, 8, 5, 4) + 0.1
    ratio = gate(x) / x
    torch.testing.assert_close(ratio, ratio.mean((2, 3), keepdim=True).expand_as(x))
    assert 0 < ratio.min() < ratio.max() < 1


@pytest.mark.parametrize(("depth", "width"), [(121, 1024), (169, 1664), (201, 1920), (161, 2208)])
def test_dense_blocks_grow_by_what_each_layer_adds(depth: int, width: int) -> None:
    growth, blocks = densenet.NETS[depth]
    channels = 2 * growth
    for layers in blocks:
        channels = (channels if layers is blocks[0] and channels == 2 * growth else channels // 2) + layers * growth
    classifier = built(f"densenet/{depth}").get_submodule("head.2")
    assert channels == width == classifier.in_features


def test_the_pyramid_s_bins_are_the_paper_s_on_its_map() -> None:
    x = torch.randn(2, 3, 13, 13, generator=torch.Generator().manual_seed(0))
    for size in (6, 4, 3, 2, 1):
        rule = (math.ceil(13 / size), math.floor(13 / size))
        assert torch.equal(nn.AdaptiveMaxPool2d(size)(x), nn.MaxPool2d(*rule)(x))
        torch.testing.assert_close(nn.AdaptiveAvgPool2d(size)(x), nn.AvgPool2d(*rule)(x))


ODD = [(180, 180), (97, 333), (47, 500), (224, 223), (400, 120)]


@pytest.mark.parametrize("shape", ODD, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("name", [f"{''.join(map(str, s))}-{p}" for s in sppnet.NETS for p in sppnet.POOLS])
def test_a_pyramid_takes_pictures_of_any_size_and_aspect_ratio(name: str, shape: tuple[int, int]) -> None:
    assert built(f"sppnet/{name}")(torch.empty(2, 3, *shape, device="meta")).shape == (2, 1000)


def test_without_a_pyramid_a_picture_must_give_as_many_pixels_as_the_published_size() -> None:
    network = built("sppnet/none")
    maps = [network[1](network[0](torch.empty(2, 3, *shape, device="meta"))).shape[2:] for shape in ODD]
    assert maps == [(5, 5), (2, 9), (1, 15), (6, 6), (12, 3)]
    for shape, (height, width) in zip(ODD, maps, strict=True):
        picture = torch.empty(2, 3, *shape, device="meta")
        if height * width == 6 * 6:
            assert network(picture).shape == (2, 1000)
        else:
            with pytest.raises(RuntimeError):
                network(picture)
