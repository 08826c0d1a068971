"""The history as a page: `history.md`, and `index.html` that opens without a network. Whatever comes from a file is escaped."""

from __future__ import annotations

from html import escape as html_escape
from typing import TYPE_CHECKING

from ..cells import code, escape
from . import text
from .naming import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...history.look import History
    from ...history.series import Series
    from .naming import Name

_TITLE = "How the numbers went from run to run"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: 0.92em; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #e4e4e4; }
th { text-align: left; } .number { text-align: right; white-space: nowrap; }
.worse { color: #882255; } .better { color: #117733; }
img { width: 100%; display: block; margin: 0.4rem 0 1.4rem; } pre { background: #f6f6f6; padding: 0.7rem; overflow-x: auto; }
summary { cursor: pointer; padding: 0.15rem 0; } p.note { color: #6b6b6b; }
"""


def markdown(history: History, pictures: Mapping[str, str]) -> str:
    """The whole of `history.md`; `pictures` are the names of the charts by the series' labels."""
    named = _named(history)
    parts = [f"# {_TITLE}\n", *(f"{escape(line)}\n" for line in _summary(history))]
    rows = [row for name, one in named if one.changed for row in text.series_rows(name, one)]
    if rows:
        parts += ["## Changes\n", _table(rows)]
    parts += _block("## What else is known of them\n", text.changed(history))
    parts += _block("## Far off, and no change\n", text.far(history))
    if commands := history.commands():
        parts += ["## To confirm\n", "On this machine; in one job, by turns:\n", "```bash\n" + "\n".join(commands) + "\n```\n"]
    for heading, chosen in _groups(named):
        parts.append(f"## {heading}\n")
        for name, one in chosen:
            parts.append(f"### {escape(name.label)}\n")
            parts.append(f"![{escape(name.label)}]({pictures[name.label]}.png)\n")
            parts.append(f"{text.last(one)} in the newest of {len(one.points)} runs. {code(one.case.id)}\n")
    return "\n".join(parts)


def html(history: History, pictures: Mapping[str, str]) -> str:
    """The whole of `index.html`: the same, with the charts of what did not change folded away."""
    named = _named(history)
    body = [f"<h1>{_TITLE}</h1>", *(f"<p>{html_escape(line)}</p>" for line in _summary(history))]
    rows = [(row, one) for name, one in named if one.changed for row in text.series_rows(name, one)]
    if rows:
        head = "".join(f"<th{_number(i)}>{html_escape(cell)}</th>" for i, cell in enumerate(text.HEADER))
        lines = "".join(f'<tr class="{row[4]}">' + _cells(row) + "</tr>\n" for row, _ in rows)
        body += ["<h2>Changes</h2>", f"<table><thead><tr>{head}</tr></thead><tbody>\n{lines}</tbody></table>"]
    body += [f'<p class="note">{html_escape(line)}</p>' for line in (*text.changed(history), *text.far(history))]
    if commands := history.commands():
        body += ["<h2>To confirm</h2>", f"<pre>{html_escape(chr(10).join(commands))}</pre>"]
    for heading, chosen in _groups(named):
        body.append(f"<h2>{heading}</h2>")
        for name, one in chosen:
            image = f'<img src="{html_escape(pictures[name.label])}.svg" alt="{html_escape(name.label)}" loading="lazy">'
            told = f"{html_escape(name.label)}: {html_escape(text.last(one))}, {len(one.points)} runs"
            opened = " open" if one.changed else ""
            body.append(f"<details{opened}><summary>{told}</summary>{image}</details>")
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f"<head>{meta}<title>{_TITLE}</title><style>{_STYLE}</style></head>"
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n<body>\n' + "\n".join(body) + "\n</body>\n</html>\n"


def _named(history: History) -> list[tuple[Name, Series]]:
    return list(zip(names(history.series), history.series, strict=True))


def _groups(named: Sequence[tuple[Name, Series]]) -> list[tuple[str, list[tuple[Name, Series]]]]:
    changed, rest = [pair for pair in named if pair[1].changed], [pair for pair in named if not pair[1].changed]
    groups = [("Series that changed", changed), ("Series without a change", rest)]
    return [(heading, chosen) for heading, chosen in groups if chosen]


def _summary(history: History) -> list[str]:
    return [text.summary(history), *text.short(history), *text.software(history)]


def _block(heading: str, lines: Sequence[str]) -> list[str]:
    return [heading, "".join(f"- {escape(line)}\n" for line in lines)] if lines else []


def _table(rows: Sequence[Sequence[str]]) -> str:
    rule = ["---:" if i in text.RIGHT else ":---" for i in range(len(text.HEADER))]
    lines = [text.HEADER, rule, *([escape(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: Sequence[str]) -> str:
    return "".join(f"<td{_number(i)}>{html_escape(cell)}</td>" for i, cell in enumerate(row))


def _number(index: int) -> str:
    return ' class="number"' if index in text.RIGHT else ""
