"""Runs on a cluster without machines: complete whatever is lost, resumable, and the same as a run on one machine."""

from __future__ import annotations

import _thread
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import journal, results
from vbench.cluster.conduct import Conductor
from vbench.cluster.places import Kind
from vbench.cluster.pool import ClusterError, Errand, Facts
from vbench.cluster.sweep import Sweep
from vbench.cluster.told import Unheard
from vbench.errors import ResultFileError

if TYPE_CHECKING:
    from vbench.core import Replicate

MANY, PROCESSES = 12, 6


def measured(path: Any) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for replicate in journal.read(Path(path)).replicates:
        if replicate.role == "measure" and replicate.status == "ok":
            found.setdefault(replicate.case, []).append(replicate.index)
    return found


def test_every_case_gets_its_processes_and_each_place_its_own_servers(bench: Any) -> None:
    pool, cases = bench.pool(*map(bench.node, "abc")), bench.cases(MANY)
    (record,) = bench.conductor(pool, cases).run()
    assert record.ended == "complete"
    assert {result.status for result in record.results} == {"ok"}
    assert measured(record.path) == {case.id: list(range(PROCESSES)) for case in cases}
    assert {name for name, _, _ in pool.started} == {"a cpu", "b cpu", "c cpu"}
    nodes: dict[int, set[str]] = {}
    for replicate in record.replicates:
        nodes.setdefault(replicate.server, set()).add(replicate.notes["node"])
    assert all(len(names) == 1 for names in nodes.values()), "a forkserver is on one node"
    assert not pool.held, "every place is given back"


def test_the_file_is_one_that_a_run_on_one_machine_writes(bench: Any) -> None:
    cases = bench.cases(2)
    (record,) = bench.conductor(bench.pool(bench.node("a")), cases).run()
    again = results.read(record.path)
    assert again.ended == "complete"
    assert [(row.case.id, row.values["latency_s"], row.values["latency_processes"]) for row in again.results] == [
        (case.id, pytest.approx(0.010125), PROCESSES) for case in cases
    ]
    assert results.frame([again])["machine"].unique().tolist() == ["some-machine"]


def test_a_node_that_dies_takes_nothing_with_it(bench: Any) -> None:
    ran = threading.Semaphore(0)

    def answer(node: Any, job: Any) -> Replicate:
        ran.release()
        if node.name == "b" and job.index == 2:
            pool.kill("b")  # while it runs there
        return bench.found(node, job)

    pool = bench.pool(*map(bench.node, "abc"), answer=answer)
    cases = bench.cases(MANY)
    (record,) = bench.conductor(pool, cases).run()
    assert record.ended == "complete"
    assert {result.status for result in record.results} == {"ok"}
    assert measured(record.path) == {case.id: list(range(PROCESSES)) for case in cases}
    before = [r for r in record.replicates if r.notes["node"] == bench.node("b").short]
    assert before, "what it had measured counts"
    assert "b" in pool.dead


def test_a_case_that_nodes_die_of_is_crashed_and_the_others_are_measured(bench: Any) -> None:
    cases = bench.cases(4)

    def answer(node: Any, job: Any) -> Replicate:
        if job.case.id == cases[1].id:
            pool.kill(node.name)
        return bench.found(node, job)

    pool = bench.pool(*map(bench.node, "abcd"), answer=answer)
    (record,) = bench.conductor(pool, cases).run()
    statuses = {result.case.id: result.status for result in record.results}
    assert statuses == {case.id: "crashed" if case is cases[1] else "ok" for case in cases}
    (crashed,) = [result for result in record.results if result.status == "crashed"]
    assert crashed.reason.startswith("the node was lost 2 times while it ran: node ")
    assert len(pool.dead) == 2
    assert results.exit_code(record) == 4


def test_with_no_node_left_the_run_ends_with_what_there_is_and_goes_on_later(bench: Any) -> None:
    cases, done = bench.cases(3), []

    def answer(node: Any, job: Any) -> Replicate:
        done.append(job)
        if len(done) == 5:
            pool.kill("a")
        return bench.found(node, job)

    pool = bench.pool(bench.node("a"), answer=answer)
    conductor = bench.conductor(pool, cases)
    with pytest.raises(ClusterError, match=r"no node is left that could measure 3 cases of .*r\.jsonl.*--resume"):
        conductor.run()
    path = conductor.files()[0].path
    lines = journal.read(path)
    assert lines.ended == "interrupted"
    assert len(lines.replicates) == 4
    conductor = Conductor(other := bench.pool(bench.node("z")), conductor.asked, Unheard())
    sweep = Sweep(
        lines.run, bench.settings, path, pool=other, errand=Errand(), follower=Unheard(), found=lines.replicates, size=lines.size
    )
    conductor.add(sweep, Kind(bench.facts, tuple(other.nodes())))
    (record,) = conductor.run()
    assert record.ended == "complete"
    assert measured(path) == {case.id: list(range(PROCESSES)) for case in cases}
    assert len(other.started) == 3 * PROCESSES - 4, "nothing is measured twice"


