"""Where the time goes: every layer in the order in which it runs, and below them the kinds, in the same colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import units
from ..charts._page import blank, foot, panel
from ..charts._points import Drawing
from ..charts._style import INK, LABEL, PAGE, TITLE, ticks
from ._marks import COLORS, footer, name_slowest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...roofline import Profile

NAME = "time"
# Inches: the layers' axes, what lies between them and the kinds', a row of a kind, and the names beside the rows.
_LAYERS, _GAP, _ROW, _LEFT, _HEAD = 1.9, 0.5, 0.17, 1.05, 0.12
_ROOM = 1.32  # of the longest bar, so that what stands beside it has its place


def draw(profile: Profile) -> Drawing:
    """The chart; there is always one, since a profile without times is none."""
    said = ", ".join(f"{group.name} {units.percent(group.share)}" for group in profile.kinds)
    title = f"Time by layer and by kind: {profile.case_id}"
    return Drawing(NAME, title, lambda: _figure(profile), f"{title}. {said}.")


def _figure(profile: Profile) -> Figure:
    height = _ROW * len(profile.kinds)
    head = _LAYERS + _GAP + _HEAD
    figure, below = blank(PAGE, height, head, _LEFT)
    _kinds(below, profile)
    width, total = figure.get_size_inches()
    box = below.get_position()
    above = panel(figure, (box.x0 * width, box.y1 * total + _GAP, box.width * width, _LAYERS))
    above.grid(visible=False, axis="x")
    _layers(above, profile)
    foot(figure, footer(profile))
    return figure


def _layers(axes: Axes, profile: Profile) -> None:
    seconds = [layer.seconds or 0.0 for layer in profile.layers]
    factor, unit = units.scale(max(seconds), "s")
    heights = [value / factor for value in seconds]
    axes.bar(
        range(1, len(heights) + 1),
        heights,
        width=0.85,
        color=[COLORS[layer.kind] for layer in profile.layers],
        zorder=2,
        gid="layer",
    )
    axes.set_xlim(0.25, len(heights) + 0.75)
    axes.set_ylim(0, max(heights) * 1.1)
    ticks(axes.yaxis, 0, max(heights) * 1.1, log=False)
    axes.set_xlabel("Layers in the order in which they run", fontsize=TITLE, color=INK, labelpad=3)
    axes.set_ylabel(f"Time ({unit})", fontsize=TITLE, color=INK, labelpad=3)
    placed = [(layer, number, height) for number, (layer, height) in enumerate(zip(profile.layers, heights, strict=True), 1)]
    name_slowest(axes, placed, 5.0, bars=True)


def _kinds(axes: Axes, profile: Profile) -> None:
    factor, unit = units.scale(max(group.seconds or 0.0 for group in profile.kinds), "s")
    for row, group in enumerate(profile.kinds):
        value = (group.seconds or 0.0) / factor
        axes.barh(row, value, height=0.72, color=COLORS[group.name], zorder=2, gid="kind")
        layers = f"{group.layers} layer{'' if group.layers == 1 else 's'}"
        axes.annotate(f"{units.percent(group.share)}, {layers}", (value, row), (4, 0), textcoords="offset points", va="center",
                      fontsize=LABEL, color=INK, gid="share")  # fmt: skip
    axes.set_yticks(range(len(profile.kinds)), [group.name for group in profile.kinds])
    axes.set_ylim(len(profile.kinds) - 0.5, -0.5)
    longest = max(group.seconds or 0.0 for group in profile.kinds) / factor
    axes.set_xlim(0, longest * _ROOM)
    ticks(axes.xaxis, 0, longest * _ROOM, log=False)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"Time of all layers of a kind ({unit})", fontsize=TITLE, color=INK, labelpad=3)
