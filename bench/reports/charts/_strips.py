"""Charts of rows: a line of the page per network, its name at the left, and bars or marks along it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import units
from ._page import BELOW, blank, panel, renderer_of
from ._style import COLUMN, FAINT, INK, TICK, TITLE, is_log, limits, plain, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE = 0.115  # inches from one row to the next
_BESIDE = 0.12  # inches between a name and the edge of the page
_RIGHT = 0.12
_BETWEEN = 0.10  # inches between two panels
_MARGIN = 0.02


def rows(  # noqa: PLR0913 - lengths of a page, of which each chart changes one or two
    labels: Sequence[str],
    *,
    width: float = COLUMN,
    pitch: float = LINE,
    head: float = 0.06,
    right: float = _RIGHT,
    panels: int = 1,
) -> tuple[Figure, list[Axes]]:
    """A page with a row per label, the first on top, `pitch` inches high, and as many panels side by side that share them."""
    height = pitch * len(labels)
    left = widest(labels, width) + _BESIDE
    figure, first = blank(width, height, head, left, right)
    first.remove()
    across = (width - left - right - _BETWEEN * (panels - 1)) / panels
    found = [panel(figure, (left + (across + _BETWEEN) * i, BELOW, across, height)) for i in range(panels)]
    for number, axes in enumerate(found):
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_yticks(range(len(labels)), [plain(label) for label in labels] if number == 0 else [""] * len(labels))
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        for label in axes.get_yticklabels():
            label.set_parse_math(False)
    return figure, found


def widest(labels: Sequence[str], width: float = COLUMN) -> float:
    """Inches that the longest name takes."""
    figure, _ = blank(width, 1.0, 0.1)
    renderer = renderer_of(figure)
    texts = [figure.text(0, 0, plain(label), fontsize=TICK, parse_math=False) for label in labels]
    return max(text.get_window_extent(renderer).width for text in texts) / float(figure.dpi)


def scale(axes: Axes, values: Sequence[float], edges: Sequence[float], xlabel: str, *, base: float | None = None) -> None:
    """The axis along the rows: from `base` where bars begin there; logarithmic where the values ask for it and that is not 0."""
    reach = [*edges, *([] if base is None else [base])]
    log = base != 0 and min(reach) > 0 and is_log([*values, *([] if base is None else [base])])
    low, high = limits(min(reach), max(reach), _MARGIN, log=log, least=0.0 if log else 0.2 * max(reach))
    axes.set_xscale("log" if log else "linear")
    axes.set_xlim(low if log else 0.0 if base == 0 else min(0.0, low), high)
    ticks(axes.xaxis, *axes.get_xlim(), log=log)
    axes.set_xlabel(xlabel, fontsize=TITLE, color=INK, labelpad=3)


def beside(axes: Axes, x: float, y: float, text: str, gap: float = 2.5, **style: Any) -> None:
    """A number at the end of its bar, so many points away."""
    axes.annotate(plain(text), (x, y), xytext=(gap, 0), textcoords="offset points", va="center_baseline", fontsize=TICK - 0.7,
                  color=INK, gid="number", annotation_clip=False, parse_math=False,
                  **style)  # fmt: skip


def digits(value: float) -> str:
    """Three digits, and two where they come after zeros, so that the numbers of a row of bars look alike."""
    many = 3 if value >= 0.1 else 2  # noqa: PLR2004 - below it a zero follows the point
    return f"{value:#.{many}g}".rstrip(".") if value < 999.5 else units.quantity(value, "", digits=many)  # noqa: PLR2004 - from here on with a prefix


def shade(axes: Axes, first: int, last: int) -> None:
    """A faint ground behind these rows, so that the eye keeps to them."""
    axes.axhspan(first - 0.5, last + 0.5, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
