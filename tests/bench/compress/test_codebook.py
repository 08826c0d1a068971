"""k-means in one dimension: each value to its nearest, each shared value the mean of its own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vbench.compress import _codebook as codebook

if TYPE_CHECKING:
    import numpy.typing as npt

_FLOATS = st.floats(-100, 100, width=32)


@given(arrays.arrays(np.float32, st.integers(1, 200), elements=_FLOATS), st.integers(1, 40))
def test_each_value_goes_to_the_nearest(values: npt.NDArray[np.float32], most: int) -> None:
    shared = codebook.centroids(values, most)
    assert 1 <= len(shared) <= most
    assert (np.diff(shared) > 0).all()
    assert values.min() - 1e-3 <= shared.min() <= shared.max() <= values.max() + 1e-3
    distance = np.abs(values[:, None].astype(np.float64) - shared)
    chosen = np.take_along_axis(distance, codebook.nearest(values, shared).astype(int)[:, None], 1)[:, 0]
    # Halfway between two, rounding to fp32 may choose either.
    assert (chosen <= distance.min(1) + 1e-5).all()


@given(arrays.arrays(np.float32, st.integers(1, 60), elements=st.sampled_from([-2.5, 0.0, 1.0, 7.0])), st.integers(4, 256))
def test_few_values_stay_what_they_are(values: npt.NDArray[np.float32], most: int) -> None:
    shared = codebook.centroids(values, most)
    assert np.array_equal(shared[codebook.nearest(values, shared)], values)


def test_it_ends_where_k_means_ends() -> None:
    values = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    shared = codebook.centroids(values, 4)
    numbers = codebook.nearest(values, shared)
    means = [values[numbers == number].mean(dtype=np.float64) for number in range(4)]
    np.testing.assert_allclose(shared, means, rtol=1e-5)
    # The four levels of Lloyd and Max for a normal distribution: 9.30 dB.
    error = np.square(values - shared[numbers], dtype=np.float64).sum()
    assert 10 * np.log10(np.square(values, dtype=np.float64).sum() / error) == pytest.approx(9.30, abs=0.2)


def test_sums_of_many_blocks_are_exact() -> None:
    values = np.random.default_rng(0).normal(size=3 * codebook._BLOCK + 17).astype(np.float32)
    ordered = np.sort(values)
    ends = np.array([0, 5, codebook._BLOCK, 2 * codebook._BLOCK + 1, 2 * codebook._BLOCK + 1, len(ordered)])
    wanted = [ordered[a:b].sum(dtype=np.float64) for a, b in itertools.pairwise(ends)]
    np.testing.assert_allclose(codebook._Sums(ordered).between(ends), wanted, rtol=1e-9, atol=1e-9)


def test_nothing_has_no_codebook() -> None:
    assert len(codebook.centroids(np.zeros(0, np.float32), 8)) == 0
    with pytest.raises(ValueError, match="not finite"):
        codebook.centroids(np.array([1.0, np.nan], np.float32), 8)
