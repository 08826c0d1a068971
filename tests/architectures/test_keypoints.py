"""Targets and decoders of single maps: what they are by their formulas, and how far from its place a joint is decoded."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vbench.architectures import _decoding, _targets

SIGMA, HEIGHT, WIDTH = 2.0, 64, 48
BETA = 15.0


def drawn(places: torch.Tensor, height: int = HEIGHT, width: int = WIDTH, sigma: float = SIGMA) -> torch.Tensor:
    """A map for each place `(places, 2)`, as a batch of one: `(1, places, height, width)`."""
    people = torch.cat([places, torch.ones(len(places), 1)], dim=1)[None]
    return _targets.heat_maps(people, height, width, sigma)[None]


def bells(*centres: float, beta: float) -> list[float]:
    """The soft-argmax of one map of 64 cells in a row, with a bell at each centre: x, and the confidence."""
    people = torch.tensor([[[centre, 0.0, 1.0]] for centre in centres])
    x, _, confidence = _decoding.soft_argmax(_targets.heat_maps(people, 1, 64, SIGMA)[None], beta)[0, 0].tolist()
    return [x, confidence]


def offsets() -> torch.Tensor:
    """Joints all over a cell, at the middles of 20 x 20 parts of it."""
    part = (torch.arange(20) + 0.5) / 20 - 0.5
    return torch.cartesian_prod(14 + part, 40 + part)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_a_bell_sums_to_2_pi_sigma_squared_and_not_to_1(sigma: float) -> None:
    totals = drawn(offsets(), sigma=sigma).sum((2, 3))
    # A sum over whole cells differs from the integral by twice exp(-2 pi^2 sigma^2) at most, which is nothing from 1 on.
    assert totals.flatten().tolist() == pytest.approx([2 * math.pi * sigma**2] * 400, rel=1e-5)


def test_where_bells_meet_the_higher_counts_and_an_absent_joint_draws_none() -> None:
    people = torch.tensor([[[10.0, 20.0, 1.0]], [[14.0, 20.0, 1.0]], [[30.0, 20.0, 0.0]]])
    alone = [_targets.heat_maps(person[None], HEIGHT, WIDTH, SIGMA) for person in people]
    assert not alone[2].any()
    assert torch.equal(_targets.heat_maps(people, HEIGHT, WIDTH, SIGMA), torch.maximum(alone[0], alone[1]))


def by_hand(people: torch.Tensor, limb: tuple[int, int], x: int, y: int, reach: float) -> tuple[float, float]:
    """The lecture's formula at one cell."""
    vectors = []
    for person in people.tolist():
        (ax, ay, a), (bx, by, b) = person[limb[0]], person[limb[1]]
        length = math.hypot(bx - ax, by - ay)
        if not (a and b and length):
            continue
        vx, vy = (bx - ax) / length, (by - ay) / length
        along, beside = vx * (x - ax) + vy * (y - ay), abs(-vy * (x - ax) + vx * (y - ay))
        if 0 <= along <= length and beside <= reach:
            vectors.append((vx, vy))
    count = max(1, len(vectors))
    return sum(v[0] for v in vectors) / count, sum(v[1] for v in vectors) / count


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 5))
def test_a_field_is_the_unit_vector_along_the_limb_within_its_reach(seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    people = torch.rand(count, 3, 3, generator=generator) * torch.tensor([12.0, 9.0, 1.0])
    people[..., 2] = (people[..., 2] > 0.2).float()
    limbs = ((0, 1), (2, 0))
    fields = _targets.affinity_fields(people, limbs, 9, 12, reach=1.3)
    expected = [
        [[by_hand(people, limb, x, y, 1.3)[axis] for x in range(12)] for y in range(9)] for limb in limbs for axis in (0, 1)
    ]
    torch.testing.assert_close(fields, torch.tensor(expected), rtol=1e-4, atol=1e-4)


def test_limbs_that_cross_share_their_cells_as_the_mean_of_both() -> None:
    people = torch.tensor([[[2.0, 10.0, 1.0], [18.0, 10.0, 1.0]], [[10.0, 2.0, 1.0], [10.0, 18.0, 1.0]]])
    length = _targets.affinity_fields(people, ((0, 1),), 20, 20, reach=1.0).norm(dim=0)
    assert length[10, 3].item() == length[3, 10].item() == 1
    assert length[10, 10].item() == pytest.approx(math.sqrt(0.5))
    assert not length[3, 3]


def test_a_limb_without_a_length_draws_nothing() -> None:
    people = torch.tensor([[[5.0, 5.0, 1.0], [5.0, 5.0, 1.0]]])
    assert not _targets.affinity_fields(people, ((0, 1),), 9, 9, reach=2.0).any()


def errors(decoded: torch.Tensor) -> torch.Tensor:
    """How far each decoded joint is from where `offsets` put it, along x and along y."""
    return (decoded[0, :, :2] - offsets()).abs()


def test_the_quarter_halves_the_error_of_the_highest_cell() -> None:
    maps = drawn(offsets())
    cell = maps.flatten(2).argmax(2)
    plain = errors(torch.stack([cell % WIDTH, cell // WIDTH], dim=2))
    quartered = errors(_decoding.arg_max(maps))
    # A joint lies anywhere in its cell alike: at most half a cell away, and that over sqrt(3) in the mean; the quarter halves it.
    for found, most in ((plain, 0.5), (quartered, 0.25)):
        assert most - 0.03 < found.max() <= most + 1e-5
        assert found.square().mean().sqrt().item() == pytest.approx(most / math.sqrt(3), rel=0.01)


def test_soft_argmax_is_finer_than_any_quarter() -> None:
    found = errors(_decoding.soft_argmax(drawn(offsets()), BETA))
    # Near its top a bell under a softmax is a narrower bell. What it lacks is drawn to the centre by the flat rest of the map,
    # and what is left of the grid is the first term of the series of a sampled bell's mean.
    narrow = SIGMA**2 / BETA
    rest = HEIGHT * WIDTH / (HEIGHT * WIDTH + math.exp(BETA) * 2 * math.pi * narrow)
    grid = 4 * math.pi * narrow * math.exp(-2 * math.pi**2 * narrow)
    bound = grid + rest * torch.tensor([WIDTH / 2 - 13.5, 40.5 - HEIGHT / 2])
    assert bool((bound < 0.04).all())
    assert bool((found <= bound).all())


def test_peaks_are_as_exact_as_the_arg_max() -> None:
    maps = drawn(offsets())
    assert torch.equal(_decoding.peaks(maps, 1)[:, :, 0], _decoding.arg_max(maps))
    # Halfway between cells two are equal, and four at a corner: one joint all the same.
    halves = drawn(torch.tensor([[14.5, 40.0], [14.0, 40.5], [14.5, 40.5], [0.0, 0.0], [47.0, 63.0]]))
    assert ((_decoding.peaks(halves, 4)[..., 2] > 0).sum(2) == 1).all()


def test_a_softmax_of_temperature_1_is_drawn_to_the_centre_and_a_lower_one_is_not() -> None:
    x, confidence = bells(20, beta=1)
    assert x == pytest.approx(30.3, abs=0.05)
    assert confidence < 0.2
    x, confidence = bells(20, beta=BETA)
    assert x == pytest.approx(20, abs=0.01)
    assert confidence > 0.99
    # Lower still, it is the arg-max again: it no longer sees where between two cells the joint is.
    assert bells(20.3, beta=BETA)[0] == pytest.approx(20.3, abs=0.04)
    assert bells(20.3, beta=1000)[0] == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize("beta", [1.0, 10.0, BETA, 100.0])
def test_two_equal_maxima_give_the_middle_with_no_confidence(beta: float) -> None:
    x, confidence = bells(12, 50, beta=beta)
    # At temperature 1 the flat rest has its own centre, 31.5, and a share in the answer.
    assert x == pytest.approx(31.0, abs=0.5 if beta == 1 else 0.01)
    assert confidence < 0.15


def test_the_arg_max_of_two_maxima_is_one_of_them_and_peaks_are_both() -> None:
    people = torch.tensor([[[12.0, 5.0, 1.0]], [[50.0, 5.0, 1.0]]])
    maps = _targets.heat_maps(people, 9, 64, SIGMA)[None]
    assert _decoding.arg_max(maps).tolist() == [[[12, 5, 1]]]
    assert _decoding.peaks(maps, 3).tolist() == [[[[12, 5, 1], [50, 5, 1], [0, 0, 0]]]]


def test_an_absent_joint_is_answered_without_confidence_and_a_present_one_with_it() -> None:
    flat, present = torch.zeros(1, 1, HEIGHT, WIDTH), drawn(torch.tensor([[14.0, 40.0]]))
    for decode in (_decoding.arg_max, lambda maps: _decoding.soft_argmax(maps, BETA)):
        assert decode(flat)[0, 0, 2] < 0.02
        assert decode(present)[0, 0, 2] > 0.99
    # A network that never says 0 does not make its arg-max sure, but for its height; the share around a place knows no height.
    assert _decoding.soft_argmax(flat + 0.9, BETA)[0, 0].tolist() == pytest.approx([23.5, 31.5, 36 / (HEIGHT * WIDTH)])
    assert not _decoding.peaks(flat, 3).any()


def test_soft_argmax_has_gradients_and_arg_max_has_none() -> None:
    maps = drawn(offsets()[:3], 8, 8).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda m: _decoding.soft_argmax(m, BETA)[..., :2], (maps,))
    for decode, moved in ((_decoding.soft_argmax, True), (_decoding.arg_max, False)):
        maps = drawn(offsets()[:3]).requires_grad_()
        places = (decode(maps, BETA) if decode is _decoding.soft_argmax else decode(maps))[..., :2]
        places.sum().backward()
        assert maps.grad is not None
        assert bool(maps.grad.any()) is moved


GRIDS = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.lists(st.integers(-1, 3), min_size=width, max_size=width), min_size=1, max_size=6)
)


@settings(max_examples=150, deadline=None)
@given(grid=GRIDS)
def test_looped_and_vectorised_forms_agree_ties_included(grid: list[list[int]]) -> None:
    maps = torch.tensor(grid, dtype=torch.float32)[None, None]
    assert torch.equal(_decoding.arg_max(maps), _decoding.arg_max_looped(maps))
    looped = _decoding.peaks_looped(maps[0, 0].tolist())
    found = [tuple(peak) for peak in _decoding.peaks(maps, maps.numel())[0, 0].tolist()]
    assert sorted(looped) == sorted(peak for peak in found if peak[2])
    assert [peak[2] for peak in found] == sorted((peak[2] for peak in found), reverse=True)


@settings(max_examples=100, deadline=None)
@given(grid=GRIDS)
def test_no_two_peaks_touch(grid: list[list[int]]) -> None:
    found = _decoding.peaks_looped([[float(cell) for cell in row] for row in grid])
    # A quarter at most was added to each of two cells, of which one lies between.
    apart = [max(abs(a[0] - b[0]), abs(a[1] - b[1])) for n, a in enumerate(found) for b in found[:n]]
    assert all(distance >= 1.5 for distance in apart)
