"""A report on networks of several tasks: no two metrics and no two data sets share a chart or a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import errors, reports
from vbench.core import Accuracy
from vbench.reports import charts, choose_protocols, rows
from vbench.reports.rows import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vbench.core import Record

CROP = Protocol("top1", "1 model, 1 crop, 224 px")
VOC = Protocol("mIoU", "1 model, 513 px, VOC 2012 val")
STREETS = Protocol("mIoU", "1 model, 512x1024, Cityscapes test")
PEOPLE = Protocol("AP", "1 model, flipped too, COCO val 2017")
TASKS = {
    "vgg/16": ("segmentation", VOC, 75.18),
    "resnet/18": ("segmentation", VOC, 73.88),
    "resnet/50": ("segmentation", STREETS, 60.336),
    "googlenet/bottleneck": ("keypoints", PEOPLE, 70.4),
    "googlenet/naive": ("keypoints", None, 0.0),
}


FIRST = ("quality-gmacs", "quality-latency", "throughput-engines")


@pytest.fixture(scope="module")
def mixed(make_record: Callable[..., Record]) -> Record:
    """Twelve networks, five of which do something else than classify."""
    record = make_record()
    facts = dict(record.run.architectures)
    for name, (task, protocol, value) in TASKS.items():
        given = () if protocol is None else (accuracy(protocol, value),)
        facts[name] = msgspec.structs.replace(facts[name], task=task, accuracy=given)
    return msgspec.structs.replace(record, run=msgspec.structs.replace(record.run, architectures=facts))


def accuracy(protocol: Protocol, value: float) -> Accuracy:
    return Accuracy(source="s", protocol=protocol.text, recipe="paper", value=value, metric=protocol.metric)


def drawn(record: Record, asked: str | None = None) -> dict[str, Any]:
    found = rows([record])
    return {drawing.name: drawing for drawing in charts.draw(found, choose_protocols(found, asked), only=FIRST)}


def names(drawing: Any) -> set[str]:
    return {text.get_text() for text in drawing.figure.axes[0].get_children() if text.get_gid() == "name"}


def test_each_metric_has_its_own_charts_in_the_protocol_of_most_rows(mixed: Record) -> None:
    found = rows([mixed])
    assert choose_protocols(found) == [CROP, VOC, PEOPLE]
    charts = drawn(mixed)
    assert list(charts) == [f"{metric}-{what}" for metric in ("top1", "miou", "ap") for what in ("gmacs", "latency")]
    assert names(charts["miou-latency"]) == {"vgg/16", "resnet/18"}
    assert names(charts["ap-gmacs"]) == {"googlenet/bottleneck"}
    assert len(names(charts["top1-gmacs"])) == 12 - len(TASKS)
    labels = {name: drawing.figure.axes[0].get_ylabel() for name, drawing in charts.items()}
    assert {labels["miou-gmacs"], labels["miou-latency"]} == {"Published mIoU (%)"}
    assert charts["ap-latency"].title == "Published AP against measured request latency"


def test_only_networks_of_its_task_lack_a_metric(mixed: Record) -> None:
    told = {name: " ".join(t.get_text() for t in d.figure.texts) for name, d in drawn(mixed).items()}
    assert "No published mIoU in this protocol: resnet/50." in told["miou-latency"]
    assert "Published mIoU, protocol: 1 model, 513 px, VOC 2012 val. Weights by: paper (2)." in told["miou-gmacs"]
    assert "No published AP in this protocol: googlenet/naive." in told["ap-gmacs"]
    assert "in this protocol" not in told["top1-gmacs"]


def test_a_protocol_that_is_asked_for_is_drawn_alone(mixed: Record) -> None:
    assert choose_protocols(rows([mixed]), STREETS.text) == [STREETS]
    charts = drawn(mixed, STREETS.text)
    assert list(charts) == ["miou-gmacs", "miou-latency"]
    assert names(charts["miou-gmacs"]) == {"resnet/50"}
    with pytest.raises(errors.UsageError, match="has an accuracy in the protocol 'Cityscapes'"):
        choose_protocols(rows([mixed]), "Cityscapes")


def test_a_text_that_two_metrics_share_still_is_two_protocols(mixed: Record) -> None:
    shared = Protocol("PCKh", VOC.text)
    facts = dict(mixed.run.architectures)
    facts["googlenet/naive"] = msgspec.structs.replace(facts["googlenet/naive"], accuracy=(accuracy(shared, 90.0),))
    record = msgspec.structs.replace(mixed, run=msgspec.structs.replace(mixed.run, architectures=facts))
    assert choose_protocols(rows([record]), VOC.text) == [VOC, shared]
    assert list(drawn(record, VOC.text)) == ["miou-gmacs", "miou-latency", "pckh-gmacs", "pckh-latency"]


def test_the_table_has_a_column_for_each_protocol(mixed: Record) -> None:
    head, _, *lines = [line.strip("| ").split(" | ") for line in reports.readme_table([mixed]).splitlines()]
    columns = [f"{protocol.name} ({protocol.text})" for protocol in (CROP, VOC, PEOPLE)]
    assert head[-4:-1] == columns
    cells = {line[0]: line[-4:-1] for line in lines}
    assert cells["resnet/18"] == ["–", "73.88 %", "–"]
    assert cells["resnet/50"] == ["–", "–", "–"]
    assert cells["squeezenet/1.0"] == ["58.09 %", "–", "–"]


def test_the_summary_says_which_number_is_of_which_metric(mixed: Record, tmp_path: Path) -> None:
    written = reports.make([mixed], tmp_path, only=FIRST)
    text = written[0].read_text(encoding="utf-8")
    assert f"| vgg/16 | **mIoU 75.18 %** | {VOC.text} | paper | s |" in text
    assert f"| resnet/50 | mIoU 60.34 % | {STREETS.text} | paper | s |" in text
    assert "![Published mIoU against measured request latency](miou-latency.png)" in text


def test_the_frame_has_the_quality_and_no_top_1(mixed: Record) -> None:
    frame = mixed.frame().set_index("architecture")
    assert frame.loc["resnet/50", ["task", "quality", "quality_metric"]].tolist() == ["segmentation", 60.336, "mIoU"]
    assert frame.loc[list(TASKS), ["top1", "top5"]].isna().all(axis=None)
    assert frame.loc["squeezenet/1.0", ["quality", "quality_metric", "top1"]].tolist() == [58.092, "top1", 58.092]


def test_the_headline_is_the_quality_or_all_that_there_is() -> None:
    assert accuracy(VOC, 75.18).headline == ("mIoU", 75.18)
    assert Accuracy(source="s", protocol="p", top1=70.0, top5=90.0).headline == ("top1", 70.0)
    assert Accuracy(source="s", protocol="p", top5=90.0).headline == ("top5", 90.0)
    assert Accuracy(source="s", protocol="p").headline is None
