"""What the gate says, for people: a line per case and metric, what the exact gate found, and how to read the whole."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .. import tables, units

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
    parts = [tables.aligned(HEADER, rows, right=(2, 3, 4, 5))] if rows else []
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
    numbers = (units.change(row.effect), units.changes(row.low, row.high), units.change(row.detectable))
    notes = [*([f"against {row.against}"] if row.against != "base" else []), *([row.reason] if row.reason else [])]
    notes += [flag for flag in row.flags if flag not in row.reason]
    # The architecture says enough unless it is measured in several cases.
    several = len({other.case for other in rows if other.architecture == row.architecture}) > 1
    name = row.case if several else row.architecture
    return name, row.metric, *numbers, str(row.pairs or units.MISSING), row.verdict, "; ".join(notes)
