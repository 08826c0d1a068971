from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vbench import contention, drift, journal, stats, variance
from vbench.drift import Drift

if TYPE_CHECKING:
    from pathlib import Path


def test_the_sentinels_of_a_run_come_in_the_order_in_which_they_ran(make: Any) -> None:
    one, other = make.case("a/b", threads=1), make.case("c/d", threads=2)
    replicates = [
        make.replicate(one, 0, sentinel_ns=(3_000_000,) * 4, started_s=30.0),
        make.replicate(one, 1, sentinel_ns=(1_000_000,) * 4, started_s=10.0),
        make.replicate(other, 0, sentinel_ns=(9_000_000,) * 4, started_s=5.0),
        make.replicate(one, 2, started_s=1.0),
        make.check(one),
    ]
    found = drift.of_run(make.run(one, other), replicates)
    assert found == {"cpu,t1": [pytest.approx(0.001), pytest.approx(0.003)], "cpu,t2": [pytest.approx(0.009)]}


def test_without_a_sentinel_nothing_is_known_and_with_a_steady_one_there_is_no_drift() -> None:
    assert drift.of([], [1.0] * 6) is None
    assert drift.of([0.001] * 12, []) == Drift(0.0)
    assert drift.of([0.001] * 12, [0.001] * 6) == Drift(0.0)


def test_drift_is_seen_in_the_run_itself_and_between_runs() -> None:
    own = drift.of([0.00100] * 6 + [0.00104] * 6, [])
    assert own is not None
    assert (own.spread, own.offset) == (pytest.approx(1.96 * math.log(1.04) / 2), 0.0)
    before = drift.of([0.001] * 12, [0.0009, 0.0011, 0.001, 0.00095])
    assert before is not None
    assert before.spread > own.spread
    assert before.offset == 0.0, "this run is what is usual"


def test_a_run_that_was_faster_than_usual_has_its_usual_time_above() -> None:
    fast = drift.of([0.0009] * 12, [0.001, 0.0011, 0.001, 0.00101, 0.00099])
    assert fast is not None
    assert fast.offset == pytest.approx(math.log(1 / 0.9), rel=0.01)
    slow = drift.of([0.0012] * 12, [0.001, 0.0011, 0.001, 0.00101, 0.00099])
    assert slow is not None
    assert slow.offset < 0
    assert drift.of([0.0009] * 12, [0.001] * 3) == Drift(0.0), "three runs are no history"


def test_what_is_usual_is_the_least_of_now_and_before() -> None:
    assert drift.usual([2.0, 3.0, 4.0], [1.0, 1.1, 1.2]) == 1.1
    assert drift.usual([2.0, 3.0, 4.0], [1.0]) == 3.0
    assert drift.usual([], []) is None


def _file(folder: Path, name: str, make: Any, ms: float, **fields: Any) -> None:
    case, count, ended = make.case("a/b"), fields.pop("count", 6), fields.pop("ended", "complete")
    file = journal.Journal(folder / name, 0)
    file.append("run", make.run(case, **fields))
    for index in range(count):
        file.append("replicate", make.replicate(case, index, sentinel_ns=(int(ms * 1e6),) * 4))
    if ended:
        file.append("end", {"status": ended, "finished": "2026-01-01T00:00:00+00:00"})
    file.close()


def test_the_history_is_that_of_this_machine_and_this_version(tmp_path: Path, make: Any) -> None:
    _file(tmp_path, "1.jsonl", make, 1.0)
    _file(tmp_path, "2.jsonl", make, 2.0)
    _file(tmp_path, "3.jsonl", make, 3.0, versions={"torch": "9"})
    _file(tmp_path, "4.jsonl", make, 4.0, count=5)
    _file(tmp_path, "6.jsonl", make, 6.0, ended="interrupted")
    _file(tmp_path, "7.jsonl", make, 7.0, ended="")
    (tmp_path / "5.jsonl").write_text("nothing of the kind\n", "utf-8")
    assert drift.earlier(tmp_path, "f00d", "2.6", {}) == {"cpu,t1": (pytest.approx(0.001), pytest.approx(0.002))}
    assert drift.earlier(tmp_path, "another", "2.6", {}) == {}
    assert drift.earlier(tmp_path / "none", "f00d", "2.6", {}) == {}


