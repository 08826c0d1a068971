"""The charts of the study of keypoints, from a log that no training made."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from vbench.core import Machine
from vbench.reports import charts
from vbench.study.log import Log
from vbench.study.parts import SCHEMA, Head, Trial
from vbench.study.studies import find
from vbench.study.studies.keypoints import CELLS, SIZES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vbench.reports.charts._points import Drawing

STUDY = find("keypoints")
MACHINE = Machine(slug="some-cpu-2c-0000aa", fingerprint="0000aa", processor="Some CPU")


def values(arm: str, seed: int) -> dict[str, float]:
    """Errors as large as the cells are wide, and a tenth more with each seed."""
    more = 1 + seed / 10
    if arm.endswith("-left"):
        return {"left": 0.5 * more, "right": (8.0 if arm[0] in "cp" and not arm.startswith("paf") else 0.6) * more}
    wide = 64 / CELLS.get(arm, 32)
    found = {"error": wide * more, "median": 0.2 * wide * more} | {f"found_{size}": 60.0 + seed for size in SIZES}
    found |= {f"scales_{size}": 70.0 + seed for size in SIZES} if arm in {"heatmap", "integral", "paf"} else {}
    return found | ({"median_cell": 0.4 * wide * more, "median_taylor": 0.1 * wide * more} if arm.startswith("heatmap") else {})


def drawn(folder: Path, arms: Sequence[str], seeds: int = 3) -> dict[str, Drawing]:
    head = Head(
        schema=SCHEMA, study_id="1", study="keypoints", started="2026-01-01T00:00:00", budget=STUDY.budgets["default"],
        recipe=STUDY.recipe, source="", seeds=tuple(range(seeds)), contrasts=tuple(c.id for c in STUDY.contrasts),
        arms=tuple(STUDY.arm(arm) for arm in arms), machine=MACHINE,
    )  # fmt: skip
    trials = {(arm, seed): Trial(arm=arm, seed=seed, values=values(arm, seed)) for arm in arms for seed in range(seeds)}
    return {drawing.name: drawing for drawing in STUDY.drawings(Log(head, trials, 0, folder))}


ALL = [arm.name for arm in STUDY.arms]


def test_the_error_is_drawn_against_the_side_of_the_map_with_every_decoder(tmp_path: Path) -> None:
    drawing = drawn(tmp_path, ALL)["keypoints-map"]
    assert drawing.figure is not None
    (axes,) = drawing.figure.axes
    lines = [line for line in axes.lines if line.get_gid() == "line"]
    assert [list(line.get_xdata()) for line in lines] == [[4, 8, 16, 32]] * 4
    assert list(lines[0].get_ydata()) == pytest.approx([7.04, 3.52, 1.76, 0.88])
    assert len([line for line in axes.lines if line.get_gid() == "flat"]) == 2
    assert "highest cell: 7.04 [5.45, 8.63] px at 4" in drawing.description


def test_names_of_lines_stand_apart(tmp_path: Path) -> None:
    figure = drawn(tmp_path, ALL)["keypoints-map"].figure
    assert figure is not None
    boxes = sorted((t.get_window_extent() for t in figure.axes[0].texts if t.get_gid() == "name"), key=lambda box: box.y0)
    assert len(boxes) == 6
    assert all(above.y0 > below.y0 + 5 for below, above in pairwise(boxes))
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)


def test_names_of_lines_end_within_the_picture(tmp_path: Path) -> None:
    figure = drawn(tmp_path, ALL)["keypoints-sizes"].figure
    assert figure is not None
    figure.canvas.draw()
    ends = [text.get_window_extent().x1 for text in figure.axes[0].texts]
    assert ends
    assert max(ends) <= figure.bbox.x1


def test_a_head_has_a_filled_point_for_the_left_and_a_hollow_one_for_the_right(tmp_path: Path) -> None:
    drawing = drawn(tmp_path, ALL)["keypoints-halves"]
    assert drawing.figure is not None
    points = [line for line in drawing.figure.axes[0].lines if line.get_gid() == "point"]
    assert [float(line.get_xdata()[0]) for line in points[:2]] == pytest.approx([0.55, 8.8])
    assert [line.get_markerfacecolor() == "white" for line in points] == [False, True] * 5
    assert drawing.figure.axes[0].get_yticklabels()[0].get_text() == "fully connected"


def test_only_maps_are_averaged_over_scales(tmp_path: Path) -> None:
    figure = drawn(tmp_path, ALL)["keypoints-sizes"].figure
    assert figure is not None
    lines = [line for line in figure.axes[0].lines if line.get_gid() == "line"]
    assert [line.get_linestyle() for line in lines] == ["-", "-", "-", ":", "-", ":", "-", ":"]
    assert list(lines[0].get_xdata()) == list(SIZES.values())
    assert list(lines[3].get_ydata()) == [71.0] * 5


def test_what_was_not_trained_is_a_reason_and_one_seed_has_no_interval(tmp_path: Path) -> None:
    found = drawn(tmp_path, ["connected-left"])
    assert [name for name, drawing in found.items() if drawing.figure is None] == [
        "keypoints-map", "keypoints-sizes", "keypoints-examples"
    ]  # fmt: skip
    assert "was trained" in found["keypoints-map"].reason
    figure = drawn(tmp_path, ["heatmap", "heatmap-s4"], seeds=1)["keypoints-map"].figure
    assert figure is not None
    assert not [item for item in figure.axes[0].collections if item.get_gid() == "interval"]


def test_charts_are_written_with_their_words(tmp_path: Path) -> None:
    for drawing in drawn(tmp_path, ALL).values():
        charts.save(drawing, tmp_path, ("svg",))
    assert {path.name for path in tmp_path.iterdir()} == {"keypoints-map.svg", "keypoints-halves.svg", "keypoints-sizes.svg"}
    assert "px at 32" in (tmp_path / "keypoints-map.svg").read_text("utf-8")
