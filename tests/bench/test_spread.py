"""A run is spread over time from the first process that measures on, whatever went before it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self
from unittest.mock import Mock

import msgspec
import pytest

import vbench.state
from vbench import pipeline
from vbench.config import Settings

if TYPE_CHECKING:
    from vbench.core import Replicate

CHECK_S, PROCESS_S = 55.0, 2.0
SETTINGS = Settings(spread=60.0, time_limit=None)


class Hours:
    """A clock that moves when somebody works or sleeps, and notes the sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    clock = Hours()
    monkeypatch.setattr(pipeline, "time", clock)
    monkeypatch.setattr(vbench.state, "time", clock)
    return clock


def _replicate(make: Any, case: Any, role: str, index: int) -> Replicate:
    if role == "check":
        return msgspec.structs.replace(make.check(case), seconds=CHECK_S)
    return make.replicate(case, index, seconds=PROCESS_S)


@pytest.mark.usefixtures("registries")
def test_a_check_that_takes_long_takes_nothing_from_the_spread(hours: Hours, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make.case()

    class Served:
        """A server whose workers take their time, and nothing else does."""

        ordinal = 1

        def __init__(self, **_: Any) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def run(self, task: Any, _: float) -> Replicate:
            hours.now += CHECK_S if task.role == "check" else PROCESS_S
            return _replicate(make, case, task.role, len(state.of(case)))

    monkeypatch.setattr(pipeline, "Server", Served)
    monkeypatch.setattr(pipeline, "job", lambda _, case, role="measure", **__: SimpleNamespace(case=case, role=role))
    state = pipeline.State(make.run(case), SETTINGS, Path("unused"), [])
    assert pipeline._check(state, Mock(), Mock(), ExitStack()) is None, "nothing further needs the server"
    assert hours.now - 1000.0 == CHECK_S
    pipeline._rounds(state, Mock(), Mock(), None)
    # Six processes of 2 s fill a minute, less the second that is kept for the start of the last round.
    assert sum(hours.slept) == pytest.approx(60.0 - 6 * PROCESS_S - 1.0)
    assert max(hours.slept) < 12.0, "evenly"


def test_of_a_run_that_is_resumed_what_was_measured_before_counts_and_its_check_does_not(hours: Hours, make: Any) -> None:
    case = make.case()
    found = [_replicate(make, case, "check", 0), *(_replicate(make, case, "measure", index) for index in range(2))]
    state = pipeline.State(make.run(case), SETTINGS, Path("unused"), found)
    assert state.measuring() == 0.0
    hours.now += 7.0
    state.begin()
    assert state.measuring() == pytest.approx(2 * PROCESS_S)
    hours.now += 3.0
    assert state.measuring() == pytest.approx(2 * PROCESS_S + 3.0)
    assert state.elapsed() == pytest.approx(CHECK_S + 2 * PROCESS_S + 10.0)
