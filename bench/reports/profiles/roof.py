"""The roofline of one network: every layer that multiplies, by its operations per byte and what it achieved, under the ceilings.

The upper line is the lower of the two ceilings. The dashed one is half of it: what lies below is bound by overhead, by the rule
of `roofline`, and what lies above by the ceiling that is above it.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from ... import roofline, units
from ..charts._page import blank, foot
from ..charts._points import Drawing
from ..charts._style import INK, PAGE, SOFT, TICK, TITLE, limits, ticks
from ._marks import COLORS, footer, name_slowest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...roofline import Judged, Profile

NAME = "roofline"
_HEIGHT, _LEGEND, _COLUMNS = 3.4, 0.16, 6
_LEFT = 0.55
_LEAST, _MOST = 3.0, 22.0  # points across: of the smallest and of the largest possible layer
_LINES = {"-": "solid", "-.": "dash-dotted", ":": "dotted"}
_EXTENT = 1.6  # the roof goes on beside the outermost layers by this factor
_MARGIN = 0.04


def draw(profile: Profile) -> Drawing:
    """The chart, or the reason why there is none."""
    layers = [layer for layer in profile.layers if layer.flops_per_s and layer.bytes]
    title = f"Roofline of every layer: {profile.case_id}"
    if not layers:
        reason = f"the {profile.case.engine} engine does not say what its layers move, or none of them multiplies"
        return Drawing(NAME, title, reason=reason)
    said = ", ".join(f"{layer.name} {units.quantity(layer.flops_per_s, 'FLOP/s')} ({layer.bound})" for layer in layers)
    return Drawing(NAME, title, lambda: _figure(profile, layers), f"{title}. {said}.")


def _figure(profile: Profile, layers: Sequence[Judged]) -> Figure:
    kinds = [group.name for group in profile.kinds if any(layer.kind == group.name for layer in layers)]
    head = 0.1 + _LEGEND * -(-len(kinds) // _COLUMNS)
    figure, axes = blank(PAGE, _HEIGHT, head, _LEFT)
    points = [(2.0 * layer.macs / (layer.bytes or 1), (layer.flops_per_s or 0.0) / 1e9) for layer in layers]
    roofs = {
        precision: (ceiling.peak_flops / 1e9, ceiling.bandwidth_bytes_per_s / 1e9)
        for precision, ceiling in profile.ceilings.items()
        if ceiling.peak_flops and ceiling.bandwidth_bytes_per_s
    }
    _scales(axes, points, roofs)
    _roofs(axes, roofs)
    for layer, (x, y) in zip(layers, points, strict=True):
        across = _LEAST + (_MOST - _LEAST) * (layer.share or 0.0) ** 0.5
        axes.scatter(
            [x], [y], s=across**2, color=COLORS[layer.kind], alpha=0.65, edgecolors=INK, linewidths=0.4, zorder=3, gid="layer"
        )
    name_slowest(axes, [(layer, x, y) for layer, (x, y) in zip(layers, points, strict=True)], 9.0)
    handles = [Line2D([], [], linestyle="", marker="o", markersize=4.6, color=COLORS[name], label=name) for name in kinds]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=_COLUMNS, frameon=False, fontsize=TICK,
                labelcolor=INK, handletextpad=0.1, columnspacing=1.0, borderaxespad=0.1)  # fmt: skip
    foot(figure, [*_told(profile, layers, roofs), *footer(profile)])
    return figure


def _scales(axes: Axes, points: Sequence[tuple[float, float]], roofs: dict[str, tuple[float, float]]) -> None:
    """Logarithmic, with room for every layer, the peaks, and the ridge where both ceilings meet."""
    xs = [x for x, _ in points] + [peak / bandwidth for peak, bandwidth in roofs.values()]
    ys = [y for _, y in points] + [peak for peak, _ in roofs.values()]
    left, right = limits(min(xs) / _EXTENT, max(xs) * _EXTENT, _MARGIN, log=True)
    bottom, top = limits(min(ys) / _EXTENT, max(ys) * _EXTENT, _MARGIN, log=True)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    ticks(axes.xaxis, left, right, log=True)
    ticks(axes.yaxis, bottom, top, log=True)
    axes.set_xlabel("Operations per byte that a layer reads or writes (FLOP/B)", fontsize=TITLE, color=INK, labelpad=3)
    axes.set_ylabel("Achieved (GFLOP/s)", fontsize=TITLE, color=INK, labelpad=3)


def _roofs(axes: Axes, roofs: dict[str, tuple[float, float]]) -> None:
    left, right = axes.get_xlim()
    for (peak, bandwidth), style in zip(roofs.values(), cycle(_LINES), strict=False):
        xs = sorted({left, min(max(peak / bandwidth, left), right), right})
        ys = [min(peak, bandwidth * x) for x in xs]
        axes.plot(xs, ys, color=INK, linewidth=1.1, linestyle=style, zorder=2, gid="roof")
        axes.plot(
            xs, [roofline.EXPLAINED * y for y in ys], color=SOFT, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2, gid="half"
        )


def _ceilings(roofs: dict[str, tuple[float, float]]) -> list[str]:
    """In the note and not beside the lines, where the layers are; where there are several, with the line that each has."""
    return [
        f"{precision}{f' ({_LINES[style]})' if len(roofs) > 1 else ''} {units.quantity(peak * 1e9, 'FLOP/s')} and "
        f"{units.quantity(bandwidth * 1e9, 'B/s')}"
        for (precision, (peak, bandwidth)), style in zip(roofs.items(), cycle(_LINES), strict=False)
    ]


def _told(profile: Profile, layers: Sequence[Judged], roofs: dict[str, tuple[float, float]]) -> list[str]:
    rest = [layer for layer in profile.layers if layer not in layers]
    share = sum(layer.share or 0.0 for layer in rest)
    lines = ["A circle's area grows with the layer's share of the time."]
    if roofs:
        lines += [
            f"Line: the measured ceilings of this machine, {'; '.join(_ceilings(roofs))}.",
            "Dashed: half of them, below which a layer is bound by overhead.",
            "Above that it is bound by memory left of the bend, and by compute right of it. Above the line, a cache feeds it.",
        ]
    else:
        lines.append("No line: the ceilings of this machine are not known.")
    if rest:
        what = "layers that multiply nothing, or whose bytes are not known"
        lines.append(f"{len(rest)} {what}, with {units.percent(share)} of the time, have no place here.")
    return lines
