"""A profile as one page that opens without a network: charts within it, tables that sort at a click. Every name is escaped."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from ... import roofline
from ...kinds import KINDS
from . import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...roofline import Group, Profile
    from ..charts._points import Drawing

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 78rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.87em; }
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid #e4e4e4; text-align: left; white-space: nowrap; }
.number { text-align: right; } th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid #332288; } th[aria-sort=descending] button::after { content: " \\2193"; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
img { width: 100%; max-width: 60rem; display: block; margin: 0.5rem 0; } dt { font-weight: 600; } p.note { color: #6b6b6b; }
@media print { body { max-width: none; margin: 0; font-size: 10px; } }
"""
# A click sorts by a column, a second one the other way round; what is not known comes last either way.
_SCRIPT = """
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => head.firstChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = row => row.cells[index].dataset.value;
    const numeric = head.classList.contains("number");
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const found = numeric ? x - y : x.localeCompare(y);
      return down ? -found : found;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  }));
}
"""


def html(profile: Profile, charts: Sequence[tuple[Drawing, str]]) -> str:
    """The whole page; `charts` are drawings with their SVG, or with nothing where there is no figure."""
    first, *lines = text.head(profile)
    body = [f"<h1>{escape(first)}</h1>", *(f"<p>{escape(line)}</p>" for line in lines)]
    for drawing, svg in charts:
        body.append(_picture(drawing, svg))
    body += ["<h2>Kinds</h2>", _groups("kind", profile.kinds)]
    body += ["<h2>Layers in the order in which they run</h2>", _layers(profile)]
    body += ["<h2>Modules</h2>", _groups("module", roofline.by_module(profile.layers))]
    body += ["<h2>What bounds a layer</h2>", _terms(roofline.BOUNDS)]
    body += ["<h2>What the kinds are</h2>", _terms({group.name: KINDS.get(group.name, "") for group in profile.kinds})]
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f"<head>{meta}<title>{escape(first)}</title><style>{_STYLE}</style></head>"
    main = "<main>\n" + "\n".join(body) + "\n</main>"
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n<body>\n{main}\n<script>{_SCRIPT}</script>\n</body>\n</html>\n'


def _picture(drawing: Drawing, svg: str) -> str:
    """A chart as an image of its own, so that nothing in it can touch the page."""
    if not svg:
        return f'<p class="note">{escape(drawing.title)}: no chart, since {escape(drawing.reason)}.</p>'
    data = base64.b64encode(svg.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(drawing.description)}">'


def _layers(profile: Profile) -> str:
    rows = []
    for layer in profile.layers:
        numbers = (layer.seconds, layer.share, layer.macs or None, layer.flops_per_s, layer.peak_share, layer.bytes_per_s,
                   layer.bandwidth_share)  # fmt: skip
        shown = text.cells(layer)
        rows.append(list(zip(shown, (*shown[:4], *numbers, layer.bound), strict=True)))
    return _table(text.LAYERS, rows, text.RIGHT_LAYERS)


def _groups(by: str, groups: Sequence[Group]) -> str:
    rows = []
    for group in groups:
        shown = text.group_cells(group)
        numbers = (group.layers, group.seconds, group.share, group.macs or None, group.flops_per_s, group.peak_share,
                   group.bytes_per_s, group.bandwidth_share)  # fmt: skip
        rows.append(list(zip(shown, (group.name, *numbers, shown[-1]), strict=True)))
    return _table((by, *text.GROUPS), rows, text.RIGHT_GROUPS)


def _table(header: Sequence[str], rows: Sequence[Sequence[tuple[str, object]]], right: Sequence[int]) -> str:
    """A table whose cells carry the values that they are sorted by."""
    heads = "".join(
        f'<th scope="col"{_number(index, right)}><button type="button">{escape(name)}</button></th>'
        for index, name in enumerate(header)
    )
    lines = "".join(
        f"<tr>{''.join(_cell(i, shown, value, right) for i, (shown, value) in enumerate(row))}</tr>\n" for row in rows
    )
    return f'<div class="table"><table><thead><tr>{heads}</tr></thead><tbody>\n{lines}</tbody></table></div>'


def _cell(index: int, shown: str, value: object, right: Sequence[int]) -> str:
    return f'<td{_number(index, right)} data-value="{"" if value is None else escape(str(value))}">{escape(shown)}</td>'


def _number(index: int, right: Sequence[int]) -> str:
    return ' class="number"' if index in right else ""


def _terms(found: dict[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(said)}</dd>' for name, said in found.items())}</dl>"
