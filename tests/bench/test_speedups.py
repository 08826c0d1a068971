"""Rows of a run compared with each other: the speed-up over fp32 by pairs of processes, and what a small one carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import journal, results, speedups
from vbench.core import Operator, Record

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {"speedup_over_fp32", "speedup_over_fp32_low", "speedup_over_fp32_high", "slow_cause"}


def account(precision: str, seconds: float, conversion: float = 0.0) -> tuple[Operator, ...]:
    found = (Operator(kind="convolution", precision=precision, macs=500, seconds=seconds),)
    return (*found, Operator(kind="conversion", precision="fp32", seconds=conversion)) if conversion else found


def record(
    make: Any, rates: dict[str, list[float]], accounts: dict[str, tuple[Operator, ...]] | None = None, **axes: Any
) -> Record:
    """A run of one network in these precisions: images per second in each round."""
    cases = [make.case(precision=precision, **axes) for precision in rates]
    done = []
    for case in cases:
        done.append(msgspec.structs.replace(make.check(case), operators=(accounts or {}).get(case.precision, ())))
        done += [
            make.replicate(case, index, 1e3 / rate, values={"throughput_per_s": rate})
            for index, rate in enumerate(rates[case.precision])
        ]
    return results.record(make.run(*cases), done, "complete")


def values(found: Record) -> dict[str, dict[str, Any]]:
    return {r.case.precision: {name: v for name, v in r.values.items() if name in COLUMNS} for r in found.results}


def test_a_speedup_is_the_median_over_pairs_of_a_round(make: Any) -> None:
    # The machine is twice as slow in every second round, for both: pairs do not see it.
    base = [100.0, 50.0, 100.0, 50.0, 100.0, 50.0]
    found = values(record(make, {"fp32": base, "int8": [3 * rate for rate in base], "bf16": base}))
    assert found["fp32"] == {}
    assert found["int8"] == pytest.approx({"speedup_over_fp32": 3.0, "speedup_over_fp32_low": 3.0, "speedup_over_fp32_high": 3.0})
    assert found["bf16"]["speedup_over_fp32"] == 1.0
    assert found["bf16"]["slow_cause"] == "not known: the engine gives no account of what it runs"


def test_one_process_each_has_a_ratio_without_an_interval(make: Any) -> None:
    found = values(record(make, {"fp32": [100.0], "int8": [110.0]}, {"int8": account("int8", 0.004, 0.005)}))["int8"]
    assert set(found) == {"speedup_over_fp32", "slow_cause"}
    assert found["speedup_over_fp32"] == pytest.approx(1.1)
    assert found["slow_cause"].startswith("conversions take 55 % of the time (2.22 times as quick without)")


def test_an_interval_that_reaches_beyond_what_is_hardly_a_speedup_says_so(make: Any) -> None:
    base = [100.0] * 6
    wide = values(record(make, {"fp32": base, "int8": [90.0, 100.0, 110.0, 115.0, 130.0, 150.0]}))["int8"]
    assert wide["speedup_over_fp32"] == pytest.approx(1.125)
    assert wide["slow_cause"].endswith("; its interval reaches 1.5 times")
    narrow = values(record(make, {"fp32": base, "int8": [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]}))["int8"]
    assert "interval" not in narrow["slow_cause"]
    assert "slow_cause" not in values(record(make, {"fp32": base, "int8": [120.0] * 6}))["int8"]


def test_without_a_throughput_it_is_by_latency(make: Any) -> None:
    cases = [make.case(precision=precision) for precision in ("fp32", "fp16")]
    done = [make.replicate(case, index, ms) for case, ms in zip(cases, (10.0, 4.0), strict=True) for index in range(6)]
    assert values(results.record(make.run(*cases), done, "complete"))["fp16"]["speedup_over_fp32"] == pytest.approx(2.5)


def test_processes_of_different_rounds_are_compared_by_their_medians(make: Any) -> None:
    cases = [make.case(precision=precision) for precision in ("fp32", "fp16")]
    done = [make.replicate(cases[0], 0, 10.0, round=0), make.replicate(cases[1], 0, 4.0, round=1)]
    assert values(results.record(make.run(*cases), done, ""))["fp16"] == {"speedup_over_fp32": pytest.approx(2.5)}


@pytest.mark.parametrize(
    "axis", [{"engine": "other"}, {"batch": 2}, {"threads": 2}, {"engine_options": (("hint", "throughput"),)}]
)
def test_only_the_same_case_in_fp32_is_a_sibling(make: Any, axis: dict[str, Any]) -> None:
    cases = [make.case(), make.case(precision="int8", **axis)]
    done = [make.replicate(case, index) for case in cases for index in range(6)]
    assert values(results.record(make.run(*cases), done, "complete"))["int8"] == {}


def test_a_sibling_that_failed_is_none(make: Any) -> None:
    cases = [make.case(precision=precision) for precision in ("fp32", "int8")]
    done = [make.replicate(cases[0], status="failed", reason="it did"), make.replicate(cases[1])]
    assert values(results.record(make.run(*cases), done, "complete"))["int8"] == {}


def test_a_sweep_is_compared_at_the_batch_that_is_best(make: Any) -> None:
    cases = [make.case(precision=precision, scenario="offline") for precision in ("fp32", "int8")]
    done = [
        make.replicate(case, index, latency_ns=(), series=((1.0, 50.0), (2.0, best)))
        for case, best in zip(cases, (100.0, 250.0), strict=True)
        for index in range(6)
    ]
    assert values(results.record(make.run(*cases), done, "complete"))["int8"]["speedup_over_fp32"] == pytest.approx(2.5)


def test_the_ceilings_of_the_machine_are_part_of_the_cause(make: Any) -> None:
    found = record(
        make, {"fp32": [100.0] * 6, "int8": [100.0] * 6}, {"int8": account("int8", 0.01), "fp32": account("fp32", 0.01)}
    )
    (text,) = [row["slow_cause"] for row in values(found).values() if row]
    assert text == (
        "convolution takes 100 % of the time and is 1 times as quick for each MAC as in fp32 (4 times as quick without)"
    )


def test_the_order_of_the_file_does_not_matter_and_the_row_goes_into_it(make: Any, tmp_path: Path) -> None:
    found = record(make, {"fp32": [100.0] * 6, "int8": [99.0, 104.0, 102.0, 101.0, 98.0, 97.0]})
    assert results.derive(found.run, found.replicates[::-1], "complete") == found.results
    assert speedups.told(found.results[::-1], {}) == found.results[::-1]
    file = journal.Journal(tmp_path / "r.jsonl")
    journal.append_result(file, found.results[1])
    file.close()
    assert b'"slow_cause":"not known' in (tmp_path / "r.jsonl").read_bytes()
