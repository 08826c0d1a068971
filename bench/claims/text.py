"""The findings for a terminal, as Markdown, and as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import tables, units
from . import spans
from .entry import COUNTED, HOLDS, MEASURED, PUBLISHED, SHOWN, UNABLE, VERDICTS, why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entry import Claim, Finding, Part

_NARROW = 44
UNNAMED = "none is named"
READING = (
    "Each sentence stands with its source, with what is counted of the networks it is about, and with what was timed on the "
    "machine above; what stands in square brackets is not the lecture's. A time is a ratio with its 95 % interval over fresh "
    "processes. A number decides where its whole interval lies inside or outside of what the sentence says. A sentence holds "
    "under a condition where some of its numbers are as it says and others are not: the line below its verdict names both. It "
    "is undecided where an interval lies on both sides, or a number is missing."
)


def headline(finding: Finding, *kinds: str) -> str:
    """The numbers of these kinds that decide, from the least to the largest of the first one's unit; else the first number.

    A dash where there is none.
    """
    parts = [part for part in finding.of(*kinds) if part.span.known]
    shown = [part.span for part in parts if part.expected is not None] or [part.span for part in parts[:1]]
    return spans.between([span for span in shown if span.unit == shown[0].unit]) if shown else units.MISSING


def cells(finding: Finding) -> tuple[str, ...]:
    """A row: the entry, its sentence, a number of each kind, and the verdict."""
    counted = headline(finding, COUNTED, SHOWN, PUBLISHED)
    return finding.claim.id, finding.claim.sentence, counted, headline(finding, MEASURED), finding.verdict


HEADER = ("claim", "sentence", "counted", "measured", "verdict")


def table(findings: Sequence[Finding]) -> str:
    """All of them, a line each, and how many there are of each verdict."""
    rows = []
    for finding in findings:
        name, sentence, *rest = cells(finding)
        rows.append((name, sentence if len(sentence) <= _NARROW else sentence[: _NARROW - 1].rstrip() + "…", *rest))
    return tables.aligned(HEADER, rows, right=(2, 3)) + "\n\n" + counts(findings)


def counts(findings: Sequence[Finding]) -> str:
    """How many there are of each verdict."""
    found = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in VERDICTS}
    return ", ".join(f"{number} {verdict}" for verdict, number in found.items() if number)


def sourced(entry: Claim) -> str:
    """Where the lecture has it from and what stands there, in sentences."""
    if entry.source == UNNAMED:
        return "The lecture names no source."
    said = {"nothing": "", "the same": " It says the same."}.get(entry.says, f" It says: {entry.says.rstrip('.')}.")
    return f"Source: {entry.source}.{said}"


def placed(entry: Claim) -> str:
    """The slide, as a sentence."""
    return f"Slide: {entry.place}" + ("" if entry.place.endswith(("?", ".")) else ".")


def condition(finding: Finding) -> str:
    """For what it holds and for what not, in words; nothing where it holds for all, or nothing could be had."""
    return "" if finding.verdict in {HOLDS, UNABLE} else why(finding.parts, numbers=False)


def detail(finding: Finding) -> str:
    """One entry in full."""
    entry = finding.claim
    lines = [
        f"{entry.id}: {finding.verdict}",
        f"  “{entry.sentence}”",
        f"  {placed(entry)} {sourced(entry)}",
        *([f"  tested by: {entry.formula}"] if finding.parts else []),
        *(f"  {part.kind}: {line(part)}" for part in finding.parts),
        f"  {entry.remark}",
    ]
    return "\n".join(lines)


def line(part: Part) -> str:
    """A number with what it is of and what was expected."""
    if not part.span.known:
        return f"{part.label}: {part.span.missing}"
    if part.expected is None:
        return f"{part.label}: {part.span.text()}"
    word = {True: "as expected", False: "not", None: "open"}[part.answer]
    return f"{part.label}: {part.span.text()}, {word} ({part.expected.text()})"


def markdown(findings: Sequence[Finding], conditions: Sequence[str]) -> str:
    """A table, and a section for each entry."""
    rule = ("---", "---", "--:", "--:", "---")
    rows = [HEADER, rule, *(cells(finding) for finding in findings)]
    parts = [
        "# The lecture's claims, put to the test",
        "\n".join(conditions),
        READING,
        "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows),
        counts(findings),
        *map(_section, findings),
    ]
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _section(finding: Finding) -> str:
    entry = finding.claim
    parts = [f"- {part.kind}: {line(part)}" for part in finding.parts]
    said = condition(finding)
    return "\n".join([
        f"## {entry.id}: {finding.verdict}",
        "",
        f"> {entry.sentence}",
        "",
        *([said, ""] if said else []),
        f"{placed(entry)} {sourced(entry)}{f' Tested by: {entry.formula}.' if finding.parts else ''}",
        "",
        *parts,
        *([""] if parts else []),
        entry.remark,
    ])  # fmt: skip


def plain(finding: Finding) -> dict[str, Any]:
    """The same as data."""
    entry = finding.claim
    return {
        "id": entry.id, "topic": entry.topic, "sentence": entry.sentence, "place": entry.place, "source": entry.source,
        "says": entry.says, "formula": entry.formula, "remark": entry.remark, "verdict": finding.verdict, "why": finding.why,
        "parts": [_plain(part) for part in finding.parts],
    }  # fmt: skip


def _plain(part: Part) -> dict[str, Any]:
    ends = (None, None) if part.expected is None else (part.expected.low, part.expected.high)
    low, high = (None if end is None or abs(end) == float("inf") else end for end in ends)
    return {
        "label": part.label, "kind": part.kind, "value": part.span.value, "low": part.span.low, "high": part.span.high,
        "unit": part.span.unit, "missing": part.span.missing, "expected_low": low, "expected_high": high, "answer": part.answer,
        "decides": part.expected is not None,
    }  # fmt: skip
