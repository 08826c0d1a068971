"""Charts that help to choose: budgets, pipelines, layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import results
from vbench.groups import Group, Ratio
from vbench.reports import charts, choose_protocols, rows
from vbench.reports.charts import _lines, persons, quality_budgets

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


def with_values(record: Record, values: Callable[[Any, int], dict[str, Any]]) -> Record:
    """The record with further values in each of its rows, by the case and its number."""
    found = tuple(
        msgspec.structs.replace(result, values=result.values | values(result.case, number))
        for number, result in enumerate(record.results)
    )
    return msgspec.structs.replace(record, results=found)


def drawn(*records: Record, only: tuple[str, ...], groups: tuple[Group, ...] = ()) -> dict[str, Any]:
    found = rows(records)
    return {d.name: d for d in charts.draw(found, choose_protocols(found), groups, only)}


def memory(record: Record) -> Record:
    return with_values(record, lambda _, number: {"base_host_bytes": 1.9e8, "activations": 1000 + 7 * number})


def tagged(axes: Axes, tag: str) -> list[Any]:
    return [artist for artist in axes.get_children() if artist.get_gid() == tag]


def places(axes: Axes) -> list[tuple[float, float]]:
    return sorted(tuple(map(float, p.get_offsets()[0])) for p in tagged(axes, "point"))


def footer(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts)


def test_budgets_name_the_most_accurate_that_keeps_both(make_record: Callable[..., Record]) -> None:
    record = memory(make_record())
    found = rows([record])
    (protocol,) = choose_protocols(found)
    choices = quality_budgets.choices(found, protocol)
    figure = drawn(record, only=("quality-budgets",))["top1-budgets"].figure
    axes = figure.axes[0]
    rates = [float(label.get_text()) for label in axes.get_xticklabels()]
    sizes = [label.get_text() for label in axes.get_yticklabels()]
    assert len(tagged(axes, "name")) + len(tagged(axes, "none")) == len(rates) * len(sizes)
    names = {(round(t.get_position()[0]), round(t.get_position()[1] - 0.19)): t.get_text() for t in tagged(axes, "name")}
    for (x, y), name in names.items():
        number, unit = sizes[y].split()
        limit = float(number) * {"MiB": 2**20, "GiB": 2**30}[unit]
        able = [c for c in choices if c.bytes <= limit and c.rate >= rates[x]]
        assert name == max(able, key=lambda c: (c.quality, c.rate)).label
    # The tightest limits of a page tell networks apart.
    assert len(set(names.values())) > 1


def test_a_pipeline_is_a_line_and_crosses_what_finds_all_at_once(make_record: Callable[..., Record], nets: Any) -> None:
    counts = (1, 2, 4)
    pipelines = [nets[2]._replace(name=f"pipeline/two-{n}", macs=1_000_000_000 * (3 + 2 * n), ms=30.0 + 20 * n) for n in counts]
    record = make_record([*pipelines, nets[3]._replace(name="pose/all", macs=8_000_000_000)], spread=0.0)
    group = Group(title="t", prose="p", members=("pipeline/two-1", "pipeline/two-2", "pipeline/two-4", "pose/all"))
    found = drawn(record, only=("persons",), groups=(group,))
    axes = found["persons-macs"].figure.axes[0]
    rising, level = tagged(axes, "line")
    assert list(rising.get_ydata()) == pytest.approx([5.0, 7.0, 11.0])
    assert list(level.get_ydata()) == pytest.approx([8.0, 8.0])
    assert axes.get_xscale() == axes.get_yscale() == "linear"
    line = _lines.Line("a", "f", [], [1.0, 2.0, 4.0], [5.0, 7.0, 11.0], [], [])
    flat = _lines.Line("b", "f", [], [1.0, 4.0], [8.0, 8.0], [], [])
    assert persons.fitted(line) == pytest.approx((3.0, 2.0))
    assert persons.crossing(line, flat) == pytest.approx(2.5)
    assert "pose/all: 2.50 persons" in footer(found["persons-macs"].figure)


def test_layers_are_those_that_were_counted(make_record: Callable[..., Record], nets: Any) -> None:
    record = make_record(nets[:3])
    done = [
        r if r.counted is None else msgspec.structs.replace(
            r, counted=msgspec.structs.replace(r.counted, operators={"aten.convolution": 10, "aten.addmm": 3, "aten.relu": 99})
        )
        for r in record.replicates
    ]  # fmt: skip
    again = results.record(record.run, done, "complete")
    axes = drawn(again, only=("quality-depth",))["top1-depth"].figure.axes[0]
    assert {x for x, _ in places(axes)} == {13.0}
    assert axes.get_xlabel() == "Convolutions and linear layers"
