"""The small heads for keypoints: what each makes of an answer that is perfect, and which joints its loss counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from vbench.architectures import _decoding, _targets, small_pose
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

load_all()
NAMES = [item.name for item in ARCHITECTURES if item.name.startswith("small/pose-")]
# Two people of seven joints beside each other: head, neck, hands, hip, feet, in pixels of a picture of 64.
FIGURE = torch.tensor([(14.2, 12.0), (14.0, 18.0), (6.4, 24.0), (22.0, 25.3), (15.0, 30.0), (10.0, 44.0), (20.0, 43.0)])
PEOPLE = torch.stack([torch.cat([FIGURE + torch.tensor([dx, 4.0]), torch.ones(7, 1)], dim=1) for dx in (0.0, 33.0)])[None]


def head(name: str) -> Any:
    with torch.device("meta"):
        return ARCHITECTURES.get(f"small/pose-{name}").build()


def perfect(name: str, people: torch.Tensor = PEOPLE[:, :1]) -> torch.Tensor:
    """What a network would answer at its best."""
    net = head(name)
    if not hasattr(net, "stride"):
        return (people[:, 0, :, :2] + 0.5) / small_pose.SIDE - 0.5
    like = torch.empty(1, 1, small_pose.SIDE // net.stride, small_pose.SIDE // net.stride)
    maps = small_pose.bells(people, net.stride, like)
    if name.startswith("integral"):
        # The logarithm of a bell, under a softmax, is the bell, whose mean is its middle.
        return maps.clamp(min=1e-30).log()
    return torch.cat([maps, small_pose.fields(people, net.limbs, net.stride, like)], dim=1) if name == "paf" else maps


@pytest.mark.parametrize("name", NAMES)
def test_every_head_reads_the_joints_off_a_perfect_answer(name: str) -> None:
    name = name.removeprefix("small/pose-")
    net = head(name)
    answer = perfect(name)
    stride = getattr(net, "stride", 1)
    for decoder, decode in net.decoders.items():
        found = decode(answer)
        far = (found[0, 0, :, :2] - PEOPLE[0, 0, :, :2]).norm(dim=1)
        # In cells, along x and along y. Of coarse maps some joints lie in cells at the border, which are not refined.
        most = {"coordinates": 0.0, "taylor": 1e-3, "cell": 0.5, "soft-argmax": 0.11}.get(decoder, 0.25)
        most = 0.5 if stride >= 8 else most
        assert found.shape[2:] == (7, 3)
        assert bool((found[0, 0, :, 2] > 0).all())
        assert far.max() <= most * 2**0.5 * stride + 1e-4


@pytest.mark.parametrize("name", ["connected", "pooled", "heatmap", "heatmap-s8", "integral", "paf"])
def test_a_perfect_answer_costs_nothing_and_one_that_is_off_does(name: str) -> None:
    net, answer = head(name), perfect(name)
    best = net.loss(answer, PEOPLE[:, :1]).item()
    assert best == pytest.approx(0, abs=0.05)
    assert net.loss(answer.roll(1, -1 if hasattr(net, "stride") else 1), PEOPLE[:, :1]).item() > best + 1e-3


@pytest.mark.parametrize("name", ["connected", "pooled", "integral"])
def test_coordinates_of_a_joint_that_is_not_seen_count_nothing(name: str) -> None:
    hidden = PEOPLE[:, :1].clone()
    hidden[0, 0, 2] = torch.tensor([-1000.0, -1000.0, 0.0])
    assert head(name).loss(perfect(name), hidden).item() == pytest.approx(0, abs=0.05)


def test_a_map_is_to_be_flat_where_no_joint_is_seen() -> None:
    hidden = PEOPLE[:, :1].clone()
    hidden[..., 2, 2] = 0
    like = torch.empty(1, 1, 32, 32)
    maps = small_pose.bells(hidden, 2, like)
    assert not maps[0, 2].any()
    assert torch.equal(maps[0, 3], small_pose.bells(PEOPLE[:, :1], 2, like)[0, 3])
    assert head("heatmap").loss(maps, hidden).item() == 0


def test_targets_of_a_batch_are_those_of_its_pictures() -> None:
    batch = torch.cat([PEOPLE, PEOPLE.flip(2)])
    like = torch.empty(1, 1, 32, 32)
    heat, fields = small_pose.bells(batch, 2, like), small_pose.fields(batch, small_pose.LIMBS, 2, like)
    for number, people in enumerate(batch):
        cells = torch.cat([(people[..., :2] + 0.5) / 2 - 0.5, people[..., 2:]], dim=2)
        assert torch.equal(heat[number], _targets.heat_maps(cells, 32, 32, small_pose.SIGMA))
        assert torch.equal(fields[number], _targets.affinity_fields(cells, small_pose.LIMBS, 32, 32, small_pose.REACH))


def test_fields_keep_two_people_apart() -> None:
    net = head("paf")
    (found,) = net.decoders["people"](perfect("paf", PEOPLE))
    assert (found[..., 2] > 0).sum(1).tolist() == [7, 7, 0, 0]
    ordered = found[:2][found[:2, 1, 0].argsort()]
    assert (ordered[..., :2] - PEOPLE[0, ..., :2]).norm(dim=2).max() <= 0.5 * 2**0.5


def test_maps_are_as_large_as_their_names_say_on_any_picture() -> None:
    for name, stride in {"heatmap": 2, "heatmap-s4": 4, "integral-s8": 8, "integral-s16": 16}.items():
        with torch.device("meta"):
            net: Any = ARCHITECTURES.get(f"small/pose-{name}").build(classes=5)
            shapes = [net.eval()(torch.empty(1, 3, side, 96)).shape for side in (32, 64, 128)]
        assert shapes == [(1, 5, side // stride, 96 // stride) for side in (32, 64, 128)]


def bell(x: float, y: float, side: int = 16, sigma: float = 1.0) -> torch.Tensor:
    return _targets.heat_maps(torch.tensor([[[x, y, 1.0]]]), side, side, sigma)[None]


@pytest.mark.parametrize(("x", "y"), [(7.0, 8.0), (7.3, 8.4), (6.51, 8.49), (3.9, 12.2)])
@pytest.mark.parametrize("sigma", [0.8, 1.0, 1.2])
def test_the_top_of_a_bell_is_found_exactly(x: float, y: float, sigma: float) -> None:
    found = _decoding.taylor(bell(x, y, sigma=sigma))[0, 0]
    assert found[:2].tolist() == pytest.approx([x, y], abs=2e-3)
    assert _decoding.cells(bell(x, y))[0, 0, :2].tolist() == [round(x), round(y)]


def test_without_a_top_the_middle_of_the_cell_is_the_answer() -> None:
    border = _decoding.taylor(bell(0.2, 8.0))[0, 0]
    assert border[:2].tolist() == [0, 8]
    assert _decoding.taylor(torch.ones(1, 2, 8, 8))[..., :2].tolist() == [[[0, 0], [0, 0]]]
    ramp = torch.arange(64.0).view(1, 1, 8, 8)
    assert _decoding.taylor(ramp)[0, 0, :2].tolist() == [7, 7]
    assert _decoding.taylor(torch.rand(1, 3, 2, 2)).shape == (1, 3, 3)
