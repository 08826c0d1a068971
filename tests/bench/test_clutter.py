"""Digits among clutter: the same pictures for ever, and none to test on has a part of one to train on."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

pytest.importorskip("sklearn")

from vbench import clutter, datasets
from vbench.errors import UsageError


def test_the_first_pictures_are_the_same_however_many_are_drawn() -> None:
    pixels, labels = clutter.pictures(3, "train", 300)
    fewer, known = clutter.pictures(3, "train", 260)
    assert pixels.shape == (300, 32, 32, 3)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels[:260], fewer)
    assert np.array_equal(labels[:260], known)
    assert clutter.pictures(3, "train", 0)[0].shape == (0, 32, 32, 3)


def test_seeds_and_splits_draw_other_pictures() -> None:
    found = {
        hashlib.sha256(clutter.pictures(seed, split, 20)[0].tobytes()).hexdigest()
        for seed in (0, 1)
        for split in ("train", "test")
    }
    assert len(found) == 4


def test_the_splits_share_no_digit() -> None:
    for seed in range(3):
        halves = [{digit.tobytes() for digit in clutter._split(seed, split, "")[0]} for split in ("train", "test")]
        assert halves[0].isdisjoint(halves[1])
        assert sum(map(len, halves)) == 1797
    assert len(halves[1]) == 359


def test_every_class_is_there_about_as_often() -> None:
    _, labels = clutter.pictures(0, "train", 2000)
    counts = np.bincount(labels, minlength=10)
    assert counts.min() > 140
    assert counts.max() < 260


def test_a_shape_is_enlarged_and_stays_where_it_is_put() -> None:
    matrix = clutter._enlarging(np.array([5]), np.array([16]), 8)[0]
    assert matrix[:5].sum() == matrix[21:].sum() == 0
    assert matrix[5:21].sum(axis=1) == pytest.approx(np.ones(16)), "a constant stays a constant"
    assert matrix[5:21] @ np.arange(8.0) == pytest.approx(np.clip((np.arange(16) + 0.5) / 2 - 0.5, 0, 7))


def test_the_digit_lies_on_top_and_at_any_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clutter, "_PIECES", 0)
    monkeypatch.setattr(clutter, "_NOISE", 0.0)
    pixels, _ = clutter.pictures(0, "train", 250)
    # Each picture has one ground, and what differs from it is the digit.
    ink = (pixels != pixels[:, :1, :1]).any(axis=3) | (pixels != pixels[:, -1:, -1:]).any(axis=3)
    rows = [np.flatnonzero(one.any(axis=1)) for one in ink]
    middles = np.array([(row[0] + row[-1]) / 2 for row in rows])
    assert all(row[-1] - row[0] < 23 for row in rows)
    assert middles.min() < 10
    assert middles.max() > 22


def test_the_pictures_are_a_data_set_for_every_verb() -> None:
    found = datasets.read("clutter:2")
    pixels, labels = clutter.pictures(2, "test", clutter.TESTS)
    assert len(found) == clutter.TESTS
    assert np.array_equal(found.labels, labels)
    assert np.array_equal(np.asarray(found.open(7, 3)), pixels[7])
    assert found.label.startswith("clutter:2 test (")
    for word in ("clutter", "clutter:", "clutter:x", "clutter:-1"):
        with pytest.raises(UsageError, match=f"^--data {word}: write clutter:SEED"):
            datasets.read(word)
