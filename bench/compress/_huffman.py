"""Huffman codes for streams of small symbols: canonical, length-limited, written and read in numpy.

A prefix code can only be read bit after bit. So a stream is cut into chunks of `CHUNK` symbols that begin at a byte, and all
chunks of all streams are read in lockstep: one table look-up for each symbol of a chunk, whatever the number of chunks. The
sizes of the chunks are part of what is stored, 2 bytes for 4096 symbols.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Ints = npt.NDArray[np.int64]

# The longest code. 15 bits, as in DEFLATE: a length fits in half a byte, and a table of all windows in the cache.
LIMIT = 15
CHUNK = 4096
_BLOCK = 256  # chunks that are written at a time, which bounds the memory
_WINDOWS = 1 << LIMIT


class Stream(NamedTuple):
    """`total` symbols as written: the length of each symbol's code, the bytes of each chunk, and the chunks."""

    lengths: Bytes
    total: int
    sizes: npt.NDArray[np.uint16]
    payload: Bytes


def lengths(counts: npt.ArrayLike, limit: int = LIMIT) -> Bytes:
    """How many bits the code of each symbol takes, 0 where it does not occur: the best code of at most `limit` bits a symbol.

    By package-merge (Larmore and Hirschberg 1990). A symbol that is alone has the length 1 here and takes no bits when written.
    """
    occurring = np.asarray(counts, dtype=np.int64)
    found = np.zeros(len(occurring), np.uint8)
    symbols = np.flatnonzero(occurring)
    symbols = symbols[np.argsort(occurring[symbols], kind="stable")]
    if len(symbols) > 1 << limit:
        message = f"{len(symbols)} symbols have no code of at most {limit} bits"
        raise ValueError(message)
    if len(symbols) <= 1:
        found[symbols] = 1
        return found
    leaves = occurring[symbols]
    packages = leaves[:0]
    levels = []
    for _ in range(limit):
        merged = np.concatenate([leaves, packages])
        order = np.argsort(merged, kind="stable")
        levels.append(order < len(leaves))
        merged = merged[order][: len(merged) // 2 * 2]
        packages = merged[::2] + merged[1::2]
    # Of the last level the cheapest 2n - 2 are taken; what is taken of a level is a prefix of it, and so of the sorted leaves.
    taken, bits = 2 * len(leaves) - 2, np.zeros(len(leaves), np.uint8)
    for level in reversed(levels):
        own = int(level[:taken].sum())
        bits[:own] += 1
        taken = 2 * (taken - own)
    found[symbols] = bits
    return found


def encode(symbols: Bytes) -> Stream:
    """Write the symbols, with the code that is the best for how often each occurs. Their shape is `(count,)`."""
    code_lengths = lengths(np.bincount(symbols, minlength=1))
    bits, codes = _canonical(code_lengths)
    step = _BLOCK * CHUNK
    pieces = [_written(symbols[begin : begin + step], bits, codes) for begin in range(0, len(symbols), step)]
    sizes = [size for size, _ in pieces] or [np.zeros(0, np.uint16)]
    payloads = [payload for _, payload in pieces] or [np.zeros(0, np.uint8)]
    return Stream(code_lengths, len(symbols), np.concatenate(sizes), np.concatenate(payloads))


def decode(streams: Sequence[Stream]) -> list[Bytes]:
    """The symbols of every stream, all of them read together. Raises ValueError for bytes that no stream was written as."""
    tables = np.concatenate([_table(stream.lengths) for stream in streams] or [np.zeros(0, np.uint16)])
    counts, owners = [], []
    for number, stream in enumerate(streams):
        chunks = -(-stream.total // CHUNK)
        if chunks != len(stream.sizes) or int(stream.sizes.sum(dtype=np.int64)) != len(stream.payload):
            message = f"a stream of {stream.total} symbols has {len(stream.sizes)} chunks and {len(stream.payload)} bytes"
            raise ValueError(message)
        if chunks:
            counts.append(np.minimum(stream.total - np.arange(chunks) * CHUNK, CHUNK))
            owners.append(np.full(chunks, number))
    if not counts:
        return [np.zeros(0, np.uint8) for _ in streams]
    count, owner = np.concatenate(counts), np.concatenate(owners)
    ends = np.cumsum(np.concatenate([stream.sizes for stream in streams]), dtype=np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    # The longest chunks first, so that those that are still being read are always the first ones.
    order = np.argsort(-count, kind="stable")
    read, positions = _lockstep(
        np.concatenate([stream.payload for stream in streams]), tables, owner[order] * _WINDOWS, starts[order] * 8, count[order]
    )
    if not np.array_equal((positions + 7) >> 3, ends[order]):
        message = "the codes of a chunk do not end where it ends"
        raise ValueError(message)
    column = np.argsort(order, kind="stable")
    return [read[:, column[owner == number]].T.reshape(-1)[: stream.total] for number, stream in enumerate(streams)]


def _lockstep(payload: Bytes, tables: npt.NDArray[np.uint16], base: Ints, positions: Ints, count: Ints) -> tuple[Bytes, Ints]:
    """The symbols of each chunk, of shape `(longest, chunks)`, and the bit at which each one ended."""
    # Bytes that were damaged may lead past the end, by the longest code at each step and no further.
    padded = np.concatenate([payload, np.zeros(CHUNK * LIMIT // 8 + 4, np.uint8)]).astype(np.uint32)
    words = padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]
    read = np.zeros((int(count[0]), len(count)), np.uint8)
    active = len(count) - np.searchsorted(count[::-1], np.arange(len(read)), side="right")
    positions = positions.copy()
    for step, many in enumerate(active.tolist()):
        at = positions[:many]
        window = words[at >> 3] >> (24 - LIMIT - (at & 7)).astype(np.uint32) & (_WINDOWS - 1)
        entry = tables[base[:many] + window]
        read[step, :many] = entry >> 4
        at += entry & 15
    return read, positions


def _written(symbols: Bytes, bits: Bytes, codes: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.uint16], Bytes]:
    """The bytes of each chunk, and the chunks."""
    rows = np.zeros((-(-len(symbols) // CHUNK), CHUNK), np.uint8)
    width, value = rows.copy(), np.zeros(rows.shape, np.uint32)
    width.reshape(-1)[: len(symbols)] = bits[symbols]
    value.reshape(-1)[: len(symbols)] = codes[symbols]
    ends = np.cumsum(width, axis=1, dtype=np.int64)
    sizes = (ends[:, -1] + 7) >> 3
    at = ends - width + ((np.cumsum(sizes) - sizes) * 8)[:, None]
    # Each code stands in three bytes at most. Bits of different codes never meet, so that adding is setting.
    value <<= (24 - width - (at & 7)).astype(np.uint32)
    byte, total = (at >> 3).reshape(-1), int(sizes.sum())
    found = np.zeros(total + 3)
    for offset in range(3):
        part = (value >> (16 - 8 * offset) & 255).reshape(-1)
        found += np.bincount(byte + offset, weights=part, minlength=total + 3)[: total + 3]
    return sizes.astype(np.uint16), found[:total].astype(np.uint8)


def _canonical(code_lengths: Bytes) -> tuple[Bytes, npt.NDArray[np.uint32]]:
    """How many bits each symbol takes, and which: in the order of length, then symbol, each code follows the one before."""
    symbols = _ordered(code_lengths)
    bits, codes = np.zeros(len(code_lengths), np.uint8), np.zeros(len(code_lengths), np.uint32)
    if len(symbols) > 1:
        spans = 1 << (LIMIT - code_lengths[symbols].astype(np.int64))
        bits[symbols] = code_lengths[symbols]
        codes[symbols] = (np.cumsum(spans) - spans) // spans
    return bits, codes


def _table(code_lengths: Bytes) -> npt.NDArray[np.uint16]:
    """For every window of 15 bits the symbol whose code it begins with, times 16, and the length of that code."""
    symbols = _ordered(code_lengths)
    if len(symbols) <= 1:
        return np.full(_WINDOWS, (int(symbols[0]) if len(symbols) else 0) << 4, np.uint16)
    bits = code_lengths[symbols].astype(np.int64)
    spans = 1 << (LIMIT - bits)
    if int(spans.sum()) != _WINDOWS:
        message = "the lengths of the codes are those of no complete prefix code"
        raise ValueError(message)
    return np.repeat((symbols << 4 | bits).astype(np.uint16), spans)


def _ordered(code_lengths: Bytes) -> Ints:
    symbols = np.flatnonzero(code_lengths)
    return symbols[np.argsort(code_lengths[symbols], kind="stable")]
