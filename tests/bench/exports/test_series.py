"""Bencher and github-action-benchmark, which no test can run: held to what their documentation says, written down below."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from vbench.errors import UnknownNameError, UsageError
from vbench.exports import bencher
from vbench.exports import github_action_benchmark as action
from vbench.exports.format import Asked
from vbench.gate import points
from vbench.stats import median_interval

if TYPE_CHECKING:
    from vbench.core import Record


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of the action's custom tools. Its reader turns null into the text "null", so what is missing must be absent."""

    name: Annotated[str, Meta(min_length=1)]
    unit: Annotated[str, Meta(min_length=1)]
    value: float
    range: str | msgspec.UnsetType = msgspec.UNSET
    extra: str | msgspec.UnsetType = msgspec.UNSET


class Value(msgspec.Struct, forbid_unknown_fields=True):
    """A metric of Bencher's."""

    value: float
    lower_value: float | msgspec.UnsetType = msgspec.UNSET
    upper_value: float | msgspec.UnsetType = msgspec.UNSET


Name = Annotated[str, Meta(min_length=1, max_length=1024)]
Slug = Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]


def entries(made: Any) -> dict[str, Entry]:
    found = msgspec.json.decode(made.content, type=Annotated[list[Entry], Meta(min_length=1)])
    assert len({entry.name for entry in found}) == len(found), "the action draws one chart per name"
    return {entry.name: entry for entry in found}


def measures(made: Any) -> dict[str, dict[str, Value]]:
    return msgspec.json.decode(made.content, type=dict[Name, dict[Slug, Value]])


def row(record: Record, name: str) -> Any:
    return next(result for result in record.results if result.case.architecture == name)


def test_bencher_has_latency_in_nanoseconds_with_its_interval(record: Record, nothing: Asked) -> None:
    made = bencher.of_runs([record], nothing)
    found, odd, sweep = measures(made), row(record, "a/odd"), row(record, "c/sweep")
    one = found[odd.case.id]
    assert set(one) == {"latency", "throughput"}
    assert one["latency"].value == pytest.approx(5e6)
    assert one["latency"].lower_value == odd.values["latency_s_low"] * 1e9
    assert one["latency"].upper_value == odd.values["latency_s_high"] * 1e9
    assert one["throughput"].value == 90.0
    assert set(found[sweep.case.id]) == {"throughput"}
    assert [line.partition("@")[0] for line in made.left] == ["b/failed", "b/timeout", "b/oom", "b/crashed", "c/skipped"]
    counts = measures(bencher.of_runs([record], Asked(metrics=("macs", "host_memory"))))[odd.case.id]
    assert {name: value.value for name, value in counts.items()} == {"macs": 500, "host-memory": 2**28}
    with pytest.raises(ValueError, match="badly formed"):
        uuid.UUID(odd.case.id)  # Bencher would take such a name for an id of its own


def test_the_action_has_one_unit_per_series_and_the_interval_as_range(record: Record, nothing: Asked) -> None:
    made = action.of_runs([record], nothing)
    found, odd = entries(made), row(record, "a/odd")
    one = found[f"{odd.case.id} latency"]
    assert (one.unit, one.value) == ("ms", 5.0)
    assert one.range == f"{odd.values['latency_s_low'] * 1e3:.6g} to {odd.values['latency_s_high'] * 1e3:.6g}, 95 %"
    assert str(one.extra).startswith("processes: 9\nflags: ")
    assert {entry.unit for entry in found.values()} == {"ms"}
    assert made.note.endswith("`tool: customSmallerIsBetter`")
    assert "it has no latency" in made.left[-1]
    memory = entries(action.of_runs([record], Asked(metrics=("host_memory", "macs"))))
    assert {(entry.unit, entry.value, entry.range) for entry in memory.values()} >= {("B", 2**28, msgspec.UNSET)}


def test_a_file_of_the_action_has_one_direction(record: Record) -> None:
    made = action.of_runs([record], Asked(metrics=("throughput",)))
    assert made.note.endswith("`tool: customBiggerIsBetter`")
    assert {entry.unit for entry in entries(made).values()} == {"1/s"}
    for metrics in (("latency", "throughput"), ("device_state",)):
        with pytest.raises(UsageError, match="has one direction, lower or higher, and these are"):
            action.of_runs([record], Asked(metrics=metrics))


def test_of_the_gate_the_absolute_and_the_ratio_are_series_of_their_own(gated: Any, nothing: Asked) -> None:
    compared = points.compared(gated.log)
    slow = next(r for r in gated.outcome.rows if r.architecture == "a/slow" and r.metric == "latency")
    made = action.of_gate(compared, nothing)
    found = entries(made)
    own, ratio = found[f"{slow.case} (gate) latency"], found[f"{slow.case} (gate) latency, head over base"]
    assert (own.unit, ratio.unit) == ("ms", "ratio")
    assert ratio.value == round(1 + slow.effect, 6)
    assert ratio.range == f"{round(1 + slow.low, 6):.6g} to {round(1 + slow.high, 6):.6g}, 90 %"
    assert str(ratio.extra).splitlines()[:2] == ["verdict: regression", "pairs: 26"]
    # Head's own number is that of the fresh pairs, from which the effect was estimated; each half is one number.
    fresh = [10.0 * (1.05 + 0.001 * index) for index in range(18)]
    assert own.value == pytest.approx((fresh[8] + fresh[9]) / 2)
    low, high = median_interval(fresh) or (0.0, 0.0)
    assert own.range == f"{low:.6g} to {high:.6g}, 95 %"
    assert [line.partition(": ")[2] for line in made.left if "a/wrong" in line] == [
        "invalid: output changed: if that is meant, --allow-output-change"
    ] * 2
    assert sum("more is better: --metric throughput makes a file of its own" in line for line in made.left) == 2


def test_throughput_under_the_gate_is_images_per_second_and_its_ratio_that_of_the_time(gated: Any) -> None:
    compared = points.compared(gated.log)
    made = action.of_gate(compared, Asked(metrics=("throughput",)))
    found = entries(made)
    assert {entry.unit for entry in found.values()} == {"1/s"}
    assert made.note.endswith("`tool: customBiggerIsBetter`")
    slow = next(point for point in compared.points if point.architecture == "a/slow" and point.metric == "throughput")
    assert slow.value == pytest.approx(1 / 0.010585, rel=1e-3)
    assert slow.low is not None
    assert slow.high is not None
    assert slow.low < slow.value < slow.high
    both = measures(bencher.of_gate(compared, Asked(metrics=("throughput",))))[f"{slow.case} (gate)"]
    assert set(both) == {"throughput", "throughput-ratio-to-base"}
    assert both["throughput-ratio-to-base"].value > 1
    with pytest.raises(UnknownNameError, match="--metric memory: this gate has none of it; it has latency, throughput"):
        action.of_gate(compared, Asked(metrics=("memory",)))


def test_bencher_has_both_under_a_name_of_the_gate(gated: Any, nothing: Asked) -> None:
    found = measures(bencher.of_gate(points.compared(gated.log), nothing))
    assert all(name.endswith(" (gate)") for name in found)
    slow = next(r for r in gated.outcome.rows if r.architecture == "a/slow" and r.metric == "latency")
    one = found[f"{slow.case} (gate)"]
    assert one["latency"].value == pytest.approx(10.585e6)
    ratio = one["latency-ratio-to-base"]
    assert (ratio.value, ratio.lower_value, ratio.upper_value) == (1 + slow.effect, 1 + slow.low, 1 + slow.high)
