"""Small charts as inline SVG: the numbers of a finding with their intervals, and grids of pixels with the points read off them.

Each takes the colours of the page it stands in (`currentColor`, and the classes of `chapter`), so it follows light and dark.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from .. import units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entry import Finding, Part

_LINE, _LEFT, _WIDTH, _RIGHT = 26, 350, 210, 300
_WORD = 6.5  # the width of a letter at the size of a label
_SIGNS = "○●✕"
_MOST = 150.0  # so that five grids stand in a line of the page
_BEYOND = 0.15  # of a lower bound, how far the axis goes on above it
_MARKS = {True: "yes", False: "no", None: "open"}


class Mark(NamedTuple):
    """A point on a grid, in cells, and its name."""

    x: float
    y: float
    name: str


def bars(finding: Finding) -> str:
    """A bar for each number that decides, those of one unit on one axis: its interval, and the range that is expected."""
    shown = [part for part in finding.parts if part.expected is not None and part.span.known]
    kinds: dict[str, list[Part]] = {}
    for part in shown:
        kinds.setdefault(part.span.unit, []).append(part)
    return "".join(_bars(parts) for parts in kinds.values())


def _bars(parts: Sequence[Part]) -> str:
    ends = [end for part in parts for end in (part.span.value, part.span.low, part.span.high, *_edges(part)) if end is not None]
    most = max([abs(end) for end in ends if math.isfinite(end)] + [0.0]) or 1.0
    least = min([end for end in ends if math.isfinite(end)] + [0.0])
    height = _LINE * len(parts) + 8
    body = "".join(_bar(part, number, least, most) for number, part in enumerate(parts))
    zero = _LEFT + _WIDTH * (0.0 - least) / (most - least)
    body += f'<line class="zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="2" y2="{height - 4}"/>'
    label = escape("; ".join(f"{part.label}: {part.span.text()}" for part in parts), quote=True)
    return (
        f'<svg class="bars" role="img" aria-label="{label}" viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {height}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def _edges(part: Part) -> tuple[float, ...]:
    """The ends of what is expected, each on the axis; of a range without an upper end also a piece beyond the lower one."""
    if part.expected is None:
        return ()
    low, high = part.expected.low, part.expected.high
    beyond = (low + _BEYOND * abs(low),) if math.isinf(high) else ()
    return tuple(end for end in (low, high, *beyond) if math.isfinite(end))


def _bar(part: Part, number: int, least: float, most: float) -> str:
    expected, value = part.expected, part.span.value
    assert expected is not None  # noqa: S101 - so it was chosen
    assert value is not None  # noqa: S101 - as above

    def at(place: float) -> float:
        return _LEFT + _WIDTH * (min(max(place, least), most) - least) / (most - least)

    y = _LINE * number + 4
    wide = max(2.0, at(expected.high) - at(expected.low))
    start, length = at(min(0.0, value)), max(1.0, abs(at(value) - at(0.0)))
    found = [
        _label(part.label, y + 13),
        f'<rect class="band" x="{at(expected.low):.1f}" y="{y}" width="{wide:.1f}" height="{_LINE - 6}"/>',
        f'<rect class="{_MARKS[part.answer]}" x="{start:.1f}" y="{y + 5}" width="{length:.1f}" height="{_LINE - 16}"/>',
    ]
    if part.span.low is not None and part.span.high is not None and part.span.low < part.span.high:
        found.append(
            f'<line class="whisker" x1="{at(part.span.low):.1f}" x2="{at(part.span.high):.1f}" y1="{y + 10}" y2="{y + 10}"/>'
        )
    said = f'{escape(part.span.text())}<tspan class="said" dx="8">expected: {escape(expected.text())}</tspan>'
    found.append(f'<text x="{_LEFT + _WIDTH + 8}" y="{y + 13}">{said}</text>')
    return "".join(found)


def _label(label: str, y: int) -> str:
    cut = escape(fitted(label))
    return f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end"><title>{escape(label)}</title>{cut}</text>'


def fitted(label: str) -> str:
    """As much of a label as there is room for beside a bar."""
    most = int((_LEFT - 10) / _WORD)
    return label if len(label) <= most else label[: most - 1] + "…"


def grid(rows: Sequence[Sequence[float]], caption: str, marks: Sequence[Mark] = (), cell: float | None = None) -> str:
    """Pixels from 0 (empty) to the largest (full), and points on them, one colour for a name, as a figure with its caption."""
    height, width = len(rows), len(rows[0])
    size = cell or max(2.0, min(20.0, _MOST / max(height, width)))
    top = max((value for row in rows for value in row), default=0.0) or 1.0
    cells = "".join(
        f'<rect x="{x * size:.1f}" y="{y * size:.1f}" width="{size:.1f}" height="{size:.1f}" opacity="{value / top:.2f}"/>'
        for y, row in enumerate(rows)
        for x, value in enumerate(row)
        if value / top >= 0.02  # noqa: PLR2004 - what nobody could see
    )
    numbers = {name: number for number, name in enumerate(dict.fromkeys(mark.name for mark in marks))}
    points = "".join(_point(mark, numbers[mark.name], size) for mark in marks)
    named = "".join(
        f' <span class="key m{number}">{_SIGNS[number % len(_SIGNS)]}</span> {escape(name)}' for name, number in numbers.items()
    )
    return (
        f'<figure><svg class="grid" role="img" aria-label="{escape(caption, quote=True)}" width="{width * size:.0f}" '
        f'height="{height * size:.0f}" xmlns="http://www.w3.org/2000/svg"><rect class="frame" width="100%" height="100%"/>{cells}'
        f"{points}</svg><figcaption>{escape(caption)}{named}</figcaption></figure>"
    )


def _point(mark: Mark, number: int, size: float) -> str:
    """A ring, a dot or a cross, so that several on one place are told apart without their colours."""
    x, y = (mark.x + 0.5) * size, (mark.y + 0.5) * size
    if number % len(_SIGNS) == _SIGNS.index("✕"):
        path = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
        return f'<path class="ring m{number}" d="{path}"/>'
    kind, radius = (("ring", 6), ("mark", 3))[number % len(_SIGNS)]
    return f'<circle class="{kind} m{number}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>'


def squares(sides: Sequence[tuple[str, float]], caption: str, most: float = _MOST) -> str:
    """Squares inside each other, the largest as large as a grid, each with its name: fields of view, drawn to scale."""
    largest = max(side for _, side in sides)
    drawn = []
    for name, side in sorted(sides, key=lambda pair: -pair[1]):
        length = most * side / largest
        at = (most - length) / 2
        drawn.append(
            f'<rect class="field" x="{at:.1f}" y="{at:.1f}" width="{length:.1f}" height="{length:.1f}"><title>{escape(name)}: '
            f"{units.quantity(side, 'px')}</title></rect>"
        )
    named = ", ".join(f"{name} {units.quantity(side, 'px')}" for name, side in sides)
    return (
        f'<figure><svg class="grid" role="img" aria-label="{escape(caption + ": " + named, quote=True)}" width="{most + 2:.0f}" '
        f'height="{most + 2:.0f}" xmlns="http://www.w3.org/2000/svg">{"".join(drawn)}</svg>'
        f"<figcaption>{escape(caption)}: {escape(named)}</figcaption></figure>"
    )
