"""Decoders as they are measured alone and behind networks, and the pipeline of two stages: what they find and what they cost."""

from __future__ import annotations

import pytest
import torch

from vbench.architectures import two_stage
from vbench.counting import count
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

load_all()


@pytest.mark.parametrize("name", ["paf", "paf-looped", "paf-optimal"])
def test_what_is_measured_is_the_grouping_of_four_people_whatever_the_input(name: str) -> None:
    decoder = ARCHITECTURES.get(f"pose/decode-{name}")
    network, inputs = decoder.build(), torch.randn(2, *decoder.input, generator=torch.Generator().manual_seed(0))
    found = network(inputs)
    assert (found[..., 2] > 0).sum(2).tolist() == [[18] * 4 + [0] * 16] * 2
    # And yet no two inputs have the same answer, or an engine could keep one.
    assert not torch.equal(found[0], found[1])


@pytest.mark.parametrize(
    ("decoded", "answer"),
    [
        ("pose/simple-baseline-50-argmax", (2, 17, 3)),
        ("pose/hrnet-w32-argmax", (2, 17, 3)),
        ("pose/openpose-coco-people", (2, 20, 18, 3)),
    ],
)
def test_a_decoder_adds_no_product_and_no_weight_to_its_network(decoded: str, answer: tuple[int, ...]) -> None:
    item, network = (ARCHITECTURES.get(name) for name in (decoded, decoded.rpartition("-")[0]))
    assert (item.params, item.macs, item.input) == (network.params, network.macs, network.input)
    with torch.device("meta"):
        whole, maps = item.build(), network.build()
        picture = torch.empty(2, *item.input)
        # In training, networks in stages hand on every stage's maps; the last stage's are decoded all the same.
        assert whole.train()(picture).shape == whole.eval()(picture).shape == answer
    shapes = [[p.shape for p in module.parameters()] for module in (whole, maps)]
    assert shapes[0] == shapes[1]


def test_what_stands_behind_a_network_is_the_decoder_that_is_measured_alone() -> None:
    torch.manual_seed(0)
    whole = ARCHITECTURES.get("pose/simple-baseline-50-argmax").build(classes=3).eval()
    with torch.inference_mode():
        picture = torch.randn(2, 3, 64, 96)
        maps = whole[:-1](picture)
        assert torch.equal(whole(picture), ARCHITECTURES.get("pose/decode-argmax").build()(maps))


def test_noise_from_a_network_is_grouped_without_an_error() -> None:
    torch.manual_seed(0)
    whole = ARCHITECTURES.get("pose/openpose-coco-people").build().eval()
    with torch.inference_mode():
        # The smallest picture whose maps, 5x5, have room for twenty peaks.
        found = whole(torch.randn(2, 3, 40, 40))
    assert found.shape == (2, 20, 18, 3)
    assert found.isfinite().all()


PERSONS = [1, 2, 4, 8]


@pytest.mark.parametrize("persons", PERSONS)
def test_two_stages_cost_the_detector_once_and_the_pose_network_for_each_person(persons: int) -> None:
    pipeline, pose = (ARCHITECTURES.get(name) for name in (f"pipeline/two-stage-{persons}", "pose/simple-baseline-50"))
    detector = count(two_stage.detector, (3, 256, 256), second=False)
    counted = count(pipeline.build, pipeline.input, second=False)
    assert counted.macs == pipeline.macs == detector.macs + persons * (pose.macs or 0)
    assert counted.params == pipeline.params == detector.params + (pose.params or 0)


@pytest.mark.parametrize(("network", "persons"), [("higher-hrnet-w32", 7.9), ("openpose-coco", 24.5)])
def test_a_crowd_costs_two_stages_more_than_a_network_that_sees_it_at_once(network: str, persons: float) -> None:
    detector, pose = two_stage.DETECTOR[1], two_stage.POSE[1]
    assert ((ARCHITECTURES.get(f"pose/{network}").macs or 0) - detector) / pose == pytest.approx(persons, abs=0.05)


def test_a_detector_s_peaks_are_boxes() -> None:
    maps = torch.full((1, 5, 16, 24), -30.0)  # a sigmoid of 0 everywhere
    maps[0, 0, 4, 6], maps[0, 0, 12, 20] = 0.0, 30.0
    maps[0, 1:, 4, 6] = torch.tensor([0.0, 30.0, -30.0, 0.0])
    found = two_stage.boxes(maps, 3)
    torch.testing.assert_close(found[0, 0], torch.tensor([20 / 24, 12 / 16, 0.0, 0.0, 1.0]))
    torch.testing.assert_close(found[0, 1], torch.tensor([6.5 / 24, 5 / 16, 0.0, 0.5, 0.5]))
    assert found.shape == (1, 3, 5)
    assert found[0, 2, 4] < 1e-9


def test_a_cut_is_its_box_grown_to_the_cut_s_shape_and_black_outside() -> None:
    height, width = 80, 120
    # Each pixel says where its centre is, so that what is cut says where it was taken from.
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    picture = torch.stack([torch.stack([x, y, torch.ones_like(x)]), torch.zeros(3, height, width)])
    wide = [60 / width, 40 / height, 24 / width, 8 / height, 1.0]  # 24x8 px, to be 24x32
    tall = [30 / width, 40 / height, 3 / width, 16 / height, 1.0]  # 3x16 px, to be 12x16
    edge = [0.0, 0.0, 12 / width, 16 / height, 1.0]
    cut = two_stage.cuts(picture, torch.tensor([[wide, tall, edge]] * 2), 16, 12)
    assert cut.shape == (2 * 3, 3, 16, 12)
    first, second, corner = cut[:3]
    step = torch.arange(12) + 0.5
    torch.testing.assert_close(first[0], (48 + 2 * step).expand(16, 12), atol=1e-3, rtol=0)
    torch.testing.assert_close(first[1, :, 0], 24 + 2 * (torch.arange(16) + 0.5), atol=1e-3, rtol=0)
    torch.testing.assert_close(second[0], (24 + step).expand(16, 12), atol=1e-3, rtol=0)
    torch.testing.assert_close(second[1, :, 0], 32 + torch.arange(16) + 0.5, atol=1e-3, rtol=0)
    assert not corner[2, :7].any()
    assert not corner[2, :, :5].any()
    assert (corner[2, 9:, 7:] > 0.999).all()
    assert not cut[3:].any()


def test_the_pipeline_cuts_where_its_detector_points() -> None:
    torch.manual_seed(0)
    network = ARCHITECTURES.get("pipeline/two-stage-2").build(classes=3).eval()
    picture = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        maps, boxes = network(picture)
        assert maps.shape == (2, 2, 3, 8, 16)
        assert boxes.shape == (2, 2, 5)
        alone = network.pose(two_stage.cuts(picture[1:], boxes[1:, 1:], 32, 36))
    torch.testing.assert_close(alone[0], maps[1, 1])
