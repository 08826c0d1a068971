"""Names of networks on the charts: told apart, and never read as anything else."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

from vbench.core import Machine
from vbench.reports import charts, choose_protocols, make, rows
from vbench.reports.charts import quality_gmacs
from vbench.reports.rows import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def test_namesakes_are_told_apart_by_their_input(make_record: Callable[..., Record], nets: Any) -> None:
    found = drawings(make_record(nets[2:4], axes=({}, {"input_shape": (3, 128, 128)})))
    for name in ("top1-gmacs", "top1-latency"):
        assert {text.get_text() for text in tagged(found[name].figure.axes[0], "name")} == {
            "resnet/18 3x224x224", "resnet/18 3x128x128", "resnet/50 3x224x224", "resnet/50 3x128x128",
        }  # fmt: skip


def test_a_compressed_network_is_not_drawn_with_the_accuracy_of_the_whole(make_record: Callable[..., Record]) -> None:
    found = drawings(make_record(axes=({}, {"compression": "l1-filter:0.5"})))
    for drawing in found.values():
        assert len(tagged(drawing.figure.axes[0], "point")) == 11
        assert "alexnet/one-tower@l1-filter:0.5" in footer(drawing.figure)


def test_a_name_is_never_read_as_a_formula(make_record: Callable[..., Record], nets: Any, tmp_path: Path) -> None:
    make([make_record([nets[3]._replace(name="odd/$\\frac{1$ & <b>")])], tmp_path, only=FIRST, formats=("svg",))
    svg = (tmp_path / "top1-latency.svg").read_text(encoding="utf-8")
    texts = {"".join(text.itertext()) for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}  # noqa: S314 - as above
    assert "odd/$\\frac{1$ & <b>" in texts


def test_the_gmacs_chart_needs_no_times(make_record: Callable[..., Record]) -> None:
    found = drawings(make_record(processes=0))
    assert len(tagged(found["top1-gmacs"].figure.axes[0], "point")) == 11
    assert found["top1-latency"].figure is None
    assert "no row was measured" in found["top1-latency"].reason
    crashed = rows([make_record(wrong={"resnet/50": ("crashed", "signal 11")})])
    assert quality_gmacs.select(crashed, Protocol("top1", "no such protocol")) == []


def test_control_characters_in_names_are_not_drawn(make_record: Callable[..., Record], nets: Any, tmp_path: Path) -> None:
    odd = "resnet/\x1b[31m\x00\x85\uffffodd"
    given = [net._replace(name=odd, recipe="the\x07 paper") if net.name == "resnet/50" else net for net in nets]
    for drawing in drawings(make_record(given)).values():
        png, svg, _ = charts.save(drawing, tmp_path)
        told = "".join(ET.parse(svg).getroot().itertext())  # noqa: S314 - our own file, which must be well-formed
        assert "resnet/[31modd" in told
        assert "the paper (" in told
        assert png.stat().st_size
