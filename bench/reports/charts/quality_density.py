"""Accuracy density, which is published accuracy per million parameters: ranked, and against the accuracy itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from . import _conditions as conditions
from . import _quality as quality
from . import _strips as strips
from ._marks import REACH, paint
from ._page import LEAST_TOP1, Sheet, compose, foot
from ._points import NO_PROTOCOL, Drawing, Point, chart_name, protocol_note
from ._style import color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ..rows import Protocol, Row

_MOST = 40  # rows that a page holds
_BAR = 0.62


def _density(row: Row) -> float | None:
    params = row.value("params")
    return 1e6 / params if params else None


_PARAMS = quality.Cost("density", "", "", 1.0, lambda _: "", lambda _: "", counted=True, value=_density)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw both, each network once: neither parameters nor accuracies depend on a machine."""
    name = chart_name("density", protocol)
    if protocol is None:
        return [Drawing(name, "Accuracy density", reason=NO_PROTOCOL)]
    title = f"{protocol.title} per million parameters"
    points = select(rows, protocol)
    if len(points) == 1:
        return [Drawing(name, title, reason=f"one network alone has a {protocol.told}")]
    if not points:
        return [Drawing(name, title, reason=f"no row has parameters and a {protocol.told}")]
    told = ", ".join(f"{p.label} {strips.digits(p.x)} %/M" for p in sorted(points, key=lambda p: -p.x))
    description = f"{title}, protocol {protocol.text}. {told}."
    return [
        Drawing(f"{name}-ranked", f"{title}, ranked", partial(_ranked, points, protocol), description),
        Drawing(name, f"{title}, against it", partial(_against, points, protocol), description),
    ]


def select(rows: Sequence[Row], protocol: Protocol) -> list[Point]:
    """A point per network: percent per million parameters along x, percent along y."""
    return [point._replace(x=point.x * point.y) for point in quality.select_counted(rows, protocol, _PARAMS)]


def _label(protocol: Protocol) -> str:
    """The axis, with a capital where the metric is a word: mIoU and mAP are written as they are."""
    name = protocol.name.capitalize() if protocol.name.islower() else protocol.name
    return f"{name} per million parameters (%)"


def _footer(points: Sequence[Point], protocol: Protocol, left_out: int = 0) -> list[str]:
    drawn = [point.row for point in points]
    return [
        *([f"The {len(points) - left_out} densest of {len(points)}."] if left_out else []),
        protocol_note(drawn, protocol),
        conditions.counted_where(drawn),
    ]


def _ranked(points: Sequence[Point], protocol: Protocol) -> Figure:
    ranked = sorted(points, key=lambda p: (-p.x, p.label))
    shown = ranked[:_MOST]
    figure, (axes,) = strips.rows([p.label for p in shown], right=0.3)
    values = [p.x for p in shown]
    strips.scale(axes, values, values, _label(protocol), base=0.0)
    for number, point in enumerate(shown):
        axes.barh(number, point.x, height=_BAR, color=color(point.family), zorder=2, gid="bar")
        strips.beside(axes, point.x, number, strips.digits(point.x))
    foot(figure, _footer(ranked, protocol, len(ranked) - len(shown)))
    return figure


def _against(points: Sequence[Point], protocol: Protocol) -> Figure:
    return compose(points, Sheet(
        xlabel=_label(protocol),
        ylabel=f"{protocol.title} (%)",
        footer=_footer(points, protocol),
        paint=lambda axes: paint(axes, points, hollow=False),
        reach=REACH,
        least_y=LEAST_TOP1,
    ))  # fmt: skip
