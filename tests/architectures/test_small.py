"""The small forms of the study of classification: what their contrasts say is equal is equal, and the study names them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from vbench.counting import last_map, traced
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES
from vbench.study.studies.classification import STUDY

if TYPE_CHECKING:
    from vbench.study.parts import Contrast

load_all()
# Widths are whole numbers, and depthwise and first layers do not follow the others: as near as that lets them come.
NEAR = {"params": 0.12, "macs": 0.06}


def test_every_small_form_is_an_arm_and_every_arm_is_one() -> None:
    small = {name for name in ARCHITECTURES.names() if name.startswith("small/") and not name.startswith("small/pose-")}
    assert {arm.architecture for arm in STUDY.arms} == small
    assert len(STUDY.contrasts) >= 12
    assert len({contrast.id for contrast in STUDY.contrasts}) == len(STUDY.contrasts)


@pytest.mark.parametrize("contrast", STUDY.contrasts, ids=lambda contrast: contrast.id)
def test_what_is_said_to_be_equal_is(contrast: Contrast) -> None:
    of, to = (ARCHITECTURES.get(side.arm) for side in (contrast.of, contrast.to))
    for count in contrast.equal:
        one, other = getattr(of, count), getattr(to, count)
        assert abs(one / other - 1) <= NEAR[count], (count, one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("residual-26", "plain-26"),
        ("residual-8", "plain-8"),
        ("fire-late", "fire-early"),
        ("dilated", "undilated"),
        ("grouped-1x1", "grouped-1x1-no-shuffle"),
    ],
)
def test_these_differ_by_what_has_no_weight(one: str, other: str) -> None:
    with torch.device("meta"):
        shapes = [
            sorted(tuple(p.shape) for p in ARCHITECTURES.get(f"small/{name}").build().parameters()) for name in (one, other)
        ]
    assert shapes[0] == shapes[1]
    assert ARCHITECTURES.get(f"small/{one}").params == ARCHITECTURES.get(f"small/{other}").params


def test_holes_widen_the_field_to_the_picture() -> None:
    sizes = {}
    for name in ("dilated", "undilated"):
        item = ARCHITECTURES.get(f"small/{name}")
        found = last_map(traced(item.build, item.input)[1])
        assert found is not None
        sizes[name] = tuple(map(float, found.size))
    assert sizes == {"dilated": (35.0, 35.0), "undilated": (19.0, 19.0)}


def test_inceptions_reductions_save_more_than_half() -> None:
    naive, reduced = (ARCHITECTURES.get(f"small/inception-{name}").macs for name in ("naive", "bottleneck"))
    assert naive is not None
    assert reduced is not None
    assert reduced < 0.4 * naive
