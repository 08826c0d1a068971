"""The columns of memory and traffic, and of the backward pass, from what was counted and measured."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from vbench import results

COLUMNS = ("peak_activation_bytes", "peak_scratch_bytes", "largest_batch", "bytes_moved", "arithmetic_intensity", "backward_macs")


def derived(make: Any, counted: dict[str, Any], values: dict[str, float]) -> dict[str, Any]:
    case = make.case("a/b")
    check = make.check(case)
    check = msgspec.structs.replace(check, counted=msgspec.structs.replace(check.counted, **counted), values=values)
    row = results.derive_case(make.run(case), case, [check, make.replicate(case, 0)], "complete").values
    return {name: row[name] for name in COLUMNS if name in row}


def test_what_was_counted_and_measured_fills_its_columns(make: Any) -> None:
    counted = {"macs": 500, "batch": 8, "peak_activation_bytes": 100, "bytes_moved": 4_000, "backward_macs": 900}
    assert derived(make, counted, {"peak_scratch_bytes": 7.0, "largest_batch": 12.0}) == {
        "peak_activation_bytes": 100,
        "peak_scratch_bytes": 7,
        "largest_batch": 12,
        "bytes_moved": 4_000,
        "arithmetic_intensity": pytest.approx(2 * 500 * 8 / 4_000),
        "backward_macs": 900,
    }


def test_what_is_not_known_is_absent_and_not_0(make: Any) -> None:
    assert derived(make, {}, {}) == {}
    assert derived(make, {"bytes_moved": 0}, {"peak_scratch_bytes": 0.0}) == {"peak_scratch_bytes": 0, "bytes_moved": 0}


def test_the_peak_of_the_host_is_the_largest_and_what_was_there_before_the_usual(make: Any) -> None:
    case = make.case("a/b")
    pairs = [(300.0, 100.0), (500.0, 102.0), (400.0, 190.0)]
    processes = [
        make.replicate(case, i, values={"peak_host_bytes": peak, "base_host_bytes": base}) for i, (peak, base) in enumerate(pairs)
    ]
    row = results.derive_case(make.run(case), case, processes, "complete").values
    assert (row["peak_host_bytes"], row["base_host_bytes"]) == (500, 102)
    quiet = results.derive_case(make.run(case), case, [make.replicate(case)], "complete").values
    assert {"peak_host_bytes", "base_host_bytes"}.isdisjoint(quiet)


def test_they_are_columns_of_the_contract() -> None:
    assert set(COLUMNS) <= set(results.COLUMNS)
