"""Digits at random places among parts of other digits: labelled pictures that need no download and that networks differ on.

The 1797 digits of 8 x 8 pixels that come with scikit-learn (Alpaydin and Kaynak 1998) are split by the seed, four fifths for
training, before anything is drawn. Each picture of 32 x 32 has one whole digit, of 16 to 22 pixels, at any place, over three
pieces of others of the same split, all in random colours, and noise. Centred, the same digits separate nothing: a
fully-connected network reads them as well as any other. The idea is that of "cluttered translated MNIST" (Mnih et al. 2014).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .errors import UsageError

SIDE = 32
TESTS = 2000  # how many pictures to test on a seed has, where nobody asks for a number
TRAINS = 12000  # and how many to train on
_SPLITS = ("train", "test")
_SHARE = 0.8  # of the digits, to train on
_DIGIT, _PART = 8, 4  # pixels of a digit, and of a piece of one
_SIZES = (16, 23)  # of a digit in the picture; from, up to but not with
_PIECES = 3
_GROUND, _INK, _NOISE = (0.0, 0.3), (0.4, 1.0), 0.04
_CHUNK = 250  # pictures that are drawn from one state of the generator: the first are the same however many are asked for
_MOST = 16.0  # grey values of the digits

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Labels = np.ndarray[Any, np.dtype[np.int64]]
_Array = np.ndarray[Any, np.dtype[np.float64]]


def pictures(seed: int, split: str, count: int, said: str = "digits among clutter") -> tuple[Pixels, Labels]:
    """Draw the first `count` pictures of a seed: `(count, 32, 32, 3)` bytes, and the digit on each.

    Raises UsageError where scikit-learn, which the digits come with, is not installed; `said` begins its message.
    """
    digits, labels = _split(seed, split, said)
    chunks = [_chunk(digits, labels, [seed, _SPLITS.index(split), number]) for number in range(-(-count // _CHUNK))]
    if not chunks:
        return np.zeros((0, SIDE, SIDE, 3), np.uint8), np.zeros(0, np.int64)
    return np.concatenate([pixels for pixels, _ in chunks])[:count], np.concatenate([known for _, known in chunks])[:count]


@lru_cache(maxsize=1)
def _all(said: str) -> tuple[_Array, Labels]:
    try:
        from sklearn import datasets  # noqa: PLC0415 - only for these
    except ImportError:
        message = f"{said}: the digits come with scikit-learn, which is not installed: pip install 'vbench[study]'"
        raise UsageError(message) from None
    bunch = datasets.load_digits()
    return bunch.images.astype(np.float64) / _MOST, bunch.target.astype(np.int64)


def _split(seed: int, split: str, said: str) -> tuple[_Array, Labels]:
    """The digits of one half, which no picture of the other has a part of."""
    digits, labels = _all(said)
    order = np.random.default_rng([seed, len(_SPLITS)]).permutation(len(digits))
    end = round(len(digits) * _SHARE)
    own = order[:end] if split == _SPLITS[0] else order[end:]
    return digits[own], labels[own]


def _chunk(digits: _Array, labels: Labels, state: list[int]) -> tuple[Pixels, Labels]:
    chance = np.random.default_rng(state)
    picture = np.broadcast_to(chance.uniform(*_GROUND, (_CHUNK, 1, 1, 3)), (_CHUNK, SIDE, SIDE, 3))
    for _ in range(_PIECES):
        rows, columns = chance.integers(0, _DIGIT - _PART + 1, (2, _CHUNK))
        windows = np.lib.stride_tricks.sliding_window_view(digits, (_PART, _PART), axis=(1, 2))
        whose = chance.integers(0, len(digits), _CHUNK)
        sizes = np.round(chance.integers(*_SIZES, _CHUNK) * _PART / _DIGIT).astype(np.int64)
        picture = _drawn(picture, windows[whose, rows, columns], sizes, chance)
    which = chance.integers(0, len(digits), _CHUNK)
    picture = _drawn(picture, digits[which], chance.integers(*_SIZES, _CHUNK), chance)
    picture = picture + chance.normal(0.0, _NOISE, picture.shape)
    return np.round(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8), labels[which]


def _drawn(picture: _Array, shapes: _Array, sizes: Labels, chance: np.random.Generator) -> _Array:
    """Draw each shape into its picture, at this size, at a random place that holds all of it, in a random colour."""
    corners = np.floor(chance.uniform(0.0, 1.0, (2, len(sizes))) * (SIDE - sizes + 1)).astype(np.int64)
    down, across = (_enlarging(corner, sizes, shapes.shape[1]) for corner in corners)
    cover = (down @ shapes @ across.transpose(0, 2, 1))[..., None]
    return picture * (1 - cover) + chance.uniform(*_INK, (len(sizes), 1, 1, 3)) * cover


def _enlarging(corners: Labels, sizes: Labels, pixels: int) -> _Array:
    """The matrices `(count, 32, pixels)` that enlarge a line of pixels to a size, bilinearly, and put it at its corner."""
    place = np.arange(SIDE)[None, :] - corners[:, None]
    source = np.clip((place + 0.5) * pixels / sizes[:, None] - 0.5, 0, pixels - 1)
    weights = np.maximum(0.0, 1.0 - np.abs(source[..., None] - np.arange(pixels)))
    return np.where(((place >= 0) & (place < sizes[:, None]))[..., None], weights, 0.0)
