"""The choice: what is within and how surely, the order, the front, and what each limit costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.best import candidates, choice, limits
from vbench.best.limits import MEASURES
from vbench.core import Measured

from .conftest import CROP, Net

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vbench.best.choice import Choice

SMALL, MIDDLE, LARGE = Net("net/small", 60.0, 10.0, 50), Net("net/middle", 70.0, 20.0, 100), Net("net/large", 75.0, 40.0, 300)
OPTIONS = {
    "latency": "--max-latency", "throughput": "--min-throughput", "memory": "--max-memory", "quality": "--min-top1",
    "params": "--max-params", "macs": "--max-macs", "energy": "--max-energy",
}  # fmt: skip


def limited(**given: str) -> list[limits.Limit]:
    return [limits.parse(OPTIONS[name], text, MEASURES[name]) for name, text in given.items()]


def chosen(maker: Any, nets: Sequence[Net], by: str = "quality", **given: str) -> Choice:
    found = candidates.candidates([maker.record(nets)], candidates.Asked())
    return choice.choose(found.rows, limited(**given), MEASURES[by], found.protocol)


def names(found: Choice) -> list[str]:
    return [candidate.row.name for candidate in found.ranked]


def test_what_keeps_every_limit_is_ranked_by_quality_then_latency(rows: Any) -> None:
    twin = Net("net/twin", 70.0, 15.0, 100)
    found = chosen(rows, [SMALL, MIDDLE, LARGE, twin], latency="25ms", memory="200MB")
    assert names(found) == ["net/twin", "net/middle", "net/small"]
    assert names(chosen(rows, [SMALL, MIDDLE, LARGE, twin], by="latency")) == ["net/small", "net/twin", "net/middle", "net/large"]
    assert names(chosen(rows, [SMALL, MIDDLE, LARGE], by="throughput"))[0] == "net/small"
    assert names(chosen(rows, [SMALL, MIDDLE, LARGE], by="memory", quality="65")) == ["net/middle", "net/large"]


@pytest.mark.parametrize(
    ("limit", "spread", "processes", "place", "why"),
    [
        ("21ms", 0.02, 6, "sure", ""),
        ("20.41ms", 0.02, 6, "sure", ""),
        ("20.3ms", 0.02, 6, "likely", "latency may be 20.4 ms"),
        ("30ms", 0.6, 6, "likely", "latency may be 32.0 ms"),
        ("21ms", 0.02, 5, "open", "latency has no interval"),
    ],
)
def test_a_row_is_as_sure_of_its_place_as_its_interval(  # noqa: PLR0913, PLR0917 - a row of the table each
    rows: Any, limit: str, spread: float, processes: int, place: str, why: str
) -> None:
    net = MIDDLE._replace(spread=spread, processes=processes)
    candidate = chosen(rows, [net], latency=limit).ranked[0]
    assert (candidate.place, candidate.why) == (place, [why] if why else [])


def test_counts_are_sure_and_what_is_not_known_is_left_out(rows: Any) -> None:
    found = chosen(rows, [SMALL, MIDDLE], params="10M", macs="1GMACs")
    assert names(found) == ["net/small"]
    assert found.ranked[0].place == "sure"
    assert chosen(rows, [SMALL], energy="1J").ranked == []
    assert names(chosen(rows, [SMALL._replace(top1=None), MIDDLE], quality="50")) == ["net/middle"]
    # Without a limit on it, it stands behind those whose accuracy is known.
    assert names(chosen(rows, [SMALL._replace(top1=None), MIDDLE])) == ["net/middle", "net/small"]


def test_the_accuracy_of_fp32_makes_no_other_precision_sure_and_beats_no_accuracy_of_its_own(rows: Any) -> None:
    narrow = MIDDLE._replace(ms=8.0, axes={"precision": "int8"})
    found = chosen(rows, [MIDDLE, narrow], quality="65", latency="30ms")
    assert [(candidate.row.case.precision, candidate.place, candidate.best) for candidate in found.ranked] == [
        ("int8", "open", True), ("fp32", "sure", True),
    ]  # fmt: skip
    assert found.ranked[0].why == ["the accuracy is that of fp32"]
    assert chosen(rows, [MIDDLE, narrow], latency="30ms").ranked[0].place == "sure"


def test_only_what_no_other_beats_is_marked(rows: Any) -> None:
    worse = Net("net/worse", 65.0, 30.0, 100)
    found = chosen(rows, [SMALL, MIDDLE, LARGE, worse])
    assert [measure.name for measure in found.front] == ["quality", "latency"]
    assert {candidate.row.name for candidate in found.ranked if candidate.best} == {"net/small", "net/middle", "net/large"}
    light = worse._replace(mb=10.0)
    found = chosen(rows, [SMALL, MIDDLE, LARGE, light], memory="1GB")
    assert [measure.name for measure in found.front] == ["quality", "memory"]
    assert {candidate.row.name for candidate in found.ranked if candidate.best} == {"net/middle", "net/large", "net/worse"}


def test_the_limit_that_binds_is_priced_by_the_nearest_that_is_better(rows: Any) -> None:
    near = Net("net/near", 65.0, 26.0, 90)
    found = chosen(rows, [SMALL, MIDDLE, LARGE, near], latency="25ms", memory="400MB", quality="55")
    latency, memory, quality = found.prices
    assert latency.binds
    assert (latency.nearest.row.name, latency.step.row.name, latency.most.row.name) == ("net/near", "net/large", "net/large")
    assert latency.gain == pytest.approx(5.0)
    assert latency.beyond == pytest.approx(0.015)
    assert (memory.binds, memory.nearest) == (False, None)
    # Less accuracy would buy time, and nothing here is faster.
    assert (quality.binds, quality.goal.name, quality.nearest) == (False, "latency", None)


def test_less_accuracy_buys_time(rows: Any) -> None:
    found = chosen(rows, [SMALL, MIDDLE, LARGE], quality="65")
    (price,) = found.prices
    assert (price.goal.name, price.step.row.name) == ("latency", "net/small")
    assert price.beyond == pytest.approx(5.0)
    assert price.gain == pytest.approx(0.010)


def test_what_breaks_two_limits_is_the_price_of_neither(rows: Any) -> None:
    found = chosen(rows, [MIDDLE, LARGE], latency="30ms", memory="200MB")
    assert [price.nearest for price in found.prices] == [None, None]


def test_where_nothing_is_within_the_nearest_is_what_is_least_far_out_of_its_worst_limit(rows: Any) -> None:
    given = limited(latency="15ms", quality="68")
    found = chosen(rows, [SMALL, MIDDLE, LARGE], latency="15ms", quality="68")
    assert found.ranked == []
    miss = choice.nearest_miss(found.judged, given)
    assert miss is not None
    assert miss.candidate.row.name == "net/small"
    assert [(limit.option, pytest.approx(share)) for limit, share in miss.over] == [("--min-top1", 8 / 68)]
    assert choice.nearest_miss(chosen(rows, [SMALL], energy="1J").judged, limited(energy="1J")) is None


@given(data=st.data())
def test_the_front_is_what_nothing_beats_and_the_rest_is_beaten_by_it(make: Any, tmp_path_factory: Any, data: Any) -> None:
    from .conftest import Maker  # noqa: PLC0415 - hypothesis wants no fixture of a function

    many = data.draw(st.lists(st.tuples(st.integers(50, 53), st.integers(10, 13)), min_size=1, max_size=8))
    nets = [Net(f"net/{index}", float(top1), float(ms)) for index, (top1, ms) in enumerate(many)]
    found = chosen(Maker(make, tmp_path_factory.getbasetemp()), nets)
    best = [c.values for c in found.ranked if c.best]
    assert best
    for candidate in found.ranked:
        own = candidate.values
        beaten = any(
            other["quality"] >= own["quality"]
            and other["latency"] <= own["latency"]
            and (other["quality"], other["latency"]) != (own["quality"], own["latency"])
            for other in best
        )
        assert beaten != candidate.best


def test_protocols_are_not_mixed(rows: Any) -> None:
    other = Net("net/crops", 90.0, 10.0, protocol="1 model, 10 crops")
    found = candidates.candidates([rows.record([SMALL, MIDDLE, other])], candidates.Asked())
    assert found.protocol is not None
    assert found.protocol.text == CROP
    (note,) = found.notes
    assert note.startswith("without a top-1 in the protocol '1 model, 1 crop, 224 px': 1 network; protocols are not mixed")
    assert note.endswith("--protocol TEXT takes another: '1 model, 10 crops' (1)")
    assert names(choice.choose(found.rows, limited(quality="50"), MEASURES["quality"], found.protocol)) == [
        "net/middle",
        "net/small",
    ]
    asked = candidates.Asked(protocol="1 model, 10 crops")
    assert candidates.candidates([rows.record([SMALL, other])], asked).protocol == ("top1", "1 model, 10 crops", "published")


def measured(record: Any, low: float, protocol: str = "folder:val (0), 10 pictures, centre crop") -> Any:
    """The record with a top-1 of 70 % that was measured of each row, `low` being the end of its interval."""
    given = Measured(
        source="here", protocol=protocol, top1=70.0, low=low, high=72.0, pictures=10, marks="0" * 7 + "-" * 3, started="2026"
    )
    rows = tuple(msgspec.structs.replace(result, accuracy=(given,)) for result in record.results)
    return msgspec.structs.replace(record, results=rows)


@pytest.mark.parametrize(("low", "place", "why"), [(66.0, "sure", ""), (64.0, "likely", "the accuracy may be 64.00 %")])
def test_a_measured_accuracy_is_the_rows_own_in_any_precision_and_as_sure_as_its_interval(
    rows: Any, low: float, place: str, why: str
) -> None:
    quantised = Net("net/small", 60.0, 10.0, axes={"precision": "int8"})
    found = candidates.candidates([measured(rows.record([quantised]), low)], candidates.Asked())
    assert found.protocol is not None
    assert found.protocol.kind == "measured"
    (row,) = found.rows
    assert limits.own_accuracy(row)
    (limit,) = limited(quality="65")
    assert limits.place(row, limit, limits.number(row, limit.measure, found.protocol)) == (place, why)


def test_where_a_published_protocol_is_asked_for_int8_has_that_of_fp32_as_before(rows: Any) -> None:
    quantised = Net("net/small", 60.0, 10.0, axes={"precision": "int8"})
    found = candidates.candidates([measured(rows.record([quantised]), 66.0)], candidates.Asked(protocol=CROP))
    (row,) = found.rows
    assert not limits.own_accuracy(row)
    assert limits.number(row, MEASURES["quality"], found.protocol) == 60.0


def test_an_accuracy_without_costs_is_nothing_to_choose(rows: Any) -> None:
    record = rows.record([SMALL])
    alone = msgspec.structs.replace(record.results[0], case=msgspec.structs.replace(record.results[0].case, batch=16))
    record = msgspec.structs.replace(record, results=(*record.results, alone))
    assert len(candidates.candidates([record], candidates.Asked()).rows) == 1
