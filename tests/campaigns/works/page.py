"""The page: which network runs on which engine in which precision, how near to fp32 it answers, and why the others do not."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from campaign import markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .log import Line

BEGIN, END = "<!-- made by tests/campaigns/engines.py -->", "<!-- end -->"
# Under this share of the MACs in the precision asked for a cell says so.
MOSTLY = 0.95


def text(lines: Sequence[Line], names: Sequence[str]) -> str:
    """Everything between the marks of docs/engines.md, for the networks of the catalogue in its order."""
    newest = {(line.architecture, line.engine, line.precision): line for line in lines}
    columns = sorted({(line.engine, line.precision) for line in newest.values() if line.status != "skipped"}, key=_order)
    present = [name for name in names if any((name, *column) in newest for column in columns)]
    reasons = _Reasons()
    rows = []
    for name in present:
        found = [newest.get((name, *column)) for column in columns]
        side = next("x".join(map(str, line.input_shape)) for line in found if line is not None)
        rows.append((f"`{name}`", side, *(_cell(line, reasons) for line in found)))
    header = ("network", "input", *(f"{engine} {precision}" for engine, precision in columns))
    parts = [_made_with(newest.values()), _summary(columns, newest, present), markdown.table(header, rows)]
    if reasons.found:
        parts += ["## Reasons", "\n".join(f"{number}. {reason}" for reason, number in reasons.found.items())]
    never = _never(newest.values(), columns)
    if never:
        parts += ["## Not tried", never]
    return "\n\n".join(parts)


class _Reasons:
    """Numbers for reasons, equal ones once."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}

    def number(self, line: Line) -> int:
        return self.found.setdefault(f"{line.engine}: {_general(line.reason)}", len(self.found) + 1)


def _general(reason: str) -> str:
    """A reason without what differs from network to network in its numbers."""
    return re.sub(r"\d+\.\d+ dB", "… dB", " ".join(reason.split()))[:240]


def _order(column: tuple[str, str]) -> tuple[str, int]:
    return column[0], ("fp32", "tf32", "bf16", "fp16", "int8").index(column[1])


def _cell(line: Line | None, reasons: _Reasons) -> str:
    if line is None:
        return markdown.MISSING
    if line.status == "skipped":
        return f"skipped ({reasons.number(line)})"
    if line.status != "ok":
        return f"**{line.status}** ({reasons.number(line)})"
    said = "ok" if line.sqnr_db is None else f"{line.sqnr_db:.0f} dB"
    share = line.share
    return said if share is None or share >= MOSTLY else f"{said}, {100 * share:.0f} %"


def _made_with(lines: Iterable[Line]) -> str:
    found = {f"{name} {version}" for line in lines for name, version in line.versions.items()}
    return f"Made with {', '.join(sorted(found))}."


def _summary(columns: Sequence[tuple[str, str]], newest: dict[tuple[str, ...], Line], names: Sequence[str]) -> str:
    rows = []
    for engine, precision in columns:
        counts = Counter(newest[name, engine, precision].status for name in names if (name, engine, precision) in newest)
        rest = ", ".join(f"{status} {count}" for status, count in sorted(counts.items()) if status != "ok")
        rows.append((engine, precision, str(counts["ok"]), rest or markdown.MISSING))
    return markdown.table(("engine", "precision", "ok", "others"), rows)


def _never(lines: Iterable[Line], columns: Sequence[tuple[str, str]]) -> str:
    """The engines and precisions that were skipped for every network, with the reason."""
    found: dict[tuple[str, str], str] = {}
    for line in lines:
        if (line.engine, line.precision) not in columns:
            found.setdefault((line.engine, line.precision), line.reason)
    return "\n".join(f"- {engine} {precision}: {reason}" for (engine, precision), reason in sorted(found.items()))


def replaced(page: str, new: str) -> str:
    """The page with what stands between its marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"
