"""Cases of further suites: after all that is required, network by network, and no longer than the time limit allows.

Workers are played by a table of seconds, on a clock that nobody waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec
import pytest

from vbench import further, journal, pipeline, results
from vbench import job as jobs
from vbench import state as states
from vbench.config import Settings
from vbench.core import Architecture, Case, Ceiling, Source
from vbench.registry import ARCHITECTURES, ENGINES
from vbench.reports.rows import folded
from vbench.reports.rows import rows as rows_of
from vbench.watch import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Record, Run
    from vbench.job import Job

HERE = Source(kind="module", value="nets")
# Seconds of a check and of a process, by engine and precision.
SECONDS = {
    ("plain", "fp32"): (2.0, 1.0),
    ("plain", "bf16"): (4.0, 1.0),
    ("quick", "fp32"): (5.0, 2.0),
    ("quick", "int8"): (9.0, 2.0),
    ("slow", "fp32"): (60.0, 2.0),
}
SETTINGS = Settings(spread=0.0, time_limit=200.0, timeout=500.0)


class Plain:
    """Needs a network and exports nothing."""

    patience_s = 0.0


class Exporting(Plain):
    """The first check of such an engine is guessed to take long."""

    exports = True


class Quick(Exporting):
    """One that may say how long its check takes."""


class World:
    """A clock, the servers that advance it, and what was asked of them."""

    def __init__(self, make: Any) -> None:
        self.now = 0.0
        self.make = make
        self.asked: list[tuple[str, str]] = []
        self.jobs: list[Job] = []

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def server(self, **_: Any) -> World:
        self.ordinal = 1
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def run(self, job: Job, timeout: float) -> Any:
        case = job.case
        took = SECONDS[case.engine, case.precision][job.role == "measure"]
        self.asked.append((job.role, name(case)))
        self.jobs.append(job)
        self.now += min(took, timeout)
        fields: dict[str, Any] = {"role": job.role, "seconds": min(took, timeout), "server": 1, "round": job.round}
        if took > timeout:
            return self.make.replicate(case, job.index, status="timeout", reason="hung", latency_ns=(), **fields)
        samples = {} if job.role == "measure" else {"latency_ns": ()}
        return self.make.replicate(case, job.index, **fields, **samples)


def name(case: Case) -> str:
    return f"{case.architecture}:{case.engine}:{case.precision}"


@pytest.fixture
def world(make: Any, monkeypatch: pytest.MonkeyPatch, registries: None) -> World:
    made = World(make)
    for engine, kind in (("plain", Plain), ("quick", Quick), ("slow", Exporting)):
        ENGINES.add(engine, kind, HERE)  # type: ignore[arg-type]  # what is not asked is not there
    for index, net in enumerate(("net/a", "net/b")):
        ARCHITECTURES.add(net, Architecture(name=net, build=list, source=HERE, input=(3, 8, 8), macs=2 - index), HERE)
    monkeypatch.setattr(pipeline, "Server", made.server)
    monkeypatch.setattr(pipeline, "time", made)
    monkeypatch.setattr(states, "time", made)
    return made


def plan(make: Any, time_limit: float | None = None) -> Run:
    """Two cases, and both networks again in bf16 and on two engines, one of which takes a minute to check."""
    nets = ("net/a", "net/b")
    first = [make.case(net, engine="plain") for net in nets]
    kinds = (("plain", "bf16"), ("slow", "fp32"), ("quick", "int8"), ("quick", "fp32"))
    later = [make.case(net, engine=engine, precision=precision) for engine, precision in kinds for net in nets]
    ids = tuple(case.id for case in later)
    return make.run(*first, *later, further=ids, quick=ids, settings=msgspec.to_builtins(limited(time_limit)))


def limited(seconds: float | None) -> Settings:
    return msgspec.structs.replace(SETTINGS, time_limit=seconds)


def go(run: Run, path: Path, settings: Settings | None = None, **found: Any) -> Record:
    return pipeline.execute(run, settings or msgspec.convert(run.settings, Settings), path, Silent(), **found)


def again(path: Path, time_limit: float | None) -> Record:
    lines = journal.read(path)
    assert lines.run is not None
    return go(lines.run, path, limited(time_limit), found=lines.replicates, size=lines.size, complete=lines.ended == "complete")


def rows(record: Record) -> dict[str, tuple[str, int]]:
    return {name(r.case): (r.status, r.values.get("latency_processes", 0)) for r in record.results}


def test_what_is_required_comes_first_and_then_network_by_network(world: World, make: Any, tmp_path: Path) -> None:
    record = go(plan(make), tmp_path / "r.jsonl")
    first = [("check", "net/a:plain:fp32"), ("check", "net/b:plain:fp32")]
    assert world.asked[:2] == first
    assert set(world.asked[2:14]) == {("measure", net) for _, net in first}
    later = world.asked[14:30]
    assert [role for role, _ in later] == ["check", "measure"] * 8
    # The smaller network on all that is quick, then the other; what is guessed to be slow comes last, and is quick once seen.
    assert [net for _, net in later[::2]] == [
        "net/b:plain:bf16", "net/a:plain:bf16", "net/b:slow:fp32", "net/b:quick:int8", "net/b:quick:fp32",
        "net/a:quick:fp32", "net/a:quick:int8", "net/a:slow:fp32",
    ]  # fmt: skip
    assert set(world.asked[30:]) == {("measure", net) for _, net in first}, "for narrower intervals"
    assert {number for _, number in rows(record).values()} == {7, 1}
    assert record.exit_code == 0
    assert all("no_interval" in r.flags for r in record.results[2:])


def test_what_the_time_limit_does_not_allow_is_skipped_and_goes_on_with_resume(world: World, make: Any, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    record = go(plan(make, 60.0), path)
    left_out = [r for r in record.results if r.status == "skipped"]
    assert world.now <= 60.0 + further.GRACE_S
    assert {name(r.case) for r in left_out} == {
        f"net/{n}:{kind}" for n in "ab" for kind in ("slow:fp32", "quick:int8", "quick:fp32")
    }
    assert {r.reason for r in left_out} == {
        "not run: the time limit came first; `vbench run --resume FILE --time-limit 15m` goes on with it"
    }
    assert record.exit_code == 0
    assert ("check", "net/b:slow:fp32") in world.asked, "begun, and given up without a trace when the time was over"
    assert all(r.status == "ok" for r in record.replicates)
    size, asked = path.stat().st_size, len(world.asked)
    assert again(path, 60.0).results == record.results
    assert (path.stat().st_size, len(world.asked)) == (size, asked), (
        "a complete run is not touched as long as its limit is reached"
    )
    whole = again(path, None)
    assert {r.status for r in whole.results} == {"ok"}
    assert results.read(path).results == whole.results
    checks = [net for role, net in world.asked[asked:] if role == "check"]
    assert len(checks) == len(set(checks)) == 6, "what was checked is not checked again"
    last = len(world.asked)
    assert again(path, None).results == whole.results
    assert len(world.asked) == last, "nothing is missing any more"


def test_an_engine_that_says_how_long_it_takes_has_its_turn_with_the_network(
    world: World, make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Quick, "check_s", 6.0, raising=False)
    go(plan(make), tmp_path / "r.jsonl")
    # Engines that the required cases did not have come before their own engine in another precision.
    assert [net for _, net in world.asked[14:30:2]] == [
        "net/b:quick:int8", "net/b:quick:fp32", "net/a:quick:fp32", "net/a:quick:int8", "net/b:plain:bf16", "net/a:plain:bf16",
        "net/b:slow:fp32", "net/a:slow:fp32",
    ]  # fmt: skip


def test_what_is_known_to_take_too_long_lets_others_pass(world: World, make: Any, tmp_path: Path) -> None:
    run = plan(make, 75.0)
    go(run, tmp_path / "r.jsonl")
    seen = [net for role, net in world.asked if role == "check"]
    assert seen[2:] == ["net/b:plain:bf16", "net/a:plain:bf16", "net/b:slow:fp32"], "begun on a guess, and given up"
    assert world.now <= 75.0 + further.GRACE_S


def test_a_case_of_one_process_is_compared_for_a_shorter_time(world: World, make: Any, tmp_path: Path) -> None:
    run = plan(make)
    go(run, tmp_path / "r.jsonl")
    assert {job.verify_s for job in world.jobs if job.case.id in run.quick} == {jobs.QUICK_VERIFY_S}
    assert {job.verify_s for job in world.jobs if job.case.id not in run.quick} == {jobs.VERIFY_S}
    assert jobs.QUICK_VERIFY_S < jobs.VERIFY_S


def test_a_row_that_never_ran_says_only_why(world: World, make: Any, tmp_path: Path) -> None:
    ceiling = Ceiling(peak_flops=1e12, bandwidth_bytes_per_s=1e10, method="")
    run = msgspec.structs.replace(plan(make, 60.0), ceilings={f"cpu,{p},t1": ceiling for p in ("fp32", "bf16", "int8")})
    record = go(run, tmp_path / "r.jsonl")
    left_out = [r for r in record.results if r.status == "skipped"]
    assert len(left_out) == 6
    assert all(not r.values for r in left_out), "or each would have a line of its own in the table"
    _, many = folded(rows_of([record]))
    assert [len(alike.rows) for alike in many] == [6]


def test_a_further_case_that_fails_its_check_is_a_row_and_is_not_measured(
    world: World, make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.run

    def failing(job: Job, timeout: float) -> Any:
        found = run(job, timeout)
        wrong = job.role == "check" and job.case.precision == "int8"
        return msgspec.structs.replace(found, status="failed", reason="wrong_output") if wrong else found

    monkeypatch.setattr(world, "run", failing)
    record = go(plan(make), tmp_path / "r.jsonl")
    assert {k: v for k, v in rows(record).items() if v[0] != "ok"} == dict.fromkeys(
        ("net/a:quick:int8", "net/b:quick:int8"), ("failed", 0)
    )
    assert not [net for role, net in world.asked if role == "measure" and net.endswith("int8")]
    assert record.exit_code == 4


def test_time_is_kept_free_for_further_cases_while_the_others_measure(world: World, make: Any, tmp_path: Path) -> None:
    run, settings = plan(make), limited(30.0)
    alone = msgspec.structs.replace(run, cases=run.cases[:2], further=(), quick=())

    def state(of: Run) -> states.State:
        return states.State(of, settings, tmp_path / "r.jsonl", [])

    assert further.reserved(state(alone)) == 0.0
    assert further.reserved(state(run)) == 10.0, "a third of the limit at most"
    few = msgspec.structs.replace(run, cases=run.cases[:3], further=run.further[:1])
    assert further.reserved(state(few)) == 6.0, "a check and a process, as they are guessed"
    kept, whole = (pipeline.budget(state(of), run.cases[0]) for of in (run, alone))
    assert kept.warmup == pytest.approx(whole.warmup * 20 / 30)
    unlimited = states.State(run, limited(None), tmp_path / "r.jsonl", [])
    assert further.reserved(unlimited) == 0.0


def test_a_quick_case_has_one_process_and_shorter_passes(world: World, make: Any, tmp_path: Path) -> None:
    run = plan(make)
    state = states.State(run, SETTINGS, tmp_path / "r.jsonl", [])
    first, later = run.cases[0], run.cases[-1]
    assert (state.least(first), state.least(later)) == (6, 1)
    assert (state.settings_of(first).latency, state.settings_of(later).latency) == (1.0, 0.5)
    assert later not in state.open(), "it waits for its turn"
    assert [case.id for case in state.later] == list(run.further)
    slower = msgspec.structs.replace(run, quick=())
    assert states.State(slower, SETTINGS, tmp_path / "r.jsonl", []).least(later) == 6


def test_a_further_suite_that_is_not_quick_is_measured_as_often_as_the_others(world: World, make: Any, tmp_path: Path) -> None:
    run = msgspec.structs.replace(plan(make), quick=())
    record = go(run, tmp_path / "r.jsonl")
    assert set(rows(record).values()) == {("ok", 7)}
    assert world.now > 0
