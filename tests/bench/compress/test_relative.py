"""Positions as distances in few bits, bridged by fillers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.compress import _relative as relative

_POSITIONS = st.sets(st.integers(0, 3000), max_size=60).map(sorted)


@given(_POSITIONS, st.integers(1, 8))
def test_the_same_positions_are_read_again(positions: list[int], bits: int) -> None:
    given_positions = np.array(positions, np.int64)
    plain = relative.gaps(given_positions, bits)
    assert relative.positions(plain.symbols, bits)[plain.real].tolist() == positions
    escaped = relative.gaps(given_positions, bits, escape=True)
    assert relative.positions(escaped.symbols, bits, escape=True).tolist() == positions
    assert all(found.symbols.max(initial=0) < 1 << bits for found in (plain, escaped))


def test_the_example_of_the_paper() -> None:
    # Figure 2: of 3 bits, a distance of more than 8 is bridged by a zero with the largest distance, 7.
    found = relative.gaps(np.array([1, 4, 15]), 3)
    assert found.symbols.tolist() == [1, 2, 7, 2]
    assert found.real.tolist() == [True, True, False, True]
    assert relative.positions(found.symbols, 3).tolist() == [1, 4, 12, 15]


@pytest.mark.parametrize("escape", [False, True])
def test_no_positions(escape: bool) -> None:  # noqa: FBT001 - a parameter of the test
    found = relative.gaps(np.zeros(0, np.int64), 5, escape=escape)
    assert len(found.symbols) == 0
    assert len(relative.positions(found.symbols, 5, escape=escape)) == 0
