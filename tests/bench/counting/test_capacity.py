"""The largest batch that fits, wherever the limit lies and whatever shape the peak has."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vbench.counting import capacity, largest_batch
from vbench.counting.capacity import _last
from vbench.counting.walk import walk


class Bends(nn.Module):
    """A table of constant size beside it decides the peak of small batches; of large ones, its own layers do."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        table = x.new_ones(1000)
        y = table.sum() + x
        del table
        return torch.cat([y, y, y], 1)


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))


# One image of `small` holds the input and two maps.
ONE = 4 * (3 * 64 + 2 * 144)


@settings(max_examples=20)
@given(st.integers(0, 40), st.integers(0, ONE - 1), st.integers(0, 10_000))
def test_it_fits_and_one_more_does_not(batch: int, rest: int, weights: int) -> None:
    assert largest_batch(small, (3, 8, 8), weights + batch * ONE + rest, weights) == batch


def test_weights_alone_may_be_too_many() -> None:
    assert largest_batch(small, (3, 8, 8), 100, 200) == 0


@settings(max_examples=20)
@given(st.integers(0, 30_000))
def test_a_peak_that_is_no_line_is_searched(limit: int) -> None:
    found = largest_batch(Bends, (16,), limit, 0)

    def peak(batch: int) -> int:
        return walk(Bends(), (16,), batch=batch).peak_activation_bytes or 0

    assert found is not None
    assert found == 0 or peak(found) <= limit
    assert peak(found + 1) > limit


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_any_guess_leads_to_the_answer(answer: int, guess: int) -> None:
    asked: list[int] = []

    def fits(batch: int) -> bool:
        asked.append(batch)
        return batch <= answer

    assert _last(fits, guess) == answer
    assert len(asked) < 40
    if guess == answer:
        assert len(asked) == 2


def test_a_network_that_reads_values_is_not_walked_at_a_batch_that_might_not_fit(monkeypatch: Any) -> None:
    class Reads(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * x.sum().item() + 1

    walked: list[int] = []

    def noted(*args: Any, batch: int, **more: Any) -> Any:
        walked.append(batch)
        return walk(*args, batch=batch, **more)

    monkeypatch.setattr(capacity, "walk", noted)
    # Input, product and sum, 32 bytes each.
    assert largest_batch(Reads, (8,), 96 * 10**9, 0) == 10**9
    assert max(walked) == 2


def test_nothing_is_said_where_the_peak_is_not_known() -> None:
    class Sparse(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.to_sparse().to_dense()

    assert largest_batch(Sparse, (8,), 10**6, 0) is None
