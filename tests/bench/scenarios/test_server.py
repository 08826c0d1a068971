"""Open-loop load: LoadGen on a session that sleeps, what a row says, and what is refused."""

from __future__ import annotations

import importlib.util
import sys
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest

from vbench import api, axes, devices, judge, results
from vbench.cli import _live
from vbench.errors import UsageError
from vbench.job import Job, Phase
from vbench.measure import Budget
from vbench.metrics import server as metric
from vbench.registry import Source
from vbench.scenarios import Bench, server

if TYPE_CHECKING:
    from pathlib import Path

installed = pytest.mark.skipif(
    importlib.util.find_spec("mlperf_loadgen") is None,
    reason="mlcommons-loadgen is not installed (pip install 'vbench[loadgen]')",
)


class Steady:
    """A session whose every step takes at least so long; it may fail from some step on."""

    def __init__(self, seconds: float, fails_at: int | None = None) -> None:
        self.seconds, self.fails_at, self.steps = seconds, fails_at, 0

    def step(self) -> None:
        self.steps += 1
        if self.fails_at is not None and self.steps >= self.fails_at:
            message = "the network broke"
            raise RuntimeError(message)
        time.sleep(self.seconds)

    def synchronize(self) -> None: ...

    def output(self) -> None: ...

    def load(self, inputs: object) -> None: ...

    def close(self) -> None: ...


@installed
def test_loadgen_counts_from_the_scheduled_arrival() -> None:
    from vbench.scenarios import _loadgen  # noqa: PLC0415 - an extra

    # Far more arrives than can be answered: the last query has waited for all before it, though it was taken at once.
    session = Steady(0.002)
    found = _loadgen.run(session, _loadgen.Load(rate=2000.0, queries=100, bound_s=0.015, batch=1, seed=1))
    assert session.steps == found.queries == 100
    assert found.p99_s >= 100 * 0.002 - 99 / found.offered - 0.001
    assert not found.passed
    assert found.verdict.startswith("LoadGen ")
    assert "INVALID (the bound, its rule of 99 % confidence not met)" in found.verdict


@installed
def test_the_same_seed_gives_the_same_arrivals_and_another_seed_others() -> None:
    from vbench.scenarios import _loadgen  # noqa: PLC0415 - an extra

    offered = [
        _loadgen.run(Steady(0.0), _loadgen.Load(rate=1000.0, queries=60, bound_s=1.0, batch=1, seed=seed)).offered
        for seed in (1, 1, 2)
    ]
    assert offered[0] == offered[1] != offered[2]


@installed
def test_a_session_that_breaks_under_load_ends_the_trial() -> None:
    from vbench.scenarios import _loadgen  # noqa: PLC0415 - an extra

    session = Steady(0.0, fails_at=10)
    with pytest.raises(RuntimeError, match="the network broke"):
        _loadgen.run(session, _loadgen.Load(rate=2000.0, queries=60, bound_s=0.015, batch=1, seed=1))
    assert session.steps == 10


@installed
def test_what_waits_is_answered_together_in_order_up_to_a_batch() -> None:
    from vbench.scenarios import _loadgen  # noqa: PLC0415 - an extra

    requests: SimpleQueue[int | None] = SimpleQueue()
    for number in (*range(10), None):
        requests.put(number)
    session, answered = Steady(0.0), list[list[int]]()
    assert _loadgen.serve(requests, session, 4, lambda together: answered.append(list(together))) is None
    assert answered == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert session.steps == 3


def bench(make: Any, session: Any, bound: str, search: float) -> Bench:
    case = make.case(scenario=f"server:{bound}")
    job = Job(case=case, engine=Source(kind="module", value="x"), budget=Budget(0.01, 0.05, 0.01, 20, search))
    return Bench(
        job=job, case=case, architecture=None, device=devices.get("cpu"), clock=time.perf_counter_ns, session=session,
        inputs=None, prepare=lambda _: session, phase=Phase(lambda _: None), values={}, notes={},
    )  # fmt: skip


def test_a_bound_that_nobody_can_meet_is_said_without_any_trial(make: Any) -> None:
    prepared = bench(make, Steady(0.002), "1ms", 60.0)
    found = server.measure(prepared)
    assert "series" not in found
    assert prepared.notes["bound_not_met"].startswith("no rate meets 1ms: one request alone takes ")
    assert prepared.notes["bound_not_met"].endswith("; raise --latency-bound")
    replicate = make.replicate(prepared.case, values=prepared.values, notes=prepared.notes, **found)
    assert "bound_not_met" in judge.flags([replicate])
    row = metric.server(prepared.case, [replicate])
    assert row["server_qps"] is None
    assert row["server_note"] == prepared.notes["bound_not_met"]


