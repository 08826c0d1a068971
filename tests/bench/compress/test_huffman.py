"""Huffman codes: optimal, canonical, and read again as they were written, whatever was written."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vbench.compress import _huffman as huffman

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

_SYMBOLS = arrays.arrays(np.uint8, st.integers(0, 300), elements=st.integers(0, 255))
_FEW = arrays.arrays(np.uint8, st.integers(0, 300), elements=st.sampled_from([0, 1, 7, 255]))


def _plain(counts: list[int]) -> int:
    """The bits that Huffman's own algorithm needs: the sum of what it merges."""
    heap, total = [count for count in counts if count], 0
    heapq.heapify(heap)
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return total


@given(st.lists(_SYMBOLS | _FEW, max_size=4))
def test_what_is_written_is_read_again(written: list[Bytes]) -> None:
    read = huffman.decode([huffman.encode(symbols) for symbols in written])
    assert [one.tolist() for one in read] == [one.tolist() for one in written]
    assert all(one.dtype == np.uint8 for one in read)


@pytest.mark.parametrize("count", [0, 1, huffman.CHUNK - 1, huffman.CHUNK, huffman.CHUNK + 1, 3 * huffman.CHUNK])
@pytest.mark.parametrize("kind", ["zeros", "equal", "two", "all"])
def test_chunks_and_their_ends(count: int, kind: str) -> None:
    draw = np.random.default_rng(0)
    made = {
        "zeros": np.zeros(count),
        "equal": np.full(count, 255),
        "two": draw.integers(0, 2, count) * 9,
        "all": draw.integers(0, 256, count),
    }
    symbols = made[kind].astype(np.uint8)
    stream = huffman.encode(symbols)
    assert len(stream.sizes) == -(-count // huffman.CHUNK)
    # Between others of other lengths, since all are read together.
    short = np.array([3, 1, 3], np.uint8)
    read = huffman.decode([huffman.encode(short), stream, huffman.encode(short)])
    assert np.array_equal(read[1], symbols)
    assert np.array_equal(read[0], short)
    assert np.array_equal(read[2], short)


def test_more_than_is_written_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huffman, "_BLOCK", 2)
    symbols = np.random.default_rng(1).geometric(0.3, 5 * huffman.CHUNK + 5).clip(max=255).astype(np.uint8)
    assert np.array_equal(huffman.decode([huffman.encode(symbols)])[0], symbols)


def test_one_symbol_alone_takes_no_bits() -> None:
    stream = huffman.encode(np.full(10_000, 4, np.uint8))
    assert len(stream.payload) == 0
    assert stream.lengths.tolist() == [0, 0, 0, 0, 1]


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=40))
def test_no_code_is_shorter(counts: list[int]) -> None:
    found = huffman.lengths(counts)
    if sum(count > 0 for count in counts) > 1:
        assert int((found.astype(int) * counts).sum()) == _plain(counts)
        assert sum(2.0 ** -int(bits) for bits in found if bits) == 1.0


def test_codes_are_no_longer_than_the_limit() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    found = huffman.lengths(fibonacci)
    assert found.max() == huffman.LIMIT
    assert sum(2.0 ** -int(bits) for bits in found) == 1.0
    # Reading needs the same codes: each symbol in turn, rarest first.
    symbols = np.repeat(np.arange(40, dtype=np.uint8), np.minimum(fibonacci, 50))
    assert np.array_equal(huffman.decode([huffman.encode(symbols)])[0], symbols)


def test_four_symbols_by_hand() -> None:
    # Of 8, 4, 2 and 2: codes 0, 10, 110 and 111.
    symbols = np.array([0] * 8 + [1] * 4 + [2] * 2 + [3] * 2, np.uint8)
    stream = huffman.encode(symbols)
    assert stream.lengths.tolist() == [1, 2, 3, 3]
    assert "".join(f"{byte:08b}" for byte in stream.payload) == "0" * 8 + "10" * 4 + "110" * 2 + "111" * 2 + "0000"


def test_more_symbols_than_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="no code of at most 2 bits"):
        huffman.lengths([1] * 5, limit=2)


@pytest.mark.parametrize("wrong", [{"lengths": np.array([1, 2], np.uint8)}, {"total": 9999}, {"total": 9}])
def test_damage_is_said(wrong: dict[str, object]) -> None:
    stream = huffman.encode(np.array([0] * 8 + [1] * 4 + [2] * 2 + [3] * 2, np.uint8))
    with pytest.raises(ValueError, match=r"no complete prefix code|has 1 chunks|do not end"):
        huffman.decode([stream._replace(**wrong)])  # type: ignore[arg-type]  # one of its fields
