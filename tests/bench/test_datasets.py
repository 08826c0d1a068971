"""Labelled pictures: what each word means, in which order classes come, and what is refused."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from vbench import datasets
from vbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def _fill(root: Path, many: int = 2) -> Path:
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for number in range(many):
            Image.new("RGB", (8, 6), colour).save(root / name / f"{number}.png")
    return root


def test_folders_are_classes_in_the_order_of_their_names_whatever_lies_beside_them(tmp_path: Path) -> None:
    root = _fill(tmp_path / "val")
    (root / ".cache").mkdir()
    (root / "red" / "notes.txt").write_text("no picture")
    (root / "red" / "deeper").mkdir()
    Image.new("RGB", (8, 6), COLOURS["red"]).save(root / "red" / "deeper" / "z.JPG", "JPEG")
    found = datasets.read(f"folder:{root}")
    assert found.classes == ("blue", "green", "red")
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert len(found) == 7
    assert found.open(2, 3).getpixel((0, 0)) == COLOURS["green"]
    assert found.open(2, 1).mode == "L"
    assert found.name(0) == str(root / "blue" / "0.png")
    assert found.label.startswith("folder:val (")


def test_the_label_follows_what_is_in_the_folder_and_not_where_it_lies(tmp_path: Path) -> None:
    one, other = _fill(tmp_path / "a" / "val"), _fill(tmp_path / "b" / "val")
    assert datasets.read(f"folder:{one}").label == datasets.read(f"folder:{other}").label
    (other / "red" / "0.png").unlink()
    assert datasets.read(f"folder:{one}").label != datasets.read(f"folder:{other}").label


def test_a_folder_of_splits_gives_the_one_that_is_asked_for(tmp_path: Path) -> None:
    _fill(tmp_path / "train", 3)
    _fill(tmp_path / "val", 1)
    assert len(datasets.read(f"folder:{tmp_path}")) == 3
    assert len(datasets.read(f"folder:{tmp_path}", split="train")) == 9


def test_a_folder_of_one_split_lacks_the_other(tmp_path: Path) -> None:
    _fill(tmp_path / "train")
    with pytest.raises(UsageError, match="holds train and not val or validation"):
        datasets.read(f"folder:{tmp_path}")


def test_what_is_no_folder_of_classes_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*gone"):
        datasets.read(f"folder:{tmp_path / 'gone'}")
    with pytest.raises(UsageError, match="it is empty"):
        datasets.read(f"folder:{tmp_path}")
    Image.new("RGB", (4, 4)).save(tmp_path / "loose.png")
    with pytest.raises(UsageError, match="1 pictures lie in it directly"):
        datasets.read(f"folder:{tmp_path}")
    _fill(tmp_path)
    (tmp_path / "red" / "0.png").unlink()
    (tmp_path / "red" / "1.png").unlink()
    with pytest.raises(UsageError, match="of 3 class folders 1 hold no picture: red"):
        datasets.read(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("folder", "write folder:PATH"),
        ("folder:", "write folder:PATH"),
        ("digits:here", "write digits"),
        ("folders:here", r"did you mean folder\?; allowed are folder:PATH, cifar10:PATH, digits"),
        ("/some/where", "allowed are folder:PATH"),
    ],
)
def test_a_word_that_means_nothing_says_what_does(spec: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"^--data {spec}: .*{said}"):
        datasets.read(spec)


def _records(labels: list[int]) -> bytes:
    """Pictures whose first row is red and whose second is green, as CIFAR-10 writes them."""
    picture = np.zeros((3, 32, 32), np.uint8)
    picture[0, 0], picture[1, 1] = 250, 240
    return b"".join(bytes([label]) + picture.tobytes() for label in labels)


def test_cifar10_is_read_in_its_binary_version(tmp_path: Path) -> None:
    root = tmp_path / "cifar-10-batches-bin"
    root.mkdir()
    for number in range(1, 6):
        (root / f"data_batch_{number}.bin").write_bytes(_records([number, 0]))
    (root / "test_batch.bin").write_bytes(_records([9, 8, 7]))
    found = datasets.read(f"cifar10:{tmp_path}")
    assert found.labels.tolist() == [9, 8, 7]
    assert found.classes[9] == "truck"
    picture = found.open(1, 3)
    assert picture.size == (32, 32)
    assert [picture.getpixel((5, row)) for row in range(3)] == [(250, 0, 0), (0, 240, 0), (0, 0, 0)]
    trained = datasets.read(f"cifar10:{root}", split="train")
    assert trained.labels.tolist() == [1, 0, 2, 0, 3, 0, 4, 0, 5, 0]


def test_cifar10_that_is_cut_or_strange_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "test_batch.bin").write_bytes(_records([1])[:-1])
    with pytest.raises(UsageError, match="damaged: its 3072 bytes"):
        datasets.read(f"cifar10:{tmp_path}")
    (tmp_path / "test_batch.bin").write_bytes(_records([10]))
    with pytest.raises(UsageError, match="a label is 10"):
        datasets.read(f"cifar10:{tmp_path}")


def test_no_pickle_is_opened(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(UsageError, match="made of pickles and is not opened; unpack cifar-10-binary"):
        datasets.read(f"cifar10:{tmp_path}")
    with pytest.raises(UsageError, match=r"data_batch_1.bin, data_batch_2.bin, data_batch_3.bin and 2 more: not there"):
        datasets.read(f"cifar10:{tmp_path / 'gone'}", split="train")


def test_the_digits_come_in_two_halves_of_other_hands() -> None:
    pytest.importorskip("sklearn")
    train, test = datasets.read("digits", split="train"), datasets.read("digits")
    assert (len(train), len(test)) == (1438, 359)
    assert test.classes == tuple("0123456789")
    assert set(test.labels.tolist()) == set(range(10))
    assert test.open(0, 1).size == (8, 8)
    assert max(np.asarray(train.open(index, 1)).max() for index in range(20)) == 255


def test_a_picture_that_is_none_raises_one_of_the_errors_that_are_named(tmp_path: Path) -> None:
    root = _fill(tmp_path)
    (root / "blue" / "0.png").write_bytes(b"no picture")
    cut = (root / "red" / "0.png").read_bytes()
    (root / "red" / "0.png").write_bytes(cut[: len(cut) // 2])
    found = datasets.read(f"folder:{root}")
    for index in (0, 4):
        with pytest.raises(datasets.broken()):
            found.open(index, 3)
    with tarfile.open(tmp_path / "green.tar", "w"):
        pass
    assert len(datasets.read(f"folder:{root}")) == 6


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
    found = datasets.mapping(tmp_path / name)
    assert found == {"blue": 4, "green": 0, "red": 7}
    pictures = datasets.read(f"folder:{_fill(tmp_path / 'val')}")
    assert datasets.targets(pictures, 8, found, "--data") == (4, 0, 7)
    with pytest.raises(UsageError, match="gives red output 7, and the network answers 7"):
        datasets.targets(pictures, 7, found, "--data")


def test_lines_of_classes_are_in_the_order_of_the_outputs(tmp_path: Path) -> None:
    (tmp_path / "synsets.txt").write_text("red tench, Tinca tinca\ngreen goldfish\n\nblue 3 kinds of shark\n")
    (tmp_path / "list.json").write_text(json.dumps(["red", "green", "blue"]))
    wanted = {"red": 0, "green": 1, "blue": 2}
    assert datasets.mapping(tmp_path / "synsets.txt") == datasets.mapping(tmp_path / "list.json") == wanted


@pytest.mark.parametrize("text", ["", "red\nred\n", "\n\n"])
def test_lines_that_name_nothing_or_a_class_twice_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(UsageError, match="write a line `CLASS OUTPUT`"):
        datasets.mapping(tmp_path / "a.txt")


@pytest.mark.parametrize("text", ["3", "{", '{"a": null}', '{"a": []}', "[]"])
def test_json_that_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UsageError, match="write a line `CLASS OUTPUT`"):
        datasets.mapping(tmp_path / "a.json")


def test_two_classes_of_one_output_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("red 1\nblue 1\n")
    with pytest.raises(UsageError, match="output 1 is given to red, blue"):
        datasets.mapping(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="cannot be read"):
        datasets.mapping(tmp_path / "gone.txt")


def test_classes_and_outputs_must_go_together(tmp_path: Path) -> None:
    pictures = datasets.read(f"folder:{_fill(tmp_path)}")
    assert datasets.targets(pictures, 3, None, "--data") == (0, 1, 2)
    assert datasets.targets(pictures, None, None, "--data") == (0, 1, 2)
    for outputs in (2, 1000):
        with pytest.raises(UsageError, match=rf"3 classes \(blue, green, red\), and the network answers {outputs}: .*--classes"):
            datasets.targets(pictures, outputs, None, "--data")
    with pytest.raises(UsageError, match="1 of 3 classes are not in --classes: green; it has red, blue"):
        datasets.targets(pictures, 3, {"red": 0, "blue": 1}, "--data")
