"""The page: what each criterion takes out of each network, whether the rest answers as it must, and why others stay whole."""

from __future__ import annotations

import re
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
    lines = [line for line in lines if line.architecture in set(names)]
    small, own = [line for line in lines if not line.own], [line for line in lines if line.own]
    parts = [_made_with(lines)]
    if own:
        parts += ["### At their own input, on every engine", _own(own, names)]
    if small:
        parts += ["### The whole catalogue", *_catalogue(small, names)]
    return "\n\n".join(parts)


def _catalogue(lines: Sequence[Line], names: Sequence[str]) -> list[str]:
    there = {(line.architecture, line.compression): line for line in lines}
    columns = list(dict.fromkeys(line.compression for line in lines))
    reasons: dict[str, int] = {}
    rows = []
    for name in names:
        cells = [there.get((name, column)) for column in columns]
        found = [line for line in cells if line is not None]
        if not found:
            continue
        some = next((line for line in found if line.status == "ok"), found[0])
        rows.append(
            (
                f"`{name}`",
                "x".join(map(str, some.input_shape)),
                _share(some.removed, some.channels),
                _share(some.params, some.params_before),
                *(_cell(line, reasons) for line in cells),
                markdown.seconds(max(line.seconds for line in found)),
            )
        )
    header = ("network", "input", "channels gone", "params left", *(_name(column) for column in columns), "longest")
    parts = [_summary(lines, columns), _kept(lines, columns), markdown.table(header, rows)]
    if reasons:
        parts += ["### Reasons", "\n".join(f"{number}. {reason}" for reason, number in reasons.items())]
    return [part for part in parts if part]


def _own(lines: Sequence[Line], names: Sequence[str]) -> str:
    engines = sorted({engine for line in lines for engine in line.engines})
    rows, reasons = [], dict[str, int]()
    for line in sorted(lines, key=lambda line: (names.index(line.architecture), line.compression)):
        off = markdown.percent(line.off, 2) if line.status == "ok" else markdown.MISSING
        tried = (_engine(line.engines[engine], reasons) if engine in line.engines else markdown.MISSING for engine in engines)
        shape = "x".join(map(str, line.input_shape))
        left = _share(line.params, line.params_before)
        cells = (
            f"`{line.architecture}@{line.compression}`",
            shape,
            left,
            _cell(line, reasons),
            off,
            markdown.seconds(line.seconds),
        )
        rows.append((*cells, *tried))
    header = ("network", "input", "params left", "MACs left", "off from implied", "pruned in", *engines)
    found = markdown.table(header, rows)
    if reasons:
        found += "\n\n" + "\n".join(f"{number}. {reason}" for reason, number in reasons.items())
    return found


def _engine(word: float | str, reasons: dict[str, int]) -> str:
    """How near to eager fp32, or why it did not run."""
    if isinstance(word, int | float):
        return f"{word:.0f} dB"
    number = reasons.setdefault(word, len(reasons) + 1)
    return f"{word.partition(':')[0]} ({number})"


def _name(compression: str) -> str:
    return compression.partition(":")[0]


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
    texts = dict.fromkeys(line.compression for line in lines)
    return f"Made with {', '.join(sorted(found))}; asked for were {', '.join(f'`{text}`' for text in texts)}."


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
        counts = (len(own), len(ok), len(same), largest, len(near), kept, len(own) - len(ok) - kept)
        rows.append((f"`{_name(column)}`", *map(str, counts)))
    header = (
        "criterion",
        "networks",
        "pruned",
        "answer the same",
        "largest difference",
        "MACs as implied",
        "stay whole",
        "failed",
    )
    return markdown.table(header, rows)


def _kept(lines: Sequence[Line], columns: Sequence[str]) -> str:
    """Of how many pruned networks some channels had to stay, and why; counted with the first criterion that has any."""
    first = [line for line in lines if line.compression == columns[0] and line.status == "ok"]
    why: dict[str, int] = {}
    for line in first:
        for reason in filter(None, line.kept.removeprefix("some channels, because ").split("; ")):
            text = re.sub(r"\b\d+ layers?\b", "some layers", reason)  # the same reason whatever the number
            why[text] = why.get(text, 0) + 1
    if not why:
        return ""
    rows = [(reason, str(count)) for reason, count in sorted(why.items(), key=lambda item: -item[1])]
    told = f"Some channels stay in {sum(bool(line.kept) for line in first)} of the {len(first)} networks that are pruned:"
    return told + "\n\n" + markdown.table(("because", "networks"), rows)


def replaced(page: str, new: str) -> str:
    """The page with what stands between its marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"
