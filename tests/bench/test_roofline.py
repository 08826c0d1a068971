"""What bounds a layer, and layers together: every number follows from counts, seconds and ceilings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import kinds, roofline
from vbench.core import Ceiling, Layer

PEAK, BANDWIDTH = 100e9, 10e9
LIMITS = {"fp32": Ceiling(peak_flops=PEAK, bandwidth_bytes_per_s=BANDWIDTH), "int8": Ceiling(peak_flops=4 * PEAK)}


def layer(path: str = "a", seconds: float | None = 1e-3, **fields: Any) -> Layer:
    return Layer(**{"path": path, "operator": "convolution", "kind": kinds.ONE, "precision": "fp32", "seconds": seconds} | fields)


@pytest.mark.parametrize(
    ("macs", "size", "seconds", "bound"),
    [
        (40_000_000, 1_000_000, 1e-3, roofline.COMPUTE),  # 0.8 ms at the peak, 0.1 ms at the bandwidth
        (25_000_000, 1_000_000, 1e-3, roofline.COMPUTE),  # half of it, exactly
        (24_999_999, 1_000_000, 1e-3, roofline.OVERHEAD),
        (10_000_000, 6_000_000, 1e-3, roofline.MEMORY),
        (0, 6_000_000, 1e-3, roofline.MEMORY),
        (0, 4_999_999, 1e-3, roofline.OVERHEAD),
        (0, 30_000_000, 1e-3, roofline.MEMORY),  # three times the bandwidth: out of a cache
        (0, None, 1e-3, roofline.UNKNOWN),
        (40_000_000, None, 1e-3, roofline.UNKNOWN),
        (40_000_000, 1_000_000, None, roofline.UNKNOWN),
        (40_000_000, 1_000_000, 0.0, roofline.UNKNOWN),
    ],
)
def test_a_layer_is_bound_by_what_explains_most_of_its_time(
    macs: int, size: int | None, seconds: float | None, bound: str
) -> None:
    assert roofline.bound(layer(macs=macs, bytes=size, seconds=seconds), PEAK, BANDWIDTH) == bound


def test_without_a_ceiling_nothing_is_claimed() -> None:
    assert roofline.bound(layer(macs=40_000_000, bytes=1), None, BANDWIDTH) == roofline.UNKNOWN
    assert roofline.bound(layer(macs=40_000_000, bytes=1), PEAK, None) == roofline.UNKNOWN
    assert roofline.bound(layer(bytes=6_000_000), None, BANDWIDTH) == roofline.MEMORY  # it has no arithmetic to compare with


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(1e-7, 1.0))
def test_the_verdict_is_the_place_under_the_roof(macs: int, size: int, seconds: float) -> None:
    found = roofline.bound(layer(macs=macs, bytes=size, seconds=seconds), PEAK, BANDWIDTH)
    arithmetic, traffic = 2 * macs / PEAK, size / BANDWIDTH
    assert (found == roofline.OVERHEAD) == (max(arithmetic, traffic) < seconds / 2)
    if found != roofline.OVERHEAD:
        assert found == (roofline.COMPUTE if arithmetic > traffic else roofline.MEMORY)


def test_each_layer_is_held_against_the_ceiling_of_its_own_precision() -> None:
    wide, narrow, idle = roofline.judged(
        [
            layer(macs=25_000_000, bytes=2_000_000),
            layer(macs=25_000_000, bytes=2_000_000, precision="int8"),
            layer(seconds=None),
        ],
        LIMITS,
    )
    assert (wide.flops_per_s, wide.peak_share, wide.bound) == (pytest.approx(50e9), pytest.approx(0.5), roofline.COMPUTE)
    assert (narrow.peak_share, narrow.bound) == (pytest.approx(0.125), roofline.OVERHEAD)
    assert (wide.bytes_per_s, wide.bandwidth_share) == (pytest.approx(2e9), pytest.approx(0.2))
    assert (wide.share, narrow.share, idle.share) == (0.5, 0.5, None)
    assert (idle.flops_per_s, idle.bytes_per_s, idle.bound) == (None, None, roofline.UNKNOWN)


LAYERS = roofline.judged(
    [
        layer("stem.0", 1e-3, macs=40_000_000, bytes=1_000_000, kind=kinds.THREE),
        layer("stem.1", 1e-3, bytes=8_000_000, kind=kinds.ACTIVATION, operator="relu"),
        layer("head", 2e-3, macs=80_000_000, bytes=2_000_000),
        layer("stem.0", 1e-3, macs=5_000_000, bytes=1_000_000, kind=kinds.THREE),
        layer("", 1e-3, bytes=None, kind=kinds.MOVEMENT, operator="copy"),
    ],
    LIMITS,
)


def test_groups_add_up_and_say_what_bounds_their_time() -> None:
    found = {group.name: group for group in roofline.by_kind(LAYERS)}
    assert sum(group.share for group in found.values()) == pytest.approx(1.0)
    three = found[kinds.THREE]
    assert (three.layers, three.macs, three.bytes, three.seconds) == (2, 45_000_000, 2_000_000, pytest.approx(2e-3))
    assert three.bounds == {roofline.COMPUTE: pytest.approx(0.5), roofline.OVERHEAD: pytest.approx(0.5)}
    assert three.flops_per_s == pytest.approx(45e9)
    assert three.peak_share == pytest.approx(0.45)
    assert found[kinds.ONE].bound == roofline.COMPUTE
    assert (found[kinds.ACTIVATION].flops_per_s, found[kinds.ACTIVATION].peak_share) == (None, None)
    assert found[kinds.ACTIVATION].bandwidth_share == pytest.approx(0.8)
    moved = found[kinds.MOVEMENT]
    assert (moved.bytes, moved.bytes_per_s, moved.bandwidth_share, moved.bound) == (None, None, None, roofline.UNKNOWN)


def test_modules_are_cut_at_a_depth_and_what_has_no_module_stands_alone() -> None:
    def told(depth: int | None) -> dict[str, int]:
        return {group.name: group.layers for group in roofline.by_module(LAYERS, depth)}

    assert told(None) == {"stem.0": 2, "head": 1, "stem.1": 1, "(copy)": 1}
    assert told(1) == {"stem": 3, "head": 1, "(copy)": 1}
    assert next(iter(told(1))) == "stem"
    assert {group.name: group.layers for group in roofline.by_operator(LAYERS)} == {"convolution": 3, "relu": 1, "copy": 1}