def test_the_newest_runs_are_those_that_began_last(tmp_path: Path, make: Any) -> None:
    for index in range(drift.HISTORY + 3):
        _file(tmp_path, f"{index:02}.jsonl", make, 9.0, versions={"torch": "9"})
    for index in range(drift.HISTORY + 3):
        name = f"a{99 - index}.jsonl"  # the later a run, the earlier its name
        _file(tmp_path, name, make, 1.0 + index, started=f"2026-01-{index + 1:02}T00:00:00+00:00")
    (found,) = drift.earlier(tmp_path, "f00d", "2.6", {}).values()
    assert found == pytest.approx([0.001 * (1 + index) for index in range(3, drift.HISTORY + 3)])


def _both(folder: Path, name: str, make: Any, ms: float, environment: dict[str, str]) -> None:
    """A run on a GPU and on the processor."""
    cases = [make.case("a/b", device=device) for device in ("cuda:0", "cpu")]
    file = journal.Journal(folder / name, 0)
    file.append("run", make.run(*cases, environment=environment))
    for case in cases:
        for index in range(6):
            file.append("replicate", make.replicate(case, index, sentinel_ns=(int(ms * 1e6),) * 4))
    file.append("end", {"status": "complete", "finished": "2026-01-01T00:00:00+00:00"})
    file.close()


@pytest.mark.parametrize("name", drift.HIDING)
def test_of_a_gpu_only_runs_on_the_same_one_are_its_history(name: str, tmp_path: Path, make: Any) -> None:
    _both(tmp_path, "1.jsonl", make, 1.0, {})
    _both(tmp_path, "2.jsonl", make, 2.0, {name: "0", "OMP_NUM_THREADS": "1"})
    _both(tmp_path, "3.jsonl", make, 3.0, {name: "1"})
    every = (pytest.approx(0.001), pytest.approx(0.002), pytest.approx(0.003))
    for number, seconds in ((None, 0.001), ("0", 0.002), ("1", 0.003)):
        environment = {} if number is None else {name: number}
        found = drift.earlier(tmp_path, "f00d", "2.6", environment)
        assert found == {"cuda:0,t1": (pytest.approx(seconds),), "cpu,t1": every}


def test_what_decides_on_the_gpu_is_in_the_head_of_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in drift.HIDING:
        monkeypatch.setenv(name, "1")
    assert set(drift.HIDING) <= set(contention.environment())


@pytest.mark.parametrize(("wander", "noise", "processes"), [(0.03, 0.03, 8), (0.02, 0.05, 6), (0.0, 0.05, 10)])
def test_intervals_hold_the_long_run_value_on_a_machine_that_wanders(wander: float, noise: float, processes: int) -> None:
    # A machine whose speed is another in every run: what one run sees is off by that, and only the history can know.
    source = np.random.default_rng(7)
    held, held_alone, runs = 0, 0, 600
    history: list[float] = []
    for _ in range(runs):
        speed = source.normal(0, wander)
        sentinels = np.exp(speed + source.normal(0, 0.01, processes))
        times = np.exp(speed + source.normal(0, noise, processes))
        alone = stats.median_interval(list(times))
        found = drift.of(list(sentinels), history[-drift.HISTORY :])
        assert alone is not None
        assert found is not None
        low, high = variance.widened(stats.median(list(times)), alone, found.spread, found.offset)
        held_alone += alone[0] <= 1.0 <= alone[1]
        held += low <= 1.0 <= high
        history.append(stats.median(list(sentinels)))
    assert held / runs >= 0.94
    if wander >= noise:
        assert held_alone / runs < 0.93, "the test must be able to fail"
