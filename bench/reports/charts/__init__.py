"""The charts: a file each, found by looking; a module that starts with an underscore is shared by them.

A chart is a module with `draw(rows, protocol) -> list[Drawing]`, called once for each protocol of the report and with the rows
that it concerns, or with None where nothing was published; one that says `WHOLE = True` is not about accuracy, and is called
once with all rows and None. Its figures are matplotlib's, made through the object
interface: nothing here touches pyplot, and nothing is left set when a chart has been written.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from html import escape
from io import StringIO
from typing import TYPE_CHECKING

import matplotlib as mpl

from ... import __version__
from ..rows import concerned
from ._page import DPI
from ._style import RC, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..rows import Protocol, Row
    from ._points import Drawing

_FALLBACK = "'DejaVu Sans', Verdana, Arial, sans-serif"


def draw(rows: Sequence[Row], protocols: Sequence[Protocol]) -> list[Drawing]:
    """Draw every chart for every protocol: one of each metric, since what differs in either does not compare.

    Where no row qualifies, the Drawing has no figure and says why.
    """
    names = sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))
    modules = [importlib.import_module(f".{name}", __name__) for name in names]
    whole = [module for module in modules if getattr(module, "WHOLE", False)]
    each = [module for module in modules if module not in whole]
    with mpl.rc_context(RC):
        told = [(None, rows), *((protocol, concerned(rows, protocol)) for protocol in protocols)]
        drawn = [d for protocol, own in told[bool(protocols) :] for module in each for d in module.draw(own, protocol)]
        return [*drawn, *(drawing for module in whole for drawing in module.draw(rows, None))]


def save(drawing: Drawing, out: Path) -> list[Path]:
    """Write a drawing as PNG and SVG, the same bytes each time; nothing where it has no figure. May raise OSError."""
    if drawing.figure is None:
        return []
    png, svg = out / f"{drawing.name}.png", out / f"{drawing.name}.svg"
    with mpl.rc_context(RC):
        drawing.figure.savefig(png, dpi=DPI, metadata={"Software": f"vbench {__version__}", "Title": plain(drawing.title)})
        buffer = StringIO()
        drawing.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": f"vbench {__version__}"})
    svg.write_text(_told(buffer.getvalue(), drawing), encoding="utf-8")
    return [png, svg]


def _told(svg: str, drawing: Drawing) -> str:
    """The picture with its title and description for those who hear it, and fonts for those who lack ours."""
    told = f"<title>{escape(plain(drawing.title))}</title>\n <desc>{escape(plain(drawing.description))}</desc>\n"
    svg = re.sub(r"(<svg [^>]*)>", lambda found: f'{found[1]} role="img">\n {told}', svg, count=1)
    return re.sub(r"'DejaVu Sans'(, *sans-serif)?", _FALLBACK, svg)
