"""`vbench show` with geometry: what it adds for people and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


NETS = """
from torch import nn
from vbench import architecture

@architecture("tiny/conv", input=(3, 8, 8))
def conv(classes=5):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 32, 1), nn.Flatten(), nn.Linear(32 * 36, classes))
"""


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, commands: Any) -> Any:
    folder: Path = tmp_path_factory.mktemp("show")
    (folder / "nets.py").write_text(NETS)
    return lambda *words: commands(folder, *words, "--plugin", "nets.py")


def test_geometry_and_memory_are_added_when_asked_for(cli: Any) -> None:
    told = json.loads(cli("show", "tiny/conv", "--geometry", "--memory-limit", "1MB", "--json").stdout)
    assert told["geometry"]["field"] | {"map": None} == {
        "size": [3.0, 3.0], "stride": [1.0, 1.0], "start": [0.0, 0.0], "map": None, "whole": False, "exact": True,
    }  # fmt: skip
    assert told["geometry"]["coverage"] == 1.0
    assert set(told["geometry"]["sizes"]) == {"3x97x131", "3x160x320", "3x225x225", "3x341x227", "3x480x640"}
    assert all("RuntimeError" in why for why in told["geometry"]["sizes"].values())
    assert told["largest_batch"] > 1
    assert not {"geometry", "largest_batch"} & set(json.loads(cli("show", "tiny/conv", "--json").stdout))


def test_people_read_where_a_module_looks(cli: Any) -> None:
    text = cli("show", "tiny/conv", "--geometry", "--memory-limit", "1MB").stdout
    assert "receptive field: 3 px, of which it sees 100.0 %" in text
    assert "not at: 3x97x131 (RuntimeError: " in text
    assert "  largest batch in 977 KiB: " in text
    assert "field  stride" in text
    assert "Conv2d" in next(line for line in text.splitlines() if line.endswith("3       1"))


@pytest.mark.parametrize("limit", ["much", "7 sheep"])
def test_a_false_memory_limit_is_one_line(cli: Any, limit: str) -> None:
    done = cli("show", "tiny/conv", "--memory-limit", limit)
    assert done.returncode == 2
    assert "--memory-limit" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_diagram_takes_the_place_of_the_table(cli: Any) -> None:
    lines = cli("show", "tiny/conv", "--diagram").stdout.splitlines()
    assert lines[lines.index("") + 1 :] == [
        "input                 3x8x8",
        "3x3 conv 4            4x6x6",
        "1x1 conv 32, Flatten  1152",
        "linear 5              5",
    ]
