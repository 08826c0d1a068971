"""JUnit XML, which most CI systems show: a test case for every case and metric of the gate.

The format has no standard; this is what the Jenkins schema and pytest's own xunit2 family have in common.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from .. import units

if TYPE_CHECKING:
    from ..gate.outcome import Outcome, Row

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
    ET.indent(suite)
    document = ET.Element("testsuites")
    document.append(suite)
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
