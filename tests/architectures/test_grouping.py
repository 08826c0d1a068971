"""Grouping: fields that are drawn from people are grouped back into the same people, however many, and where limbs cross."""

from __future__ import annotations

import cmath
import itertools
import math
import random

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vbench.architectures import _grouping, _targets

COCO = _targets.COCO
SNAKE = _targets.Skeleton(("head", "neck", "back", "tail"), ((1, 0), (1, 2), (2, 3)), (0, 1, 2))
SIZE, SIGMA, REACH, MOST = 160, 1.5, 1.5, 10
# The grid moves a sample at most 1.06 cells along the limb: half a diagonal for the nearest cell, and that of a quarter for the
# peaks. So a limb of seven cells keeps 1 - 2 * 1.06 / 7 of what its line integral is on paper, and nothing else gains as much.
SHORTEST, MARGIN, APART = 7.0, 0.31, 4.0


def scene(seed: int, count: int) -> torch.Tensor:
    """`count` figures of different shapes, each in a third of the map's width and height and well over into its neighbours'."""
    chance = random.Random(seed)  # noqa: S311 - people, not secrets
    people = []
    for cell in chance.sample(range(9), count):
        width, height = chance.uniform(42, 54), chance.uniform(60, 70)
        left, top = (
            min(max(SIZE / 3 * (part + 0.5) - side / 2 + chance.uniform(-4, 4), 4), SIZE - 5 - side)
            for part, side in ((cell % 3, width), (cell // 3, height))
        )
        flip = chance.random() < 0.5
        places = [(left + width * (1 - x if flip else x), top + height * y) for x, y in _targets.FIGURE]
        people.append([(x + chance.uniform(-1.5, 1.5), y + chance.uniform(-1.5, 1.5), 1.0) for x, y in places])
    return torch.tensor(people)


def star(seed: int, count: int) -> torch.Tensor:
    """Snakes of four joints whose middle limbs all cross within a few cells, at angles of 35 degrees and more."""
    chance = random.Random(seed)  # noqa: S311 - people, not secrets
    turn, people = chance.uniform(0, math.pi), []
    for number in range(count):
        angle = turn + math.pi / count * number + chance.uniform(-1, 1) * (math.pi / count - math.radians(35)) / 2
        centre = complex(SIZE / 2 + chance.uniform(-3, 3), SIZE / 2 + chance.uniform(-3, 3))
        half = cmath.rect(chance.uniform(14, 25), angle)
        ends = [cmath.rect(chance.uniform(10, 30), angle + chance.uniform(-1, 1)) for _ in range(2)]
        places = (centre - half - ends[0], centre - half, centre + half, centre + half + ends[1])
        people.append([(place.real, place.imag, 1.0) for place in places])
    return torch.tensor(people)


def true_scores(people: torch.Tensor, skeleton: _targets.Skeleton = COCO) -> torch.Tensor:
    """The line integral between any two people's ends of each limb, on the formula's fields without a grid: `(limbs, n, n)`.

    Written apart from the code under test: every sample asks every person's limb whether it lies on it.
    """
    start, end = (people[:, [skeleton.limbs[limb][side] for limb in skeleton.tree], :2].transpose(0, 1) for side in (0, 1))
    limb = end - start
    length = limb.norm(dim=2, keepdim=True)
    unit = limb / length
    span = end[:, None, :] - start[:, :, None]
    at = start[:, :, None, None] + span[:, :, :, None] * ((torch.arange(60) + 0.5) / 60)[:, None]
    away = at[:, :, :, :, None] - start[:, None, None, None]
    along = (away * unit[:, None, None, None]).sum(5)
    beside = (away[..., 1] * unit[:, None, None, None, :, 0] - away[..., 0] * unit[:, None, None, None, :, 1]).abs()
    on = (along >= 0) & (along <= length[:, None, None, None, :, 0]) & (beside <= REACH)
    field = (on[..., None] * unit[:, None, None, None]).sum(4) / on.sum(4).clamp(min=1)[..., None]
    return (field * (span / span.norm(dim=3, keepdim=True))[:, :, :, None]).sum(4).mean(3)


def separate(people: torch.Tensor, skeleton: _targets.Skeleton = COCO) -> bool:
    """Whether a picture says who is who: limbs long enough, their scores far above all that compete with them, peaks apart."""
    ends = people[:, [list(skeleton.limbs[limb]) for limb in skeleton.tree], :2]
    if (
        (ends[:, :, 0] - ends[:, :, 1]).norm(dim=2).min() < SHORTEST
        or people[..., :2].min() < 1
        or people[..., :2].max() > SIZE - 2
    ):
        return False
    if any((a - b)[:, :2].norm(dim=1).min() < APART for a, b in itertools.combinations(people, 2)):
        return False
    scores = true_scores(people, skeleton)
    own = scores.diagonal(dim1=1, dim2=2)
    others = scores.masked_fill(torch.eye(len(people), dtype=torch.bool), 0)
    rival = torch.maximum(others.amax(1), others.amax(2))
    return bool((own - rival > MARGIN).all())


def maps(people: torch.Tensor, skeleton: _targets.Skeleton = COCO) -> tuple[torch.Tensor, torch.Tensor]:
    """What a perfect network emits, as a batch of one."""
    heat = _targets.heat_maps(people, SIZE, SIZE, SIGMA)[None]
    return heat, _targets.affinity_fields(people, skeleton.limbs, SIZE, SIZE, REACH)[None]


def assert_same(found: torch.Tensor, people: torch.Tensor) -> None:
    """Each person of the scene is found once, every joint within a cell, and nobody else."""
    assert ((found[..., 2] > 0).any(1)).tolist() == [True] * len(people) + [False] * (len(found) - len(people))
    there = people[..., 2] > 0
    left = list(range(len(people)))
    for person in found[: len(people)]:
        nearest = min(left, key=lambda n: float((person - people[n])[there[n], :2].norm()))
        left.remove(nearest)
        assert torch.equal(person[:, 2] > 0, there[nearest])
        assert (person - people[nearest])[there[nearest], :2].abs().max() <= 1
        assert not person[~there[nearest]].any()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 8))
