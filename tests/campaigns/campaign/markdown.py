"""Tables for docs/methodology: markdown, with numbers as a reader wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING = "–"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """One table; a bar inside a cell would end it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def percent(share: float | None, digits: int = 1) -> str:
    """A share as percent."""
    return MISSING if share is None else f"{100 * share:.{digits}f} %"


def between(interval: tuple[float, float] | None, digits: int = 1) -> str:
    """An interval of shares."""
    return MISSING if interval is None else f"{100 * interval[0]:.{digits}f} to {100 * interval[1]:.{digits}f} %"


def ms(seconds: float | None) -> str:
    """Milliseconds, with four digits."""
    return MISSING if seconds is None else f"{1000 * seconds:.4g} ms"


def seconds(value: float | None) -> str:
    """Seconds, as precise as their size asks for."""
    if value is None:
        return MISSING
    return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"


def ratio(value: float | None) -> str:
    """A ratio with four decimals: a thousandth matters."""
    return MISSING if value is None else f"{value:.4f}"
