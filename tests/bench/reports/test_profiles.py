"""A profile for people: the tables, the charts against their data, the page without a network, and the trace."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import errors, kinds, roofline
from vbench.core import Ceiling, Layer, Machine
from vbench.reports import profiles
from vbench.reports.profiles import chart, page, roof, text, trace
from vbench.roofline import Profile

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = {"fp32": Ceiling(peak_flops=100e9, bandwidth_bytes_per_s=10e9, method="a product")}
ODD = "<script>alert(1)</script>"


def layer(path: str, milliseconds: float | None, kind: str, macs: int = 0, size: int | None = 1_000_000) -> Layer:
    seconds = None if milliseconds is None else milliseconds / 1e3
    operator = "convolution" if macs else "relu"
    return Layer(
        path=path, operator=operator, kind=kind, precision="fp32", output=(1, 8, 4, 4), macs=macs, bytes=size, seconds=seconds
    )


LAYERS = (
    layer("stem.0", 1.0, kinds.THREE, 40_000_000),
    layer("stem.1", 0.5, kinds.ACTIVATION, size=4_000_000),
    layer("stage.0.body", 4.0, kinds.ONE, 20_000_000),
    layer("stage.1.body", 2.0, kinds.ONE, 10_000_000, 15_000_000),
    layer("", 0.5, kinds.MOVEMENT, size=None),
    layer("head", None, kinds.LINEAR, 1_000_000),
)


@pytest.fixture
def profile(make: Any) -> Profile:
    return built(make)


def built(make: Any, layers: tuple[Layer, ...] = LAYERS, limits: dict[str, Ceiling] = LIMITS, **fields: Any) -> Profile:
    case, judged = make.case(), roofline.judged(layers, limits)
    given = {
        "case": case, "case_id": case.id, "total_s": 10e-3, "before_s": 9.9e-3, "after_s": 10.1e-3, "requests": 40,
        "layers_s": 8e-3, "run_s": 11e-3, "runs": 15, "profiler": "torch.profiler", "ceilings": limits, "layers": judged,
        "kinds": roofline.by_kind(judged), "machine": Machine(slug="some", fingerprint="f00d", processor="A processor", cores=2),
        "versions": {"torch": "2.13"}, "started": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Profile(**given | fields)


def test_people_read_what_was_profiled_the_kinds_and_the_slowest_layers(profile: Profile) -> None:
    told = [" ".join(line.split()) for line in text.text(profile, by=None, top=2).splitlines()]
    assert told == [
        "family/variant@none,3x32x32,b1,eager,fp32,cpu,t1,nchw,infer,single-stream,random:0",
        "without a profiler: 10.0 ms, median of 40 requests (9.90 ms before the profile, 10.1 ms after)",
        "sum of 6 layers: 8.00 ms, 80.0 % of that",
        "a run under the profiler: 11.0 ms, +10.0 %, median of 15 (torch.profiler)",
        "ceilings of fp32: 100 GFLOP/s, 10.0 GB/s (a product)",
        "",
        "kind layers time share MACs FLOP/s of peak bytes/s of bandwidth bound by",
        "1x1 2 6.00 ms 75.0 % 30.0 M 10.0 GFLOP/s 10 % 2.67 GB/s 27 % overhead 67 %, memory 33 %",
        "3x3 1 1.00 ms 12.5 % 40.0 M 80.0 GFLOP/s 80 % 1.00 GB/s 10 % compute",
        "activation 1 500 µs 6.2 % – – – 8.00 GB/s 80 % memory",
        "memory movement 1 500 µs 6.2 % – – – – – unknown",
        "linear 1 – – 1.00 M – – – – –",
        "",
        "layer operator kind output time share MACs FLOP/s of peak bytes/s of bandwidth bound by",
        "stage.0.body convolution 1x1 1x8x4x4 4.00 ms 50.0 % 20.0 M 10.0 GFLOP/s 10 % 250 MB/s 2 % overhead",
        "stage.1.body convolution 1x1 1x8x4x4 2.00 ms 25.0 % 10.0 M 10.0 GFLOP/s 10 % 7.50 GB/s 75 % memory",
        "… and 4 more: --all, or --top N",
    ]


def test_one_table_is_printed_where_one_is_asked_for(profile: Profile) -> None:
    told = text.text(profile, by="module", top=None, depth=1).splitlines()
    assert told[6].startswith("module ")
    assert [line.split()[0] for line in told[7:]] == ["stage", "stem", "(relu)", "head"]
    assert "unknown" not in text.text(profile, by="operator", top=1)
    assert text.text(profile, by="operator", top=1).endswith("… and 1 more: --all, or --top N")


def test_every_layer_is_a_bar_and_every_kind_one_in_its_colour(profile: Profile) -> None:
    drawing = chart.draw(profile)
    assert drawing.figure is not None
    below, above = drawing.figure.axes
    bars = [patch for patch in above.patches if patch.get_gid() == "layer"]
    assert [bar.get_height() for bar in bars] == pytest.approx([1.0, 0.5, 4.0, 2.0, 0.5, 0.0])
    assert above.get_ylabel() == "Time (ms)"
    assert [tick.get_text() for tick in below.get_yticklabels()] == ["1x1", "3x3", "activation", "memory movement", "linear"]
    wide = [patch for patch in below.patches if patch.get_gid() == "kind"]
    assert [bar.get_width() for bar in wide] == pytest.approx([6.0, 1.0, 0.5, 0.5, 0.0])
    assert wide[0].get_facecolor() == bars[2].get_facecolor() != bars[0].get_facecolor()
    assert "75.0 %, 2 layers" in {note.get_text() for note in below.texts}
    assert {"stage.0.body", "stage.1.body"} <= {note.get_text() for note in above.texts}
    said = " ".join(note.get_text() for note in drawing.figure.texts)
    assert "80.0 % of the 10.0 ms" in said
    assert "+10.0 %" in said


def test_the_roofline_has_every_layer_that_multiplies_and_says_what_it_leaves_out(profile: Profile) -> None:
    drawing = roof.draw(profile)
    assert drawing.figure is not None
    (axes,) = drawing.figure.axes
    points = [tuple(c.get_offsets()[0]) for c in axes.collections if c.get_gid() == "layer"]
    assert points == [pytest.approx((80.0, 80.0)), pytest.approx((40.0, 10.0)), pytest.approx((4 / 3, 10.0))]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    lines = {line.get_gid(): line for line in axes.lines}
    assert max(lines["roof"].get_ydata()) == pytest.approx(100.0)
    assert 10.0 in lines["roof"].get_xdata()  # where both ceilings meet
    assert list(lines["half"].get_ydata()) == pytest.approx([y * roofline.EXPLAINED for y in lines["roof"].get_ydata()])
    said = " ".join(note.get_text() for note in drawing.figure.texts)
    assert "3 layers that multiply nothing" in said
    assert "12.5 % of the time" in said


def test_without_ceilings_there_is_no_roof_and_without_bytes_no_roofline(make: Any) -> None:
    bare = roof.draw(built(make, limits={}))
    assert bare.figure is not None
    assert not [line for line in bare.figure.axes[0].lines if line.get_gid() == "roof"]
    nothing = roof.draw(built(make, LAYERS[1:2]))
    assert nothing.figure is None
    assert "none of them multiplies" in nothing.reason


def test_the_page_stands_alone_and_escapes_every_name(make: Any, tmp_path: Path) -> None:
    odd = msgspec.structs.replace(LAYERS[0], path=ODD, operator=ODD)
    profile = built(make, (odd, *LAYERS[1:]), case_id=ODD)
    profiles.make(profile, tmp_path)
    html = (tmp_path / "profile.html").read_text("utf-8")
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)") >= 3
    assert not re.search(r"(?:src|href)=.(?!data:)|url\(|@import|https?:", html)
    assert html.count("data:image/svg+xml;base64,") == 2
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    assert len([row for row in rows if 'data-value="0.004"' in row]) == 2  # of the layers, and of the modules
    assert all(f"<dt>{bound}</dt>" in html for bound in roofline.BOUNDS)
    assert "no chart, since" in page.html(profile, [(roof.draw(built(make, LAYERS[1:2])), "")])


def test_a_folder_gets_all_of_it_and_one_that_cannot_be_written_is_a_line(profile: Profile, tmp_path: Path) -> None:
    written = profiles.make(profile, tmp_path / "out")
    names = {"profile.html", "profile.json", "trace.json", "time.png", "time.svg", "roofline.png", "roofline.svg"}
    assert {path.name for path in written} == names == {path.name for path in (tmp_path / "out").iterdir()}
    assert msgspec.json.decode((tmp_path / "out" / "profile.json").read_bytes(), type=Profile) == profile
    (tmp_path / "taken").write_text("")
    with pytest.raises(errors.UsageError, match=r"cannot write the profile to .*taken: .*-o DIR"):
        profiles.make(profile, tmp_path / "taken")


def test_the_trace_lays_layers_end_to_end_within_their_modules(profile: Profile) -> None:
    told = json.loads(trace.text(profile))
    slices = [event for event in told["traceEvents"] if event["ph"] == "X" and event["tid"] == 1]
    layers = [event for event in slices if event["cat"] != "module"]
    assert [(event["name"], event["ts"], event["dur"]) for event in layers] == [
        ("stem.0", 0.0, pytest.approx(1000.0)),
        ("stem.1", pytest.approx(1000.0), pytest.approx(500.0)),
        ("stage.0.body", pytest.approx(1500.0), pytest.approx(4000.0)),
        ("stage.1.body", pytest.approx(5500.0), pytest.approx(2000.0)),
        ("(relu)", pytest.approx(7500.0), pytest.approx(500.0)),
    ]
    modules = {event["name"]: (event["ts"], event["dur"]) for event in slices if event["cat"] == "module"}
    assert modules == {
        "stem": (0.0, pytest.approx(1500.0)),
        "stage": (pytest.approx(1500.0), pytest.approx(6000.0)),
        "stage.0": (pytest.approx(1500.0), pytest.approx(4000.0)),
        "stage.1": (pytest.approx(5500.0), pytest.approx(2000.0)),
    }
    assert layers[0]["args"]["bound"] == roofline.COMPUTE
    assert "bytes" not in layers[-1]["args"]
    (whole,) = [event for event in told["traceEvents"] if event["ph"] == "X" and event["tid"] == 2]
    assert whole["dur"] == pytest.approx(10_000.0)


def test_no_torch_is_needed_to_show_a_profile(profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(msgspec.json.encode(profile))
    code = (
        "import sys, msgspec, pathlib; from vbench.reports import profiles; from vbench.roofline import Profile; "
        f"p = pathlib.Path({str(tmp_path)!r}); "
        "profiles.make(msgspec.json.decode((p / 'p.json').read_bytes(), type=Profile), p); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
