"""`vbench cache`: what is kept is listed, and removed where that is asked for."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import artefacts, cli, units

if TYPE_CHECKING:
    from pathlib import Path

KEPT = (("onnx", "resnet/18", "fp32"), ("xml", "resnet/18", "int8"), ("onnx", "vgg/16", "fp32"))
# As a key holds them: Python's own text of what a case carries.
OPTIONS = {"resnet/18": str((("hint", "throughput"), ("streams", "2"))), "vgg/16": "()"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / artefacts.FOLDER


@pytest.fixture
def kept(here: Path) -> list[Path]:
    """Three entries of 2048 bytes, the last of which nobody used for 40 days."""

    def make(folder: Path) -> dict[str, str]:
        (folder / "graph").write_bytes(bytes(2048))
        return {"opset": "20"}

    folders = [
        artefacts.keep(name, {"architecture": net, "precision": kind, "engine_options": OPTIONS[net]}, make).folder
        for name, net, kind in KEPT
    ]
    manifest = folders[-1] / artefacts.MANIFEST
    old = manifest.stat().st_mtime - 40 * 86_400
    os.utime(manifest, (old, old))
    return folders


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vbench", "cache", *words])
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", sys.stdout)
            patch.setattr(sys, "stderr", sys.stderr)
            with pytest.raises(SystemExit) as left:
                cli.main()
        return int(left.value.code or 0), *capsys.readouterr()

    return run


def test_an_empty_folder_is_said(verb: Any, here: Path) -> None:
    assert verb() == (0, f"0 kept: 0 B in {here}, of 20.0 GiB at most\n", "")
    assert verb("--clear") == (0, f"0 removed: 0 B of {here}\n", "")
    assert verb("--json") == (0, "[]\n", "")


def test_every_entry_has_a_line_and_they_are_added_up(verb: Any, kept: list[Path], here: Path) -> None:
    code, out, _ = verb()
    lines = [re.split(r"  +", line.strip()) for line in out.splitlines()]
    assert code == 0
    assert lines[0] == ["what", "architecture", "precision", "options", "size", "made in", "age", "last used"]
    assert lines[1][:4] == ["onnx", "vgg/16", "fp32", "2.00 KiB"], "the one used longest ago first"
    assert (lines[1][5], lines[1][6]) == ("0 min", "40 d")
    assert (lines[2][3], lines[2][-1]) == ("hint=throughput streams=2", "0 min")
    assert out.splitlines()[-1] == f"3 kept: 6.00 KiB in {here}, of 20.0 GiB at most"


def test_json_holds_what_the_manifest_says(verb: Any, kept: list[Path]) -> None:
    found = json.loads(verb("--json", "vgg/*")[1])
    assert [(one["name"], one["key"]["architecture"], one["bytes"], one["notes"]) for one in found] == [
        ("onnx", "vgg/16", 2048, {"opset": "20"})
    ]
    assert found[0]["folder"] == str(kept[-1])
    assert found[0]["used_s"] == pytest.approx(40 * 86_400, abs=60)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ((), []),
        (("resnet/18",), [2]),
        (("resnet/*", "--name", "onnx"), [1, 2]),
        (("--name", "xml"), [0, 2]),
        (("--older-than", "30d"), [0, 1]),
        (("--older-than", "41d"), [0, 1, 2]),
        (("nothing/*",), [0, 1, 2]),
    ],
)
def test_what_was_asked_for_is_removed_and_nothing_else(
    verb: Any, kept: list[Path], words: tuple[str, ...], left: list[int]
) -> None:
    gone = 3 - len(left)
    code, out, _ = verb("--clear", *words)
    assert (code, out.split(":")[0]) == (0, f"{gone} removed")
    assert {folder for folder, _ in artefacts.entries()} == {kept[index] for index in left}


def test_clearing_everything_takes_what_is_damaged_too(verb: Any, kept: list[Path], here: Path) -> None:
    (kept[0] / artefacts.MANIFEST).write_text("{")
    assert verb("--clear")[1].startswith("2 removed")
    assert not here.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("resnet/81",), "nothing is kept of architecture 'resnet/81': did you mean resnet/18?"),
        (("--name", "onxn"), "nothing is kept of kind 'onxn': did you mean onnx?"),
        (("--older-than", "soon"), "--older-than: 'soon' is not a time"),
        (("--older-than", "1.5d"), "--older-than: '1.5d' is not a time: write a whole number of days first, like 30d or 1d12h"),
        (("--clean",), "No such option: --clean"),
    ],
)
def test_nonsense_is_one_line(verb: Any, kept: list[Path], words: tuple[str, ...], said: str) -> None:
    code, out, err = verb(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert len(list(artefacts.entries())) == 3


def test_a_limit_that_is_no_size_and_a_name_where_nothing_is_kept(verb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verb("vgg/16")[2] == "vbench: nothing is kept of architecture 'vgg/16': nothing is kept at all\n"
    monkeypatch.setenv("VBENCH_CACHE_LIMIT", "much")
    assert verb()[0] == 2
    assert "VBENCH_CACHE_LIMIT='much' is no size" in verb()[2]


@given(st.integers(0, 400), st.integers(0, 23))
def test_days_are_read_and_ages_are_written(days: int, hours: int) -> None:
    seconds = units.parse_days(f"{days}d{hours}h")
    assert seconds == days * 86_400 + hours * 3_600
    assert units.parse_days(f"{hours}h") == hours * 3_600
    assert units.age(seconds) == (f"{days} d" if days else f"{hours} h" if hours else "0 min")
