"""The largest batch that fits, wherever the limit lies and whatever shape the peak has."""

from __future__ import annotations

from typing import Any

import pytest
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


# One image of `small` holds the input and two maps; beside them are the weights of its two layers.
ONE = 4 * (3 * 64 + 2 * 144)
WEIGHTS = 4 * (4 * 27 + 4 + 144 * 5 + 5)


@settings(max_examples=20)
@given(st.integers(0, 40), st.integers(0, ONE - 1))
def test_it_fits_and_one_more_does_not(batch: int, rest: int) -> None:
    assert largest_batch(small, (3, 8, 8), WEIGHTS + batch * ONE + rest) == batch


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_as_wide_a_type_has_room_for_twice_as_many(dtype: torch.dtype) -> None:
    limit = WEIGHTS + 10 * ONE
    assert largest_batch(small, (3, 8, 8), limit, torch.float32) == 10
    assert largest_batch(small, (3, 8, 8), limit // 2, dtype) == 10
    assert largest_batch(small, (3, 8, 8), limit // 2 - 1, dtype) == 9


def test_whole_numbers_keep_their_width_in_every_precision() -> None:
    def counts() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12))

    # Weight, bias, mean and variance of 12 channels, and the number of batches, which is no number with a point.
    held = {torch.float32: 4 * 48 + 8, torch.bfloat16: 2 * 48 + 8}
    for dtype, weights in held.items():
        width = 2 if dtype is torch.bfloat16 else 4
        # The input, and what the normalisation makes of it.
        assert largest_batch(counts, (3, 2, 2), weights + 5 * 2 * 12 * width, dtype) == 5
        assert largest_batch(counts, (3, 2, 2), weights + 5 * 2 * 12 * width - 1, dtype) == 4


def test_weights_alone_may_be_too_many() -> None:
    assert largest_batch(small, (3, 8, 8), WEIGHTS - 1) == 0


@settings(max_examples=20)
@given(st.integers(0, 30_000))
def test_a_peak_that_is_no_line_is_searched(limit: int) -> None:
    found = largest_batch(Bends, (16,), limit)

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
    assert largest_batch(Reads, (8,), 96 * 10**9) == 10**9
    assert max(walked) == 2


def test_nothing_is_said_where_the_peak_is_not_known() -> None:
    class Sparse(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.to_sparse().to_dense()

    assert largest_batch(Sparse, (8,), 10**6) is None
