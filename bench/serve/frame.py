"""What all served pages share: their look, their scripts, and what stands above them. jinja2 escapes what comes from files."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
import msgspec

from .. import __version__
from ..reports import page
from ..reports.page import library

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .files import Listing, Refused

PLACES = (("Runs", "./"), ("Report", "report"), ("History", "history"), ("Compare", "compare"))
# The scripts of each kind of page, in the order in which they need each other; behind them comes what tells of new results.
_SCRIPTS = {
    "report": page.SCRIPTS,
    "history": ("units.js", "theme.js", "dom.js", "plot.js"),
    "plain": ("theme.js",),
}
_OWN = {"history": ("history.js",)}


class Asset(NamedTuple):
    """A script that pages name by its content, so that a browser keeps it."""

    address: str
    content: str


def part(name: str) -> str:
    """One of the files beside this one."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def assets() -> dict[str, Asset]:
    """Every script that is served."""
    texts = {"vega": library.vega()}
    for kind, names in _SCRIPTS.items():
        texts[kind] = page.script(names, "\n".join(map(part, (*_OWN.get(kind, ()), "live.js"))))
    return {
        kind: Asset(f"asset/{kind}.{hashlib.sha256(text.encode()).hexdigest()[:16]}.js", text) for kind, text in texts.items()
    }


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        loader=jinja2.FunctionLoader(part),
    )  # fmt: skip


@cache
def style() -> str:
    """What all pages look like."""
    return page.part(page.STYLE) + part("served.css")


def state(listing: Listing) -> str:
    """What changes whenever a file comes, goes or is written to."""
    told = msgspec.json.encode([[(one.name, one.stamp) for one in listing.files], listing.refused, listing.turn])
    return hashlib.sha256(told).hexdigest()[:16]


def top(
    here: str, listing: Listing, refused: Sequence[Refused], told: Sequence[tuple[str, str, str]] = (), data: str = ""
) -> str:
    """What stands above every page: where else to go, what is not shown and why, and the place for news.

    `told` are notes, each with the address and the text of a link behind it; `data` is the address of the same as JSON.
    """
    return (
        _environment()
        .get_template("top.html")
        .render(state=state(listing), places=PLACES, here=here, refused=refused, told=told, data=data)
    )


def around(above: str) -> page.Around:
    """What the page of the report has here that it has not on a disk."""
    found = assets()
    return page.Around(above, part("served.css"), (found["vega"].address, found["report"].address))


def whole(
    name: str,
    heading: str,
    above: str,
    *,
    notes: Sequence[str] = (),
    told: Mapping[str, Any] | None = None,
    **context: Any,
) -> str:
    """A page from its template; `told` is what its scripts are told, for a page that draws."""
    found = assets()
    drawn = [found["vega"].address, found["history"].address] if told is not None else [found["plain"].address]
    return _environment().get_template(name).render(
        version=__version__, style=style(), heading=heading, top=above, notes=notes, scripts=drawn,
        told_to_scripts="" if told is None else page.embedded(told), **context,
    )  # fmt: skip


def message(heading: str, text: str, above: str = "", *, asks: bool = False) -> str:
    """A page that says one thing; with `asks` it takes a token. Without what stands above, it runs no script."""
    return _environment().get_template("message.html").render(
        version=__version__, style=style(), heading=heading, top=above, notes=(), told_to_scripts="", message=text, asks=asks,
        scripts=[assets()["plain"].address] if above else [],
    )  # fmt: skip
