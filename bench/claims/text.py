"""The findings for a terminal, as Markdown, and as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import tables, units
from .entry import COUNTED, MEASURED, PUBLISHED, SHOWN, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entry import Finding, Part

_NARROW = 44


def headline(finding: Finding, *kinds: str) -> str:
    """The first number of these kinds that decides, or the first at all; a dash where there is none."""
    parts = [part for part in finding.of(*kinds) if part.span.known]
    chosen = next((part for part in parts if part.expected is not None), parts[0] if parts else None)
    return units.MISSING if chosen is None else chosen.span.text()


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


def detail(finding: Finding) -> str:
    """One entry in full."""
    entry = finding.claim
    lines = [
        f"{entry.id}: {finding.verdict}",
        f"  sentence: {entry.sentence} ({entry.place})",
        f"  source: {entry.source}; it says: {entry.says}",
        f"  formula: {entry.formula}",
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
    return "\n".join([
        f"## {entry.id}: {finding.verdict}",
        "",
        f"> {entry.sentence}",
        "",
        f"{entry.place}. Source: {entry.source}; it says: {entry.says}. Formula: {entry.formula}.",
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