@installed
def test_a_time_that_holds_no_trial_says_what_one_would_take(make: Any) -> None:
    prepared = bench(make, Steady(0.002), "1s", 0.5)
    server.measure(prepared)
    assert "server_qps" not in prepared.values
    assert prepared.values["server_trials"] == 0
    note = prepared.notes["too_short"]
    assert note.startswith("too short for a 99th percentile within 1s: ")
    assert " queries at " in note
    assert note.endswith("; raise --timeout and --time-limit")
    assert "too_short" in judge.flags([make.replicate(prepared.case, notes=prepared.notes)])


@installed
def test_a_search_with_loadgen_keeps_its_trials(make: Any) -> None:
    prepared = bench(make, Steady(0.0005), "10ms", 3.0)
    found = server.measure(prepared)
    assert len(found["latency_ns"]) >= 10
    assert len(found["series"]) == prepared.values["server_trials"] > 0
    replicate = make.replicate(prepared.case, values=prepared.values, notes=prepared.notes, **found)
    row = metric.server(prepared.case, [replicate])
    if row["server_qps"] is None:  # other work on this machine may make every trial late
        assert "too_short" in prepared.notes
    else:
        assert (row["server_qps"], row["server_p99_s"]) == found["series"][-1]
        assert row["server_p50_s"] <= row["server_p99_s"] <= 0.01
        assert row["server_queries"] >= 299
        assert "LoadGen" in row["server_note"]


def test_the_table_shows_the_rate_and_says_how_it_was_found(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    met, not_met = make.case(scenario="server:15ms"), make.case("other/net", scenario="server:15ms")
    values = {"server_qps": 41.3, "server_p50_s": 0.011, "server_p99_s": 0.0142, "server_queries": 450.0, "server_trials": 9.0}
    found = make.replicate(met, values=values, notes={"server": "6 trials"})
    none = make.replicate(not_met, notes={"bound_not_met": "no rate meets 15ms"})
    record = results.record(make.run(met, not_met), [found, none], "complete")
    heading, *rows = _live.table(record).splitlines()
    assert "queries in bound" in heading
    assert "41.3/s (p99 14.2 ms)" in rows[0]
    assert "bound_not_met" in rows[1]
    _live.closing(record)
    said = capsys.readouterr().err.splitlines()
    assert {"family/variant: 6 trials", "other/net: no rate meets 15ms"} <= set(said)
    assert any(line.startswith("bound_not_met: ") and "--latency-bound" in line for line in said)
    assert record.frame()[["server_queries", "server_trials"]].iloc[0].to_list() == [450, 9]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", None)


@pytest.mark.usefixtures("without", "registries")
def test_without_the_package_a_named_scenario_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(UsageError, match=r"^scenario 'server' needs MLPerf LoadGen: pip install 'vbench\[loadgen\]'$") as caught:
        api.prepare(("life/*",), scenario=("server:15ms",))
    assert caught.value.exit_code == 2


@pytest.mark.usefixtures("without", "registries")
def test_without_the_package_the_scenario_of_a_suite_is_skipped(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    with (project / "bench.toml").open("a") as file:
        file.write('\n[suites.load]\narchitectures = ["life/0"]\nscenario = ["single-stream", "server:15ms"]\n')
    prepared = api.prepare((), suite="load")
    assert [reason for case, reason in prepared.plan.skipped.items() if "server:15ms" in case] == [axes.absent("server:15ms")]
    assert len(prepared.plan.open) == 1


def test_virtual_time_and_training_steps_are_not_served(make: Any) -> None:
    served = {"scenario": "server:15ms"}
    assert axes.unable(make.case(**served)) is None
    assert "virtual" in str(axes.unable(make.case(**served, device="fake")))
    assert "training step" in str(axes.unable(make.case(**served, phase="train")))
    assert axes.unable(make.case(device="fake", phase="train")) is None


@installed
def test_on_the_fake_device_the_scenario_is_skipped(commands: Any, project: Path) -> None:
    done = commands(project, "run", "life/0", "--scenario", "server:15ms", "--list", "--json")
    assert done.returncode == 0
    assert "virtual" in done.stdout


@pytest.mark.parametrize("words", [
    ("--scenario", "server"), ("--scenario", "server:0ms"), ("--scenario", "server:soon"), ("--latency-bound", "15ms"),
    ("--scenario", "server", "--latency-bound", "0s"), ("--scenario", "server", "--latency-bound", "-3ms"),
    ("--scenario", "server:15ms", "--latency-bound", "15ms"),
])  # fmt: skip
def test_a_bad_bound_is_one_line_and_exit_2(commands: Any, project: Path, words: tuple[str, ...]) -> None:
    done = commands(project, "run", "--engine", "eager", "--device", "cpu", *words)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "15ms" in done.stderr
    assert not (project / "results").exists()
