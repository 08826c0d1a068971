"""The file of a compressed network: every tensor by name, in the coding that suits it, and read again bit for bit.

What a case reports as `encoded_bytes` is the length of these bytes, the head with names and shapes included. Values are compared
by their bits: a negative zero is no zero.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np

from . import _huffman as huffman
from . import _relative as relative
from ._huffman import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Bytes = npt.NDArray[np.uint8]

MAGIC = b"vbench\x00\x01"
_PIECE = 1 << 20

Kind = Literal["raw", "sparse", "codebook", "deep", "binary"]


class Coding(msgspec.Struct, frozen=True, kw_only=True):
    """How one tensor is written.

    `raw` as it is. `sparse` the values that are not zero, and the distances between them in Huffman codes. `codebook` for each
    value its number among at most 2^`bits`, in so many bits. `deep` as in Deep Compression: of the values that are not zero their
    numbers among at most 2^`bits` - 1 and their distances in `index_bits` with fillers, both in Huffman codes. `binary` one bit
    for each value, and one size for each filter.
    """

    kind: Kind = "raw"
    bits: int = 0
    index_bits: int = 8


RAW = Coding()


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What the head says of a tensor: the lengths of its sections, and of its Huffman streams how many symbols each has."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: Kind
    bits: int
    index_bits: int
    sections: tuple[int, ...]
    counts: tuple[int, ...] = ()


class Body(NamedTuple):
    """The sections of a tensor as written, and the symbols in each of its Huffman streams."""

    sections: Sequence[bytes]
    counts: tuple[int, ...] = ()


def encode(tensors: Mapping[str, Array], codings: Mapping[str, Coding], refused: list[str] | None = None) -> bytes:
    """Write the tensors; those without a coding are written raw.

    A tensor with values that its coding cannot hold would not be read again as it was: its name goes into `refused`, and it is
    written raw. Without such a list that raises ValueError.
    """
    entries, sections = list[Entry](), list[bytes]()
    for name, tensor in tensors.items():
        coding = codings.get(name, RAW) if tensor.size else RAW
        try:
            body = _WRITERS[coding.kind](np.ascontiguousarray(tensor), coding)
        except ValueError as error:
            if refused is None:
                message = f"{name} cannot be written as {coding.kind}: {error}"
                raise ValueError(message) from None
            refused.append(name)
            body, coding = _raw(tensor, RAW), RAW
        entries.append(
            Entry(
                name, tensor.shape, tensor.dtype.str, coding.kind, coding.bits, coding.index_bits,
                tuple(map(len, body.sections)), body.counts,
            )
        )  # fmt: skip
        sections += body.sections
    head = msgspec.msgpack.encode(entries)
    return b"".join([MAGIC, len(head).to_bytes(4, "little"), head, *sections])


def sizes(data: bytes) -> dict[str, int]:
    """The bytes of each tensor, without the head. Raises as `decode` does."""
    return {entry.name: sum(entry.sections) for entry in _head(data)[0]}


def decode(data: bytes) -> dict[str, Array]:
    """The tensors that were written. Raises ValueError for bytes that are none of these files, or are damaged."""
    entries, at = _head(data)
    parts = []
    for entry in entries:
        ends = np.cumsum((at, *entry.sections)).tolist()
        parts.append([np.frombuffer(data[a:b], np.uint8) for a, b in itertools.pairwise(ends)])
        at = ends[-1]
    if at != len(data):
        message = f"the compressed network has {len(data)} bytes, and its head tells of {at}"
        raise ValueError(message)
    # All streams of all tensors in one go: that is what makes it quick.
    streams = [_streams(entry, part) for entry, part in zip(entries, parts, strict=True)]
    symbols = iter(huffman.decode([stream for group in streams for stream in group]))
    found = {}
    for entry, part, group in zip(entries, parts, streams, strict=True):
        read = [next(symbols) for _ in group]
        found[entry.name] = _READERS[entry.kind](entry, part, read).reshape(entry.shape)
    return found


def _head(data: bytes) -> tuple[list[Entry], int]:
    """What the head says, and where it ends."""
    start = len(MAGIC) + 4
    size = int.from_bytes(data[len(MAGIC) : start], "little")
    if not data.startswith(MAGIC):
        message = "the bytes do not begin as a compressed network does"
        raise ValueError(message)
    try:
        entries = msgspec.msgpack.decode(data[start : start + size], type=list[Entry])
    except msgspec.MsgspecError as error:
        message = f"the head of the compressed network is damaged: {error}"
        raise ValueError(message) from None
    return entries, start + size


def _raw(tensor: Array, coding: Coding) -> Body:
    del coding
    return Body([tensor.tobytes()])


def _read_raw(entry: Entry, parts: list[Bytes], _: list[Bytes]) -> Array:
    return parts[0].view(entry.dtype)


def _sparse(tensor: Array, coding: Coding) -> Body:
    bits = _pattern(tensor)
    where = np.flatnonzero(bits)
    stream = huffman.encode(relative.gaps(where, coding.index_bits, escape=True).symbols)
    return Body([bits[where].tobytes(), *_packed(stream)], (stream.total,))


def _read_sparse(entry: Entry, parts: list[Bytes], symbols: list[Bytes]) -> Array:
    found = np.zeros(math.prod(entry.shape), entry.dtype)
    found[relative.positions(symbols[0], entry.index_bits, escape=True)] = parts[0].view(entry.dtype)
    return found


def _codebook(tensor: Array, coding: Coding) -> Body:
    bits = _pattern(tensor)
    shared = _shared(bits, 1 << coding.bits)
    pieces = (_numbers(shared, bits[at : at + _PIECE]) for at in range(0, len(bits), _PIECE))
    return Body([shared.tobytes(), b"".join(_narrow(piece, coding.bits) for piece in pieces)])


def _read_codebook(entry: Entry, parts: list[Bytes], _: list[Bytes]) -> Array:
    shared, count = parts[0].view(entry.dtype), math.prod(entry.shape)
    found = np.empty(count, entry.dtype)
    step = _PIECE // 8 * entry.bits  # so many bytes hold a piece, since a piece is a multiple of 8 values
    for piece, at in enumerate(range(0, count, _PIECE)):
        wide = _wide(parts[1][piece * step : (piece + 1) * step], entry.bits)
        found[at : at + _PIECE] = shared[wide[: count - at]]
    return found


def _deep(tensor: Array, coding: Coding) -> Body:
    bits = _pattern(tensor)
    where = np.flatnonzero(bits)
    kept = bits[where]
    shared = _shared(kept, (1 << coding.bits) - 1)
    gaps = relative.gaps(where, coding.index_bits)
    numbers = np.zeros(len(gaps.symbols), np.uint8)  # a filler has the number 0, and the value 0
    numbers[gaps.real] = _numbers(shared, kept) + 1
    streams = (huffman.encode(numbers), huffman.encode(gaps.symbols))
    return Body([shared.tobytes(), *_packed(streams[0]), *_packed(streams[1])], tuple(stream.total for stream in streams))


def _read_deep(entry: Entry, parts: list[Bytes], symbols: list[Bytes]) -> Array:
    shared = np.concatenate([np.zeros(1, entry.dtype), parts[0].view(entry.dtype)])
    found = np.zeros(math.prod(entry.shape), entry.dtype)
    found[relative.positions(symbols[1], entry.index_bits)] = shared[symbols[0]]
    return found


def _binary(tensor: Array, coding: Coding) -> Body:
    del coding
    filters = tensor.reshape(len(tensor), -1)
    sizes = np.abs(filters[:, 0])
    negative = np.signbit(filters)
    if not np.array_equal(_pattern(np.where(negative, -sizes[:, None], sizes[:, None])), _pattern(tensor)):
        message = "the values of a filter differ in more than their sign"
        raise ValueError(message)
    return Body([sizes.tobytes(), np.packbits(negative).tobytes()])


def _read_binary(entry: Entry, parts: list[Bytes], _: list[Bytes]) -> Array:
    sizes = parts[0].view(entry.dtype)[:, None]
    negative = np.unpackbits(parts[1], count=math.prod(entry.shape)).reshape(len(sizes), -1).astype(bool)
    return np.where(negative, -sizes, sizes)


_WRITERS = {"raw": _raw, "sparse": _sparse, "codebook": _codebook, "deep": _deep, "binary": _binary}
_READERS = {"raw": _read_raw, "sparse": _read_sparse, "codebook": _read_codebook, "deep": _read_deep, "binary": _read_binary}
# Where the Huffman streams of a coding begin among its sections; each is three of them.
_FIRST_STREAM = {"sparse": 1, "deep": 1}


def _pattern(tensor: Array) -> Array:
    """The bits of each value as a whole number, in one dimension."""
    return tensor.reshape(-1).view(f"u{tensor.dtype.itemsize}")


def _shared(bits: Array, most: int) -> Array:
    """The different values, ascending. Raises ValueError where they are more than `most`."""
    found = np.unique(bits[:_PIECE])
    for at in range(_PIECE, len(bits), _PIECE):
        piece = bits[at : at + _PIECE]
        new = piece[found[np.minimum(np.searchsorted(found, piece), len(found) - 1)] != piece]
        found = np.union1d(found, new) if len(new) else found
        if len(found) > most:
            break
    if len(found) > most:
        message = f"it holds more than {most} different values"
        raise ValueError(message)
    return found


def _numbers(shared: Array, bits: Array) -> Bytes:
    return np.searchsorted(shared, bits).astype(np.uint8)


def _narrow(numbers: Bytes, bits: int) -> bytes:
    """Numbers of `bits` bits without gaps between them; eight of them are `bits` bytes, the last ones filled up with zeros."""
    rows = np.zeros((-(-len(numbers) // 8), 8), np.uint64)
    rows.reshape(-1)[: len(numbers)] = numbers
    shifts = np.arange(7, -1, -1, dtype=np.uint64) * np.uint64(bits)
    whole = np.bitwise_or.reduce(rows << shifts, axis=1)
    packed: Bytes = whole.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - bits :]
    return packed.tobytes()


def _wide(packed: Bytes, bits: int) -> Bytes:
    """The numbers again, eight for each `bits` bytes."""
    rows = np.zeros((len(packed) // bits, 8), np.uint8)
    rows[:, 8 - bits :] = packed.reshape(-1, bits)
    shifts = np.arange(7, -1, -1, dtype=np.uint64) * np.uint64(bits)
    return (rows.view(">u8").astype(np.uint64) >> shifts & np.uint64((1 << bits) - 1)).astype(np.uint8).reshape(-1)


def _packed(stream: Stream) -> Iterable[bytes]:
    """A stream as three sections: the lengths of its codes in half a byte each, the sizes of its chunks, the chunks."""
    lengths = stream.lengths if len(stream.lengths) % 2 == 0 else np.append(stream.lengths, np.uint8(0))
    return (lengths[::2] << 4 | lengths[1::2]).tobytes(), stream.sizes.astype("<u2").tobytes(), stream.payload.tobytes()


def _streams(entry: Entry, parts: list[Bytes]) -> list[Stream]:
    """The Huffman streams among the sections of a tensor."""
    found = []
    for number, count in enumerate(entry.counts):
        lengths, sizes, payload = parts[_FIRST_STREAM[entry.kind] + 3 * number :][:3]
        halves = np.stack([lengths >> 4, lengths & 15], axis=1).reshape(-1)
        found.append(Stream(halves, count, sizes.view("<u2"), payload))
    return found
