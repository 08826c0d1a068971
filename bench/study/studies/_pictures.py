"""The pictures of the study of classification, as tensors of bytes: its own, or those of a data set that is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ... import clutter, data, datasets
from ...core import Preprocess
from ...errors import UsageError
from ..training import Data, Split

if TYPE_CHECKING:
    from ..parts import Budget

# The mean and standard deviation that `small/*` declare, so that what is trained here is evaluated alike elsewhere.
PREPROCESS = Preprocess(resize=1.0, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
SHAPE = (3, clutter.SIDE, clutter.SIDE)


def load(seed: int, budget: Budget, source: str) -> Data:
    """The pictures of a seed, bytes of shape `(count, 3, 32, 32)`, and their classes. Raises UsageError.

    Of a data set that is read, the seed says which pictures are taken; where it holds fewer than the budget, all are.
    """
    if not source:
        made = {split: clutter.pictures(seed, split, count) for split, count in _counts(budget).items()}
        splits = {split: _split(pixels, labels) for split, (pixels, labels) in made.items()}
    else:
        splits = {split: _read(source, split, count, seed) for split, count in _counts(budget).items()}
    return Data(splits["train"], {"test": splits["test"]})


def _counts(budget: Budget) -> dict[str, int]:
    return {"train": budget.images, "test": budget.tests}


def _split(pixels: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> Split:
    return Split(torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))), torch.from_numpy(labels))


def _read(source: str, split: str, count: int, seed: int) -> Split:
    found = datasets.read(source, split=split, label=False)
    chosen = np.sort(np.random.default_rng([seed, len(split)]).permutation(len(found))[:count])
    pixels = np.stack([_pixels(found, int(index), source) for index in chosen])
    return _split(pixels, found.labels[chosen])


def _pixels(found: datasets.Pictures, index: int, source: str) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(data.resize(found.open(index, SHAPE[0]), SHAPE, PREPROCESS))
    except datasets.broken() as error:
        message = f"--data {source}: {found.name(index)} cannot be read: {error}"
        raise UsageError(message) from None


def ready(inputs: torch.Tensor) -> torch.Tensor:
    """Bytes as the numbers that networks read."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (PREPROCESS.mean, PREPROCESS.std))
    return (inputs.to(torch.float32) / 255.0 - mean) / std
