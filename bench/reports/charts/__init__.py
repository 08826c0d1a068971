"""The charts: a file each, found by looking; a module that starts with an underscore is shared by them.

A chart is a module with `draw(rows, protocol) -> list[Drawing]`, called once for each protocol of the report and with the rows
that it concerns, or with None where nothing was published; one that says `WHOLE = True` is not about accuracy, and is called
once with all rows and None; one that says `GROUPED = True` is called as that is, with the groups too. Its figures are
matplotlib's, made through the object interface, and only when a Drawing is asked for its own: nothing here touches pyplot, and
nothing is left set when a chart has been written.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pkgutil
import re
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatchcase
from html import escape
from io import StringIO
from typing import TYPE_CHECKING

import matplotlib as mpl

from ... import __version__
from ...errors import UnknownNameError, nearest
from ..markdown import FORMATS
from ..rows import concerned
from ._page import DPI
from ._style import RC, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ...groups import Group
    from ..rows import Protocol, Row
    from ._points import Drawing

# So few charts are written sooner than another process has begun.
_FEW = 4
_FALLBACK = "'DejaVu Sans', Verdana, Arial, sans-serif"


def known() -> list[str]:
    """The charts by name, as a person types them."""
    return sorted(found.name.replace("_", "-") for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def chosen(only: Iterable[str]) -> list[str]:
    """The charts that these names and globs stand for; all where there are none. Raises UnknownNameError for one that is none."""
    wanted, every = list(only), known()
    for name in wanted:
        if not any(fnmatchcase(one, name) for one in every):
            message = f"unknown chart {name!r}: {nearest(name, every)}"
            raise UnknownNameError(message)
    return [one for one in every if not wanted or any(fnmatchcase(one, name) for name in wanted)]


def draw(
    rows: Sequence[Row], protocols: Sequence[Protocol], groups: Iterable[Group] = (), only: Iterable[str] = ()
) -> list[Drawing]:
    """What each chart has to draw, for every protocol: one of each metric, since what differs in either does not compare.

    `only` names the charts that are wanted. Where no row qualifies, the Drawing has no figure and says why.
    """
    modules = [importlib.import_module(f".{name.replace('-', '_')}", __name__) for name in chosen(only)]
    grouped = [module for module in modules if getattr(module, "GROUPED", False)]
    whole = [module for module in modules if getattr(module, "WHOLE", False)]
    each = [module for module in modules if module not in whole and module not in grouped]
    given = list(groups)
    told: list[tuple[Protocol | None, Sequence[Row]]] = [(protocol, concerned(rows, protocol)) for protocol in protocols]
    return [
        *(d for protocol, own in told or [(None, rows)] for module in each for d in module.draw(own, protocol)),
        *(d for module in whole for d in module.draw(rows, None)),
        *(d for module in grouped for d in module.draw(rows, None, given)),
    ]


def write(drawings: Sequence[Drawing], out: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write every drawing that has a figure, on as many cores as this process may use; the files, in order. May raise OSError."""
    drawn = [drawing for drawing in drawings if drawing.paint is not None]
    workers = min(_cores(), len(drawn) // _FEW)
    if workers < 2:  # noqa: PLR2004 - one worker is this process
        return [path for drawing in drawn for path in save(drawing, out, formats)]
    # What a figure is made of are functions and rows, which a forked process has without being told.
    global _FORKED  # noqa: PLW0603 - there is no other way to hand them over
    _FORKED = drawn
    try:
        with warnings.catch_warnings(), ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
            # Python 3.12 warns of threads that a fork leaves behind: those of numpy's BLAS, which looks after its own.
            warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
            found = [pool.submit(_save, number, out, formats) for number in range(len(drawn))]
            return [path for future in found for path in future.result()]
    finally:
        _FORKED = []


_FORKED: Sequence[Drawing] = []


def _save(number: int, out: Path, formats: Sequence[str]) -> list[Path]:
    return save(_FORKED[number], out, formats)


def _cores() -> int:
    """The cores that this process may use; 1 where a process cannot simply be forked."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def save(drawing: Drawing, out: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write a drawing in these formats, the same bytes each time; nothing where it has no figure. May raise OSError."""
    figure = drawing.figure
    if figure is None:
        return []
    title, by = plain(drawing.title), f"vbench {__version__}"
    paths = {form: out / f"{drawing.name}.{form}" for form in FORMATS if form in formats}
    with mpl.rc_context(RC):
        if png := paths.get("png"):
            figure.savefig(png, dpi=DPI, metadata={"Software": by, "Title": title})
        if svg := paths.get("svg"):
            buffer = StringIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": by})
            svg.write_text(_told(buffer.getvalue(), drawing), encoding="utf-8")
        if pdf := paths.get("pdf"):
            figure.savefig(pdf, metadata={"CreationDate": None, "Creator": by, "Producer": by, "Title": title})
    return list(paths.values())


def _told(svg: str, drawing: Drawing) -> str:
    """The picture with its title and description for those who hear it, and fonts for those who lack ours."""
    told = f"<title>{escape(plain(drawing.title))}</title>\n <desc>{escape(plain(drawing.description))}</desc>\n"
    svg = re.sub(r"(<svg [^>]*)>", lambda found: f'{found[1]} role="img">\n {told}', svg, count=1)
    return re.sub(r"'DejaVu Sans'(, *sans-serif)?", _FALLBACK, svg)
