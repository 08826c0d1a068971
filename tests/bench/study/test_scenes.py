"""Drawn pictures: what they show is where the joints are said to be, and what is wrong with them is as the scene says."""

from __future__ import annotations

import pytest
import torch

from vbench.study.studies._figures import HEAD, LEFT_HAND, NECK, RIGHT_HAND, Figures, poses
from vbench.study.studies._scenes import HEIGHTS, SIDE, Scene, drawn, stroke

FIGURES = Figures()


def scene(count: int = 16, seed: int = 5, **options: float) -> tuple[torch.Tensor, torch.Tensor]:
    return drawn(FIGURES, Scene(**options), count, seed, testing=True)  # type: ignore[arg-type]  # whatever a test says


@pytest.mark.parametrize(("x", "y"), [(10.0, 20.0), (10.3, 20.8), (31.5, 7.25)])
def test_a_disc_is_drawn_where_it_is_to_a_fraction_of_a_pixel(x: float, y: float) -> None:
    (cover,) = stroke(torch.tensor([[[x, y, x, y]]]), torch.tensor([[3.0]]))
    at = torch.arange(SIDE, dtype=torch.float32)
    assert float((cover.sum(0) * at).sum() / cover.sum()) == pytest.approx(x, abs=0.03)
    assert float((cover.sum(1) * at).sum() / cover.sum()) == pytest.approx(y, abs=0.03)
    # Half a pixel inside and outside of the edge, the area is that of the disc.
    assert float(cover.sum()) == pytest.approx(3.14159 * 3.0**2, rel=0.02)


def test_a_line_covers_its_length_and_both_round_ends() -> None:
    (cover,) = stroke(torch.tensor([[[10.0, 10.0, 30.0, 10.0]]]), torch.tensor([[1.0]]))
    assert cover[10, 10:31].tolist() == [1.0] * 21
    assert cover[14].max() == 0
    assert float(cover.sum()) == pytest.approx(20 * 2 + 3.14159, rel=0.03)


def test_a_scene_is_a_function_of_its_seed() -> None:
    one, again, other = scene(seed=1), scene(seed=1), scene(seed=2)
    assert torch.equal(one[0], again[0])
    assert torch.equal(one[1], again[1])
    assert not torch.equal(one[1], other[1])


def test_pictures_have_three_equal_channels_of_values_from_0_to_1() -> None:
    pictures, people = scene(300)
    assert pictures.shape == (300, 3, SIDE, SIDE)
    assert people.shape == (300, 1, 7, 3)
    assert pictures.stride(1) == 0
    assert 0 <= pictures.min() < pictures.max() <= 1


def test_a_head_is_bright_where_it_is_said_to_be_and_all_joints_are_seen() -> None:
    pictures, people = scene(64)
    assert bool((people[..., 2] == 1).all())
    for picture, (x, y, _) in zip(pictures, people[:, 0, HEAD].tolist(), strict=True):
        assert picture[0, round(y), round(x)] > 0.45


def test_right_hands_are_left_of_left_hands_in_the_picture() -> None:
    joints = poses(500, torch.Generator().manual_seed(0))
    assert bool((joints[:, RIGHT_HAND, 0] < joints[:, LEFT_HAND, 0]).all())
    assert bool((joints[:, NECK, :2] == 0).all())
    # So narrow that a person of usual size fits into half a picture, between its margins.
    width = joints[..., 0].amax(1) - joints[..., 0].amin(1)
    assert float(width.max()) * HEIGHTS[1] < SIDE / 2 - 8


def test_people_of_the_left_half_stay_there_and_two_have_a_half_each() -> None:
    _, left = scene(200, left=True)
    assert left[..., 0].max() < SIDE / 2 - 1
    _, both = scene(200, people=2)
    assert both[:, 0, :, 0].max() < SIDE / 2 - 1 < SIDE / 2 < both[:, 1, :, 0].min()


def test_a_scaled_person_is_so_much_taller_and_so_thick() -> None:
    usual, small = scene(200)[1], scene(200, scale=0.5)[1]
    tall = [(people[..., 1].amax(2) - people[..., 1].amin(2)).mean() for people in (usual, small)]
    assert float(tall[1] / tall[0]) == pytest.approx(0.5, rel=0.02)


def test_who_hangs_over_the_border_lacks_joints_whose_place_is_known() -> None:
    _, people = scene(300, cut=1.0)
    outside = ((people[..., :2] - (SIDE - 1) / 2).abs() > SIDE / 2).any(3)
    assert outside.any()
    assert torch.equal(people[..., 2] == 0, outside)


def test_a_patch_covers_an_outer_joint_and_what_is_below_it_is_not_seen() -> None:
    plain, covered = scene(300, seed=3), scene(300, seed=3, covered=1.0)
    assert torch.equal(plain[1][..., :2], covered[1][..., :2])
    hidden = covered[1][:, 0, :, 2] == 0
    assert bool(hidden.any(1).all())
    # Neck and hip are no outer joints; they are below a patch where it lies on a joint near them.
    assert hidden[:, [HEAD, RIGHT_HAND, LEFT_HAND, 5, 6]].any(1).all()
    for picture, person, gone in zip(covered[0][:, 0], covered[1][:, 0], hidden, strict=True):
        places = person[gone][:, :2].round().long().tolist()
        # Below the middle of a patch all is plain but for the noise.
        spread = [float(picture[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].std()) for x, y in places]
        assert min(spread) < 0.12


def test_a_stray_patch_lies_anywhere_and_some_pictures_have_none() -> None:
    _, people = scene(400, stray=0.5)
    share = float((people[..., 2] == 0).any(2).float().mean())
    assert 0 < share < 0.4
