"""Sums that need neither a network nor a measurement: what follows from a kernel's size, a rate, a map or a scale."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[int, int]


def taps_inside(side: int, kernel: int, rate: int) -> float:
    """The share of a dilated filter's taps that fall on the map and not on its padding, over all places of a square map."""
    reach = kernel // 2
    along = sum(0 <= place + rate * step < side for place in range(side) for step in range(-reach, reach + 1))
    return (along / (side * kernel)) ** 2


def seen(rates: tuple[int, ...]) -> set[Point]:
    """The pixels around one unit, which is at (0, 0), that 3x3 filters at these rates in sequence see."""
    found = {(0, 0)}
    for rate in rates:
        steps = (-rate, 0, rate)
        found = {(y + dy, x + dx) for (y, x), dy, dx in product(found, steps, steps)}
    return found


def covered(pixels: set[Point]) -> float:
    """The share of the square around the pixels that they fill."""
    sides = [1 + 2 * max(abs(pixel[axis]) for pixel in pixels) for axis in (0, 1)]
    return len(pixels) / math.prod(sides)


def singular_values(kernel: np.ndarray) -> tuple[float, ...]:
    """The singular values of a kernel, largest first: a column after a row can only make a kernel that has one."""
    return tuple(float(value) for value in np.linalg.svd(kernel, compute_uv=False))


def rank_error(kernel: np.ndarray, rank: int) -> float:
    """What the best sum of so many columns-after-rows leaves of a kernel, as a share of its energy (Eckart and Young 1936)."""
    values = singular_values(kernel)
    total = sum(value**2 for value in values)
    return sum(value**2 for value in values[rank:]) / total


def area(scales: tuple[float, ...]) -> float:
    """The pixels of all scales of a picture over its own: the sum of the squares."""
    return sum(scale**2 for scale in scales)


def bell(side: int, centre: Point | tuple[float, float], sigma: float, height: float = 1.0) -> np.ndarray:
    """A Gaussian target of a keypoint on a square map, as it is trained: its top is 1, whatever it sums to."""
    y, x = np.mgrid[:side, :side]
    found: np.ndarray = height * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))
    return found


def peaks(pixels: Sequence[float]) -> list[Point]:
    """The cells, y and x, of a square map, given row by row, that are half as high as the highest and higher than all around."""
    side = math.isqrt(len(pixels))
    grid = np.pad(np.reshape(np.asarray(pixels, float), (side, side)), 1, constant_values=-np.inf)
    inner = grid[1:-1, 1:-1]
    around = [grid[1 + y : 1 + y + side, 1 + x : 1 + x + side] for y, x in product((-1, 0, 1), repeat=2) if (y, x) != (0, 0)]
    found = np.argwhere((inner > np.max(around, axis=0)) & (inner >= inner.max() / 2))
    return [(int(y), int(x)) for y, x in found]


def expectation(shares: np.ndarray) -> tuple[float, float]:
    """The mean place under a map, x and y, after the map is scaled to a sum of one."""
    total = shares.sum()
    y, x = np.mgrid[: shares.shape[0], : shares.shape[1]]
    return float((shares * x).sum() / total), float((shares * y).sum() / total)
