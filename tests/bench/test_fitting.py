"""The largest batch that a check counts is that of the case's precision, and empty, with a reason, where it would not be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from vbench import check
from vbench.core import Architecture, Case, Source
from vbench.job import Job

SOURCE = Source(kind="module", value="vbench.engines.eager")


class Picky(nn.Module):
    """Runs in full precision only."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(192, 192)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype != torch.float32:
            message = "only in\n full precision"
            raise TypeError(message)
        return self.layer(x.flatten(1))


# Weights and bias; the input and the output of one image.
WEIGHTS, ONE = 4 * (192 * 192 + 192), 4 * (192 + 192)
LIMIT = WEIGHTS + 8 * ONE


def plain() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 192))


def fitting(make: Any, build: Any = plain, limit: int | None = LIMIT, **axes: Any) -> tuple[dict[str, float], dict[str, str]]:
    case = Case(architecture="toy/net", input_shape=(3, 8, 8), **axes)
    job = Job(case=case, engine=SOURCE, fit=limit)
    notes: dict[str, str] = {}
    architecture = Architecture(name="toy/net", build=build, source=SOURCE, input=(3, 8, 8))
    return check._fitting(job, architecture, make.counted(), notes), notes


@pytest.mark.parametrize(("precision", "width"), [("fp32", 4), ("tf32", 4), ("bf16", 2), ("fp16", 2)])
def test_a_batch_is_counted_in_the_width_of_its_precision(precision: str, width: int, make: Any) -> None:
    limit = LIMIT * width // 4
    assert fitting(make, limit=limit, precision=precision) == ({"largest_batch": 8.0}, {})
    assert fitting(make, limit=limit - 1, precision=precision) == ({"largest_batch": 7.0}, {})


@pytest.mark.parametrize(("axes", "word"), [({"phase": "train"}, "backward"), ({"precision": "int8"}, "int8")])
def test_what_was_not_counted_is_left_empty_and_the_notes_say_why(axes: dict[str, str], word: str, make: Any) -> None:
    found, notes = fitting(make, **axes)
    assert found == {}
    assert notes["largest_batch"].startswith("left empty: ")
    assert word in notes["largest_batch"]
    assert fitting(make, limit=None, **axes) == ({}, {})


def test_a_network_that_cannot_be_walked_in_its_precision_is_no_failure(make: Any) -> None:
    assert fitting(make, Picky) == ({"largest_batch": 8.0}, {})
    assert fitting(make, Picky, precision="bf16") == ({}, {"largest_batch": "left empty: TypeError: only in full precision"})
