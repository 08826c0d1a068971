"""What is read off answers, on answers made by hand."""

from __future__ import annotations

import pytest
import torch

from vbench.study.studies import _reading as reading
from vbench.study.studies._scenes import UNKNOWN

# A person whose box is 20 x 40 px, so that a joint may be 4 px off; its last joint is not seen.
PERSON = torch.tensor([[0.0, 0.0, 1.0], [20.0, 0.0, 1.0], [0.0, 40.0, 1.0], [20.0, 40.0, 0.0]])
OTHER = PERSON + torch.tensor([40.0, 0.0, 0.0])


def moved(person: torch.Tensor, dx: float = 0.0, sure: float = 0.9) -> torch.Tensor:
    """An answer that is `dx` pixels beside a person, joint by joint."""
    return torch.cat([person[:, :2] + torch.tensor([dx, 0.0]), torch.full((len(person), 1), sure)], dim=1)


def test_a_tenth_of_the_larger_side_is_within_reach_and_an_unknown_joint_is_no_part_of_it() -> None:
    strange = PERSON.clone()
    strange[3] = torch.tensor([UNKNOWN, UNKNOWN, 0.0])
    assert reading.reach(torch.stack([PERSON, strange])[:, None]).tolist() == [[4.0], [4.0]]


def test_errors_are_of_joints_that_are_seen_and_answered() -> None:
    answer = moved(PERSON, 3.0)
    answer[0, 2] = 0
    assert reading.errors(answer[None, None], PERSON[None, None]).tolist() == [3.0, 3.0]
    # One that is not answered is not found either.
    assert reading.correct(answer[None, None], PERSON[None, None]) == pytest.approx(200 / 3)
    assert reading.correct(moved(PERSON, 5.0)[None, None], PERSON[None, None]) == 0


def test_who_answers_with_one_person_finds_half_of_two() -> None:
    both = torch.stack([PERSON, OTHER])[None]
    assert reading.two(moved(PERSON)[None, None], both) == (50, 0, 0)
    pair = torch.stack([moved(OTHER), moved(PERSON, 2.0)])[None]
    assert reading.two(pair, both) == (100, 0, 0)
    # One that is found twice counts once.
    assert reading.two(torch.stack([moved(PERSON), moved(PERSON)])[None], both).found == 50


def test_an_answer_in_the_middle_is_between_and_one_of_parts_is_mixed() -> None:
    seen = torch.stack([PERSON, OTHER])[None].clone()
    seen[..., 2] = 1
    assert reading.two(moved(PERSON, 20.0)[None, None], seen) == (0, 100, 0)
    assert reading.two(moved(PERSON, 8.0)[None, None], seen).between == 0
    parts = torch.cat([moved(PERSON)[:2], moved(OTHER)[2:]])[None, None]
    assert reading.two(parts, seen) == (25, 0, 100)


def test_nobody_answered_is_nothing_found() -> None:
    both = torch.stack([PERSON, OTHER])[None]
    assert reading.two(torch.zeros(1, 4, 4, 3), both) == (0, 0, 0)
    assert len(reading.errors(torch.zeros(1, 1, 4, 3), PERSON[None, None])) == 0


def test_a_threshold_tells_what_the_confidence_tells() -> None:
    people = PERSON.repeat(40, 1, 1, 1)
    answer = people.clone()
    answer[..., 2] = torch.where(people[..., 2] > 0, 0.8, 0.3)
    assert reading.told(answer, people) == pytest.approx((100, 0.55))
    answer[..., 2] = 1.0  # always sure
    assert reading.told(answer, people).share == 50
    answer[20:, ..., 2] = torch.where(people[20:, ..., 2] > 0, 0.3, 0.8)
    answer[:20, ..., 2] = torch.where(people[:20, ..., 2] > 0, 0.8, 0.3)
    # The threshold is that of the first half, whatever the second would like.
    assert reading.told(answer, people).share == 0


def test_where_an_unseen_joint_would_be() -> None:
    answer = moved(PERSON, 6.0)
    assert reading.hidden(answer[None, None], PERSON[None, None]).tolist() == [6.0]
    strange = PERSON.clone()
    strange[3] = torch.tensor([UNKNOWN, UNKNOWN, 0.0])
    assert len(reading.hidden(answer[None, None], strange[None, None])) == 0
