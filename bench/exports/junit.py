"""JUnit XML, which most CI systems show: a test case for every case and metric of the gate, or for every case of a run.

The format has no standard; this is what the Jenkins schema and pytest's own xunit2 family have in common. Of a run, a network
that raised or gave a wrong answer is a failure; a worker that ran out of time or memory, or died, is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from .. import units
from .format import Format, Made, check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Record, Result
    from ..gate.outcome import Outcome, Row
    from .format import Asked
    from .points import Compared

FAILED, ERRORS, SKIPPED = {"regression"}, {"invalid"}, {"inconclusive", "not_run", "new", "removed", "skipped"}
# What XML 1.0 cannot hold at all.
_CONTROL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(found: Outcome, started: str) -> str:
    """The document; `started` is an ISO time."""
    exact = [line for line in found.exact if line.red]
    suite = ET.Element(
        "testsuite",
        name="vbench gate",
        tests=str(len(found.rows) + len(exact)),
        failures=str(_count(found, FAILED) + len(exact)),
        errors=str(_count(found, ERRORS)),
        skipped=str(_count(found, SKIPPED)),
        timestamp=started[:19],
    )
    for row in found.rows:
        suite.append(_case(row))
    for index, line in enumerate(exact):
        case = ET.Element("testcase", classname="vbench.gate.exact", name=f"exact {index + 1}")
        ET.SubElement(case, "failure", message=_clean(line.text), type="exact")
        suite.append(case)
    return _document([suite])


def _document(suites: Sequence[ET.Element]) -> str:
    document = ET.Element("testsuites")
    document.extend(suites)
    ET.indent(document)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(document, encoding="unicode") + "\n"


def _count(found: Outcome, words: set[str]) -> int:
    return sum(row.verdict in words for row in found.rows)


def _case(row: Row) -> ET.Element:
    case = ET.Element("testcase", classname=f"vbench.gate.{row.against}", name=_clean(f"{row.case} {row.metric}".strip()))
    change = "" if row.effect is None else f"{units.change(row.effect)} ({units.changes(row.low, row.high)}) "
    message = _clean(f"{row.verdict}: {change}{row.reason}".strip())
    kinds = (("failure", FAILED), ("error", ERRORS), ("skipped", SKIPPED))
    kind = next((name for name, words in kinds if row.verdict in words), None)
    if kind == "skipped":
        ET.SubElement(case, kind, message=message)
    elif kind is not None:
        ET.SubElement(case, kind, message=message, type=row.verdict)
    else:
        ET.SubElement(case, "system-out").text = message
    return case


def _clean(text: str) -> str:
    return _CONTROL.sub("", text)


# What became of a case of a run, other than `ok`.
KINDS = {"failed": "failure", "timeout": "error", "oom": "error", "crashed": "error", "skipped": "skipped"}


def of_runs(records: Sequence[Record], asked: Asked) -> Made:
    """A suite for each run, with every case."""
    del asked
    check([result for record in records for result in record.results], ())
    return Made(_document([_suite(record) for record in records]))


def of_gate(compared: Compared, asked: Asked) -> Made:
    """What `vbench gate --junit` writes."""
    del asked
    return Made(text(compared.outcome, compared.origin.started))


def _suite(record: Record) -> ET.Element:
    run, results = record.run, record.results
    seconds: dict[str, float] = {}
    for replicate in record.replicates:
        seconds[replicate.case] = seconds.get(replicate.case, 0.0) + replicate.seconds
    kinds = [KINDS.get(result.status) for result in results]
    suite = ET.Element(
        "testsuite",
        name=f"vbench run {run.run_id}",
        tests=str(len(results)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
        time=f"{sum(seconds.values()):.3f}",
        timestamp=run.started[:19],
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (("machine", run.machine.slug), ("commit", run.commit), *run.versions.items()):
        ET.SubElement(properties, "property", name=_clean(name), value=_clean(value))
    suite.extend([_of_run(result, seconds.get(result.case.id, 0.0)) for result in results])
    return suite


def _of_run(result: Result, seconds: float) -> ET.Element:
    name, kind = _clean(result.case.id), KINDS.get(result.status)
    case = ET.Element("testcase", classname=f"vbench.run.{_clean(result.case.label)}", name=name, time=f"{seconds:.3f}")
    if kind is None:
        ET.SubElement(case, "system-out").text = _clean(_said(result))
    else:
        message = _clean(f"{result.status}: {result.reason}" if result.reason else result.status)
        ET.SubElement(case, kind, {"message": message} | ({} if kind == "skipped" else {"type": result.status}))
    return case


def _said(result: Result) -> str:
    values = result.values
    latency, rate = (
        units.interval(values.get(name), values.get(f"{name}_low"), values.get(f"{name}_high"), unit)
        for name, unit in (("latency_s", "s"), ("throughput_per_s", "1/s"))
    )
    flags = f"; flags: {', '.join(result.flags)}" if result.flags else ""
    return f"latency {latency}; throughput {rate}{flags}"


FORMAT = Format(of_runs, of_gate)
