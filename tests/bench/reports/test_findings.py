"""What stands out: the sentences that summary and page begin with, computed from the rows."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any

import msgspec

from vbench import reports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vbench.core import Record

WAYS = tuple({"engine": engine, "precision": precision} for engine in ("eager", "openvino") for precision in ("fp32", "int8"))


def written(tmp_path: Path, record: Record, *only: str) -> tuple[list[str], str]:
    reports.make([record], tmp_path, only=only, formats=())
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    section = text.partition("## What stands out\n\n")[2].partition("\n\n")[0]
    page = unescape((tmp_path / "report.html").read_text(encoding="utf-8"))
    return [line.removeprefix("- ") for line in section.splitlines()], page


def test_networks_that_no_other_one_beats_are_named(make_record: Callable[..., Record], nets: Any, tmp_path: Path) -> None:
    record = make_record(spread=0.0)
    (line,), page = written(tmp_path, record, "quality-latency")
    known = {net.name: (net.ms, net.top1) for net in nets if net.top1 is not None}
    front = [
        n for n, (ms, top1) in known.items() if not any(m <= ms and t >= top1 and (m, t) != (ms, top1) for m, t in known.values())
    ]
    listed = ", ".join(f"{name} ({known[name][1]:.1f} %)" for name in sorted(front, key=lambda name: known[name][1]))
    assert f"of 11 networks, no other one beats {listed} in top-1 and measured request latency at once." in line
    assert line in page


def test_speed_ups_are_told_by_their_medians(make_record: Callable[..., Record], nets: Any, tmp_path: Path) -> None:
    (line,), _ = written(tmp_path, make_record(nets[:3], axes=WAYS, spread=0.0), "speedups")
    assert line.startswith("Measured speed-up of engines and precisions over eager fp32, median over the networks: ")
    assert all(f"{way} 1 times" in line for way in ("eager int8", "openvino fp32", "openvino int8"))


def test_departures_that_are_the_same_are_said_once(make_record: Callable[..., Record], nets: Any, tmp_path: Path) -> None:
    record = make_record(nets[:3])
    known = record.run.architectures
    facts = {
        name: msgspec.structs.replace(known[name], deviation="batch norm was added" if name != "vgg/16" else "") for name in known
    }
    again = msgspec.structs.replace(record, run=msgspec.structs.replace(record.run, architectures=facts))
    _, page = written(tmp_path, again, "quality-gmacs")
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "- alexnet/one-tower, resnet/18: batch norm was added\n" in text
    assert page.count("batch norm was added") == 1
