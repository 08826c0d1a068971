"""What columns are called and measured in, and the colours of their values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vbench.reports.charts import _style as style
from vbench.reports.page import colours, labels
from vbench.results import COLUMNS

CONTRACT = Path(__file__).resolve().parents[4] / "docs" / "contract.md"
# What the page says in a unit of its own, shares in percent and operations by their name; one holds several numbers.
SAME = {"share": "", "times": "", "FLOP/s": "1/s", "FLOP/B": "1/B"}
SEVERAL = {"throughput_by_batch"}


def contract_units() -> dict[str, str]:
    text = CONTRACT.read_text(encoding="utf-8").partition("## Columns")[2]
    return {name: unit.strip() for name, unit in re.findall(r"^\| `(\w+)` \|([^|]*)\|", text, re.MULTILINE)}


@pytest.mark.parametrize("name", [name for name in COLUMNS if name in contract_units() and name not in SEVERAL])
def test_a_unit_is_that_of_the_contract(name: str) -> None:
    own, stated = labels.unit(name).strip(), contract_units()[name]
    assert SAME.get(own, own) == stated.replace("images", "")


def test_every_metric_tells_of_its_columns() -> None:
    told = labels.told()
    assert set(COLUMNS) & set(told)
    for name, one in told.items():
        assert one.label, name
        assert one.about, name
        assert one.better in {"lower", "higher", "none"}
    assert told["latency_s"].better == "lower"
    assert told["throughput_per_s"].better == "higher"


@pytest.mark.parametrize("color", style.PALETTE)
def test_a_colour_stands_out_from_a_dark_ground_and_keeps_its_hue(color: str) -> None:
    assert colours.contrast(colours.lighter(color), colours.DARK) >= 3
    if colours.contrast(color, colours.DARK) >= 3:
        assert colours.lighter(color) == color


def test_contrast_is_that_of_the_standard() -> None:
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#777777") == 1
    assert colours.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_a_family_has_the_colour_of_the_printed_charts() -> None:
    look = colours.looks(["resnet", "vgg"])["resnet"]
    assert look.fill == style.color("resnet")
    assert look.shape in {"circle", "square", "triangle-up", "diamond", "triangle-down", "triangle-left"}
