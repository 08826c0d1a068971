"""The page: what each criterion takes out of each network, whether the rest answers as it must, and why others stay whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from campaign import markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .log import Line

BEGIN, END = "<!-- made by tests/campaigns/pruning.py -->", "<!-- end -->"
# Above this share of the output's scale a pruned network answers something else; above this one its MACs are not those implied.
TOLERANCE, MACS_OFF = 1e-5, 0.02


def text(lines: Sequence[Line], names: Sequence[str]) -> str:
    """Everything between the marks of docs/compression.md, for the networks of the catalogue in its order."""
    newest = {(line.architecture, line.compression): line for line in lines}
    columns = list(dict.fromkeys(line.compression for line in newest.values()))
    reasons: dict[str, int] = {}
    rows = []
    for name in names:
        found = [newest.get((name, column)) for column in columns]
        there = [line for line in found if line is not None]
        if not there:
            continue
        some = next((line for line in there if line.status == "ok"), there[0])
        took = max(line.seconds for line in there)
        rows.append(
            (
                f"`{name}`",
                "x".join(map(str, some.input_shape)),
                _share(some.removed, some.channels),
                _share(some.params, some.params_before),
                *(_cell(line, reasons) for line in found),
                markdown.seconds(took),
            )
        )
    header = ("network", "input", "channels gone", "params left", *columns, "longest")
    parts = [_made_with(newest.values()), _summary(list(newest.values()), columns), markdown.table(header, rows)]
    if reasons:
        parts += ["## Reasons", "\n".join(f"{number}. {reason}" for reason, number in reasons.items())]
    return "\n\n".join(parts)


def _share(part: int, whole: int) -> str:
    return markdown.percent(part / whole, 0) if whole else markdown.MISSING


def _cell(line: Line | None, reasons: dict[str, int]) -> str:
    """The MACs that are left, or why it could not be pruned; what does not hold is said in bold."""
    if line is None:
        return markdown.MISSING
    if line.status != "ok":
        number = reasons.setdefault(line.reason, len(reasons) + 1)
        return f"{line.status} ({number})" if line.status == "kept" else f"**{line.status}** ({number})"
    said = _share(line.macs, line.macs_before)
    if line.apart is None or not line.apart <= TOLERANCE:
        said += f", **{line.apart:.1g} apart**" if line.apart is not None else ", **not compared**"
    if line.off is None or line.off > MACS_OFF:
        said += ", **MACs off**"
    return said


def _made_with(lines: Iterable[Line]) -> str:
    found = {f"{name} {version}" for line in lines for name, version in line.versions.items()}
    return f"Made with {', '.join(sorted(found))}."


def _summary(lines: Sequence[Line], columns: Sequence[str]) -> str:
    rows = []
    for column in columns:
        own = [line for line in lines if line.compression == column]
        ok = [line for line in own if line.status == "ok"]
        same = [line for line in ok if line.apart is not None and line.apart <= TOLERANCE]
        near = [line for line in ok if line.off is not None and line.off <= MACS_OFF]
        worst = max((line.apart for line in ok if line.apart is not None), default=None)
        kept = sum(line.status == "kept" for line in own)
        largest = markdown.MISSING if worst is None else f"{worst:.1e}"
        rows.append((f"`{column}`", *map(str, (len(ok), len(same), largest, len(near), kept, len(own) - len(ok) - kept))))
    header = ("criterion", "pruned", "answer the same", "largest difference", "MACs as implied", "nothing to take", "failed")
    return markdown.table(header, rows)


def replaced(page: str, new: str) -> str:
    """The page with what stands between its marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"
