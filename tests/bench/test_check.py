"""How much a check compares."""

from __future__ import annotations

import pytest

from vbench.check import probed
from vbench.core import Case


@pytest.mark.parametrize(
    ("task", "precision", "reference", "batch", "pictures"),
    [
        ("classification", "fp32", True, 1, 4),
        ("classification", "fp32", True, 3, 6),
        ("classification", "bf16", True, 1, 64),
        ("classification", "fp16", True, 1, 16),
        ("classification", "fp32", False, 1, 64),
        ("classification", "fp32", False, 24, 72),
        ("segmentation", "bf16", True, 1, 4),
        ("segmentation", "fp32", False, 1, 4),
        ("keypoints", "fp32", False, 8, 8),
    ],
)
def test_only_classes_need_many_pictures(task: str, precision: str, *, reference: bool, batch: int, pictures: int) -> None:
    case = Case(architecture="toy/net", input_shape=(3, 8, 8), precision=precision, batch=batch)
    assert probed(case, task, reference=reference) == pictures
