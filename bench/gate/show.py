"""What the gate says, for people: a line per case and metric, what the exact gate found, and how to read the whole."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .outcome import Outcome, Row

# What is worth reading first stands first.
_ORDER: tuple[str, ...] = (
    "regression",
    "invalid",
    "not_run",
    "inconclusive",
    "accepted",
    "improvement",
    "pass",
    "new",
    "removed",
    "skipped",
)
HEADER = ("case", "metric", "change", "90 % interval", "would see", "pairs", "verdict", "")


def text(found: Outcome) -> str:
    """All of it; the same file gives the same text."""
    rows = table(found)
    parts = [_aligned(HEADER, rows)] if rows else []
    parts += [line.text for line in found.exact]
    parts += [f"expired: {line}; mend it, or give it a new date" for line in found.expired]
    if found.host:
        parts.append(f"host: {found.host}: no regression can be told on this machine now")
    counts: Counter[str] = Counter(row.verdict for row in found.rows)
    said = ", ".join(f"{counts[word]} {word}" for word in _ORDER if counts[word]) or "nothing compared"
    parts.append(f"gate {found.gate_id} (rule {found.rule_version}): {said}; exit {found.exit_code}")
    return "\n".join(parts)


def table(found: Outcome) -> list[tuple[str, ...]]:
    """The cells of the table, a row for every row, worst first; see `HEADER`."""
    rows = sorted(found.rows, key=lambda row: (_ORDER.index(row.verdict), row.against != "base", row.case))
    return [_cells(row, rows) for row in rows]


def _cells(row: Row, rows: Sequence[Row]) -> tuple[str, ...]:
    effect = "" if row.effect is None else f"{row.effect:+.1%}"
    between = "" if row.low is None or row.high is None else f"{row.low:+.1%} to {row.high:+.1%}"
    sees = "" if row.detectable is None else f"{row.detectable:+.1%}"
    notes = [*([f"against {row.against}"] if row.against != "base" else []), *([row.reason] if row.reason else [])]
    notes += [flag for flag in row.flags if flag not in row.reason]
    name = (
        row.case if sum(r.architecture == row.architecture and r.against == row.against for r in rows) > 1 else row.architecture
    )
    return name, row.metric, effect, between, sees, str(row.pairs or ""), row.verdict, "; ".join(notes)


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    right = {2, 3, 4, 5}
    return "\n".join(
        "  ".join(
            cell.rjust(w) if at in right else cell.ljust(w) for at, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
