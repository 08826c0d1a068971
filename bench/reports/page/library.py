"""Vega, the library that draws the interactive chart, as one text that needs no network: taken out of vl-convert, once."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from ... import cache

if TYPE_CHECKING:
    from collections.abc import Callable

# The bundle's own name for Vega is empty, since that has no default export; what vega-embed makes of it is whole.
_SNIPPET = "window.vegaEmbed = vegaEmbed;"


def vega(bundle: Callable[[], str] | None = None) -> str:
    """The library, which sets `window.vegaEmbed`. Putting it together takes seconds: it is kept, by vl-convert's version."""
    name = f"page/vega-{version('vl-convert-python')}"
    kept = cache.read(name, str)
    if kept is None:
        kept = (bundle or _bundle)()
        cache.write(name, kept)
    return kept


def _bundle() -> str:
    import vl_convert  # it brings an interpreter of JavaScript along, which a kept bundle does without  # noqa: PLC0415

    return str(vl_convert.javascript_bundle(_SNIPPET))
