"""Networks that label every pixel: what holes cost and what they do not, and how large the maps are."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from vbench.architectures import deeplab, enet, espnet, espnetv2
from vbench.architectures._blocks import Fused
from vbench.counting import geometry
from vbench.counting.walk import walk
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

load_all()
DENSE = [item.name for item in ARCHITECTURES if item.task == "segmentation"]
STRIDES = {8: 65, 16: 33, 32: 17, 64: 9, 128: 5, 256: 3}  # of the cascade, and the sides of its maps of 513 px


def params(name: str) -> int:
    return ARCHITECTURES.get(name).params or 0


def macs(name: str) -> int:
    return ARCHITECTURES.get(name).macs or 0


def built(name: str, **options: int) -> nn.Module:
    with torch.device("meta"):
        network: nn.Module = ARCHITECTURES.get(name).build(**options)
    return network.eval()


@pytest.mark.parametrize("name", DENSE)
def test_logits_have_the_resolution_that_is_stated(name: str) -> None:
    shape = built(name, classes=9)(torch.empty(2, 3, 64, 96, device="meta")).shape
    assert shape == ((2, 9, 8, 12) if name == "enet/encoder" else (2, 9, 64, 96))


@pytest.mark.parametrize(("blocks", "strides"), [(7, STRIDES), (4, (16, 32)), (5, (16, 64)), (6, (16, 128))])
def test_a_coarser_map_has_the_same_weights(blocks: int, strides: tuple[int, ...]) -> None:
    names = [f"deeplabv3/{'cascaded' if blocks == 7 else f'block{blocks}'}-{stride}" for stride in strides]
    # ResNet-50 with another classifier, and three more bottlenecks of 2048 channels in each further block.
    unit = 2 * 2048 * 512 + 9 * 512 * 512 + 2 * (512 + 512 + 2048)
    expected = params("resnet/50") - 2049 * 1000 + 2049 * 21 + 3 * (blocks - 4) * unit
    assert {params(name) for name in names} == {expected}
    costs = [macs(name) for name in names]
    assert costs == sorted(costs, reverse=True)
    for name, stride in zip(names, strides, strict=True):
        body = built(name).body
        assert body(torch.empty(1, 3, 513, 513, device="meta")).shape == (1, 21, STRIDES[stride], STRIDES[stride])


@pytest.mark.parametrize("stride", STRIDES)
def test_a_cascade_costs_its_units_on_their_maps(stride: int) -> None:
    side, cin, total = 129, 64, 257**2 * 49 * 3 * 64
    for row in deeplab.paper_units(7, stride):
        cout = 256 * 2 ** (min(row.block, 4) - 1)
        after = (side - 1) // row.stride + 1
        total += side**2 * cin * cout // 4 + after**2 * (9 * (cout // 4) ** 2 + cout**2 // 4)
        total += after**2 * cin * cout if cin != cout else 0
        side, cin = after, cout
    assert side == STRIDES[stride]
    assert macs(f"deeplabv3/cascaded-{stride}") == total + side**2 * 2048 * 21


def test_a_map_four_times_as_fine_costs_about_as_many_times() -> None:
    ratio = {stride: macs(f"deeplabv3/cascaded-{stride}") / macs("deeplabv3/cascaded-256") for stride in STRIDES}
    assert {stride: round(value, 1) for stride, value in ratio.items()} == {
        8: 13.6,
        16: 3.8,
        32: 1.6,
        64: 1.1,
        128: 1.0,
        256: 1.0,
    }
    # Without the extra blocks, which have nothing to lose their stride for, the last stage alone grows.
    assert macs("deeplabv3/block4-16") / macs("deeplabv3/block4-32") == pytest.approx(1.66, abs=0.005)
    assert macs("deeplabv3/aspp-8") / macs("deeplabv3/aspp-16") == pytest.approx(3.42, abs=0.005)


def rates(name: str) -> list[int]:
    """The rates of the 3x3 convolutions of a trunk."""
    found = [m for m in built(name).body.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert all(m.padding == m.dilation for m in found)
    return [m.dilation[0] for m in found]


@pytest.mark.parametrize("stride", [8, 16])
def test_holes_change_neither_weights_nor_products(stride: int) -> None:
    name = f"deeplabv3/cascaded-{stride}"
    assert params(name) == params(f"{name}-undilated")
    assert macs(name) == macs(f"{name}-undilated")
    assert set(rates(f"{name}-undilated")) == {1}
    strides = [[m.stride for m in built(each).modules() if isinstance(m, nn.Conv2d)] for each in (name, f"{name}-undilated")]
    assert strides[0] == strides[1]


def test_holes_keep_the_field_that_the_strides_would_have_given() -> None:
    def field(name: str) -> float:
        found = geometry(built(name), (3, 513, 513))
        assert found is not None
        return float(found.size[0])

    plain = field("deeplabv3/cascaded-256")
    for stride in (8, 16):
        assert field(f"deeplabv3/cascaded-{stride}") == pytest.approx(plain, rel=0.08)
    assert field("deeplabv3/cascaded-8-undilated") < plain / 8
    # Stem and pooling see 11; three units look two steps of 4 further, and 22 two of 8; enlarging reads one unit more.
    assert field("deeplabv3/cascaded-8-undilated") == 11 + 3 * 2 * 4 + 22 * 2 * 8 + 8


def test_rates_double_where_a_stride_is_taken_away() -> None:
    # Figure 3 of the paper and its sections 3.2.1 and 4, by block.
    assert set(rates("deeplabv3/cascaded-256")) == {1}
    assert rates("deeplabv3/cascaded-16") == 13 * [1] + 3 * [2] + 3 * [4] + 3 * [8] + 3 * [16]
    assert rates("deeplabv3/cascaded-8") == 7 * [1] + 6 * [2] + 3 * [4] + 3 * [8] + 3 * [16] + 3 * [32]
    assert rates("deeplabv3/aspp-16") == 13 * [1] + [2, 4, 8] + [6, 12, 18]
    assert rates("deeplabv3/aspp-8") == 7 * [1] + 6 * [2] + [4, 8, 16] + [12, 24, 36]
    assert rates("deeplabv3/torchvision") == 8 * [1] + 5 * [2] + [2, 4, 4] + [12, 24, 36] + [1]


def test_a_thinned_shortcut_passes_every_other_pixel() -> None:
    x = torch.arange(2 * 8 * 5 * 5, dtype=torch.float32).view(2, 8, 5, 5)
    unit = deeplab._unit(8, 8, 2, 1)
    assert torch.equal(unit.shortcut(x), x[:, :, ::2, ::2])
    assert isinstance(deeplab._unit(8, 8, 1, 2).shortcut, nn.Identity)


def test_logits_are_enlarged_between_the_corners_that_the_framework_keeps() -> None:
    x = torch.zeros(1, 3, 5, 5)
    ramp = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])

    class Ramp(nn.Module):
        def forward(self, _: torch.Tensor) -> torch.Tensor:
            return ramp

    assert deeplab.Enlarged(Ramp())(x)[0, 0, 0].tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert deeplab.Enlarged(Ramp(), corners=False)(x)[0, 0, 0].tolist() == pytest.approx([0, 0.1, 0.5, 0.9, 1])


def additions(name: str) -> int:
    return walk(built(name), (3, 64, 64)).operators["aten.add"]


def test_fusion_has_no_weights_and_three_additions_in_each_unit() -> None:
    assert params("espnet/full") == params("espnet/no-hff")
    assert macs("espnet/full") == macs("espnet/no-hff")
    units = 2 + 2 + 8 + 1  # those that halve the map, the shallow and the deep ones, and one in the decoder
    assert additions("espnet/full") - additions("espnet/no-hff") == 3 * units


def test_fusion_fills_the_holes_between_the_taps() -> None:
    def reached(*, fused: bool) -> list[int]:
        """How many pixels around an impulse each branch of an ESP unit has seen."""
        body = espnet.spread(nn.Identity(), 1, 5, fused=fused)
        for module in body.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.ones_(module.weight)
        x = torch.zeros(1, 1, 65, 65)
        x[0, 0, 32, 32] = 1
        with torch.no_grad():
            return (body(x)[0] != 0).sum((1, 2)).tolist()

    assert reached(fused=False) == [9] * 5
    # The sums share the centre alone; the branch without holes is not part of them.
    assert reached(fused=True) == [9, 9, 17, 25, 33]


def test_each_branch_adds_the_one_before_it() -> None:
    class Times(nn.Module):
        def __init__(self, factor: int) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.factor * x

    x = torch.ones(1, 1, 1, 1)
    tens = [Times(10**power) for power in range(4)]
    assert Fused(*tens)(x).flatten().tolist() == [1, 11, 111, 1111]
    assert Fused(*tens, first=2)(x).flatten().tolist() == [1, 10, 110, 1110]
    assert Fused(*tens, first=None)(x).flatten().tolist() == [1, 10, 100, 1000]


@pytest.mark.parametrize("form", ["c", "full"])
def test_a_deeper_espnet_repeats_one_unit(form: str) -> None:
    narrow = 128 // 5
    unit = 128 * narrow + 9 * narrow * 128 + 3 * 128
    costs = {deep: (params(name), macs(name)) for deep, name in ((3, f"{form}-q3"), (5, f"{form}-q5"), (8, form))
             for name in [f"espnet/{name}"]}  # fmt: skip
    for (few, fewer), (many, more) in itertools.pairwise(costs.items()):
        assert more[0] - fewer[0] == (many - few) * unit
        assert more[1] - fewer[1] == (many - few) * 64 * 128 * (unit - 3 * 128)


@pytest.mark.parametrize(("factor", "published"), [(0.5, 1_241_332), (1.0, 1_670_072), (1.25, 1_965_440), (1.5, 2_314_856),
                                                   (2.0, 3_498_136)])  # fmt: skip
def test_the_authors_espnetv2_holds_weights_that_nothing_reads(factor: float, published: int) -> None:
    widths = [min(32, int(32 * factor)), *(int(32 * factor) * 2**level for level in range(1, 5))]
    slopes = sum(after - before for before, after in itertools.pairwise(widths))
    picture = 9 * 9 + 2 * 3 + 3 + 3 * widths[-1] + 2 * widths[-1]
    assert params(f"espnetv2/{factor}") + slopes + picture == published


def test_rates_of_espnetv2_follow_from_the_widest_field() -> None:
    def allowed(field: int) -> tuple[int, ...]:
        return tuple(sorted(rate if 2 * rate + 1 <= field else 1 for rate in (1, 2, 3, 4)))

    fields = [(13, 11), (11, 9), (9, 7), (7, 5)]
    assert [(level.down, level.rates) for level in espnetv2.LEVELS] == [(allowed(down), allowed(unit)) for down, unit in fields]


def test_enet_knows_its_labels_in_one_layer() -> None:
    assert params("enet/encoder") - 129 * 20 == 338_156
    sizes = {classes: sum(p.numel() for p in built("enet/cityscapes", classes=classes).parameters()) for classes in (12, 19, 20)}
    assert sizes == {12: params("enet/camvid"), 19: 364_311, 20: params("enet/cityscapes")}


def test_what_enet_unpools_goes_back_to_where_the_maximum_stood() -> None:
    half, double = enet.Halve(4, 8, dropout=0).eval(), enet.Double(8, 4).eval()
    x = torch.rand(1, 4, 6, 6, generator=torch.Generator().manual_seed(0)) + 1
    with torch.no_grad():
        y, places = half(x)
        maxima = double.unpool(half.pool(x)[0], places)
        assert double(y, places).shape == x.shape
    assert y.shape == (1, 8, 3, 3)
    assert torch.equal(maxima[maxima > 0], x[maxima > 0])
    assert (maxima > 0).sum() == 4 * 3 * 3
    assert torch.equal(maxima.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5)), nn.functional.max_pool2d(x, 2))