def test_people_are_grouped_back(seed: int, count: int) -> None:
    people = scene(seed, count)
    assume(separate(people))
    drawn = maps(people)
    found = _grouping.people(*drawn, COCO, MOST)
    assert_same(found[0], people)
    torch.testing.assert_close(_grouping.people_looped(*drawn, COCO, MOST), found)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 4))
def test_limbs_that_cross_are_not_exchanged(seed: int, count: int) -> None:
    people = star(seed, count)
    assume(separate(people, SNAKE))
    drawn = maps(people, SNAKE)
    for match in (_grouping.greedy_looped, _grouping.optimal):
        assert_same(_grouping.people_looped(*drawn, SNAKE, MOST, match)[0], people)
    assert_same(_grouping.people(*drawn, SNAKE, MOST)[0], people)


def test_few_of_these_scenes_are_passed_over_and_where_limbs_cross_they_take_from_each_other() -> None:
    assert sum(separate(scene(seed, 8)) for seed in range(30)) > 5
    stars = [star(seed, 3) for seed in range(30)]
    assert sum(separate(people, SNAKE) for people in stars) > 25
    assert sum(bool(true_scores(people, SNAKE)[1].diagonal().max() < 0.97) for people in stars) > 15


def test_who_misses_joints_is_found_without_them() -> None:
    people = _targets.crowd(2, SIZE, SIZE)
    people[0, COCO.joints.index("right wrist"), 2] = 0
    people[1, COCO.joints.index("nose"), 2] = 0  # and so the eyes and ears hang on nothing
    for group in (_grouping.people, _grouping.people_looped):
        found = group(*maps(people), COCO, MOST)[0]
        assert (found[..., 2] > 0).sum(1).tolist() == [17, 13, *[0] * (MOST - 2)]
        assert found[0, COCO.joints.index("right wrist")].tolist() == [0, 0, 0]


def test_nobody_is_found_where_nobody_is() -> None:
    heat, fields = torch.zeros(2, 18, 20, 20), torch.ones(2, 38, 20, 20)
    for group in (_grouping.people, _grouping.people_looped):
        assert not group(heat, fields, COCO, MOST).any()
        assert group(heat, fields, COCO, MOST).shape == (2, MOST, 18, 3)


def test_images_of_a_batch_are_grouped_apart_and_the_surest_people_come_first() -> None:
    crowds = [_targets.crowd(count, SIZE, SIZE) for count in (1, 4)]
    crowds[1][2, :, 2] = 0.5  # a bell of half the height, as of a person who is hard to see
    heat, fields = (torch.cat(parts) for parts in zip(*(maps(crowd) for crowd in crowds), strict=True))
    for group in (_grouping.people, _grouping.people_looped):
        found = group(heat, fields, COCO, MOST)
        assert_same(found[0], crowds[0])
        assert found[1, 3, :, 2].max() == pytest.approx(0.5, abs=0.02)
        assert (found[1, :3, :, 2] > 0.9).all()
        # Room for three leaves out the one.
        assert torch.equal(group(heat, fields, COCO, 3)[1], found[1, :3])


SCORES = st.integers(1, 5).flatmap(
    lambda rows: st.integers(1, 5).flatmap(
        lambda columns: st.lists(st.lists(st.integers(0, 4), min_size=columns, max_size=columns), min_size=rows, max_size=rows)
    )
)


@settings(max_examples=150, deadline=None)
@given(scores=SCORES)
def test_pairings(scores: list[list[int]]) -> None:
    looped = _grouping.greedy_looped(scores)
    vectorised = _grouping.greedy(torch.tensor(scores, dtype=torch.float32)).tolist()
    assert {(row, column) for column, row in enumerate(vectorised) if row >= 0} == set(looped)

    def total(pairs: list[tuple[int, int]]) -> int:
        return sum(scores[row][column] for row, column in pairs)

    best = _grouping.optimal(scores)
    for pairs in (looped, best):
        for end in zip(*pairs, strict=True):
            assert len(set(end)) == len(end)
        assert all(scores[row][column] > 0 for row, column in pairs)
    # Each pair that the greedy way takes may cost two of the best way's, neither better than itself.
    assert total(best) <= 2 * total(looped) <= 2 * total(best)


def test_the_greedy_way_is_not_always_the_best() -> None:
    scores = [[0.9, 0.8], [0.8, 0.0]]
    assert _grouping.greedy_looped(scores) == [(0, 0)]
    assert _grouping.optimal(scores) == [(0, 1), (1, 0)]
    assert _grouping.optimal([]) == _grouping.optimal([[], []]) == _grouping.greedy_looped([]) == []
