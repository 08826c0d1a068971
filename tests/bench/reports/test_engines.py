"""A report on several engines and precisions: what ran, how it agrees, what it gains and why not more, and a chart of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import reports, results
from vbench.core import Operator
from vbench.reports import charts, choose_protocols, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vbench.core import Record, Replicate

AXES = (
    {"engine": "eager"},
    {"engine": "openvino"},
    {"engine": "openvino", "precision": "int8"},
    {"engine": "onnxruntime", "precision": "int8"},
)
FIRST = ("quality-gmacs", "quality-latency", "throughput-engines")
NETS = ("vgg/16", "resnet/18", "mobilenet/v1-1.0")
FACTORS = (1.0, 1.4, 4.0, 1.5)


def told(replicate: Replicate, record: Record, factor: float, shares: dict[str, float]) -> Replicate:
    """The replicate with throughput times the factor, and an account of its MACs."""
    if replicate.role == "check":
        macs = replicate.counted.macs  # type: ignore[union-attr]  # a check has counted
        operators = tuple(
            Operator(kind="convolution", precision=name, macs=round(macs * share), seconds=0.01) for name, share in shares.items()
        )
        return msgspec.structs.replace(replicate, operators=operators, values={"agreement_sqnr_db": 200.0 / factor})
    values = replicate.values | {"throughput_per_s": replicate.values["throughput_per_s"] * factor}
    return msgspec.structs.replace(replicate, values=values)


@pytest.fixture(scope="module")
def mixed(make_record: Callable[..., Record], nets: Any) -> Record:
    """Networks on three engines; what onnxruntime calls int8 is hardly that, and openvino has fp32 to compare with."""
    record = make_record([net for net in nets if net.name in NETS], axes=AXES)
    shares = dict(zip(map(str, AXES), ({"fp32": 1.0}, {"fp32": 1.0}, {"int8": 1.0}, {"fp32": 0.9, "int8": 0.1}), strict=True))
    cases = {case.id: case for case in record.run.cases}
    done = []
    for replicate in record.replicates:
        case = cases[replicate.case]
        index = next(
            number
            for number, given in enumerate(AXES)
            if all(getattr(case, k) == v for k, v in ({"precision": "fp32"} | given).items())
        )
        done.append(told(replicate, record, FACTORS[index], shares[str(AXES[index])]))
    return results.record(record.run, done, "complete", "r.jsonl")


def drawn(record: Record) -> dict[str, Any]:
    found = rows([record])
    return {d.name: d for d in charts.draw(found, choose_protocols(found), only=FIRST)}


def tagged(drawing: Any, tag: str) -> list[Any]:
    return [artist for artist in drawing.figure.axes[0].get_children() if artist.get_gid() == tag]


def test_one_chart_has_a_mark_for_each_way_to_run_each_network(mixed: Record) -> None:
    drawing = drawn(mixed)["throughput-engines"]
    axes = drawing.figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(dict.fromkeys(c.architecture for c in mixed.run.cases))
    points = tagged(drawing, "point")
    assert len(points) == len(NETS) * len(AXES)
    assert axes.get_xlabel() == "Throughput (images/s)"
    found = {(round(float(y)), round(float(x), 6)) for point in points for x, y in point.get_offsets()}
    networks = [label.get_text() for label in axes.get_yticklabels()]
    assert found == {(networks.index(r.case.architecture), round(r.values["throughput_per_s"], 6)) for r in mixed.results}
    hollow = sum(bool((point.get_facecolor() == 1.0).all()) for point in points)
    assert hollow == len(NETS)
    assert "Hollow: most of its" in " ".join(text.get_text() for text in drawing.figure.texts)
    legends = [text.get_text() for artist in axes.get_children() if hasattr(artist, "get_texts") for text in artist.get_texts()]
    assert set(legends) == {"eager", "onnxruntime", "openvino", "fp32", "int8"}


def test_no_mark_lies_on_another_engines(mixed: Record) -> None:
    points = tagged(drawn(mixed)["throughput-engines"], "point")
    heights = {round(float(y), 6) for point in points for _, y in point.get_offsets()}
    assert len(heights) == len(NETS) * 3


def test_a_run_of_one_engine_and_precision_has_no_such_chart(make_record: Callable[..., Record]) -> None:
    record = make_record()
    assert "throughput-engines" not in drawn(record)
    skipped = make_record(axes=({}, {"precision": "int8"}))
    int8 = {case.id: "not here" for case in skipped.run.cases if case.precision == "int8"}
    run = msgspec.structs.replace(skipped.run, skipped=int8)
    again = results.record(run, [r for r in skipped.replicates if r.case not in int8], "complete")
    # Nor do the others have one for what could not run here.
    assert list(drawn(again)) == ["top1-gmacs", "top1-latency-eager-fp32-cpu-b1-t2"]


def test_other_conditions_have_charts_of_their_own(make_record: Callable[..., Record]) -> None:
    axes = [{"precision": precision, "batch": batch} for precision in ("fp32", "int8") for batch in (1, 8)]
    found = drawn(make_record(axes=axes))
    assert [name for name in found if name.startswith("throughput")] == [
        "throughput-engines-batch-1",
        "throughput-engines-batch-8",
    ]
    assert found["throughput-engines-batch-8"].title == "Measured throughput by engine and precision: batch 8"


def test_names_that_would_be_markup_and_a_network_at_two_sizes(make_record: Callable[..., Record], nets: Any) -> None:
    net = nets[0]._replace(name="odd/$x_1$")
    axes = [{"precision": p, "input_shape": (3, side, side)} for p in ("fp32", "int8") for side in (224, 299)]
    drawing = drawn(make_record([net], axes=axes))["throughput-engines"]
    labels = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]
    assert labels == ["odd/$x_1$ 3x224x224", "odd/$x_1$ 3x299x299"]
    drawing.figure.canvas.draw()


def test_the_summary_says_what_ran_what_it_gained_and_why_not_more(mixed: Record, tmp_path: Path) -> None:
    text = reports.make([mixed], tmp_path, only=FIRST)[0].read_text(encoding="utf-8")
    head = next(line for line in text.splitlines() if line.startswith("| architecture |"))
    assert "| engine | precision |" in head
    assert "| executed | agreement | over fp32 |" in head
    line = next(line for line in text.splitlines() if line.startswith("| vgg/16 | onnxruntime | int8 |"))
    assert "| mostly fp32 90 %, int8 10 % | 133 dB | – |" in line
    assert "mostly_other_precision" in line
    line = next(line for line in text.splitlines() if line.startswith("| vgg/16 | openvino | int8 |"))
    assert "| int8 100 % | 50.0 dB | 2.9 times [2.8, 3.0] |" in line
    assert "Why a narrower precision" not in text
    assert "![Measured throughput by engine and precision](throughput-engines.png)" in text
    assert (tmp_path / "throughput-engines.svg").is_file()


def test_what_is_hardly_quicker_stands_there_with_its_cause(mixed: Record, tmp_path: Path) -> None:
    slow = {r.case for r in mixed.replicates if ",openvino,int8," in r.case}
    done = [
        msgspec.structs.replace(r, values=r.values | {"throughput_per_s": r.values["throughput_per_s"] / 3})
        if r.case in slow and r.role == "measure" else r
        for r in mixed.replicates
    ]  # fmt: skip
    text = reports.make([results.record(mixed.run, done, "complete")], tmp_path, only=FIRST)[0].read_text(encoding="utf-8")
    section = text.partition("## Why a narrower precision is not quicker\n\n")[2].partition("\n## ")[0]
    assert section.count("- `") == len(NETS)
    assert section.count("] as quick as fp32: ") == len(NETS)
