"""Where networks depart from their papers: what several do alike is said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .rows import Row


def departures(found: Iterable[Row]) -> dict[str, list[str]]:
    """Each departure, with the networks that make it."""
    said: dict[str, list[str]] = {}
    for name, deviation in {row.case.architecture: row.facts.deviation for row in found if row.facts.deviation}.items():
        said.setdefault(deviation, []).append(name)
    return said
