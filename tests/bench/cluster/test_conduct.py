"""From machines to files: one for each kind, who measures what, and what is refused before anything is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import api, journal, results
from vbench.cluster import conduct, drafts
from vbench.cluster.places import Asked
from vbench.cluster.told import Unheard
from vbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.cluster.conduct import Conductor


class Heard(Unheard):
    """A follower that keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def said(self, text: str) -> None:
        self.lines.append(text)


class Cluster:
    """A project, and a fake cluster of two kinds of machine unless told otherwise."""

    def __init__(self, bench: Any, root: Path) -> None:
        self.bench, self.root = bench, root
        self.heard = Heard()
        here = drafts.Facts(
            machine=drafts.machine.describe(), versions=drafts.machine.versions(), harness=drafts.parcels.harness()
        )
        self.near = msgspec.structs.replace(here, machine=msgspec.structs.replace(here.machine, slug="near", fingerprint="1"))
        self.far = msgspec.structs.replace(here, machine=msgspec.structs.replace(here.machine, slug="far", fingerprint="2"))
        self.pool = bench.pool(bench.node("a"), bench.node("b"), bench.node("c", labels={"zone": "west"}))
        self.pool.facts = {"a": self.near, "b": self.near, "c": self.far}

    def begin(self, asked: Asked | None = None, output: Path | None = None, **selection: Any) -> Conductor:
        told = asked or Asked()
        kinds = drafts.survey(self.pool, told, self.heard)
        given = {"engine": ["eager"], "device": ["cpu"], "threads": [1], "batch": [1, 2, 3]} | selection
        prepared = api.prepare((), there=drafts.there(kinds), config=self.root / "bench.toml", **given)
        conductor = conduct.begin(self.pool, told, kinds, prepared, self.heard, output=output)
        conductor.wait_s = 0.0
        return conductor


