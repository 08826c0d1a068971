"""Measured accuracies in a report: their table, the protocol that is drawn, intervals, and none mixed with published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench.core import Accuracy, Measured
from vbench.reports import accuracy, choose_protocols, markdown, rows
from vbench.reports.charts import _quality, draw, quality_gmacs, quality_latency
from vbench.reports.page.columns import accuracy_name, columns, protocols
from vbench.reports.rows import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from vbench.core import Record, Result

VAL = "folder:val (12345678), 100 pictures, centre crop"
MEASURED = Protocol("top1", VAL, "measured")


def measured(right: int, protocol: str = VAL, **fields: Any) -> Measured:
    given: dict[str, Any] = {
        "source": "measured on x", "protocol": protocol, "top1": float(right), "top5": 99.0, "low": right - 5.0,
        "high": right + 4.0, "low5": 96.0, "high5": 99.5, "pictures": 100, "marks": "0" * right + "-" * (100 - right),
        "started": "2026-01-01", "reference": Accuracy(source="a", protocol="p", top1=70.0), "note": "a note",
    }  # fmt: skip
    return Measured(**given | fields)


def having(record: Record, give: Callable[[Result], Measured | None]) -> Record:
    """The record with what `give` says was measured of each row."""
    results = [
        result if (found := give(result)) is None else msgspec.structs.replace(result, accuracy=(found,))
        for result in record.results
    ]
    return msgspec.structs.replace(record, results=tuple(results))


def test_the_table_has_each_network_once_with_its_change_on_the_same_pictures(make_record: Any) -> None:
    axes = ({}, {"threads": 1}, {"precision": "int8", "engine": "openvino"})
    record = having(make_record(axes=axes), lambda r: measured(70 if r.case.precision == "int8" else 80))
    table = accuracy.table(rows([record]))
    assert table.header == (
        "architecture", "engine", "precision", "pictures", "top-1 [95 % interval]", "top-5", "change to fp32", "published top-1",
    )  # fmt: skip
    assert len(table.rows) == 24
    own = [row for row in table.rows if row[0] == "resnet/18"]
    assert [row[1:4] for row in own] == [("eager", "fp32", "100"), ("openvino", "int8", "100")]
    assert own[0][4] == "80 % [75, 84]"
    assert own[0][6] == "–"
    assert own[1][6].startswith("-10.00 [-1")
    assert own[1][7] == "70 %"
    assert table.notes[0] == f"data: {VAL}"
    assert "resnet/18 eager fp32: a note" in table.notes


def test_two_data_sets_are_two_lines_and_nothing_is_compared_across(make_record: Any) -> None:
    record = make_record(axes=({}, {"precision": "bf16"}))
    record = having(record, lambda r: measured(80, VAL if r.case.precision == "fp32" else "cifar10 test (0), 5 pictures"))
    table = accuracy.table(rows([record]))
    assert table.header[-1] == "data"
    assert "change to fp32" not in table.header
    assert {row[-1] for row in table.rows} == {VAL, "cifar10 test (0), 5 pictures"}


def test_a_report_without_measured_accuracies_says_nothing_of_them(make_record: Any) -> None:
    record = make_record()
    assert accuracy.table(rows([record])).rows == []
    assert "measured here" not in markdown.summary([record], [], choose_protocols(rows([record])))


def test_the_summary_has_the_measured_ones_with_their_sentences(make_record: Any) -> None:
    record = having(make_record(), lambda r: measured(80) if r.case.architecture == "vgg/16" else None)
    text = markdown.summary([record], [], choose_protocols(rows([record])))
    section = text.partition("## Accuracy, measured here\n")[2].partition("\n## ")[0]
    assert "| vgg/16 | eager | fp32 | 100 | 80 % [75, 84] | 99 % [96, 100] | 70 % |" in section
    assert "- vgg/16 eager fp32: a note" in section


def test_what_most_rows_have_is_drawn_and_of_equals_what_was_measured(make_record: Any) -> None:
    few = having(make_record(), lambda r: measured(80) if r.case.architecture == "vgg/16" else None)
    assert [protocol.kind for protocol in choose_protocols(rows([few]))] == ["published"]
    found = rows([having(make_record(), lambda r: measured(80) if r.case.architecture != "googlenet/naive" else None)])
    assert choose_protocols(found) == [MEASURED]
    assert choose_protocols(found, VAL) == [MEASURED]
    assert choose_protocols(found, "1 model, 1 crop, 224 px")[0].kind == "published"


def test_one_text_in_both_kinds_is_two_protocols(make_record: Any) -> None:
    crop = "1 model, 1 crop, 224 px"
    row = rows([having(make_record(), lambda _: measured(12, crop))])[0]
    assert (row.quality(Protocol("top1", crop)), row.quality(Protocol("top1", crop, "measured"))) == (56.522, 12.0)
    assert (row.ends(Protocol("top1", crop)), row.ends(Protocol("top1", crop, "measured"))) == ((None, None), (7.0, 16.0))


def test_a_compressed_network_has_its_measured_accuracy_and_no_published_one(make_record: Any) -> None:
    row = rows([having(make_record(axes=({"compression": "l1:0.5"},)), lambda _: measured(50))])[0]
    assert row.quality(Protocol("top1", "1 model, 1 crop, 224 px")) is None
    assert row.quality(MEASURED) == 50.0


def test_charts_say_that_it_was_measured_and_draw_the_interval(make_record: Any) -> None:
    found = rows(
        [having(make_record(axes=({}, {"precision": "int8"})), lambda r: measured(80 if r.case.precision == "fp32" else 60))]
    )
    drawings = {drawing.name: drawing for drawing in draw(found, [MEASURED], only=("quality-*",))}
    titles = [drawing.title for drawing in drawings.values() if drawing.paint is not None]
    assert any(title.startswith("Measured top-1 against measured request latency") for title in titles)
    assert not any("ublished top-1" in title for title in titles)
    points = quality_gmacs.select(found, MEASURED)
    assert {(point.y, point.y_low, point.y_high) for point in points} == {(80.0, 75.0, 84.0)}
    int8 = [row for row in found if row.case.precision == "int8"]
    drawn = _quality.select(int8, MEASURED, quality_latency.COST)
    assert {(point.y, point.y_low, point.y_high) for point in drawn} == {(60.0, 55.0, 64.0)}
    assert all(
        "Published for full precision" not in line for line in _quality._footer(int8, drawn, MEASURED, quality_latency.COST)
    )


def test_the_page_has_a_column_of_its_own_for_what_was_measured(make_record: Any) -> None:
    found = rows([having(make_record(), lambda _: measured(80))])
    names = [accuracy_name(protocol) for protocol in protocols(found)]
    assert names[0] == f"measured top1: {VAL}"
    assert any(name.startswith("published top1: ") for name in names[1:])
    made = {column.name: column for column in columns(found)}
    assert "measured by vbench evaluate" in made[names[0]].about
    assert "not measured here" in made[names[-1]].about


@pytest.mark.parametrize("kind", ["published", "measured"])
def test_a_protocol_is_said_as_a_sentence_begins_and_inside_of_one(kind: str) -> None:
    protocol = Protocol("top1", "a text", kind)
    assert protocol.title == f"{kind.capitalize()} top-1"
    assert protocol.told == f"{kind} top-1 in the protocol a text"
