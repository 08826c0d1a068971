"""The lecture's contrasts: every ratio against its closed formula, and the equalities that the papers state, in numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vbench.architectures import (
    _modules,
    blocks_factorised,
    blocks_inception,
    blocks_squeezed,
    googlenet,
    inception_v4,
    mobilenet,
    squeezenet,
)
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

load_all()
WIDTHS = (32, 64, 128, 256, 512, 1024)
GROUPS = (2, 3, 4, 8)
RATIOS = (4, 8, 16, 32)


def params(name: str) -> int:
    return ARCHITECTURES.get(f"block/{name}").params or 0


def macs(name: str) -> int:
    return ARCHITECTURES.get(f"block/{name}").macs or 0


def built(name: str) -> nn.Module:
    """The block in double precision and eval mode, with normalisations that have seen something."""
    torch.manual_seed(0)
    block: nn.Module = ARCHITECTURES.get(f"block/{name}").build().double().eval()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                assert tensor is not None
                tensor.uniform_(0.5, 1.5)
    return block


def seen(network: nn.Module, channels: int, side: int = 41) -> torch.Tensor:
    """Where the middle of the answer looks: a map that is true at the pixels of the input that have a gradient."""
    x = torch.rand(1, channels, side, side, dtype=torch.float64, requires_grad=True)
    network(x)[..., side // 2, side // 2].square().sum().backward()
    assert x.grad is not None
    return x.grad[0].ne(0).any(0)


def extent(network: nn.Module, channels: int) -> int:
    """How many pixels the middle of the answer looks over, from the first to the last."""
    rows = seen(network, channels).any(1).nonzero()
    return int(rows.max() - rows.min()) + 1


# What of each contrast is divided by what, and what must come out: of MACs.
COSTS: list[tuple[str, str, Fraction]] = [
    ("factorised-7x7-split", "factorised-7x7-full", Fraction(14, 49)),
    ("factorised-7x7-6b-split", "factorised-7x7-6b-full", Fraction(286_720, 1_204_224)),
    ("stacked-5x5-3x3", "stacked-5x5-full", Fraction(18, 25)),
    ("stacked-7x7-3x3", "stacked-7x7-full", Fraction(27, 49)),
    ("pointwise-product", "pointwise-convolution", Fraction(1)),
    ("resnext-summed", "resnext-grouped", Fraction(1)),
    ("resnext-concatenated", "resnext-grouped", Fraction(1)),
    ("residual-identity", "residual-plain", Fraction(1)),
    ("residual-projected", "residual-plain", 1 + Fraction(1, 18)),
    ("residual-halving-padded", "residual-halving-plain", Fraction(1)),
    ("residual-halving-projected", "residual-halving-plain", 1 + Fraction(64 * 128, 9 * (64 * 128 + 128 * 128))),
    ("esp-unfused", "esp-fused", Fraction(1)),
    ("norm-folded", "norm-unfolded", Fraction(1)),
    ("norm-folded-relu", "norm-unfolded-relu", Fraction(1)),
    ("fire-squeezed", "fire-full", Fraction(96 * 16 + 16 * 64 + 9 * 16 * 64, 9 * 96 * 128)),
    ("spp-6321", "spp-flatten", Fraction(36 + 9 + 4 + 1, 36)),
    ("spp-4321", "spp-flatten", Fraction(16 + 9 + 4 + 1, 36)),
    ("head-pooled", "head-connected", Fraction(512 * 1000, 512 * 49 * 4096 + 4096 * 4096 + 4096 * 1000)),
    *((f"separable-{n}", f"full-3x3-{n}", Fraction(1, n) + Fraction(1, 9)) for n in WIDTHS),
    *((f"grouped-1x1-g{g}", "grouped-1x1-g1", Fraction(1, g)) for g in GROUPS),
    *((f"grouped-1x1-g{g}-shuffle", f"grouped-1x1-g{g}", Fraction(1)) for g in GROUPS),
    *((f"dilated-3x3-r{r}", "dilated-3x3-r1", Fraction(1)) for r in (2, 4, 6, 8, 12, 16)),
]
# The same of parameters, without those of the normalisations and biases that are named: (A - a) / (B - b).
WEIGHTS: list[tuple[str, int, str, int, Fraction]] = [
    ("factorised-7x7-split", 4 * 192, "factorised-7x7-full", 2 * 192, Fraction(14, 49)),
    ("stacked-5x5-3x3", 4 * 64, "stacked-5x5-full", 2 * 64, Fraction(18, 25)),
    ("stacked-7x7-3x3", 6 * 512, "stacked-7x7-full", 2 * 512, Fraction(27, 49)),
    ("pointwise-product", 0, "pointwise-convolution", 0, Fraction(1)),
    ("resnext-summed", 0, "resnext-grouped", 0, Fraction(1)),
    ("resnext-concatenated", 0, "resnext-grouped", 0, Fraction(1)),
    ("norm-folded", 64, "norm-unfolded", 128, Fraction(1)),
    ("esp-unfused", 0, "esp-fused", 0, Fraction(1)),
    *((f"separable-{n}", 4 * n, f"full-3x3-{n}", 2 * n, Fraction(1, n) + Fraction(1, 9)) for n in WIDTHS),
    *((f"grouped-1x1-g{g}{s}", 480, "grouped-1x1-g1", 480, Fraction(1, g)) for g in GROUPS for s in ("", "-shuffle")),
    *((f"dilated-3x3-r{r}", 0, "dilated-3x3-r1", 0, Fraction(1)) for r in (2, 4, 6, 8, 12, 16)),
]


@pytest.mark.parametrize(("first", "second", "ratio"), COSTS)
def test_each_contrast_costs_what_its_formula_says(first: str, second: str, ratio: Fraction) -> None:
    assert Fraction(macs(first), macs(second)) == ratio


@pytest.mark.parametrize(("first", "other", "second", "rest", "ratio"), WEIGHTS)
def test_each_contrast_weighs_what_its_formula_says(first: str, other: int, second: str, rest: int, ratio: Fraction) -> None:
    assert Fraction(params(first) - other, params(second) - rest) == ratio


def test_every_block_takes_part_in_a_formula_or_is_summed_up_by_hand() -> None:
    by_hand = {"inception-", "se-", "downsample-"}
    named = {name for first, second, _ in COSTS for name in (first, second)}
    left = {item.name.removeprefix("block/") for item in ARCHITECTURES if item.family == "block"} - named
    assert {name for name in left if not name.startswith(tuple(by_hand))} == set()


def test_the_slide_s_naive_module_is_right_and_its_bottlenecks_save_more_than_it_says() -> None:
    pixels = 28 * 28
    assert macs("inception-slide-naive") == pixels * 256 * (128 + 9 * 192 + 25 * 96) == 854_196_224
    once = pixels * (3 * 64 * 256 + 128 * 256 + 9 * 192 * 64 + 25 * 96 * 64)
    assert macs("inception-slide-bottleneck") == once == 271_351_808
    assert once + pixels * 9 * 192 * 64 == 358_055_936, "the slide's sum has the 3x3 twice"
    assert 1 - once / macs("inception-slide-naive") == pytest.approx(0.682, abs=5e-4)
    assert macs("inception-3b-bottleneck") == pytest.approx(304.3e6, abs=5e4)
    assert (macs("inception-3b-naive"), params("inception-3b-naive")) == (854_196_224, params("inception-slide-naive"))


def test_blocks_have_the_numbers_of_the_networks_that_they_are_taken_from() -> None:
    assert googlenet.INCEPTION["3b"] == blocks_inception.ROW_3B
    assert inception_v4.RESNET_V2["a"].branches == blocks_inception.FIGURE_16
    assert squeezenet.FIRE[2] == blocks_squeezed.FIRE_2
    side, cin = 112, 32
    sides: dict[int, int] = {}
    for cout, stride in mobilenet.LAYERS:
        sides.setdefault(cin, side)
        side, cin = side // stride, cout
    assert sides == blocks_factorised.SIDES


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("inception-slide-naive", (672, 28, 28)),
        ("inception-slide-bottleneck", (480, 28, 28)),
        ("inception-resnet-add", (320, 35, 35)),
        ("inception-resnet-concat", (448, 35, 35)),
        ("residual-halving-padded", (128, 28, 28)),
        ("fire-squeezed", (128, 55, 55)),
        ("fire-full", (128, 55, 55)),
        ("downsample-max", (64, 56, 56)),
        ("downsample-average", (64, 56, 56)),
        ("downsample-strided", (64, 56, 56)),
        ("spp-flatten", (4096,)),
        ("head-pooled", (1000,)),
    ],
)
def test_blocks_emit_what_the_lecture_says(name: str, shape: tuple[int, ...]) -> None:
    block = ARCHITECTURES.get(f"block/{name}")
    with torch.device("meta"):
        assert block.build()(torch.empty(1, *block.input)).shape == (1, *shape)


def test_addition_needs_a_1x1_that_concatenation_does_not() -> None:
    assert params("inception-resnet-add") - params("inception-resnet-concat") == 128 * 320 + 320
    assert macs("inception-resnet-add") - macs("inception-resnet-concat") == 35 * 35 * 128 * 320


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_gate_costs_two_small_matrices(ratio: int) -> None:
    matrices = 2 * 1024 * 1024 // ratio
    assert macs(f"se-r{ratio}") - macs("se-none") == matrices
    assert params(f"se-r{ratio}") - params("se-none") == matrices + 1024 // ratio + 1024


def test_only_a_strided_convolution_has_weights_to_downsample_with() -> None:
    assert [(params(f"downsample-{k}"), macs(f"downsample-{k}")) for k in ("max", "average")] == [(0, 0), (0, 0)]
    assert (params("downsample-strided"), macs("downsample-strided")) == (9 * 64 * 64 + 128, 56 * 56 * 9 * 64 * 64)


def test_fire_has_a_ninth_of_the_weights_of_a_3x3() -> None:
    assert (params("fire-squeezed"), params("fire-full")) == (11_920, 110_720)


def test_later_poolings_cost_macs_and_no_weights() -> None:
    late, middle, early = (ARCHITECTURES.get(f"squeezenet/{name}") for name in ("1.0", "1.0-middle", "1.0-early"))
    assert late.params == middle.params == early.params
    assert (late.macs or 0) > (middle.macs or 0) > (early.macs or 0)


def _state(module: nn.Module, of: slice = slice(None)) -> dict[str, torch.Tensor]:
    """The weights of a convolution with its batch norm, of these filters only."""
    return {key: value[of] if value.dim() else value for key, value in module.state_dict().items()}


def test_resnext_s_three_forms_answer_the_same() -> None:
    grouped, concatenated, summed = (built(f"resnext-{form}") for form in ("grouped", "concatenated", "summed"))
    reduce, convolve, widen = grouped.get_submodule("body")
    share, together = concatenated.get_submodule("body")
    paths, norm = summed.get_submodule("body")
    together.load_state_dict(widen.state_dict())
    norm.load_state_dict(widen[1].state_dict())
    wholes = paths.get_submodule("branches")
    for index, (path, whole) in enumerate(zip(share.children(), wholes.children(), strict=True)):
        own = slice(4 * index, 4 * index + 4)
        for one, three, *_ in (path, whole):
            one.load_state_dict(_state(reduce, own))
            three.load_state_dict(_state(convolve, own))
        whole[2].load_state_dict({"weight": widen[0].weight[:, own]})
    x = torch.randn(2, 256, 5, 4, dtype=torch.float64)
    expected = grouped(x)
    assert expected.std() > 0.1
    torch.testing.assert_close(concatenated(x), expected)
    torch.testing.assert_close(summed(x), expected)


def test_a_1x1_convolution_is_a_matrix_product() -> None:
    convolution, product = built("pointwise-convolution"), built("pointwise-product")
    product.load_state_dict({key: value.flatten(1) for key, value in convolution.state_dict().items()})
    x = torch.randn(3, 512, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(product(x), convolution(x))


@pytest.mark.parametrize("suffix", ["", "-relu"])
def test_a_folded_batch_norm_answers_as_the_unfolded_one(suffix: str) -> None:
    unfolded, folded = built(f"norm-unfolded{suffix}"), built(f"norm-folded{suffix}")
    convolution, norm = unfolded[0], unfolded[1]  # type: ignore[index]  # a Sequential
    into: Any = folded[0] if suffix else folded  # type: ignore[index]  # as above
    into.load_state_dict(fuse_conv_bn_eval(convolution, norm).state_dict())
    x = torch.randn(2, 64, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(folded(x), unfolded(x))


@pytest.mark.parametrize(
    ("name", "kernel"),
    [("factorised-7x7-split", 7), ("stacked-5x5-3x3", 5), ("stacked-5x5-full", 5)],
)
def test_small_filters_in_sequence_see_what_the_large_one_sees(name: str, kernel: int) -> None:
    channels = ARCHITECTURES.get(f"block/{name}").input[0]
    window = seen(built(name), channels, 13)
    assert int(window.sum()) == kernel * kernel
    assert extent(built(name), channels) == kernel


def test_three_3x3_see_what_a_7x7_sees() -> None:
    small = nn.Sequential(*(_modules.full(4, 4, 1) for _ in range(3))).double().eval()
    assert int(seen(small, 4, 13).sum()) == 49


@pytest.mark.parametrize("rate", [1, 2, 4, 6, 8, 12, 16])
def test_a_dilated_filter_reaches_over_its_effective_kernel_with_nine_taps(rate: int) -> None:
    block = built(f"dilated-3x3-r{rate}")
    assert extent(block, 256) == 2 * rate + 1
    assert int(seen(block, 256).sum()) == 9


def test_fusion_fills_the_holes_that_the_widest_branch_leaves() -> None:
    # Of 33 x 33 pixels the branch at rate 16 looks at 9; with fusion its channels also hold what rates 2, 4 and 8 found.
    last = slice(-25, None)
    taps = {}
    for name in ("fused", "unfused"):
        body = built(f"esp-{name}").get_submodule("0.body")
        taps[name] = seen(nn.Sequential(body, _Channels(last)), 128)
    assert int(taps["unfused"].sum()) == 9
    assert int(taps["fused"].sum()) == 4 * 8 + 1
    assert bool((taps["fused"] | ~taps["unfused"]).all()), "nothing that was seen is lost"


class _Channels(nn.Module):
    def __init__(self, chosen: slice) -> None:
        super().__init__()
        self.chosen = chosen

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self.chosen]


def test_fused_branches_are_the_running_sums_of_unfused_ones() -> None:
    fused, plain = (built(f"esp-{name}").get_submodule("0.body") for name in ("fused", "unfused"))
    plain.load_state_dict(fused.state_dict())
    x = torch.randn(1, 128, 9, 9, dtype=torch.float64)
    first, *rest = plain(x).split([28, 25, 25, 25, 25], dim=1)
    running = torch.stack(rest).cumsum(0)
    torch.testing.assert_close(fused(x), torch.cat([first, *running], dim=1))
