"""Efficiency is what was achieved of the lower ceiling, and says which that is; above either it is flagged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import results
from vbench.core import Ceiling
from vbench.metrics import ceiling_key, derive
from vbench.metrics.efficiency import ceiling_flags
from vbench.registry import METRICS

sizes = st.integers(min_value=1, max_value=10**12)
rates = st.floats(min_value=1e6, max_value=1e15)


def row(make: Any, case: Any, ceiling: Ceiling | None, ms: float = 10.0, **counts: Any) -> dict[str, Any]:
    results.load_metrics()
    ceilings = {} if ceiling is None else {ceiling_key(case.device, case.precision, case.threads): ceiling}
    run = make.run(case, ceilings=ceilings)
    return derive(METRICS.get("efficiency"), case, [make.check(case, **counts), make.replicate(case, ms=ms)], run)


@given(sizes, st.none() | sizes, rates, st.none() | rates, st.integers(1, 64), st.floats(1e-3, 1e5))
def test_the_lower_ceiling_binds(make: Any, macs: int, moved: int | None, peak: float, bandwidth: float | None, batch: int, ms: float) -> None:  # fmt: skip  # noqa: E501, PLR0913, PLR0917 - the axes of the rule
    case = make.case(batch=batch)
    found = row(
        make, case, Ceiling(peak_flops=peak, bandwidth_bytes_per_s=bandwidth), ms, macs=macs, bytes_moved=moved, batch=batch
    )
    achieved = 2 * macs * batch / (int(ms * 1e6) * 1e-9)
    assert found["achieved_flops"] == pytest.approx(achieved)
    memory = float("inf") if moved is None or bandwidth is None else 2 * macs * batch / moved * bandwidth
    assert found["efficiency"] == pytest.approx(achieved / min(peak, memory))
    assert found["bound"] == ("memory" if memory < peak else "compute")


@given(st.floats(0.01, 100), st.floats(10, 1000))
def test_a_faster_machine_of_the_same_habits_has_the_same_efficiency(make: Any, scale: float, ms: float) -> None:
    case = make.case()
    one = row(make, case, Ceiling(peak_flops=1e9, bandwidth_bytes_per_s=1e8), ms, macs=10**8, bytes_moved=10**7)
    ceiling = Ceiling(peak_flops=1e9 * scale, bandwidth_bytes_per_s=1e8 * scale)
    other = row(make, case, ceiling, ms / scale, macs=10**8, bytes_moved=10**7)
    assert other["efficiency"] == pytest.approx(one["efficiency"], rel=1e-3)
    assert other["bound"] == one["bound"]


def test_what_is_not_known_is_left_empty(make: Any) -> None:
    case = make.case()
    empty = row(make, case, Ceiling(method="other work disturbed it"))
    assert (empty["efficiency"], empty["bound"], empty["peak_flops"]) == (None, None, None)
    assert empty["achieved_flops"] == pytest.approx(2 * 500 / 0.010)
    assert row(make, case, None) == empty
    assert row(make, make.case(threads=2), None) == empty
    results.load_metrics()
    uncounted = derive(METRICS.get("efficiency"), case, [make.replicate(case)], make.run(case))
    assert set(uncounted.values()) == {None}


def test_a_narrower_type_moves_fewer_bytes(make: Any) -> None:
    ceiling = Ceiling(peak_flops=1e15, bandwidth_bytes_per_s=1e9)
    shares = {
        precision: row(make, make.case(precision=precision), ceiling, macs=10**6, bytes_moved=10**6)["efficiency"]
        for precision in ("fp32", "bf16", "fp16", "int8")
    }
    full = shares["fp32"]
    assert shares == pytest.approx({"fp32": full, "bf16": full / 2, "fp16": full / 2, "int8": full / 4})


def test_a_training_step_has_its_backward_pass_and_no_known_traffic(make: Any) -> None:
    case = make.case(phase="train")
    ceiling = Ceiling(peak_flops=1e6, bandwidth_bytes_per_s=1.0)
    found = row(make, case, ceiling, backward_macs=1000, bytes_moved=10)
    assert found["achieved_flops"] == pytest.approx(2 * 1500 / 0.010)
    assert (found["bound"], found["efficiency"]) == ("compute", pytest.approx(0.3))
    assert row(make, case, ceiling, backward_macs=None)["efficiency"] is None


def test_what_was_counted_at_another_batch_says_nothing_of_this_ones_traffic(make: Any) -> None:
    found = row(make, make.case(batch=8), Ceiling(peak_flops=1e6, bandwidth_bytes_per_s=1.0), bytes_moved=10, batch=1)
    assert (found["bound"], found["efficiency"]) == ("compute", pytest.approx(8 * 0.1))


def test_a_sweep_was_fastest_at_a_batch_whose_traffic_nobody_counted(make: Any) -> None:
    ceiling = Ceiling(peak_flops=1e6, bandwidth_bytes_per_s=1.0)
    found = row(make, make.case(scenario="offline"), ceiling, bytes_moved=10, batch=1)
    assert found["bound"] == "compute"
    assert row(make, make.case(), ceiling, bytes_moved=10, batch=1)["bound"] == "memory"


def test_throughput_serves_where_there_is_no_latency(make: Any) -> None:
    case = make.case()
    quiet = make.replicate(case, latency_ns=(), values={"throughput_per_s": 50.0})
    run = make.run(case, ceilings={ceiling_key("cpu", "fp32", 1): Ceiling(peak_flops=1e6)})
    results.load_metrics()
    assert derive(METRICS.get("efficiency"), case, [make.check(case), quiet], run)["efficiency"] == pytest.approx(0.05)


def of(make: Any, scenario: str, **fields: Any) -> Any:
    """The operations per second of one process of that scenario, with 500 MACs in an image and two images in a request."""
    case = make.case(scenario=scenario, batch=2)
    run = make.run(case, ceilings={ceiling_key("cpu", "fp32", 1): Ceiling(peak_flops=1e6)})
    results.load_metrics()
    return derive(METRICS.get("efficiency"), case, [make.check(case), make.replicate(case, **fields)], run)["achieved_flops"]


def test_streams_are_judged_by_what_they_do_together(make: Any) -> None:
    # Two streams that wait for each other: each request takes twice as long, and the device does no less.
    assert of(make, "concurrent:2", ms=20.0, values={"throughput_per_s": 200.0}) == pytest.approx(1000 * 200)
    assert of(make, "concurrent:2", ms=20.0) is None
    assert of(make, "single-stream", ms=10.0, values={"throughput_per_s": 999.0}) == pytest.approx(1000 * 200)


def test_decoding_a_picture_is_none_of_the_networks_work(make: Any) -> None:
    assert of(make, "end-to-end", ms=50.0, values={"forward_s": 0.010, "decode_s": 0.040}) == pytest.approx(1000 * 200)
    assert of(make, "end-to-end", ms=50.0) is None


def test_a_sweep_is_judged_at_the_batch_that_its_row_shows(make: Any) -> None:
    series, own = ((2.0, 100.0), (4.0, 102.0)), {"throughput_per_s": 102.0}
    assert of(make, "offline", latency_ns=(), series=series, values=own) == pytest.approx(1000 * 100)


@pytest.mark.parametrize(
    ("achieved", "peak", "share", "flags"),
    [
        (104.0, 100.0, 1.04, []),
        (106.0, 100.0, 1.06, ["too_fast"]),
        (106.0, 100.0, 3.0, ["too_fast"]),
        (50.0, 100.0, 1.06, ["cached_traffic"]),
        (50.0, 100.0, 0.5, []),
        (50.0, None, None, []),
        (None, 100.0, None, []),
    ],
)
def test_flags(achieved: float | None, peak: float | None, share: float | None, flags: list[str]) -> None:
    assert ceiling_flags({"achieved_flops": achieved, "peak_flops": peak, "efficiency": share}) == flags


def test_a_row_above_its_ceiling_is_flagged_and_only_that(make: Any) -> None:
    case = make.case()
    replicates = [make.check(case), *(make.replicate(case, index) for index in range(6))]
    slow = {ceiling_key("cpu", "fp32", 1): Ceiling(peak_flops=90_000.0)}
    plain = results.derive_case(make.run(case), case, replicates, "complete")
    found = results.derive_case(make.run(case, ceilings=slow), case, replicates, "complete")
    assert set(found.flags) - set(plain.flags) == {"too_fast"}
    assert found.values["efficiency"] == pytest.approx(100_000 / 90_000)
    assert found.values.keys() - plain.values.keys() == {"efficiency", "bound", "peak_flops"}