def test_a_node_that_comes_later_takes_part(bench: Any) -> None:
    cases, joined = bench.cases(MANY), threading.Event()

    def answer(node: Any, job: Any) -> Replicate:
        if node.name == "b":
            joined.set()
        elif len(pool.started) == 2:
            pool.members.append(bench.node("b"))
        elif len(pool.started) > 2:
            assert joined.wait(10.0), "the new node was let in"
        return bench.found(node, job)

    pool = bench.pool(bench.node("a"), answer=answer)
    (record,) = bench.conductor(pool, cases).run()
    assert measured(record.path) == {case.id: list(range(PROCESSES)) for case in cases}


@pytest.mark.parametrize("facts", ["another", "silent"])
def test_a_node_of_another_kind_that_comes_later_does_not(bench: Any, facts: str) -> None:
    asked = threading.Event()

    class Pool(bench.pool):  # type: ignore[misc]  # a class attribute of the fixture
        def describe(self, nodes: Any) -> Any:
            asked.set()
            return {node.id: "it says nothing" if facts == "silent" else strange for node in nodes}

    strange = msgspec.structs.replace(bench.facts, versions={"torch": "1.0"})

    def answer(node: Any, job: Any) -> Replicate:
        pool.members += [bench.node("b")] if len(pool.members) == 1 else []
        assert asked.wait(10.0)
        return bench.found(node, job)

    pool = Pool(bench.node("a"), answer=answer)
    (record,) = bench.conductor(pool, bench.cases(2)).run()
    assert record.ended == "complete"
    assert {name for name, _, _ in pool.started} == {"a cpu"}


def test_a_place_that_somebody_else_holds_is_done_without(bench: Any) -> None:
    pool = bench.pool(bench.node("a"), bench.node("b"))
    pool.held.add("b cpu")
    cases = bench.cases(MANY)
    (record,) = bench.conductor(pool, cases).run()
    assert measured(record.path) == {case.id: list(range(PROCESSES)) for case in cases}
    assert {name for name, _, _ in pool.started} == {"a cpu"}


def test_ctrl_c_leaves_a_file_that_can_be_gone_on_with(bench: Any) -> None:
    waiting = threading.Event()

    def answer(node: Any, job: Any) -> Replicate:
        if job.index == 3:
            if not waiting.is_set():
                waiting.set()
                _thread.interrupt_main()
            while not pool.closed:
                waiting.wait(0.01)
        return bench.found(node, job)

    pool = bench.pool(bench.node("a"), bench.node("b"), answer=answer)
    (record,) = bench.conductor(pool, bench.cases(4)).run()
    assert record.ended == "interrupted"
    assert results.exit_code(record) == 130
    assert journal.read(Path(record.path)).ended == "interrupted"
    assert {r.index for r in record.replicates} == {0, 1, 2}, "what was running is not in it, all else is"


def test_checks_go_where_there_is_room_unless_they_keep_something(bench: Any, make: Any) -> None:
    free = bench.make.case("resnet/18", input_shape=(3, 224, 224))
    smaller = msgspec.structs.replace(free, compression="l1-filter:0.5")
    quick = msgspec.structs.replace(bench.settings, min_processes=1, max_processes=1)
    pool = bench.pool(bench.node("a"), bench.node("b"))
    (record,) = bench.conductor(pool, [free, smaller], quick).run()
    assert record.ended == "complete"
    checked = {case: name for name, case, role in pool.started if role == "check"}
    assert checked[free.id] == "anywhere"
    assert checked[smaller.id] in {"a cpu", "b cpu"}
    assert pool.started[0][2] == "check", "nothing untimed runs beside what is timed"
    where = {case: name for name, case, role in pool.started if role == "measure"}
    assert len(set(where.values())) == 1, "their ratio pairs processes of one machine"


def test_a_full_disk_ends_the_run(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Any, kind: str, line: Any) -> None:
        if kind == "replicate" and line.index == 1:
            message = "no space"
            raise ResultFileError(message)
        append(self, kind, line)

    append = journal.Journal.append
    monkeypatch.setattr(journal.Journal, "append", full)
    conductor = bench.conductor(bench.pool(bench.node("a"), bench.node("b")), bench.cases(4))
    with pytest.raises(ResultFileError, match="no space"):
        conductor.run()
    assert {r.index for r in journal.read(conductor.files()[0].path).replicates} == {0}


def test_a_bug_in_a_thread_is_not_swallowed(bench: Any) -> None:
    def answer(node: Any, job: Any) -> Replicate:
        message = "a bug"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="a bug"):
        bench.conductor(bench.pool(bench.node("a"), answer=answer), bench.cases(1), wait_s=5.0).run()


def test_facts_are_what_a_head_is_made_of(bench: Any) -> None:
    facts: Facts = bench.facts
    assert facts.where.machine is facts.machine
    assert facts.where.versions == facts.versions
