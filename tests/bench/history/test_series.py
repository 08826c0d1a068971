"""What belongs to one series, what is never compared, and what is said of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench.errors import NothingSelectedError, UnknownNameError, UsageError
from vbench.history import jumps as changes
from vbench.history import series as collected
from vbench.history.look import Asked, look, plain
from vbench.history.measures import measures
from vbench.history.reading import read_all
from vbench.scan import Rule

from .conftest import MACHINE, VERSIONS, case, commit, wander

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.history.look import History
    from vbench.history.series import Series

GPU = msgspec.structs.replace(MACHINE, gpus=("Some GPU",), driver="575.1")


def found(runs: Any, *columns: str) -> list[Series]:
    wanted = measures(columns or ("latency",))
    return collected.collect(read_all([runs.folder], [m.column for m in wanted]), wanted)


def history(runs: Any, *metrics: str, **rule: Any) -> History:
    return look([runs.folder], Asked(metrics=metrics or ("latency",)), Rule(**rule))


def test_points_are_in_the_order_of_time_with_what_the_run_says(runs: Any) -> None:
    for ms in (10.0, 11.0, 12.0):
        runs.add({case(): ms})
    (one,) = found(runs)
    assert [point.value for point in one.points] == pytest.approx([0.010, 0.011, 0.012])
    assert [point.run.commit for point in one.points] == [commit(n) for n in range(3)]
    first = one.points[0]
    assert first.low is not None
    assert first.high is not None
    assert first.low < first.value < first.high
    assert one.points[0].file.endswith(".jsonl")


def test_rows_that_are_not_ok_are_no_points(runs: Any) -> None:
    runs.add({case(): 10.0, case("net/bad"): None})
    runs.add({case(): None, case("net/bad"): 10.0})
    assert {one.case.architecture: len(one.points) for one in found(runs)} == {"net/one": 1, "net/bad": 1}


@pytest.mark.parametrize(
    ("fields", "series", "segments"),
    [
        ({"versions": VERSIONS | {"torch": "2.14.0"}}, 1, 2),
        ({"versions": VERSIONS | {"python": "3.12.1"}}, 1, 2),
        ({"versions": VERSIONS | {"vbench": "0.2.0", "numpy": "9"}}, 1, 1),
        ({"machine": msgspec.structs.replace(MACHINE, fingerprint="other")}, 2, 1),
        ({"machine": msgspec.structs.replace(MACHINE, driver="999")}, 1, 1),  # nothing of it runs on that driver
        ({"definitions": {case().id: "d1"}}, 2, 1),
    ],
    ids=["torch", "python", "others", "machine", "driver", "definition"],
)
def test_what_starts_another_segment_or_series(runs: Any, fields: Any, series: int, segments: int) -> None:
    runs.add({case(): 10.0})
    runs.add({case(): 10.0}, **fields)
    all_of_them = found(runs)
    assert len(all_of_them) == series
    assert len(all_of_them[0].segments) == segments


def test_a_driver_and_an_engine_start_another_segment_of_what_runs_on_them(runs: Any) -> None:
    one, two = case(device="cuda:0"), case("net/two", engine="openvino")
    runs.add({one: 10.0, two: 10.0}, machine=GPU, versions=VERSIONS | {"openvino": "1"})
    runs.add({one: 10.0, two: 10.0}, machine=msgspec.structs.replace(GPU, driver="580"), versions=VERSIONS | {"openvino": "1"})
    runs.add({one: 10.0, two: 10.0}, machine=GPU, versions=VERSIONS | {"openvino": "2"})
    cuda, openvino = found(runs)
    assert [segment.epoch.get("driver") for segment in cuda.segments] == ["575.1", "580"]
    assert [len(segment.points) for segment in cuda.segments] == [2, 1]
    assert [segment.epoch["openvino"] for segment in openvino.segments] == ["1", "2"]


def test_a_machine_or_version_that_is_faster_is_no_change(runs: Any) -> None:
    for number in range(40):
        late = number >= 20
        versions = VERSIONS | {"torch": "2.14.0" if late else "2.13.0"}
        runs.add({case(): (5.0 if late else 10.0) * (1 + number % 3 / 1000)}, versions=versions)
    assert history(runs).jumps == []


def test_a_change_names_the_runs_on_either_side_and_what_it_means(runs: Any) -> None:
    runs.stepped(20, 8)
    (jump,) = history(runs).jumps
    assert (jump.before.run.commit, jump.after.run.commit) == (commit(19), commit(20))
    assert (jump.good.run.commit, jump.bad.run.commit) == (commit(19), commit(20))
    assert jump.word == "worse"
    assert jump.change.relative == pytest.approx(0.1, abs=0.003)
    (jump,) = history(runs, "throughput").jumps
    assert jump.word == "worse"
    assert jump.change.relative == pytest.approx(-0.0909, abs=0.003)


def test_less_is_better_where_the_metric_says_so(runs: Any) -> None:
    runs.stepped(20, 8, by=-0.1)
    assert [jump.word for jump in history(runs, "latency", "throughput").jumps] == ["better", "better"]


def test_what_changed_comes_first_with_the_newest_before_all(runs: Any) -> None:
    for number in range(40):
        wiggle = 1 + 0.001 * wander(number)
        steps = {"net/still": 99, "net/early": 15, "net/late": 28}
        runs.add({case(name): 10.0 * wiggle * (1.1 if number >= at else 1) for name, at in steps.items()})
    assert [one.case.architecture for one in history(runs).series] == ["net/late", "net/early", "net/still"]


def test_what_is_the_same_on_both_sides_is_said_and_what_is_not(runs: Any) -> None:
    runs.stepped(20, 0, catalogue="c0", environment={"OMP_NUM_THREADS": "2"})
    for number in range(20, 28):
        runs.add({case(): 11.0 + number / 1000}, catalogue="c0", versions=VERSIONS | {"vbench": "0.2.0"})
    (jump,) = history(runs).jumps
    assert changes.notes(jump) == [
        "the network's own source is the same on both sides",
        "vbench 0.1.0 became 0.2.0",
        "OMP_NUM_THREADS was 2 and is not set",
    ]


def test_where_most_series_change_at_once_the_machine_is_named_first(runs: Any) -> None:
    for number in range(30):
        wiggle = 1 + 0.001 * wander(number)
        nets = {case(f"net/{i}"): 10.0 * wiggle * (1.1 if number >= 20 and i < 3 else 1) for i in range(5)}
        runs.add(nets)
    seen = history(runs)
    assert len(seen.jumps) == 3
    said = {changes.company(jump, seen.series, seen.jumps) for jump in seen.jumps}
    assert said == {"3 of 5 series of this machine change here: look at the machine and at shared layers first"}
    assert changes.company(seen.jumps[0], seen.series, seen.jumps[:2]) == ""


def test_a_point_far_off_is_told_apart_from_a_change(runs: Any) -> None:
    runs.stepped(20, 0)
    runs.add({case(): 13.0})
    seen = history(runs)
    assert seen.jumps == []
    (off,) = seen.far
    assert off.latest
    assert len(off.points) == 1
    assert off.relative == pytest.approx(0.3, abs=0.01)
    assert off.before is not None
    assert off.before.run.commit == commit(19)
    runs.add({case(): 10.0})
    assert not history(runs).far[0].latest
    for ms in (13.0, 13.1, 7.0):
        runs.add({case(): ms})
    assert [len(off.points) for off in history(runs).far] == [1, 2, 1]


def test_measures_know_their_unit_and_direction() -> None:
    known = {m.column: (m.unit, m.better) for m in measures(["latency", "throughput", "latency_s_p99", "peak_host_bytes"])}
    assert known == {
        "latency_s": ("s", "lower"),
        "throughput_per_s": ("1/s", "higher"),
        "latency_s_p99": ("s", "lower"),
        "peak_host_bytes": ("B", "lower"),
    }
    assert measures(["latency_samples"])[0].better == "none"
    assert [m.column for m in measures()] == ["latency_s", "throughput_per_s"]
    assert len(measures(["latency", "latency_s"])) == 1
    with pytest.raises(UnknownNameError, match="did you mean latency"):
        measures(["latencyy"])
    with pytest.raises(UnknownNameError, match="no measured column"):
        measures(["macs"])  # counted: it has no history, it has a lock file


def test_nothing_to_show_and_wrong_shares_are_errors_that_help(runs: Any, tmp_path: Path) -> None:
    runs.add({case(): 10.0})
    with pytest.raises(NothingSelectedError, match=r"\(1 run\) holds no energy_j that was measured; --metric"):
        look([runs.folder], Asked(metrics=("energy_j",)), Rule())
    with pytest.raises(NothingSelectedError, match=r"nothing matches --only other/\*; .* has net/one"):
        look([runs.folder], Asked(only=("other/*",)), Rule())
    with pytest.raises(NothingSelectedError, match="vbench run"):
        look([tmp_path / "results" / "empty"], Asked(), Rule()) if (runs.folder / "empty").mkdir() is None else None
    with pytest.raises(UsageError, match="--alpha 1e-06"):
        look([runs.folder], Asked(), Rule(level=1e-6))
    with pytest.raises(UsageError, match="--min-effect 2"):
        look([runs.folder], Asked(), Rule(least=2.0))


def test_only_what_is_asked_for_is_looked_at(runs: Any) -> None:
    runs.add({case(): 10.0, case("net/two"): 10.0, case("other/one"): 10.0})
    chosen = look([runs.folder], Asked(metrics=("latency",), only=("net/*",), exclude=("*/two",)), Rule())
    assert [one.case.architecture for one in chosen.series] == ["net/one"]


def test_json_holds_everything(runs: Any) -> None:
    runs.stepped(20, 8)
    told = msgspec.json.decode(msgspec.json.encode(plain(history(runs))))
    (one,) = told["series"]
    assert (one["column"], one["unit"], one["better"], one["fingerprint"]) == ("latency_s", "s", "lower", "0000aa")
    (segment,) = one["segments"]
    assert segment["software"] == {"python": "3.11.7", "torch": "2.13.0"}
    assert len(segment["points"]) == 28
    assert {"run", "value", "low", "high", "flags"} == set(segment["points"][0])
    first = told["runs"][segment["points"][0]["run"]]
    assert (first["started"], first["commit"], first["file"].endswith(".jsonl")) == ("2026-03-01T04:00:00+00:00", commit(0), True)
    (change,) = segment["changes"]
    assert (change["place"], change["word"]) == (20, "worse")
    assert change["commits"] == [commit(19), commit(20)]
    assert change["commands"] == told["commands"]
    assert told["rule"] == {"version": 1, "level": 0.01, "least": 0.02}
