"""Charts of what networks cost: points, ranks, lines and rows against the data, and the sentences that go with them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.core import Ceiling
from vbench.groups import Group, Ratio
from vbench.reports import charts, choose_protocols, rows
from vbench.reports.charts import _lines, _marks, _pairs, _ranks

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vbench.core import Record

BATCHES = tuple({"batch": batch} for batch in (1, 2, 4))
THREADS = tuple({"threads": threads} for threads in (1, 2))
WAYS = tuple({"engine": engine, "precision": precision} for engine in ("eager", "openvino") for precision in ("fp32", "int8"))
GROUP = Group(
    title="t",
    topic="some topic",
    prose="p",
    members=("resnet/18", "resnet/50", "vgg/16"),
    ratio=(
        Ratio(metric="macs", of="resnet/50", to="resnet/18", stated=2.5, source="a paper"),
        Ratio(metric="params", of="vgg/16", to="resnet/50"),
    ),
)


def drawn(*records: Record, only: tuple[str, ...], groups: tuple[Group, ...] = ()) -> dict[str, Any]:
    found = rows(records)
    return {d.name: d for d in charts.draw(found, choose_protocols(found), groups, only)}


def with_values(record: Record, values: Callable[[Any, int], dict[str, Any]]) -> Record:
    """The record with further values in each of its rows, by the case and its number."""
    found = tuple(
        msgspec.structs.replace(result, values=result.values | values(result.case, number))
        for number, result in enumerate(record.results)
    )
    return msgspec.structs.replace(record, results=found)


def memory(record: Record) -> Record:
    return with_values(record, lambda _, number: {"base_host_bytes": 1.9e8, "activations": 1000 + 7 * number})


def tagged(axes: Axes, tag: str) -> list[Any]:
    return [artist for artist in axes.get_children() if artist.get_gid() == tag]


def places(axes: Axes) -> list[tuple[float, float]]:
    return sorted(tuple(map(float, p.get_offsets()[0])) for p in tagged(axes, "point"))


def footer(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts)


def test_every_chart_says_machine_engine_precision_and_date(make_record: Callable[..., Record]) -> None:
    found = drawn(memory(make_record(axes=(*BATCHES, {"threads": 1}))), only=(), groups=(GROUP,))
    named = {name for name, drawing in found.items() if drawing.figure is not None}
    wanted = {"top1-budgets", "top1-density", "top1-density-ranked", "latency-batch", "memory-batch", "throughput-threads"}
    wanted |= {"memory-params", "macs-latency", "activations-latency", "contrasts-some-topic"}
    assert wanted <= named
    for name in named:
        said = footer(found[name].figure)
        for fact in ("Some CPU, 2 of 2 cores", "eager", "fp32", "2026-01-02", "vbench 0.1.0"):
            assert fact in said, (name, fact)
        if name.startswith("top1-"):
            assert "1 model, 1 crop, 224 px" in said
    for name in found.keys() - named:
        assert found[name].reason


def test_throughput_is_better_to_the_right(make_record: Callable[..., Record]) -> None:
    record = make_record()
    axes = drawn(record, only=("quality-throughput",))["top1-throughput"].figure.axes[0]
    frame = record.frame()
    frame = frame[frame["top1"].notna()]
    assert places(axes) == [pytest.approx(p) for p in sorted(zip(frame["throughput_per_s"], frame["top1"], strict=True))]
    (line,) = tagged(axes, "front")
    assert line.get_drawstyle() == "steps-pre"
    points = list(zip(frame["throughput_per_s"], frame["top1"], strict=True))
    front = [p for p in points if not any(o != p and o[0] >= p[0] and o[1] >= p[1] for o in points)]
    assert [tuple(xy) for xy in line.get_xydata()] == [pytest.approx(p) for p in sorted(front)]
    assert axes.get_xlabel() == "Throughput (images/s)"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_the_rising_front_is_the_falling_one_mirrored(points: list[tuple[float, float]]) -> None:
    mirrored = [(-x, y) for x, y in points]
    assert _marks.front(points, rising=True) == [(-x, y) for x, y in _marks.front(mirrored)][::-1]
    steps = _marks.front(points, rising=True)
    for x0, y0, x1, y1 in _marks.segments(steps, rising=True):
        assert x0 == x1 or y0 == y1
    assert len(_marks.segments(steps, rising=True)) == 2 * (len(steps) - 1)


def test_density_is_accuracy_per_million_and_ranked(make_record: Callable[..., Record], nets: Any) -> None:
    found = drawn(make_record(), only=("quality-density",))
    expected = {net.name: net.top1 / net.params * 1e6 for net in nets if net.top1 is not None}
    ranked = found["top1-density-ranked"].figure.axes[0]
    names = [label.get_text() for label in ranked.get_yticklabels()]
    assert names == sorted(expected, key=lambda name: -expected[name])
    bars = sorted(ranked.patches, key=lambda bar: bar.get_y())
    assert [bar.get_width() for bar in bars] == pytest.approx([expected[name] for name in names])
    assert ranked.get_xlabel() == "Top-1 per million parameters (%)"
    assert places(found["top1-density"].figure.axes[0]) == [
        pytest.approx(p) for p in sorted((expected[net.name], net.top1) for net in nets if net.top1 is not None)
    ]


def test_what_no_file_has_is_left_out_with_the_reason(make_record: Callable[..., Record]) -> None:
    found = drawn(make_record(), only=("batches", "threads", "energy", "quality-energy", "persons", "speedups", "roofline"))
    assert all(drawing.figure is None for drawing in found.values())
    assert "--batch 1,2,4,8" in found["latency-batch"].reason
    assert "--threads 1,2" in found["throughput-threads"].reason
    assert found["energy-ranked"].reason == found["top1-energy"].reason
    assert "--group persons" in found["persons-macs"].reason


@pytest.mark.parametrize(
    ("axes", "axis", "name"), [(BATCHES, "batch", "latency-batch"), (THREADS, "threads", "throughput-threads")]
)
def test_a_line_for_each_network_along_the_axis(
    axes: Any, axis: str, name: str, make_record: Callable[..., Record], nets: Any
) -> None:
    record = make_record(axes=axes)
    shown = drawn(record, only=("batches", "threads"))[name].figure.axes[0]
    lines = tagged(shown, "line")
    assert {text.get_text() for text in tagged(shown, "name")} == {net.name for net in nets}
    assert [list(line.get_xdata()) for line in lines] == [sorted(given[axis] for given in axes)] * len(nets)
    frame = record.frame().set_index(["architecture", axis])
    value = frame["latency_s"] * 1e3 if axis == "batch" else frame["throughput_per_s"]
    for net, line in zip(nets, lines, strict=True):
        wanted = [value[net.name, given[axis]] / (given[axis] if axis == "batch" else 1) for given in axes]
        assert list(line.get_ydata()) == pytest.approx(wanted)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=11))
def test_names_keep_apart_within_the_axes_and_near_their_lines(wanted: list[float]) -> None:
    wanted = sorted(wanted, reverse=True)
    found = _lines.spread(wanted, 10.0, 100.0)
    assert all(a - b >= 10.0 - 1e-6 for a, b in pairwise(found))
    assert -1e-6 <= found[-1] <= found[0] <= 100 + 1e-6
    if all(a - b >= 10.0 for a, b in pairwise(wanted)):
        assert found == pytest.approx(wanted)


def test_rank_correlation_is_that_of_the_ranks() -> None:
    truth = [1.0, 2.0, 3.0, 4.0, 5.0]
    found = _ranks.correlations([[10.0, 20.0, 30.0, 40.0, 1e9], [5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 1.0, 2.0, 3.0, 3.0]], truth)
    assert found is not None
    # By hand: ranks 1.5, 1.5, 3, 4.5, 4.5 against 1 to 5.
    assert found.rho == pytest.approx([1.0, -1.0, 9 / math.sqrt(9 * 10)])
    assert found.interval(0) == pytest.approx((1.0, 1.0))
    assert found.ahead(0, 1) == pytest.approx((2.0, 2.0))
    assert _ranks.correlations([[1.0, 2.0, 3.0]], [1.0, 2.0, 3.0]) is None
    assert _ranks.correlations([[1.0] * 5], truth) is None


def test_drawing_a_network_twice_is_having_it_twice() -> None:
    columns = [np.array([0, 1, 2, 2]), np.array([1, 0, 2, 3])]
    times = np.array([[1.0, 2.0, 0.0, 1.0]])
    repeated = [column[[0, 1, 1, 3]] for column in columns]
    again = [np.unique(column, return_inverse=True)[1] for column in repeated]
    assert _ranks._correlated(columns, times) == pytest.approx(_ranks._correlated(again, np.ones((1, 4))))


def test_the_better_proxy_is_named(make_record: Callable[..., Record], nets: Any) -> None:
    quick = {net.name: net._replace(ms=net.macs / 1e8) for net in nets}
    found = drawn(memory(make_record(list(quick.values()), spread=0.001)), only=("proxies",))
    said = footer(found["macs-latency"].figure)
    assert "MACs 1.00 [1.00, 1.00]" in said
    assert "Best here: MACs, surely better than" in said
    axes = found["macs-latency"].figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("GMACs per image", "Request latency (ms)")
    assert [x for x, _ in places(axes)] == pytest.approx(sorted(net.macs / 1e9 for net in nets))
    (corner,) = tagged(axes, "correlation")
    assert corner.get_text() == "Spearman's rank correlation 1.00 [1.00, 1.00]"


def test_memory_is_what_the_network_added(make_record: Callable[..., Record], nets: Any) -> None:
    axes = drawn(memory(make_record()), only=("memory-params",))["memory-params"].figure.axes[0]
    expected = sorted((net.params / 1e6, (int(2.0e8 + 4 * net.params) - 1.9e8) / 2**20) for net in nets)
    assert places(axes) == [pytest.approx(p) for p in expected]
    (line,) = tagged(axes, "weights")
    x, y = line.get_xydata()[0]
    assert y == pytest.approx(x * 1e6 * 4 / 2**20)


def test_the_roof_is_that_of_the_file(make_record: Callable[..., Record], nets: Any) -> None:
    peak, speed = 2e11, 3e10
    ceiling = Ceiling(peak_flops=peak, bandwidth_bytes_per_s=speed, method="m")
    record = make_record(ceilings={"cpu,fp32,t2": ceiling})
    again = with_values(record, lambda _, number: {"arithmetic_intensity": 2.0 + 3 * number})
    axes = drawn(again, only=("roofline",))["roofline"].figure.axes[0]
    (line,) = tagged(axes, "roof")
    for x, y in line.get_xydata():
        assert y == pytest.approx(min(peak, speed * x) / 1e9)
    assert {text.get_text() for text in tagged(axes, "ceiling")} == {"200 GFLOP/s", "30.0 GB/s"}
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert len(tagged(axes, "point")) == len(nets)
    low, high = axes.get_xlim()
    assert low < peak / speed < high


def test_energy_is_ranked_with_what_is_above_idle(make_record: Callable[..., Record], nets: Any) -> None:
    record = with_values(
        make_record(),
        lambda _, n: {"energy_j": 0.5 / (n + 1), "energy_above_idle_j": 0.3 / (n + 1), "energy_method": "some counter"},
    )
    found = drawn(record, only=("energy", "quality-energy"))
    axes = found["energy-ranked"].figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [net.name for net in reversed(nets)]
    bars = {gid: [bar.get_width() for bar in axes.patches if bar.get_gid() == gid] for gid in ("bar", "above idle")}
    assert axes.get_xlabel() == "Energy (mJ per image)"
    assert bars["bar"] == pytest.approx(sorted(500 / (n + 1) for n in range(12)))
    assert bars["above idle"] == pytest.approx(sorted(300 / (n + 1) for n in range(12)))
    assert "Counter: some counter." in footer(found["energy-ranked"].figure)
    assert len(tagged(found["top1-energy"].figure.axes[0], "point")) == 11


def test_speed_ups_are_over_eager_fp32_with_their_intervals(make_record: Callable[..., Record], nets: Any) -> None:
    record = make_record(nets[:3], axes=WAYS)
    axes = drawn(record, only=("speedups",))["speed-ups"].figure.axes[0]
    bars = [bar for bar in axes.patches if bar.get_gid() == "bar"]
    assert len(bars) == len(tagged(axes, "interval")) == 3 * 3
    by_case = {row.case.id: row for row in rows([record])}
    base = {row.name: row for row in by_case.values() if (row.case.engine, row.case.precision) == ("eager", "fp32")}
    others = [row for row in by_case.values() if row is not base[row.name]]
    wanted = [_pairs.speed(row, base[row.name]) for row in others]
    assert sorted(1 + bar.get_width() for bar in bars) == pytest.approx(sorted(ratio.value for ratio in wanted if ratio))
    assert all(ratio is not None and ratio.low is not None and ratio.low <= ratio.value <= (ratio.high or 0) for ratio in wanted)
    assert axes.get_xlabel() == "Throughput over that of eager fp32 (times)"
    # A colour for each engine, and the precision in words: together they are more than there are colours.
    engines = list(dict.fromkeys(row.case.engine for row in others))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == engines
    assert len({bar.get_edgecolor() for bar in bars}) == len(engines)
    said = [text.get_text().partition(" ")[0] for text in axes.texts if " " in text.get_text()]
    assert sorted(said) == sorted(row.case.precision for row in others)


def test_contrasts_have_a_panel_for_each_cost_and_mark_what_is_stated(make_record: Callable[..., Record], nets: Any) -> None:
    record = memory(make_record())
    figure = drawn(record, only=("contrasts",), groups=(GROUP,))["contrasts-some-topic"].figure
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Parameters", "MACs", "Activations", "Memory", "Latency"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["resnet/50 : resnet/18", "vgg/16 : resnet/50"]
    by = {net.name: net for net in nets}
    macs = figure.axes[1]
    expected = [by["resnet/50"].macs / by["resnet/18"].macs, by["vgg/16"].macs / by["resnet/50"].macs]
    assert [1 + bar.get_width() for bar in macs.patches] == pytest.approx(expected)
    (stated,) = tagged(macs, "stated")
    assert list(stated.get_xdata()) == [2.5, 2.5]
    assert not tagged(figure.axes[0], "stated")
    assert len(tagged(figure.axes[4], "interval")) == 2
    assert "Stated: 2.5: a paper." in footer(figure)


def test_a_pair_of_which_one_is_missing_is_no_contrast(make_record: Callable[..., Record], nets: Any) -> None:
    found = drawn(make_record(nets[:2]), only=("contrasts",), groups=(GROUP,))
    assert [drawing.figure for drawing in found.values()] == [None]
