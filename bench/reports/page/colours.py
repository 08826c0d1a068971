"""How the values of a column look on the page: the colours of the printed charts, and the same hues for a dark screen."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.colors import to_hex, to_rgb

from ..charts._style import ink, marks

if TYPE_CHECKING:
    from collections.abc import Iterable

# Vega's names of the markers that the charts know by matplotlib's.
_SHAPES = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "<": "triangle-left"}
DARK = "#16181d"
# What WCAG asks of graphics that carry meaning.
_CONTRAST = 3.0
_STEP = 0.02


class Look(NamedTuple):
    """The mark of a value: fill and line on a light ground, both on a dark one, and the shape."""

    fill: str
    line: str
    dark: str
    shape: str


def looks(values: Iterable[str]) -> dict[str, Look]:
    """A look for each value, by its name alone."""
    found = marks(values)
    return {
        value: Look(mark.color, ink(value), lighter(mark.color), _SHAPES.get(mark.marker, "circle"))
        for value, mark in found.items()
    }


def lighter(color: str, ground: str = DARK) -> str:
    """The colour, made lighter until it stands out from a dark ground."""
    hue, light, saturation = colorsys.rgb_to_hls(*to_rgb(color))
    while contrast(color, ground) < _CONTRAST and light < 1:
        light = min(1.0, light + _STEP)
        color = str(to_hex(colorsys.hls_to_rgb(hue, light, saturation)))
    return color


def contrast(first: str, second: str) -> float:
    """The contrast of two colours as WCAG 2 defines it: 1 for the same, 21 for black on white."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(color))  # noqa: PLR2004 - the constants of sRGB
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
