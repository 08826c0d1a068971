"""What a batch sweep says, as properties: of the order of processes it says nothing, and of a plateau the smallest batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vbench import effort, results, sweeps
from vbench.config import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

RATES = st.lists(st.floats(min_value=1e-3, max_value=1e6), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("rates", "goes_on"),
    [
        ([], True),
        ([10], True),
        ([10, 5], True),  # one batch may be unlucky
        ([10, 5, 10.2], False),
        ([10, 5, 10.4], True),
        ([10, 10.4, 5], True),
        ([10, 10.4, 10.5], True),
        ([10, 10.4, 10.5, 10.6], False),
        ([10, 20, 20.5, 20.5], False),
    ],
)
def test_a_sweep_goes_on_while_one_of_the_last_two_batches_brought_3_percent(rates: list[float], *, goes_on: bool) -> None:
    assert sweeps.goes_on(rates) is goes_on


@given(RATES, st.floats(min_value=0.01, max_value=100))
def test_the_best_batch_is_the_smallest_that_is_nearly_the_fastest_in_whatever_unit(rates: list[float], unit: float) -> None:
    by_batch = {2**k: rate for k, rate in enumerate(rates)}
    best, top = sweeps.best(by_batch), max(rates)
    assert by_batch[best] * (1 + sweeps.GAIN) >= top * (1 - 1e-12)
    assert all(rate * (1 + sweeps.GAIN) < top * (1 + 1e-12) for batch, rate in by_batch.items() if batch < best)
    near = any(abs(rate * (1 + sweeps.GAIN) / top - 1) < 1e-9 for rate in rates)
    assert near or sweeps.best({batch: rate * unit for batch, rate in by_batch.items()}) == best


@given(st.lists(RATES, min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_medians_are_over_the_batches_that_every_process_measured_in_any_order(
    make: Any, processes: list[list[float]], chance: Any
) -> None:
    case = make.case(scenario="offline")
    replicates = [swept(make, case, index, rates) for index, rates in enumerate(processes)]
    found = sweeps.medians(replicates)
    assert list(found) == [2**k for k in range(min(map(len, processes)))]
    assert all(min(r[k] for r in processes) <= found[2**k] <= max(r[k] for r in processes) for k in range(len(found)))
    assert sweeps.medians(chance.sample(replicates, len(replicates))) == found
    assert sweeps.at(replicates, 1) == [rates[0] for rates in processes]
    assert sweeps.medians([make.replicate(case, 9, latency_ns=()), *replicates]) == found
    assert sweeps.medians([]) == {}


def swept(make: Any, case: Any, index: int, rates: Sequence[float], **fields: Any) -> Any:
    """A process that measured the batches 1, 2, 4, …"""
    given = {"series": tuple((float(2**k), rate) for k, rate in enumerate(rates)), "latency_ns": ()} | fields
    return make.replicate(case, index, **given)


def test_later_processes_are_given_the_batches_of_the_first_that_swept(make: Any) -> None:
    case = make.case(scenario="offline")
    failed, first = make.replicate(case, 0, status="oom", latency_ns=()), swept(make, case, 1, [1, 2, 3])
    second = swept(make, case, 2, [1, 2, 3, 4])
    assert sweeps.batches(case, []) == sweeps.batches(case, [failed]) == ()
    assert sweeps.batches(case, [second, failed, first]) == (1, 2, 4)
    assert sweeps.batches(make.case(scenario="sustained:60s"), [first]) == ()


@given(st.integers(min_value=6, max_value=12), st.randoms(use_true_random=False))
@pytest.mark.usefixtures("registries")
def test_the_row_of_a_sweep_is_that_of_one_batch_in_all_processes(make: Any, count: int, chance: Any) -> None:
    case = make.case(scenario="offline", engine="fake", device="fake")
    # Each process would call another batch its best, while the medians over processes put the third first.
    processes = [[10 * chance.uniform(0.98, 1.02) * factor for factor in (1, 1.5, 2, 2.02)] for _ in range(count)]
    own = [max(rates) for rates in processes]
    replicates = [
        swept(make, case, i, rates, values={"throughput_per_s": top}, notes={"sweep_ended": "out of memory at batch 16"})
        for i, (rates, top) in enumerate(zip(processes, own, strict=True))
    ]
    medians = sweeps.medians(replicates)
    assume(medians[4] * 1.03 > medians[8])
    values = results.derive_case(make.run(case), case, replicates, "complete").values
    assert (values["best_batch"], values["throughput_processes"]) == (4, count)
    third = [rates[2] for rates in processes]
    assert (
        min(third)
        <= values["throughput_per_s_low"]
        <= values["throughput_per_s"]
        <= values["throughput_per_s_high"]
        <= max(third)
    )
    assert values["throughput_by_batch"] == {str(batch): rate for batch, rate in medians.items()}
    assert values["throughput_per_s"] == values["throughput_by_batch"]["4"]
    assert values["sweep_ended"] == "out of memory at batch 16"
    assert "oom_batch" not in values
    assert "latency_s" not in values


def test_the_smallest_batch_that_ran_out_of_memory_is_the_row_s(make: Any) -> None:
    case = make.case(scenario="offline", engine="fake", device="fake")
    replicates = [swept(make, case, i, [10, 20], values={"oom_batch": 2.0**i, "throughput_per_s": 20.0}) for i in (5, 3, 4)]
    values = results.derive_case(make.run(case), case, replicates, "complete").values
    assert (values["oom_batch"], values["best_batch"]) == (8, 2)


def test_what_decides_when_a_sweep_is_done_is_the_number_that_its_row_shows(make: Any) -> None:
    case = make.case(scenario="offline", engine="fake", device="fake")
    settings = Settings()
    # At batch 4, the best over all, processes agree; what each calls its own best is batch 8 in some and jumps by 20 %.
    tops = [120.0 if i % 3 == 0 else 99.0 for i in range(10)]
    own = [{"throughput_per_s": max(100.0, top)} for top in tops]
    agree = [swept(make, case, i, (50, 80, 100, top), values=own[i]) for i, top in enumerate(tops)]
    assert sweeps.headlines(case.scenario, agree) == [100.0] * 10
    assert not effort.unfinished(case, agree, settings)
    assert "imprecise" not in results.derive_case(make.run(case), case, agree, "complete").flags
    # The other way round: each one's own best is the same number, found at batches that differ.
    pairs = [(100, 70) if i % 2 else (70, 100) for i in range(10)]
    differ = [swept(make, case, i, (50, 80, *pair), values={"throughput_per_s": 100.0}) for i, pair in enumerate(pairs)]
    shown = results.derive_case(make.run(case), case, differ, "complete")
    assert effort.unfinished(case, differ, settings)
    assert "imprecise" in shown.flags
    assert {shown.values["throughput_per_s_run_low"], shown.values["throughput_per_s_run_high"]} == {70.0, 100.0}


def test_a_process_stands_for_its_median_latency_and_else_for_its_throughput(make: Any) -> None:
    case = make.case()
    timed = [make.replicate(case, i, 10 + i, values={"throughput_per_s": 5.0}) for i in range(3)]
    assert sweeps.headlines(case.scenario, timed) == [10e6, 11e6, 12e6]
    rated = [make.replicate(case, i, latency_ns=(), values={"throughput_per_s": rate}) for i, rate in enumerate((3.0, 1.0))]
    assert sweeps.headlines("sustained:60s", rated) == [3.0, 1.0]
    assert sweeps.headlines("offline", [make.replicate(case, latency_ns=())]) == []


@pytest.mark.parametrize(
    ("rates", "flags"),
    [((100.0,) * 6, set()), ((100.0,) * 5, {"no_interval"}), ((90.0, 95.0, 100.0, 100.0, 105.0, 110.0), {"imprecise"})],
)
def test_a_scenario_without_latency_is_judged_by_its_throughput(make: Any, rates: tuple[float, ...], flags: set[str]) -> None:
    case = make.case(scenario="offline", engine="fake", device="fake")
    replicates = [swept(make, case, i, [rate], values={"throughput_per_s": rate}) for i, rate in enumerate(rates)]
    result = results.derive_case(make.run(case), case, replicates, "complete")
    assert set(result.flags) & {"no_interval", "imprecise"} == flags
