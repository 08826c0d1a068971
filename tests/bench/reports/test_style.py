"""What the charts are made of, without a chart: the front, colours, markers, ticks, and places for names."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.markers import MarkerStyle

from vbench.reports.charts import _labels as labels
from vbench.reports.charts import _marks
from vbench.reports.charts import _style as style

POINTS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=25)


@given(POINTS)
def test_the_front_is_exactly_the_points_that_none_dominates(points: list[tuple[float, float]]) -> None:
    def dominated(point: tuple[float, float]) -> bool:
        return any(x <= point[0] and y >= point[1] and (x, y) != point for x, y in points)

    found = _marks.front(points)
    assert found == sorted({point for point in points if not dominated(point)})


def test_a_family_has_one_colour_in_every_company() -> None:
    catalogue = ["alexnet", "googlenet", "mobilenet", "resnet", "resnext", "shufflenet", "squeezenet", "vgg"]
    assert len({style.color(family) for family in catalogue}) == 8
    many = [*catalogue, *(f"family{number}" for number in range(16))]
    looks = style.marks(many)
    assert {family: look.color for family, look in looks.items()} == {family: style.color(family) for family in many}
    assert len({(look.color, look.marker) for look in looks.values()}) == len(many)
    assert {look.marker for look in style.marks(catalogue).values()} == {"o"}


@given(st.floats(1e-3, 1e6), st.floats(1.01, 1e6))
def test_ticks_are_round_and_few(low: float, ratio: float) -> None:
    found = style.decades(low, low * ratio)
    assert all(low <= tick <= low * ratio for tick in found)
    one_digit = all(re.fullmatch(r"[1235]e[+-]\d+", f"{tick:.0e}") and f"{tick:.6e}"[2:8] == "000000" for tick in found)
    # Where less than two such lie between, they are in equal steps instead: a hundredth is parted by 25 of its ten thousandths.
    steps = {f"{b - a:.3g}" for a, b in pairwise(found)}
    assert one_digit or (len(steps) <= 1 and all(float(f"{tick:.5g}") == pytest.approx(tick, rel=1e-9) for tick in found))
    assert style.rounded(low) <= low * (1 + 1e-9) < 2.51 * style.rounded(low)


def test_areas_of_markers_are_those_of_a_circle() -> None:
    for marker, factor in style.MARKERS[1:]:
        path = MarkerStyle(marker).get_path().transformed(MarkerStyle(marker).get_transform())
        x, y = path.to_polygons()[0].T
        area = abs(float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())) / 2
        assert area * factor == pytest.approx(math.pi / 4, rel=1e-6)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(20, 580), st.integers(20, 380), st.integers(3, 25)), min_size=1, max_size=14), st.booleans()
)
def test_names_that_are_called_clear_lie_on_nothing(marks: list[tuple[int, int, int]], bars: bool) -> None:  # noqa: FBT001 - drawn
    centres = np.array([mark[:2] for mark in marks], dtype=float)
    radii = np.array([mark[2] for mark in marks], dtype=float)
    reach = np.array([[-40.0, -1.0, 40.0, 1.0]]) if bars else np.full((1, 4), np.nan)
    boxes = np.hstack([centres, centres]) + reach
    scene = labels.Scene(centres, radii, boxes, np.empty((0, 4)), (0.0, 0.0, 600.0, 400.0), 2.0)
    placed = labels.place(np.full((len(marks), 2), (90.0, 14.0)), scene)
    assert len(placed.boxes) == len(marks)
    for index in np.flatnonzero(placed.clear):
        x0, y0, x1, y1 = placed.boxes[index]
        assert 0 <= x0 < x1 <= 600
        assert 0 <= y0 < y1 <= 400
        for (x, y), radius in zip(centres, radii, strict=True):
            assert math.hypot(max(x0 - x, 0, x - x1), max(y0 - y, 0, y - y1)) >= radius
        others = np.delete(placed.boxes, index, axis=0)
        for a0, b0, a1, b1 in [*others, *boxes]:
            assert not (x0 < a1 and a0 < x1 and y0 < b1 and b0 < y1)
    again = labels.place(np.full((len(marks), 2), (90.0, 14.0)), scene)
    assert np.array_equal(placed.boxes, again.boxes)


def test_a_lone_name_stands_right_beside_its_marker() -> None:
    scene = labels.Scene(
        np.array([[50.0, 50.0]]), np.array([5.0]), np.full((1, 4), np.nan), np.empty((0, 4)), (0, 0, 200, 100), 1.0
    )
    placed = labels.place(np.array([[60.0, 10.0]]), scene)
    assert placed.clear.all()
    assert np.isnan(placed.leaders).all()
    assert 55 < placed.boxes[0][0] < 58
    assert placed.boxes[0][1] == pytest.approx(45)
