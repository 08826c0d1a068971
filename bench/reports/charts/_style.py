"""What all charts share: the colour of a family, the marker, the scale of an axis, the sizes of print."""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axis import Axis

# Paul Tol's "muted" scheme for colour-blind readers, without its sand, which is too pale for a small mark on white.
PALETTE = ("#332288", "#117733", "#CC6677", "#88CCEE", "#999933", "#AA4499", "#44AA99", "#882255")
# Markers for families that share a colour, each with what makes its area that of a circle of the same size.
MARKERS = (("o", 1.0), ("s", math.pi / 4), ("^", math.pi / 2), ("D", math.pi / 4), ("v", math.pi / 2), ("<", math.pi / 2))
# The colour is a function of the family's name alone, so that it is the same in every chart of every run. With this
# number the eight families of the first catalogue have eight colours; it has no other meaning.
_SALT = 597

INK, SOFT, FAINT = "#1A1A1A", "#6B6B6B", "#E4E4E4"
LABEL, TITLE, TICK, NOTE = 6.5, 7.5, 6.5, 5.6  # points
_DARKER = 0.5
COLUMN, PAGE = 3.5, 7.16  # inches: one column and both of a two-column paper

# Beyond this ratio of the largest to the smallest, a linear axis crowds the small ones into a corner.
_LOG_SPREAD = 8.0
_DECADE_STEPS = ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
_MOST_TICKS = 8
_LONG = 10_000  # from here on, thousands are set apart

# What XML forbids, and what else draws nothing: control characters, half pairs, non-characters.
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")

RC: Any = {  # matplotlib types its settings by name, which a dict of ours cannot be
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so that the picture is the same everywhere
    "svg.fonttype": "none",
    "svg.hashsalt": "vbench",
    "pdf.fonttype": 42,  # TrueType: publishers refuse the Type 3 fonts that would be taken else
    "axes.linewidth": 0.6,
    "path.simplify": False,
}


class Mark(NamedTuple):
    """How the points of a family look; `area` is the factor that gives each marker the area of a circle."""

    color: str
    marker: str
    area: float


def plain(text: str) -> str:
    """Text that can stand on a chart, whatever a plugin called its network."""
    return _UNPRINTED.sub("", text)


def color(family: str) -> str:
    """The colour of a family: a function of its name alone."""
    return PALETTE[hashlib.sha256(f"{_SALT}:{family}".encode()).digest()[0] % len(PALETTE)]


def ink(family: str) -> str:
    """The colour of a family's print: dark enough to be read, and still that of its marker."""
    pairs = zip(to_rgb(color(family)), to_rgb(INK), strict=True)
    red, green, blue = ((1 - _DARKER) * part + _DARKER * base for part, base in pairs)
    return to_hex((red, green, blue))


def marks(families: Iterable[str]) -> dict[str, Mark]:
    """Colours and markers for the families of one chart: circles, and another shape where two share a colour."""
    taken: dict[str, int] = {}
    found = {}
    for family in sorted(set(families)):
        hue = color(family)
        shape, area = MARKERS[taken.get(hue, 0) % len(MARKERS)]
        taken[hue] = taken.get(hue, 0) + 1
        found[family] = Mark(hue, shape, area)
    return found


def is_log(values: Sequence[float]) -> bool:
    """Whether these values ask for a logarithmic axis."""
    return min(values) > 0 and max(values) / min(values) > _LOG_SPREAD


def limits(low: float, high: float, margin: float, *, log: bool, least: float = 0.0) -> tuple[float, float]:
    """The ends of an axis that holds `low` to `high` with a share of `margin` free at each end, and spans at least `least`.

    On a logarithmic axis `least` is in decades.
    """
    if log:
        bottom, top = limits(math.log10(low), math.log10(high), margin, log=False, least=least)
        return 10**bottom, 10**top
    spare = max(least - (high - low), 0.0) / 2
    low, high = low - spare, high + spare
    pad = (high - low) * margin / (1 - 2 * margin)
    return low - pad, high + pad


def ticks(axis: Axis, low: float, high: float, *, log: bool, whole: bool = False) -> None:
    """Round ticks with plain numbers; whole ones where that is asked for, since there is no year 2012.5."""
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_locator(FixedLocator(decades(low, high)) if log else MaxNLocator(6, steps=[1, 2, 2.5, 5, 10], integer=whole))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}" if abs(value) >= _LONG else f"{value:.10g}"))


def decades(low: float, high: float) -> list[float]:
    """Round values between the two, as many to a decade as keep the axis readable."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in _DECADE_STEPS:
        found = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
        if len(found) <= _MOST_TICKS:
            break
    if len(found) > 1:
        return found
    # Less than a decade, and between the steps: round values in equal steps will do.
    return [float(value) for value in MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= value <= high]


def rounded(value: float) -> float:
    """The next lower of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return power * max(step for step in (1.0, 2.0, 5.0) if step * power <= value or step == 1.0)
