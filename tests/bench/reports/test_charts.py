"""The charts' structure rather than their pixels: points, bars, scales, names that lie on nothing, and the files."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
from matplotlib.collections import LineCollection
from matplotlib.text import Text

from vbench import errors
from vbench.core import Machine
from vbench.reports import charts, choose_protocols, make, rows
from vbench.reports.charts import _marks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

    from vbench.core import Record

OTHER = Machine(slug="other-8c-1111bb", fingerprint="1111bb", processor="Other CPU", cores=8, usable_cores=8)
FIRST = ("quality-gmacs", "quality-latency", "throughput-engines")
FILES = [
    "summary.md",
    "report.html",
    *(f"top1-{what}.{form}" for what in ("gmacs", "latency") for form in ("png", "svg", "pdf")),
]


def drawings(*records: Record, protocol: str | None = None) -> dict[str, Any]:
    found = rows(records)
    return {drawing.name: drawing for drawing in charts.draw(found, choose_protocols(found, protocol), only=FIRST)}


def tagged(axes: Axes, tag: str) -> list[Any]:
    return [artist for artist in axes.get_children() if artist.get_gid() == tag]


def footer(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts)


def boxes(figure: Figure, artists: list[Any]) -> list[Bbox]:
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined] # the canvas is Agg's
    # A text's own extent, without the white that it lays over the grid.
    return [Text.get_window_extent(a, renderer) if isinstance(a, Text) else a.get_window_extent(renderer) for a in artists]


@pytest.fixture(scope="module")
def twelve(make_record: Callable[..., Record]) -> dict[str, Any]:
    return drawings(make_record())


def test_the_axes_say_what_they_show_in_which_unit(twelve: dict[str, Any]) -> None:
    labels = {name: (d.figure.axes[0].get_xlabel(), d.figure.axes[0].get_ylabel()) for name, d in twelve.items()}
    assert labels == {
        "top1-gmacs": ("GMACs per image", "Published top-1 (%)"),
        "top1-latency": ("Request latency (ms)", "Published top-1 (%)"),
    }


@pytest.mark.parametrize("name", ["top1-gmacs", "top1-latency"])
def test_each_network_with_an_accuracy_is_one_named_point(twelve: dict[str, Any], name: str) -> None:
    axes = twelve[name].figure.axes[0]
    assert len(tagged(axes, "point")) == 11
    assert {text.get_text() for text in tagged(axes, "name")} >= {"vgg/16", "squeezenet/1.1"}
    assert len(tagged(axes, "name")) == 11
    assert "No published top-1 in this protocol: googlenet/naive." in footer(twelve[name].figure)


def test_the_footer_names_the_conditions(twelve: dict[str, Any]) -> None:
    told = footer(twelve["top1-latency"].figure)
    conditions = ("Some CPU, 2 of 2 cores", "eager, fp32, cpu, batch 1, 2 threads", "8 fresh processes")
    for fact in (*conditions, "vbench 0.1.0", "torch 2.13.0", "2026-01-02"):
        assert fact in told
    recipes = "protocol: 1 model, 1 crop, 224 px. Weights by: torchvision V1 (7), paper (3), BVLC (1)."
    assert recipes in told
    assert recipes in footer(twelve["top1-gmacs"].figure)


def test_bars_are_the_intervals_of_the_frame(make_record: Callable[..., Record]) -> None:
    record = make_record()
    frame = record.frame()
    frame = frame[frame["top1"].notna()]
    axes = drawings(record)["top1-latency"].figure.axes[0]
    bars = [segment for c in axes.collections if isinstance(c, LineCollection) for segment in c.get_segments()]
    drawn = sorted((bar[0][0], bar[1][0], bar[0][1]) for bar in bars)
    expected = sorted(zip(frame["latency_s_low"] * 1e3, frame["latency_s_high"] * 1e3, frame["top1"], strict=True))
    assert drawn == [pytest.approx(bar) for bar in expected]
    points = sorted(tuple(point.get_offsets()[0]) for point in tagged(axes, "point"))
    assert points == [pytest.approx(p) for p in sorted(zip(frame["latency_s"] * 1e3, frame["top1"], strict=True))]


def test_without_intervals_there_are_no_bars_and_the_chart_says_so(make_record: Callable[..., Record]) -> None:
    figure = drawings(make_record(processes=1))["top1-latency"].figure
    assert not [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    assert "1 fresh process, no interval" in footer(figure)
    assert "Hollow: flagged no_interval (all)." in footer(figure)


def test_flagged_points_are_hollow_and_only_they(make_record: Callable[..., Record]) -> None:
    record = make_record(processes=10)
    axes = drawings(record)["top1-latency"].figure.axes[0]
    flagged = {row.values["latency_s"] * 1e3 for row in record.results if row.flags}
    points = {float(p.get_offsets()[0][0]): p.get_facecolor()[0].tolist() for p in tagged(axes, "point")}
    hollow = [x for x, face in points.items() if face == [1, 1, 1, 1]]
    assert sorted(hollow) == pytest.approx(sorted(x for x in points if any(x == pytest.approx(ms) for ms in flagged)))
    assert 0 < len(hollow) < len(points)


def test_the_scale_follows_the_spread(make_record: Callable[..., Record], nets: Any, twelve: dict[str, Any]) -> None:
    assert {d.figure.axes[0].get_xscale() for d in twelve.values()} == {"log"}
    close = [net for net in nets if net.name in {"resnet/18", "resnet/50", "resnext/50-32x4d"}]
    assert {d.figure.axes[0].get_xscale() for d in drawings(make_record(close)).values()} == {"linear"}


def test_area_is_parameters_whatever_the_marker(crowded: Callable[[int], Record]) -> None:
    record = crowded(40)
    frame = record.frame()
    params = dict(zip(frame["macs"] / 1e9, frame["params"], strict=True))
    shares, shapes = [], set()
    for point in tagged(drawings(record)["top1-gmacs"].figure.axes[0], "point"):
        outline = point.get_paths()[0].to_polygons()[0] * math.sqrt(point.get_sizes()[0])
        x, y = outline.T
        area = abs(float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())) / 2
        shares.append(area / params[min(params, key=lambda macs: abs(macs - point.get_offsets()[0][0]))])
        shapes.add(len(point.get_paths()[0].vertices))
    assert len(shapes) > 1
    assert max(shares) / min(shares) < 1.02


def test_the_size_legend_has_three_rounded_values(twelve: dict[str, Any]) -> None:
    texts = [text.get_text() for text in twelve["top1-gmacs"].figure.axes[0].get_legend().get_texts()]
    assert texts == ["Parameters", "1 M", "10 M", "100 M"]


@pytest.mark.parametrize("name", ["top1-gmacs", "top1-latency"])
@pytest.mark.parametrize("many", [1, 3, 12, 40])
def test_no_name_lies_on_anything(
    many: int, name: str, make_record: Callable[..., Record], crowded: Callable[[int], Record], nets: Any
) -> None:
    record = crowded(many) if many > 12 else make_record(nets[:many], spread=0.06)
    figure = drawings(record)[name].figure
    axes = figure.axes[0]
    figure.canvas.draw()
    names = boxes(figure, tagged(axes, "name"))
    renderer = figure.canvas.get_renderer()
    frame = axes.get_window_extent(renderer)
    assert names
    assert len(names) == len(tagged(axes, "point"))
    for index, box in enumerate(names):
        assert not any(box.overlaps(other) for other in names[:index])
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
    for point in tagged(axes, "point"):
        (x, y), radius = axes.transData.transform(point.get_offsets()[0]), math.sqrt(point.get_sizes()[0]) / 2 / 72 * figure.dpi
        for box in names:
            assert math.hypot(max(box.x0 - x, 0, x - box.x1), max(box.y0 - y, 0, y - box.y1)) >= radius
    for bars in (c for c in axes.collections if isinstance(c, LineCollection)):
        for start, end in (axes.transData.transform(segment) for segment in bars.get_segments()):
            assert not any(box.y0 < start[1] < box.y1 and box.x0 < end[0] and start[0] < box.x1 for box in names)


@pytest.mark.parametrize("many", [1, 12, 40])
def test_everything_printed_is_on_the_page(many: int, crowded: Callable[[int], Record]) -> None:
    for drawing in drawings(crowded(many)).values():
        figure = drawing.figure
        figure.canvas.draw()
        axes = figure.axes[0]
        shown = [tick.label1 for axis in (axes.xaxis, axes.yaxis) for tick in axis._update_ticks()]
        printed = [*figure.texts, *shown, axes.xaxis.label, axes.yaxis.label]
        assert len(shown) > 5
        for box in boxes(figure, printed):
            assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
            assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
        lines, label = boxes(figure, list(figure.texts)), boxes(figure, [axes.xaxis.label])[0]
        assert not any(line.overlaps(label) for line in lines)
        assert not any(a.overlaps(b.padded(-1)) for a in lines for b in lines if a is not b)


def test_names_without_room_are_left_out_and_said(make_record: Callable[..., Record], nets: Any) -> None:
    piled = [nets[2]._replace(name=f"pile/{'long-' * 12}{number}") for number in range(30)]
    figure = drawings(make_record(piled))["top1-gmacs"].figure
    axes = figure.axes[0]
    assert len(tagged(axes, "point")) == 30
    assert len(tagged(axes, "name")) < 30
    assert "No room for the names of pile/long-" in footer(figure)


def test_the_drawn_line_steps_along_the_front(twelve: dict[str, Any]) -> None:
    axes = twelve["top1-latency"].figure.axes[0]
    (line,) = tagged(axes, "front")
    points = [tuple(map(float, p.get_offsets()[0])) for p in tagged(axes, "point")]
    assert [tuple(map(float, xy)) for xy in line.get_xydata()] == _marks.front(points)
    assert line.get_drawstyle() == "steps-post"


def test_files_and_what_they_hold(make_record: Callable[..., Record], tmp_path: Path) -> None:
    written = make([make_record()], tmp_path / "a" / "b", only=FIRST)
    assert [path.name for path in written] == FILES
    for path in written[2:]:
        if path.suffix == ".png":
            assert path.read_bytes().startswith(b"\x89PNG")
            continue
        if path.suffix == ".pdf":
            assert path.read_bytes().startswith(b"%PDF")
            assert b"/Type3" not in path.read_bytes()
            continue
        root = ET.parse(path).getroot()  # noqa: S314 - as above
        space = "{http://www.w3.org/2000/svg}"
        assert "Published top-1 against" in (root[0].text or "")
        assert [root[0].tag, root[1].tag] == [f"{space}title", f"{space}desc"]
        assert "resnet/50 76.13 %" in (root[1].text or "")
        assert "resnet/50" in {"".join(text.itertext()) for text in root.iter(f"{space}text")}


def test_the_same_record_gives_the_same_bytes(make_record: Callable[..., Record], tmp_path: Path) -> None:
    first, second = (make([make_record()], tmp_path / name, only=FIRST) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_several_combinations_have_a_chart_each(make_record: Callable[..., Record], tmp_path: Path) -> None:
    fast = {"engine": "openvino", "engine_options": (("streams", "1"),), "precision": "int8"}
    written = make([make_record(axes=({}, fast, fast | {"layout": "nhwc"}))], tmp_path, only=FIRST)
    assert sorted({path.stem for path in written}) == [
        "report",
        "summary",
        "throughput-engines",
        "top1-gmacs",
        "top1-latency-eager-fp32-cpu-b1-t2-nchw",
        "top1-latency-openvino-streams-1-int8-cpu-b1-t2-nchw",
        "top1-latency-openvino-streams-1-int8-cpu-b1-t2-nhwc",
    ]
    found = drawings(make_record(axes=({}, fast)))
    assert len(tagged(found["top1-gmacs"].figure.axes[0], "point")) == 11
    assert "Published for full precision, not measured in int8." in footer(
        found["top1-latency-openvino-streams-1-int8-cpu-b1-t2"].figure
    )


def test_machines_are_not_mixed_unless_asked(make_record: Callable[..., Record], tmp_path: Path) -> None:
    both = [make_record(), make_record(machine=OTHER)]
    named = r"2 machines.*some-cpu-2c-0000aa \(0000aa\), other-8c-1111bb \(1111bb\).*--mix-machines"
    with pytest.raises(errors.UsageError, match=named):
        make(both, tmp_path / "no")
    assert not (tmp_path / "no").exists()
    assert [path.name for path in make(both, tmp_path, mix_machines=True, only=FIRST)] == FILES
    figure = drawings(*both)["top1-latency"].figure
    assert "Times of different machines, mixed as asked: [1] Some CPU" in footer(figure)
    assert len(tagged(figure.axes[0], "point")) == 22
    assert {text.get_text()[-3:] for text in tagged(figure.axes[0], "name")} == {"[1]", "[2]"}


def test_of_two_runs_on_one_machine_the_later_is_drawn(make_record: Callable[..., Record]) -> None:
    later = make_record(processes=9, started="2026-02-03T00:00:00+00:00")
    for order in ([make_record(), later], [later, make_record()]):
        figure = drawings(*order)["top1-latency"].figure
        assert len(tagged(figure.axes[0], "point")) == 11
        assert "9 fresh processes" in footer(figure)
        assert "2026-02-03" in footer(figure)
