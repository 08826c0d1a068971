"""JUnit of a run, read by junitparser: every case is there, with what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from junitparser import Error, Failure, JUnitXml, Skipped

from vbench.exports import junit
from vbench.gate import points

if TYPE_CHECKING:
    from vbench.core import Record
    from vbench.exports.format import Asked


def test_every_case_has_its_place(record: Record, nothing: Asked) -> None:
    (suite,) = JUnitXml.fromstring(str(junit.of_runs([record], nothing).content).encode())
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (9, 1, 3, 1)
    assert {p.name: p.value for p in suite.properties()}["commit"] == record.run.commit
    kinds = {case.classname.removeprefix("vbench.run."): [type(r) for r in case.result] for case in suite}
    assert kinds == {
        "a/even": [], "a/odd": [], "a/seven": [], "b/failed": [Failure], "b/timeout": [Error], "b/oom": [Error],
        "b/crashed": [Error], "c/skipped": [Skipped], "c/sweep": [],
    }  # fmt: skip
    cases = {case.name: case for case in suite}
    assert list(cases) == [result.case.id for result in record.results]
    failed = next(case for name, case in cases.items() if name.startswith("b/failed"))
    assert failed.result[0].message == "failed: why <b/failed> & so"
    odd = next(case for name, case in cases.items() if name.startswith("a/odd"))
    assert odd.time == 9 * 2.5
    assert odd.system_out.startswith("latency 5 ms [2, 8]; throughput 90.0/s [90.0, 90.0]; flags: ")
    assert suite.time == sum(case.time for case in suite)


def test_several_runs_are_several_suites_and_the_gate_is_what_it_writes_itself(records: Any, gated: Any, nothing: Asked) -> None:
    document = JUnitXml.fromstring(str(junit.of_runs([records(), records()], nothing).content).encode())
    assert len(list(document)) == 2
    made = junit.of_gate(points.compared(gated.log), nothing)
    assert made.content == junit.text(gated.outcome, gated.log.head.started)
