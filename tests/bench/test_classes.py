"""Which output of a network each class is: files of every form, and what does not go together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from vbench import classes, datasets
from vbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def _fill(root: Path) -> Path:
    for name in ("red", "green", "blue"):
        (root / name).mkdir(parents=True)
        Image.new("RGB", (8, 6)).save(root / name / "0.png")
    return root


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "blue 4\ngreen 0\nred 7\n"),
        ("a.json", json.dumps({"blue": 4, "green": 0, "red": 7})),
        ("keras.json", json.dumps({"0": ["green", "a colour"], "4": ["blue", "another"], "7": ["red", "a third"]})),
    ],
)
def test_a_mapping_says_which_output_each_class_is(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    found = classes.mapping(tmp_path / name)
    assert found == {"blue": 4, "green": 0, "red": 7}
    pictures = datasets.read(f"folder:{_fill(tmp_path / 'val')}")
    assert classes.targets(pictures, 8, found, "--data") == (4, 0, 7)
    with pytest.raises(UsageError, match="gives red output 7, and the network answers 7"):
        classes.targets(pictures, 7, found, "--data")


def test_lines_of_classes_are_in_the_order_of_the_outputs(tmp_path: Path) -> None:
    (tmp_path / "synsets.txt").write_text("red tench, Tinca tinca\ngreen goldfish\n\nblue 3 kinds of shark\n")
    (tmp_path / "list.json").write_text(json.dumps(["red", "green", "blue"]))
    wanted = {"red": 0, "green": 1, "blue": 2}
    assert classes.mapping(tmp_path / "synsets.txt") == classes.mapping(tmp_path / "list.json") == wanted


@pytest.mark.parametrize("text", ["", "red\nred\n", "\n\n"])
def test_lines_that_name_nothing_or_a_class_twice_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(UsageError, match="write a line `CLASS OUTPUT`"):
        classes.mapping(tmp_path / "a.txt")


@pytest.mark.parametrize("text", ["3", "{", '{"a": null}', '{"a": []}', "[]"])
def test_json_that_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UsageError, match="write a line `CLASS OUTPUT`"):
        classes.mapping(tmp_path / "a.json")


def test_two_classes_of_one_output_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("red 1\nblue 1\n")
    with pytest.raises(UsageError, match="output 1 is given to red, blue"):
        classes.mapping(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="cannot be read"):
        classes.mapping(tmp_path / "gone.txt")


def test_classes_and_outputs_must_go_together(tmp_path: Path) -> None:
    pictures = datasets.read(f"folder:{_fill(tmp_path)}")
    assert classes.targets(pictures, 3, None, "--data") == (0, 1, 2)
    assert classes.targets(pictures, None, None, "--data") == (0, 1, 2)
    for outputs in (2, 1000):
        with pytest.raises(UsageError, match=rf"3 classes \(blue, green, red\), and the network answers {outputs}: .*--classes"):
            classes.targets(pictures, outputs, None, "--data")
    with pytest.raises(UsageError, match="1 of 3 classes are not in --classes: green; it has red, blue"):
        classes.targets(pictures, 3, {"red": 0, "blue": 1}, "--data")
