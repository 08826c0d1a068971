"""Published accuracy against multiply-accumulates per image; the area of a point is the network's parameters."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from ... import units
from ..rows import Protocol, Row, axis_text, latest
from . import _conditions as conditions
from . import _quality as quality
from ._marks import CORNER
from ._page import LEAST_TOP1, Sheet, compose
from ._points import NO_PROTOCOL, Drawing, Point, chart_name, chart_title, missing_note, protocol_note
from ._style import INK, SOFT, TICK, marks, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

WHAT = "multiply-accumulates per image"
_LARGEST = 20.0  # points across, for the most parameters in the chart
_HEAD = 0.34


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw each network once: what is counted does not depend on machine, engine or batch, nor on whether it could be timed."""
    name, title = chart_name("gmacs", protocol), chart_title(WHAT, protocol)
    if protocol is None:
        return [Drawing(name, title, reason=NO_PROTOCOL)]
    points = select(rows, protocol)
    if not points:
        reason = f"no row has MACs, parameters and a {protocol.told}"
        return [Drawing(name, title, reason=reason)]
    drawn = [point.row for point in points]
    footer = [
        "Area: parameters. MACs of convolutions, linear layers and matrix products.",
        protocol_note(drawn, protocol),
        *missing_note(rows, protocol),
        conditions.counted_where(drawn),
    ]
    sheet = Sheet(
        xlabel="GMACs per image",
        ylabel=f"{protocol.title} (%)",
        footer=footer,
        paint=lambda axes: _paint(axes, points),
        reach=_LARGEST / 2 * CORNER,
        head=_HEAD,
        least_y=LEAST_TOP1,
    )
    description = ", ".join(f"{p.label} {p.y:g} % at {units.count(p.row.value('macs'))} MACs" for p in points)
    return [Drawing(name, title, partial(compose, points, sheet), f"{title}, protocol {protocol.text}. {description}.")]


def select(rows: Sequence[Row], protocol: Protocol) -> list[Point]:
    """A point per network and input shape that has MACs, parameters and an accuracy in this protocol; a measured one in fp32."""
    chosen: dict[tuple[str, str], Row] = {}
    for row in quality.plainest(latest(rows), protocol):
        if row.value("macs") and row.value("params") and row.quality(protocol) is not None:
            chosen.setdefault((row.name, axis_text(row.case, "input_shape")), row)
    times = Counter(name for name, _ in chosen)
    return [
        Point(row, f"{name} {shape}" if times[name] > 1 else name, macs / 1e9, percent, None, None, *row.ends(protocol))
        for (name, shape), row in chosen.items()
        if (macs := row.value("macs")) is not None and (percent := row.quality(protocol)) is not None
    ]


def _paint(axes: Axes, points: Sequence[Point]) -> list[float]:
    looks = marks(point.family for point in points)
    params = [point.row.value("params") or 0.0 for point in points]
    per_area = _LARGEST**2 / max(params)
    radii = []
    for point, weight in zip(points, params, strict=True):
        look = looks[point.family]
        area = weight * per_area * look.area
        face, order = to_rgba(look.color, 0.55), 3 - weight / max(params)  # small ones lie on large ones
        axes.scatter([point.x], [point.y], s=area, marker=look.marker, facecolors=[face], edgecolors=look.color, linewidths=0.7,
                     zorder=order, gid="point")  # fmt: skip
        radii.append(math.sqrt(area) / 2 * (1 if look.marker == "o" else CORNER) + 0.4)
    _sizes(axes, params, per_area)
    return radii


def _sizes(axes: Axes, params: Sequence[float], per_area: float) -> None:
    """Say what the areas mean, with up to three rounded values."""
    low, high = min(params), max(params)
    shown = sorted({rounded(value) for value in (low, math.sqrt(low * high), high)})
    across = [math.sqrt(value * per_area) for value in shown]
    look: dict[str, Any] = {"linestyle": "", "marker": "o", "markerfacecolor": "white", "markeredgecolor": SOFT}
    handles = [Line2D([], [], linestyle="", label="Parameters")]
    for size, value in zip(across, shown, strict=True):
        handles.append(Line2D([], [], markersize=size, markeredgewidth=0.7, label=units.quantity(value, "", digits=1), **look))
    # Lengths of a legend are in units of its print: the widest circle decides how far apart the others stand.
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(handles), frameon=False, fontsize=TICK,
                labelcolor=INK, handlelength=max(across) / TICK, handleheight=max(across) / TICK, handletextpad=0.4,
                columnspacing=0.6, borderaxespad=0.0, borderpad=0.3)  # fmt: skip
