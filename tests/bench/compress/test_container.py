"""The file of a compressed network: read again bit for bit, in as many bytes as the coding says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vbench.compress import _container as container
from vbench.compress._container import Coding

if TYPE_CHECKING:
    import numpy.typing as npt

_SHAPES = arrays.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=6)
_ANY = st.floats(width=32, allow_nan=True, allow_infinity=True)
_FEW = st.sampled_from([0.0, 0.0, 0.0, -0.0, 1.5, -2.0, 3.0])


def _same(written: dict[str, Any], codings: dict[str, Coding]) -> bytes:
    data = container.encode(written, codings)
    read = container.decode(data)
    assert list(read) == list(written) == list(container.sizes(data))
    assert sum(container.sizes(data).values()) < len(data)
    for name, tensor in written.items():
        assert (read[name].shape, read[name].dtype) == (tensor.shape, tensor.dtype)
        assert read[name].tobytes() == tensor.tobytes(), name
    return data


@given(arrays.arrays(np.float32, _SHAPES, elements=_ANY), st.sampled_from(["raw", "sparse"]), st.integers(1, 8))
def test_any_values(tensor: npt.NDArray[np.float32], kind: Any, bits: int) -> None:
    _same({"a.weight": tensor, "n": np.array(3)}, {"a.weight": Coding(kind=kind, index_bits=bits)})


@given(
    arrays.arrays(np.float32, _SHAPES, elements=_FEW),
    st.sampled_from(["codebook", "deep"]),
    st.integers(3, 8),
    st.integers(1, 8),
)
def test_few_values(tensor: npt.NDArray[np.float32], kind: Any, bits: int, index_bits: int) -> None:
    _same({"a": tensor, "b": tensor}, dict.fromkeys("ab", Coding(kind=kind, bits=bits, index_bits=index_bits)))


@given(arrays.arrays(np.bool_, _SHAPES))
def test_signs(negative: npt.NDArray[np.bool_]) -> None:
    sizes = np.linspace(0.0, 2.0, len(negative), dtype=np.float32).reshape(-1, *[1] * (negative.ndim - 1))
    _same({"w": np.where(negative, -sizes, sizes)}, {"w": Coding(kind="binary")})


@pytest.mark.parametrize("kind", ["sparse", "codebook", "deep", "binary"])
@pytest.mark.parametrize("value", [0.0, 2.0])
def test_all_equal(kind: Any, value: float) -> None:
    tensor = np.full((40, 30), value, np.float32)
    data = _same({"w": tensor}, {"w": Coding(kind=kind, bits=1)})
    assert len(data) < tensor.nbytes or (kind == "sparse" and value)


def test_a_codebook_takes_what_the_paper_says() -> None:
    # Section 3: n weights of b bits become n numbers of log2(k) bits and k values of b bits.
    bits, count = 5, (1 << 20) + 3
    shared = np.random.default_rng(0).normal(size=1 << bits).astype(np.float32)
    tensor = shared[np.random.default_rng(1).integers(0, 1 << bits, count)].reshape(1, -1)
    head = len(container.encode({"w": tensor[:, :0]}, {"w": Coding(kind="codebook", bits=bits)}))
    data = _same({"w": tensor}, {"w": Coding(kind="codebook", bits=bits)})
    # The sizes in the head have more digits where there is something.
    assert len(data) - head == pytest.approx(count * bits / 8 + (1 << bits) * 4, abs=32)


def test_deep_compression_comes_close_to_the_entropy() -> None:
    draw = np.random.default_rng(0)
    count, density = 400_000, 0.1
    numbers = draw.geometric(0.2, count).clip(max=31)
    tensor = np.where(draw.random(count) < density, numbers, 0).astype(np.float32).reshape(400, -1)
    share = np.bincount(numbers) / count
    value_bits = -(share[share > 0] * np.log2(share[share > 0])).sum()
    place_bits = -(density * np.log2(density) + (1 - density) * np.log2(1 - density)) / density
    data = _same({"w": tensor}, {"w": Coding(kind="deep", bits=5, index_bits=8)})
    ideal = np.count_nonzero(tensor) * (value_bits + place_bits) / 8
    assert ideal < len(data) < 1.04 * ideal + 600


def test_what_a_coding_cannot_hold_is_refused_by_name() -> None:
    tensor = np.arange(12, dtype=np.float32).reshape(3, 4)
    for kind in ("codebook", "deep", "binary"):
        codings = {"w": Coding(kind=kind, bits=2)}
        with pytest.raises(ValueError, match=f"w cannot be written as {kind}"):
            container.encode({"w": tensor}, codings)
        refused: list[str] = []
        data = container.encode({"w": tensor}, codings, refused)
        assert refused == ["w"]
        assert np.array_equal(container.decode(data)["w"], tensor)


def test_other_types_are_written_raw() -> None:
    _same({"n": np.array(7), "h": np.ones(3, np.float16), "b": np.array([True, False]), "d": np.zeros((0, 2))}, {})


@pytest.mark.parametrize("at", ["start", "head", "end"])
def test_damage_is_said(at: str) -> None:
    data = container.encode({"w": np.ones((3, 4), np.float32)}, {})
    wrong = {"start": b"x" + data[1:], "head": data[:12] + b"\xc1" + data[13:], "end": data + b"x"}[at]
    with pytest.raises(ValueError, match=r"does not|do not begin|damaged|bytes, and its head"):
        container.decode(wrong)
