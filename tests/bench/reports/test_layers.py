"""What rows say of single layers: read from their compressions, against the network as it is, on the same pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.core import Measured
from vbench.reports import charts, layers
from vbench.reports import rows as rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vbench.core import Record

MARKS = {"none": "0" * 90 + "1" * 10, "0.3:conv1": "0" * 90 + "1" * 10, "0.7:conv1": "0" * 89 + "1" * 11,
         "0.3:conv2": "0" * 60 + "1" * 40, "0.7:conv2": "0" * 10 + "1" * 90}  # fmt: skip


def _form(key: str) -> str:
    ratio, _, layer = key.partition(":")
    return "none" if key == "none" else f"l1-filter:{ratio}:only={layer}"


@pytest.fixture
def record(make_record: Callable[..., Record], nets: Any) -> Record:
    found = make_record(nets[3:4], axes=tuple({"compression": _form(key)} for key in MARKS))
    by_form = {_form(key): marks for key, marks in MARKS.items()}
    results = []
    for result in found.results:
        marks = by_form[result.case.compression]
        top1 = 100.0 * marks.count("0") / len(marks)
        measured = Measured(
            source="here", protocol="digits", recipe="", started="2026", top1=top1, top5=None, low=top1 - 5, high=top1 + 5,
            low5=None, high5=None, pictures=len(marks), marks=marks, calibration="", reference=None,
        )  # fmt: skip
        results.append(msgspec.structs.replace(result, accuracy=(measured,)))
    return msgspec.structs.replace(found, results=tuple(results))


def test_each_layer_has_its_ratios_and_what_it_lost(record: Record) -> None:
    (own,) = layers.read(rows_of([record]))
    assert (own.criterion, own.ratios, [line.layer for line in own.lines]) == ("l1-filter", [0.3, 0.7], ["conv1", "conv2"])
    assert own.whole is not None
    assert own.whole[1].top1 == 90
    assert layers.table(own) == (("layer alone", "0.3", "0.7"), [("conv1", "90.0", "89.0"), ("conv2", "60.0", "10.0")])
    worst = own.lines[1].at(0.7)
    assert worst is not None
    assert worst.change is not None
    assert worst.change[0] == pytest.approx(-80)
    said = " ".join(layers.told(own))
    assert "Most is lost by conv2: 80.0 points at 0.7." in said
    assert "lost at any ratio by: conv1." in said
    told: Any = layers.plain(own)
    assert told["layers"][1]["ratios"][1]["change"] == pytest.approx(-80)


def test_the_chart_has_a_row_for_each_layer_and_a_mark_for_each_ratio(record: Record) -> None:
    (drawing,) = charts.draw(rows_of([record]), (), only=("sensitivity",))
    figure = drawing.figure
    assert figure is not None
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["conv1", "conv2"]
    points = [artist for artist in axes.get_children() if artist.get_gid() == "point"]
    assert sorted(float(point.get_xdata()[0]) for point in points) == [10.0, 60.0, 89.0, 90.0]  # type: ignore[attr-defined]  # a Line2D
    assert "conv2" in drawing.description


def test_without_such_rows_there_is_a_reason_and_they_are_no_forms_of_compression(
    record: Record, make_record: Any, nets: Any
) -> None:
    (nothing,) = charts.draw(rows_of([make_record(nets[:1])]), (), only=("sensitivity",))
    assert "--sensitivity" in nothing.reason
    (drawn, *_) = charts.draw(rows_of([record]), (), only=("compression",))
    assert "no row is of a compressed network" in drawn.reason


@given(st.text(alphabet="abc:+=.059", max_size=30))
def test_any_text_is_read_or_passed_over(text: str) -> None:
    found = layers.alone(text)
    assert found is None or (found.layer and f"only={found.layer}" in text)


def test_what_was_done_before_is_kept_apart() -> None:
    found = layers.alone("l1-filter:0.5+finetune:3+taylor:0.3:pictures=64:only=a.b")
    assert found == layers.Alone("l1-filter:0.5+finetune:3", "taylor pictures=64", 0.3, "a.b")
