"""Charts of many networks, and what is hollow: lines that nobody could follow, and numbers that are no times."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from vbench.core import Paper
from vbench.groups import Group, Ratio
from vbench.reports import charts, choose_protocols, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vbench.core import Record

BATCHES = tuple({"batch": batch} for batch in (1, 2, 4))


def drawn(record: Record, *only: str) -> dict[str, Any]:
    found = rows([record])
    return {d.name: d for d in charts.draw(found, choose_protocols(found), only=only)}


def tagged(axes: Axes, tag: str) -> list[Any]:
    return [artist for artist in axes.get_children() if artist.get_gid() == tag]


def footer(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts)


def memory(record: Record) -> Record:
    found = tuple(
        msgspec.structs.replace(r, values=r.values | {"base_host_bytes": 1.9e8, "activations": 7}) for r in record.results
    )
    return msgspec.structs.replace(record, results=found)


def test_of_many_lines_each_is_over_its_first_value_with_the_median(make_record: Callable[..., Record], nets: Any) -> None:
    many = [nets[0]._replace(name=f"family{n % 7}/variant-{n}", ms=5.0 + n) for n in range(60)]
    figure = drawn(make_record(many, axes=BATCHES, processes=3), "batches")["latency-batch"].figure
    axes = figure.axes[0]
    assert axes.get_ylabel() == "Latency per image (times the first)"
    lines = tagged(axes, "line")
    assert len(lines) == 60
    assert all(line.get_ydata()[0] == 1.0 for line in lines)
    (middle,) = tagged(axes, "median")
    assert list(middle.get_ydata()) == pytest.approx([np.median([line.get_ydata()[i] for line in lines]) for i in range(3)])
    ends = {line.get_ydata()[-1] for line in lines}
    assert len(tagged(axes, "name")) == 24
    assert min(ends) < middle.get_ydata()[-1] < max(ends)
    assert "60 networks, each over its own value at 1" in footer(figure)
    assert len(figure.legends) == 1


def test_flags_are_of_times_and_make_no_other_number_hollow(make_record: Callable[..., Record]) -> None:
    record = memory(make_record(processes=3, axes=BATCHES))
    assert all(result.flags for result in record.results)
    found = drawn(record, "batches", "memory-params", "proxies")

    def hollow(name: str, tag: str) -> set[bool]:
        return {
            tuple(face[:3]) == (1.0, 1.0, 1.0) for p in tagged(found[name].figure.axes[0], tag) for face in p.get_facecolors()
        }

    assert hollow("latency-batch", "points") == hollow("macs-latency", "point") == {True}
    assert hollow("memory-batch", "points") == hollow("memory-params", "point") == {False}
    assert "Hollow" not in footer(found["memory-params"].figure)


def test_years_are_whole(make_record: Callable[..., Record], nets: Any) -> None:
    record = make_record()
    facts = {
        net.name: msgspec.structs.replace(record.run.architectures[net.name], paper=Paper(title="t", authors="a", year=2012 + n))
        for n, net in enumerate(nets)
    }
    again = msgspec.structs.replace(record, run=msgspec.structs.replace(record.run, architectures=facts))
    axes = drawn(again, "quality-year")["top1-year"].figure.axes[0]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_numbers_on_the_ticks_of_a_narrow_panel_keep_off_each_other(make_record: Callable[..., Record], nets: Any) -> None:
    members = ("resnet/50", "vgg/16", "squeezenet/1.1", "mobilenet/full-conv")
    ratios = tuple(Ratio(metric="macs", of=of, to=to) for of in members for to in members if of != to)
    found = rows([make_record(nets)])
    group = Group(title="t", topic="some topic", prose="p", members=members, ratio=ratios)
    drawings = {d.name: d for d in charts.draw(found, choose_protocols(found), [group], ("contrasts",))}
    figure = drawings["contrasts-some-topic"].figure
    renderer = figure.canvas.get_renderer()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        boxes = [
            label.get_window_extent(renderer)
            for label, at in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
            if low <= at <= high
        ]
        assert len(boxes) > 1
        assert all(first.x1 < second.x0 for first, second in pairwise(boxes))


def test_bars_of_two_machines_stand_apart(make_record: Callable[..., Record], nets: Any) -> None:
    ways = ({}, {"precision": "int8"})
    first = make_record(nets[:2], axes=ways)
    other = msgspec.structs.replace(first.run.machine, fingerprint="0000bb", slug="other", processor="Other CPU")
    found = rows([first, make_record(nets[:2], axes=ways, machine=other, path="s.jsonl")])
    drawings = {d.name: d for d in charts.draw(found, choose_protocols(found), only=("speedups",))}
    axes = drawings["speed-ups"].figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert sorted(names) == sorted(f"{net.name} [{number}]" for net in nets[:2] for number in (1, 2))
    places = [round(bar.get_y(), 6) for bar in axes.patches if bar.get_gid() == "bar"]
    assert len(set(places)) == len(places) == 4


def test_times_under_other_conditions_are_no_contrast(make_record: Callable[..., Record], nets: Any) -> None:
    group = Group(
        title="t",
        topic="some topic",
        prose="p",
        members=("resnet/18", "vgg/16"),
        ratio=(Ratio(metric="macs", of="vgg/16", to="resnet/18"),),
    )
    small, large = nets[2:3], nets[1:2]
    found = rows([make_record(small), make_record(large, axes=({"engine": "openvino"},), path="s.jsonl")])
    drawings = {d.name: d for d in charts.draw(found, choose_protocols(found), [group], ("contrasts",))}
    figure = drawings["contrasts-some-topic"].figure
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Parameters", "MACs", "Activations"]
