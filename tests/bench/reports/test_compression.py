"""Charts of compressed networks: trade-offs by criterion, chance as what a criterion has to beat, and time against arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.reports import charts, choose_protocols, rows
from vbench.reports.charts import _compressed, _pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vbench.core import Record

PROTOCOL = "some digits, 1000 pictures, centre crop"
RATIOS = (0.3, 0.5, 0.7)
FORMS = ("none", *(f"{criterion}:{ratio}" for criterion in ("taylor", "random", "l1-filter") for ratio in RATIOS))
# Taylor beats chance at every ratio; l1-filter only at the last, and below chance at the first.
TOP1 = {
    "none": 76.0,
    **{f"random:{ratio}": value for ratio, value in zip(RATIOS, (70.0, 60.0, 30.0), strict=True)},
    **{f"taylor:{ratio}": value for ratio, value in zip(RATIOS, (74.0, 71.0, 62.0), strict=True)},
    **{f"l1-filter:{ratio}": value for ratio, value in zip(RATIOS, (66.0, 60.5, 35.0), strict=True)},
}


def tagged(axes: Axes, tag: str) -> list[Any]:
    return [artist for artist in axes.get_children() if artist.get_gid() == tag]


def footer(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts)


def drawn(record: Record) -> dict[str, Any]:
    found = rows([record])
    return {d.name: d for d in charts.draw(found, choose_protocols(found), only=("compression",))}


@pytest.fixture
def compressed(make_record: Callable[..., Record], nets: Any) -> Callable[..., Record]:
    """ResNet-50 as it is and in nine forms, whose MACs follow the ratio; `top1` maps a form to its accuracy."""

    def make(top1: Any = TOP1, half: float = 1.5, forms: Any = FORMS) -> Record:
        record = make_record(nets[3:4], axes=tuple({"compression": form} for form in forms))
        found = []
        for result in record.results:
            own = result.values | _measured(top1.get(result.case.compression), half)
            share = 1.0 if result.case.compression == "none" else 1 - float(result.case.compression.rpartition(":")[2])
            own |= {"macs": int(result.values["macs"] * share), "weight_bytes": int(1e8 * share)}
            found.append(msgspec.structs.replace(result, values=own))
        return msgspec.structs.replace(record, results=tuple(found))

    return make


def _measured(top1: float | None, half: float) -> dict[str, Any]:
    if top1 is None:
        return {}
    ends = {"top1_low": top1 - half, "top1_high": top1 + half} if half else {}
    return {"top1": top1, "accuracy_kind": "measured", "accuracy_protocol": PROTOCOL, **ends}


def test_a_line_for_each_criterion_in_a_panel_for_each_cost(compressed: Callable[..., Record]) -> None:
    record = compressed()
    figure = drawn(record)["compression-resnet-50"].figure
    assert [axes.get_xlabel() for axes in figure.axes] == ["Request latency (ms)", "GMACs per image", "Size of the weights (MiB)"]
    assert figure.axes[0].get_ylabel() == "Measured top-1 (%)"
    macs = next(r.values["macs"] for r in record.results if r.case.compression == "none") / 1e9
    lines = tagged(figure.axes[1], "line")
    wanted = {
        tuple(TOP1[f"{criterion}:{ratio}"] for ratio in RATIOS): [macs * (1 - ratio) for ratio in RATIOS]
        for criterion in ("taylor", "random", "l1-filter")
    }
    assert {tuple(line.get_ydata()): pytest.approx(list(line.get_xdata()), rel=1e-6) for line in lines} == wanted
    (whole,) = tagged(figure.axes[1], "uncompressed")
    assert (whole.get_xdata()[0], whole.get_ydata()[0]) == pytest.approx((macs, 76.0))
    assert {text.get_text() for text in tagged(figure.axes[1], "strength")} == {"0.3", "0.5", "0.7"}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["uncompressed", "random", "l1-filter", "taylor"]


def test_accuracies_of_other_data_stay_out(compressed: Callable[..., Record]) -> None:
    record = compressed()
    again = tuple(
        msgspec.structs.replace(r, values=r.values | {"accuracy_protocol": "other"})
        if r.case.compression in {"none", "taylor:0.5"}
        else r
        for r in record.results
    )
    figure = drawn(msgspec.structs.replace(record, results=again))["compression-resnet-50"].figure
    assert len(tagged(figure.axes[0], "point")) == 8
    assert tagged(figure.axes[0], "uncompressed") == []
    assert "The uncompressed network was not evaluated in this protocol." in footer(figure)
    assert PROTOCOL in footer(figure)


def test_the_front_is_of_all_forms_and_the_network_as_it_is(compressed: Callable[..., Record]) -> None:
    axes = drawn(compressed())["compression-resnet-50"].figure.axes[1]
    (line,) = tagged(axes, "front")
    assert sorted(y for _, y in line.get_xydata()) == [62.0, 71.0, 74.0, 76.0]


def test_a_criterion_must_beat_chance_by_more_than_its_interval(compressed: Callable[..., Record]) -> None:
    said = footer(drawn(compressed())["compression-resnet-50"].figure)
    assert "Against random at the same ratio and MACs:" in said
    assert "taylor is better at 0.3, 0.5, 0.7" in said
    assert "l1-filter is better at 0.7" in said
    assert "l1-filter is not told apart at 0.5" in said
    assert "l1-filter is worse at 0.3" in said
    wide = footer(drawn(compressed(half=40.0))["compression-resnet-50"].figure)
    assert "taylor is not told apart at 0.3, 0.5, 0.7" in wide
    bare = footer(drawn(compressed(half=0.0))["compression-resnet-50"].figure)
    assert "taylor has the higher value (no interval) at 0.3, 0.5, 0.7" in bare


def test_without_chance_nothing_is_shown_to_be_better(compressed: Callable[..., Record]) -> None:
    forms = tuple(form for form in FORMS if not form.startswith("random"))
    said = footer(drawn(compressed(forms=forms))["compression-resnet-50"].figure)
    assert "no criterion is shown to be better than chance" in said
    assert "is better" not in said


def test_forms_of_other_arithmetic_are_not_compared_with_chance(compressed: Callable[..., Record]) -> None:
    record = compressed()
    again = tuple(
        msgspec.structs.replace(r, values=r.values | {"macs": r.values["macs"] * 2}) if r.case.compression == "taylor:0.5" else r
        for r in record.results
    )
    said = footer(drawn(msgspec.structs.replace(record, results=again))["compression-resnet-50"].figure)
    assert "taylor is better at 0.3, 0.7" in said


def test_time_left_stands_against_arithmetic_left(compressed: Callable[..., Record]) -> None:
    record = compressed({})
    found = drawn(record)
    assert "no network has two compressed forms whose accuracy was measured" in found["compression"].reason
    axes = found["compression-time"].figure.axes[0]
    places = sorted(tuple(map(float, point.get_offsets()[0])) for point in tagged(axes, "point"))
    assert [x for x, _ in places] == pytest.approx(sorted([30.0, 50.0, 70.0] * 3), abs=1e-4)
    by = {row.case.compression: row for row in rows([record])}
    wanted = [_pairs.latency(row, by["none"]) for name, row in by.items() if name != "none"]
    assert sorted(y for _, y in places) == pytest.approx(sorted(100 * ratio.value for ratio in wanted if ratio is not None))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("MACs left (%)", "Request latency left (%)")


def test_without_a_compressed_row_the_way_to_one_is_said(make_record: Callable[..., Record]) -> None:
    (drawing,) = drawn(make_record()).values()
    assert drawing.figure is None
    assert "--compress l1-filter:0.5" in drawing.reason


@pytest.mark.parametrize(
    ("compression", "criterion", "strength"),
    [
        ("l1-filter:0.5", "l1-filter", "0.5"),
        ("taylor:0.3:global", "taylor global", "0.3"),
        ("l1-filter:0.5:round=8", "l1-filter round=8", "0.5"),
        ("magnitude:0.9+codebook:5", "magnitude + codebook", "0.9 + 5"),
        ("binary", "binary", ""),
    ],
)
def test_a_compression_is_a_criterion_and_how_much(compression: str, criterion: str, strength: str) -> None:
    assert _compressed.told(compression) == (criterion, strength)


@given(st.lists(st.tuples(st.sampled_from(["l1-filter", "codebook", "x"]), st.floats(0.01, 0.99)), min_size=1, max_size=3))
def test_every_part_of_a_compression_is_told(steps: list[tuple[str, float]]) -> None:
    criterion, strength = _compressed.told("+".join(f"{name}:{ratio:g}" for name, ratio in steps))
    assert criterion.split(" + ") == [name for name, _ in steps]
    assert [float(part) for part in strength.split(" + ")] == pytest.approx([ratio for _, ratio in steps], rel=1e-5)
