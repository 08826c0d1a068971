"""A history for people: a table in a terminal, a chart for every series, and a page. From what `vbench.history` found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UsageError
from . import page
from .naming import names

if TYPE_CHECKING:
    from pathlib import Path

    from ...history.look import History

# A page shows them, and nobody prints a series.
FORMATS = ("png", "svg")


def make(history: History, out: Path) -> list[Path]:
    """Write `history.md`, `index.html` and a chart of every series, as PNG and SVG, into the folder `out`; the files written.

    Raises UsageError where it cannot be written.
    """
    from .. import charts  # matplotlib takes a second, which a table need not wait for  # noqa: PLC0415
    from . import chart  # as above  # noqa: PLC0415

    try:
        out.mkdir(parents=True, exist_ok=True)
        pictures: dict[str, str] = {}
        written: list[Path] = []
        for name, one in zip(names(history.series), history.series, strict=True):
            drawing = chart.draw(one, name, set(pictures.values()))
            pictures[name.label] = drawing.name
            written += charts.save(drawing, out, FORMATS)
        pages = [out / "history.md", out / "index.html"]
        pages[0].write_text(page.markdown(history, pictures), encoding="utf-8")
        pages[1].write_text(page.html(history, pictures), encoding="utf-8")
    except OSError as error:
        message = f"cannot write the history to {out}: {error.strerror}; name another folder with -o DIR"
        raise UsageError(message) from None
    return [*pages, *written]
