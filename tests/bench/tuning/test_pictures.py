"""Batches to train on: a function of the recipe and the step, wherever they are taken up."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from vbench import datasets
from vbench.core import Preprocess
from vbench.errors import UsageError
from vbench.tuning.pictures import Feed

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (3, 8, 8)
PREPROCESS = Preprocess(resize=1.25, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine pictures whose left half is as bright as their number; of each number every class has one."""
    for split in ("train", "val"):
        for place, name in enumerate(("cat", "dog", "emu")):
            (tmp_path / split / name).mkdir(parents=True)
            for index in range(3):
                pixels = np.zeros((10, 12, 3), np.uint8)
                pixels[:, :6] = 20 * (3 * place + index) + 40
                Image.fromarray(pixels).save(tmp_path / split / name / f"{index}.png")
    return tmp_path


def _feed(folder: Path, **more: Any) -> Feed:
    pictures = datasets.read(f"folder:{folder}", split="train", label=False)
    return Feed(pictures, (2, 0, 1), SHAPE, PREPROCESS, **more)


def _taken(feed: Feed, count: int, *, number: int = 0, start: int = 0, **options: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
    given = {"batch": 2, "seed": 0, "mirror": False} | options
    return list(itertools.islice(feed.batches(given, number, start), count))


def _same(one: Any, other: Any) -> bool:
    return all(torch.equal(a, b) and torch.equal(s, t) for (a, s), (b, t) in zip(one, other, strict=True))


def test_whoever_goes_on_is_shown_what_would_have_come(folder: Path) -> None:
    whole = _taken(_feed(folder), 11)
    assert all(_same(whole[start:], _taken(_feed(folder, workers=3), 11 - start, start=start)) for start in range(1, 11))
    assert not _same(whole, _taken(_feed(folder), 11, number=1))
    assert not _same(whole, _taken(_feed(folder), 11, seed=1))


def test_a_pass_shows_each_picture_once_with_the_output_of_its_class(folder: Path) -> None:
    feed = _feed(folder)
    assert (feed.steps(2), feed.steps(100)) == (4, 1)
    (inputs, targets), *_ = _taken(feed, 1, batch=9)
    levels = [round(float(one.max()) * 255) for one in inputs]
    assert sorted(levels) == [20 * number + 40 for number in range(9)]
    assert [(2, 0, 1)[(level - 40) // 60] for level in levels] == targets.tolist()
    assert inputs.shape == (9, *SHAPE)


def test_the_place_is_random_where_there_is_room_and_half_are_mirrored_on_request(folder: Path) -> None:
    plain, mirrored = ([inputs for inputs, _ in _taken(_feed(folder), 40, batch=9, mirror=mirror)] for mirror in (False, True))
    widths = {int((one[0, 0] > 0.05).sum()) for inputs in plain for one in inputs}
    assert len(widths) > 1
    left = [bool(one[0, 0, 0] > 0.05) for inputs in plain for one in inputs]
    assert all(left)
    right = [bool(one[0, 0, -1] > 0.05) for inputs in mirrored for one in inputs]
    assert 0.3 < sum(right) / len(right) < 0.7


def test_a_torn_picture_is_named_or_passed_over(folder: Path) -> None:
    (folder / "train" / "dog" / "1.png").write_bytes(b"torn")
    with pytest.raises(
        UsageError, match=r"dog/1\.png cannot be read: .*; mend or remove it, or leave such pictures out with --skip"
    ):
        _taken(_feed(folder), 1, batch=9)
    (inputs, targets), *_ = _taken(_feed(folder, skip_broken=True), 1, batch=9)
    assert len(inputs) == len(targets) == 8
    for picture in (folder / "train").rglob("*.png"):
        picture.write_bytes(b"torn")
    with pytest.raises(UsageError, match="none of the pictures to train on could be read"):
        _taken(_feed(folder, skip_broken=True), 1)
