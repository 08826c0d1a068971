"""What the charts of a profile share: the colour of a kind, the words below, and names beside the slowest layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import units
from ...kinds import KINDS
from ..charts._page import renderer_of
from ..charts._style import INK, LABEL, PALETTE, SOFT, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from ...roofline import Judged, Profile

# Products in the strong colours of the scheme that all charts have, the rest in its pale ones and in greys.
COLORS = dict(
    zip(
        KINDS,
        (PALETTE[0], PALETTE[1], PALETTE[6], PALETTE[2], PALETTE[7], PALETTE[5], PALETTE[3], "#DDCC77", PALETTE[4], "#BBBBBB",
         SOFT, INK),
        strict=True,
    )
)  # fmt: skip
_NAMED = 5  # layers that get a name


def footer(profile: Profile) -> list[str]:
    """The case, the machine, and what the sum of the layers is of the whole."""
    machine = profile.machine
    cores = f"{machine.usable_cores} of {machine.cores} cores" if machine.cores else ""
    where = ", ".join(part for part in (machine.processor or machine.slug, cores, machine.virtual) if part)
    tools = ", ".join(f"{tool} {profile.versions[tool]}" for tool in ("vbench", "torch") if tool in profile.versions)
    took = (
        f"such a run takes {units.change(profile.overhead)}. The sum of the layers is {units.duration(profile.layers_s)}, "
        f"{units.percent(profile.covered)} of the {units.duration(profile.total_s)} of a request without a profiler"
    )
    return [
        f"{profile.case_id}.",
        f"{where}; {', '.join(part for part in (tools, profile.started[:10]) if part)}.",
        f"{len(profile.layers)} layers, medians of {profile.runs} runs under {profile.profiler}; {took}.",
        *(f"{note[0].upper()}{note[1:]}." for note in profile.notes),
    ]


def name_slowest(axes: Axes, placed: Sequence[tuple[Judged, float, float]], gap: float, *, bars: bool = False) -> None:
    """Names `gap` points beside the layers that take most time, each where it lies on nothing; left out where it would.

    `placed` are the layers with their points, which are the ends of `bars` or stand alone.
    """
    figure = axes.figure
    renderer = renderer_of(figure)  # type: ignore[arg-type]  # never that of a part of a figure
    frame, taken = axes.get_window_extent(renderer), list[Any]()
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": LABEL, "color": INK, "parse_math": False, "gid": "name"}
    points = axes.transData.transform([(x, y) for _, x, y in placed])
    for layer, x, y in sorted(placed, key=lambda item: -(item[0].seconds or 0.0))[:_NAMED]:
        for where, across in (((gap, 0), "left"), ((-gap, 0), "right"), ((0, gap + 3), "center"), ((0, -gap - 3), "center")):
            text = axes.annotate(plain(layer.name), (x, y), where, ha=across, va="center", **style)
            box = text.get_window_extent(renderer).padded(3)
            on = any(box.x0 < px < box.x1 and (py > box.y0 if bars else box.y0 < py < box.y1) for px, py in points)
            inside = box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1
            if inside and not on and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