@pytest.fixture
def cluster(bench: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.chdir(project)
    return Cluster(bench, project)


def cases(conductor: Conductor) -> dict[str, set[str]]:
    return {sweep.run.machine.slug: {case.id for case in sweep.run.cases} for sweep in conductor.files()}


def test_each_kind_of_machine_writes_a_file_of_its_own_that_names_it(cluster: Cluster) -> None:
    conductor = cluster.begin()
    dealt = cases(conductor)
    assert dealt["near"].isdisjoint(dealt["far"])
    assert len(dealt["near"] | dealt["far"]) == 6
    assert len(dealt["near"]) == 4, "two of three nodes have two of three cases"
    assert any("spread over 2 kinds of machine, whose times do not compare" in line for line in cluster.heard.lines)
    conductor.run()
    frame = results.load(cluster.root / "results")
    assert frame.groupby("machine")["case_id"].agg(set).to_dict() == dealt
    assert set(frame["status"]) == {"ok"}
    ids = sorted(frame["run_id"].unique(), key=len)
    assert ids[1] == f"{ids[0]}-2", "files of one run know each other by their names"
    for sweep in conductor.files():
        assert sweep.path.parent == cluster.root / "results" / sweep.run.machine.slug


def test_each_machine_measures_every_case(cluster: Cluster) -> None:
    conductor = cluster.begin(Asked(each=True))
    dealt = cases(conductor)
    assert dealt["near"] == dealt["far"]
    records = conductor.run()
    assert [len(record.results) for record in records] == [6, 6]
    assert not any("do not compare" in line for line in cluster.heard.lines)


def test_labels_choose_the_nodes(cluster: Cluster) -> None:
    conductor = cluster.begin(Asked(where={"zone": "west"}))
    conductor.run()
    assert list(cases(conductor)) == ["far"]
    assert {name for name, _, role in cluster.pool.started if role == "measure"} == {"c cpu"}


def test_what_one_kind_cannot_do_the_other_does(cluster: Cluster) -> None:
    cluster.pool.refuse = lambda node, case: "too old" if node.name in "ab" and case.batch > 1 else ""
    conductor = cluster.begin()
    dealt = cases(conductor)
    assert all(",b1," in case for case in dealt["near"])
    assert len([case for case in dealt["far"] if ",b1," not in case]) == 4
    assert len(dealt["near"] | dealt["far"]) == 6
    assert not any(sweep.run.skipped for sweep in conductor.files())
    conductor.pool.close()


def test_what_no_kind_can_do_is_skipped_once_with_the_reason(cluster: Cluster) -> None:
    cluster.pool.refuse = lambda node, case: "too old" if case.batch > 1 else ""
    conductor = cluster.begin()
    skipped = [reason for sweep in conductor.files() for reason in sweep.run.skipped.values()]
    assert skipped == ["too old"] * 4
    each = Cluster(cluster.bench, cluster.root)
    each.pool.refuse = cluster.pool.refuse
    counts = [len(sweep.run.skipped) for sweep in each.begin(Asked(each=True), each.root / "each.jsonl").files()]
    assert counts == [4, 4], "each machine says of each case why it cannot"


def test_more_threads_than_are_lent_are_skipped(cluster: Cluster) -> None:
    conductor = cluster.begin(threads=[1, 64])
    reasons = {reason for sweep in conductor.files() for reason in sweep.run.skipped.values()}
    most = min(4, cluster.near.machine.usable_cores)
    assert reasons == {f"64 threads are more than the {most} that near lends"}


def test_a_kind_that_dies_out_leaves_its_cases_to_the_other(cluster: Cluster) -> None:
    def answer(node: Any, job: Any) -> Any:
        if node.name == "c" and job.index == 1:
            cluster.pool.kill("c")
        return cluster.bench.found(node, job)

    cluster.pool.answer = answer
    conductor = cluster.begin()
    records = conductor.run()
    assert [record.ended for record in records] == ["complete", "interrupted", "complete"]
    assert [record.run.machine.slug for record in records] == ["near", "far", "near"]
    ok = {result.case.id for record in (records[0], records[2]) for result in record.results if result.status == "ok"}
    assert len(ok) == 6, "every case is measured on one machine or the other"
    assert any("cases go to near" in line for line in cluster.heard.lines)


def test_files_are_named_and_none_is_written_over(cluster: Cluster) -> None:
    conductor = cluster.begin(output=cluster.root / "mine.jsonl")
    assert [sweep.path.name for sweep in conductor.files()] == ["mine.jsonl", "mine-2.jsonl"]
    conductor.run()
    with pytest.raises(UsageError, match=r"mine\.jsonl exists: go on with it by"):
        Cluster(cluster.bench, cluster.root).begin(output=cluster.root / "mine.jsonl")


def test_a_node_without_what_the_run_needs_is_named(cluster: Cluster) -> None:
    cluster.pool.lacks = {"b": ("has no /data/pictures",), "c": ("has no /data/pictures",)}
    with pytest.raises(UsageError, match=r"^b has no /data/pictures, and 1 more: .* a file system that all nodes share"):
        cluster.begin()


def test_a_file_goes_on_where_its_machine_is(cluster: Cluster) -> None:
    conductor = cluster.begin(Asked(where={"zone": "west"}), output=cluster.root / "r.jsonl")
    conductor.files()[0].finish("interrupted")
    again = Cluster(cluster.bench, cluster.root)
    kinds = drafts.survey(again.pool, Asked(), again.heard)
    (record,) = conduct.resume(again.pool, Asked(), kinds, cluster.root / "r.jsonl", again.heard).run()
    assert record.ended == "complete"
    assert {name for name, _, role in again.pool.started if role == "measure"} == {"c cpu"}
    gone = Cluster(cluster.bench, cluster.root)
    gone.pool.kill("c")
    kinds = drafts.survey(gone.pool, Asked(), gone.heard)
    with pytest.raises(UsageError, match=r"r\.jsonl was measured on far, and the cluster has near: start a new file"):
        conduct.resume(gone.pool, Asked(), kinds, cluster.root / "r.jsonl", gone.heard)


def test_a_low_priority_is_said(cluster: Cluster) -> None:
    cluster.pool.facts["b"] = msgspec.structs.replace(cluster.near, niceness=15)
    drafts.survey(cluster.pool, Asked(), cluster.heard)
    assert any(line.startswith("workers of b have a low priority") for line in cluster.heard.lines)


def test_journals_hold_the_whole_run_of_one_kind(cluster: Cluster) -> None:
    conductor = cluster.begin(Asked(where={"zone": "west"}))
    (record,) = conductor.run()
    lines = journal.read(conductor.files()[0].path)
    assert lines.ended == "complete"
    assert lines.run is not None
    assert lines.run.machine == cluster.far.machine
    assert lines.run.versions == cluster.far.versions
    assert len(lines.replicates) == len(record.replicates) == 6 * (6 + 1)
