from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vbench import drift, journal, stats, variance

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
    assert drift.share([], [1.0] * 6) is None
    assert drift.share([0.001] * 12, []) == 0.0
    assert drift.share([0.001] * 12, [0.001] * 6) == 0.0


def test_drift_is_seen_in_the_run_itself_and_between_runs() -> None:
    own = drift.share([0.00100] * 6 + [0.00104] * 6, [])
    assert own == pytest.approx(1.96 * math.log(1.04) / 2)
    before = drift.share([0.001] * 12, [0.0009, 0.0011, 0.001, 0.00095])
    assert before is not None
    assert before > own


def test_what_is_usual_is_the_least_of_now_and_before() -> None:
    assert drift.usual([2.0, 3.0, 4.0], [1.0, 1.1, 1.2]) == 1.1
    assert drift.usual([2.0, 3.0, 4.0], [1.0]) == 3.0
    assert drift.usual([], []) is None


def _file(folder: Path, name: str, make: Any, ms: float, count: int = 6, **fields: Any) -> None:
    case = make.case("a/b")
    file = journal.Journal(folder / name, 0)
    file.append("run", make.run(case, **fields))
    for index in range(count):
        file.append("replicate", make.replicate(case, index, sentinel_ns=(int(ms * 1e6),) * 4))
    file.close()


def test_the_history_is_that_of_this_machine_and_this_version(tmp_path: Path, make: Any) -> None:
    _file(tmp_path, "1.jsonl", make, 1.0)
    _file(tmp_path, "2.jsonl", make, 2.0)
    _file(tmp_path, "3.jsonl", make, 3.0, versions={"torch": "9"})
    _file(tmp_path, "4.jsonl", make, 4.0, count=5)
    (tmp_path / "5.jsonl").write_text("nothing of the kind\n", "utf-8")
    assert drift.earlier(tmp_path, "f00d", "2.6") == {"cpu,t1": (pytest.approx(0.001), pytest.approx(0.002))}
    assert drift.earlier(tmp_path, "another", "2.6") == {}
    assert drift.earlier(tmp_path / "none", "f00d", "2.6") == {}


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
        share = drift.share(list(sentinels), history[-drift.HISTORY :])
        assert alone is not None
        assert share is not None
        low, high = variance.widened(stats.median(list(times)), alone, share)
        held_alone += alone[0] <= 1.0 <= alone[1]
        held += low <= 1.0 <= high
        history.append(stats.median(list(sentinels)))
    assert held / runs >= 0.94
    if wander >= noise:
        assert held_alone / runs < 0.93, "the test must be able to fail"
