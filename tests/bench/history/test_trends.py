"""A history for people: the table, the charts' structure rather than their pixels, and pages that hold what a file may hold."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from matplotlib.collections import LineCollection

from vbench.history.look import Asked, look
from vbench.reports import trends
from vbench.reports.trends import chart, naming, text
from vbench.scan import Rule

from .conftest import MACHINE, VERSIONS, case, commit, wander

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from vbench.history.look import History

NASTY = "net/<b>|`x`\n![y](z)&\x07"


def history(runs: Any, *metrics: str) -> History:
    return look([runs.folder], Asked(metrics=metrics or ("latency",)), Rule())


def axes(found: History, number: int = 0) -> Axes:
    one = found.series[number]
    figure = chart.draw(one, naming.names([one])[0]).figure
    assert figure is not None
    return figure.axes[0]


def tagged(of: Axes, tag: str) -> list[Any]:
    return [artist for artist in of.get_children() if artist.get_gid() == tag]


def footer(of: Axes) -> str:
    return " ".join(t.get_text() for t in of.figure.texts if t.get_gid() == "footer")


def test_the_table_has_what_changed_and_the_rest_in_a_line(runs: Any) -> None:
    for number in range(28):
        wiggle = 1 + 0.001 * wander(number)
        runs.add({case(): 10.0 * wiggle * (1.1 if number >= 20 else 1), case("net/still"): 20.0 * wiggle})
    told = text.text(history(runs))
    row = re.search(r"^net/one latency +28 +(.*)$", told, re.MULTILINE)
    assert row is not None
    for cell in (
        "11.00 ms [10.97, 11.02]",
        "+10.0 %",
        "worse",
        "2026-03-20 and 2026-03-21",
        f"{commit(19)[:9]}..{commit(20)[:9]}",
    ):
        assert cell in row[1]
    assert not re.search(r"^net/still", told, re.MULTILINE)
    assert re.search(r"^net/still latency +28 ", text.text(history(runs), every=True), re.MULTILINE)
    assert "2 series from 28 runs: 1 changed, 1 without a change (28 runs); level 1 %, changes of 2 % or more" in told
    assert f"  vbench gate --base {commit(19)[:12]} --head {commit(20)[:12]} net/one\n" in told


def test_a_short_series_says_how_many_runs_it_needs(runs: Any) -> None:
    runs.add({case(): 10.0, case("net/two"): 10.0})
    told = text.text(history(runs))
    assert "2 series from 1 run: none changed" in told
    assert "2 segments are too short to tell: 1 run, and it takes 11" in told


def test_what_is_not_compared_is_said(runs: Any) -> None:
    runs.stepped(12, 0)
    runs.stepped(12, 0, versions=VERSIONS | {"torch": "2.14.0"})
    assert "1 series is not compared across: torch 2.13.0 to 2.14.0" in text.text(history(runs))


def test_notes_and_points_far_off_have_a_line_each(runs: Any) -> None:
    runs.stepped(20, 8, catalogue="c", commit="d" * 40)
    runs.add({case(): 14.0})
    told = text.text(history(runs))
    assert "net/one latency, 2026-03-21: the network's own source is the same on both sides; no command confirms it: both" in told
    assert "far off, no change: net/one latency +27" in told
    assert "the newest: compare directly" in told


def test_names_tell_series_apart(runs: Any) -> None:
    other = msgspec.structs.replace(MACHINE, slug="other-4c-1111bb", fingerprint="1111bb")
    runs.add({case(): 10.0, case(batch=8): 80.0, case("net/two"): 10.0})
    runs.add({case("net/two"): 10.0}, machine=other)
    runs.add({case("net/two"): 10.0}, definitions={case("net/two").id: "d9"})
    found = naming.names(history(runs).series)
    assert [name.case for name in found] == [
        "net/one b1",
        "net/one b8",
        "net/two [some-cpu-2c-0000aa 0000aa] (d0)",
        "net/two [other-4c-1111bb 1111bb] (d0)",
        "net/two [some-cpu-2c-0000aa 0000aa] (d9)",
    ]
    assert {name.label for name in found} == {f"{name.case} latency" for name in found}


def test_a_chart_has_a_point_and_an_interval_for_every_run(runs: Any) -> None:
    runs.stepped(20, 8)
    found = history(runs)
    drawn = axes(found)
    points = found.series[0].points
    places = sorted((x, y) for line in tagged(drawn, "point") for x, y in zip(*line.get_data(), strict=True))
    assert places == [(i, pytest.approx(1e3 * point.value)) for i, point in enumerate(points)]
    (bars,) = [c for c in drawn.collections if isinstance(c, LineCollection) and c.get_gid() == "interval"]
    ends = [(1e3 * (point.low or 0), 1e3 * (point.high or 0)) for point in points]
    assert [(a[1], b[1]) for a, b in bars.get_segments()] == [pytest.approx(end) for end in ends]
    assert drawn.get_ylabel() == "Latency (ms)"
    assert [label.get_text() for label in drawn.get_xticklabels()][:2] == ["2026-03-01", "03-05"]


def test_a_chart_marks_the_change_where_it_is_with_its_size_and_commits(runs: Any) -> None:
    runs.stepped(20, 8)
    drawn = axes(history(runs))
    (line,) = tagged(drawn, "change")
    assert list(line.get_xdata()) == [19.5, 19.5]
    (label,) = tagged(drawn, "label")
    assert label.get_text() == f"+10.0 %  2026-03-21\n{commit(19)[:9]}..{commit(20)[:9]}"
    levels = [line.get_ydata()[0] for line in tagged(drawn, "level")]
    assert levels == [pytest.approx(10.0, rel=0.001), pytest.approx(11.0, rel=0.001)]
    assert "Dashed: a change of level, with the commits on either side." in footer(drawn)
    assert "shaded" not in footer(drawn)


def test_where_a_change_may_as_well_be_is_shaded_and_said(runs: Any) -> None:
    runs.stepped(20, 0)
    runs.add({case(): 10.5})  # between the two levels
    for number in range(8):
        runs.add({case(): 11.0 * (1 + 0.001 * wander(number))})
    drawn = axes(history(runs))
    (band,) = [patch for patch in drawn.patches if patch.get_gid() == "doubt"]
    ends = band.get_extents().transformed(drawn.transData.inverted())
    assert (ends.x0, ends.x1) == (pytest.approx(19.5), pytest.approx(20.5))
    assert "shaded: where it may as well be." in footer(drawn)


def test_labels_of_changes_do_not_lie_on_each_other(runs: Any) -> None:
    for number in range(60):
        wiggle = 1 + 0.001 * wander(number)
        runs.add({case(): 10.0 * wiggle * (1.1 if 26 <= number < 38 else 1)})
    drawn = axes(history(runs))
    figure: Any = drawn.figure
    boxes = [label.get_window_extent(figure.canvas.get_renderer()) for label in tagged(drawn, "label")]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes)


def test_a_run_far_off_is_a_cross_that_does_not_flatten_the_rest(runs: Any) -> None:
    runs.stepped(20, 0)
    runs.add({case(): 50.0})
    drawn = axes(history(runs))
    (cross,) = tagged(drawn, "far")
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (20, drawn.get_ylim()[1])
    assert [value.get_text() for value in tagged(drawn, "far-value")] == ["50.0 ms"]
    assert drawn.get_ylim()[1] < 11
    assert "Cross: far off" in footer(drawn)


def test_segments_have_their_own_colour_and_say_what_differs(runs: Any) -> None:
    runs.stepped(12, 0)
    runs.stepped(12, 0, versions=VERSIONS | {"torch": "2.14.0"})
    drawn = axes(history(runs))
    assert [list(line.get_xdata()) for line in tagged(drawn, "turn")] == [[11.5, 11.5]]
    assert len({line.get_markeredgecolor() for line in tagged(drawn, "point")}) == 2
    (legend,) = drawn.figure.legends
    assert [entry.get_text() for entry in legend.get_texts()] == ["torch 2.13.0", "torch 2.14.0"]


@pytest.mark.parametrize("many", [1, 2, 400])
def test_one_run_and_hundreds_are_drawn(runs: Any, many: int) -> None:
    path = runs.add({case(): 10.0})
    content = path.read_bytes()
    for number in range(1, many):
        day = f"2025-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}T{number // 336:02}:00:00+00:00".encode()
        copy = content.replace(b'"run_id":"', f'"run_id":"{number}-'.encode(), 1)
        path.with_name(f"{number}.jsonl").write_bytes(re.sub(rb'"started":"[^"]*"', b'"started":"' + day + b'"', copy, count=1))
    drawn = axes(history(runs))
    assert sum(len(line.get_xdata()) for line in tagged(drawn, "point")) == many


def test_everything_is_written_and_the_same_each_time(runs: Any, tmp_path: Path) -> None:
    runs.stepped(20, 8)
    found = history(runs, "latency", "throughput")
    written = trends.make(found, tmp_path / "out")
    assert sorted(path.name for path in written) == [
        "history.md", "index.html", "net-one-latency.png", "net-one-latency.svg", "net-one-throughput.png",
        "net-one-throughput.svg",
    ]  # fmt: skip
    first = {path.name: path.read_bytes() for path in written}
    assert {path.name: path.read_bytes() for path in trends.make(found, tmp_path / "out")} == first
    page, markdown = first["index.html"].decode(), first["history.md"].decode()
    for shown in re.findall(r'src="([^"]+)"', page) + re.findall(r"\]\(([^)]+)\)", markdown):
        assert shown in first
    assert "http" not in page
    for command in found.commands():
        assert html.escape(command) in page
        assert command in markdown
    ET.fromstring(first["net-one-latency.svg"])  # noqa: S314 - our own document


def test_names_that_differ_in_signs_alone_have_files_of_their_own(runs: Any, tmp_path: Path) -> None:
    runs.add({case("net/one"): 10.0, case("net-one"): 10.0, case("Net/one"): 10.0})
    written = [path.name for path in trends.make(history(runs), tmp_path / "out")]
    assert len({name.lower() for name in written}) == len(written) == 8


def test_whatever_a_network_is_called_the_pages_keep_their_shape(runs: Any, tmp_path: Path) -> None:
    for number in range(28):
        runs.add({case(NASTY): 10.0 + 0.001 * (number % 5) + (number >= 20)})
    found = history(runs)
    assert len(found.jumps) == 1
    written = trends.make(found, tmp_path / "out")
    page = next(path for path in written if path.name == "index.html").read_text("utf-8")
    assert "<b>" not in page
    rows = [line for line in (tmp_path / "out" / "history.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    for path in written:
        if path.suffix == ".svg":
            ET.fromstring(path.read_text("utf-8"))  # noqa: S314 - our own document
