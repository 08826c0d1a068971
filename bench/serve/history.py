"""How numbers went from run to run: what `vbench history` finds in all files, as a page with a chart of each series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from .. import units
from ..history import look as histories
from ..reports.trends import text
from ..reports.trends.naming import names
from ..scan import Rule
from . import frame
from .files import Refused, line
from .shelf import sound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..history.look import History
    from ..history.reading import Reading
    from ..history.series import Series
    from ..reports.trends.naming import Name
    from .files import Found, Listing
    from .shelf import Shelf

T = TypeVar("T")

# Charts that one page offers; of so many series nobody looks at the others without naming them.
_MOST = 300
# Series that changed and are drawn at once; the others when they are opened.
_OPEN = 6
_ALONE = "Series of a single run"


class Asked(NamedTuple):
    """Columns or metrics, and networks as names or globs; of one machine where a fingerprint is given."""

    metric: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    machine: str = ""


def html(shelf: Shelf, listing: Listing, asked: Asked, query: str) -> str:
    """The page. Raises as `vbench history` does."""

    def show(found: History) -> str:
        above = frame.top("History", listing, shelf.refused(listing), _told(asked), f"history.json{query}")
        shown = list(zip(names(found.series), found.series, strict=True))[:_MOST]
        told = histories.plain(found)
        series = [one | {"label": line(name.label), "name": line(name.measure)} for one, (name, _) in
                  zip(told["series"], shown, strict=False)]  # fmt: skip
        left = len(found.series) - len(shown)
        more = [f"{left} more series have no chart here: name networks above."] if left else []
        return frame.whole(
            "history.html", "How the numbers went from run to run", above,
            notes=[text.summary(found), *text.short(found), *text.software(found), *more],
            told={"scales": units.steps(), "series": series, "runs": told["runs"]},
            metric=", ".join(asked.metric), only=", ".join(asked.only), machine=asked.machine,
            changes=[row for name, one in shown if one.changed for row in text.series_rows(name, one)],
            header=text.HEADER, right=text.RIGHT, known=[*text.changed(found), *text.far(found)],
            commands=found.commands(), groups=_groups(shown), folded=_ALONE,
        )  # fmt: skip

    return _look(shelf, listing, asked, show)


def data(shelf: Shelf, listing: Listing, asked: Asked) -> bytes:
    """What `vbench history --json` prints."""
    return _look(shelf, listing, asked, lambda found: msgspec.json.encode(histories.plain(found)))


def _look(shelf: Shelf, listing: Listing, asked: Asked, show: Callable[[History], T]) -> T:
    wanted = histories.Asked(metrics=asked.metric, only=asked.only)
    columns = histories.columns(wanted)
    shelf.ahead(listing.files, columns)
    looked = [(one, shelf.reading(one, columns)) for one in listing.files]
    items: list[tuple[Found, Reading]] = [
        (one, found)
        for one, found in looked
        if not isinstance(found, Refused) and asked.machine in {"", found.head.machine.fingerprint}
    ]

    def among(given: Sequence[Reading]) -> T:
        # A run that stands in two files counts once.
        once = {found.head.run_id: found for found in given}
        ordered = sorted(once.values(), key=lambda found: (found.head.started, found.head.run_id))
        return show(histories.among(ordered, wanted, Rule(), "these results"))

    return sound(shelf, items, among)


def _told(asked: Asked) -> list[tuple[str, str, str]]:
    return [(f"Of the machine {asked.machine}.", "history", "History of all")] if asked.machine else []


def _groups(shown: Sequence[tuple[Name, Series]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The series that changed, those that did not, and those that could not yet, each under its heading."""
    groups: dict[str, list[dict[str, Any]]] = {"Series that changed": [], "Series without a change": [], _ALONE: []}
    changed, rest, alone = groups.values()
    for number, (name, one) in enumerate(shown):
        many = len(one.points)
        told = {"number": number, "label": name.label, "last": text.last(one), "runs": f"{many} run" + ("" if many == 1 else "s")}
        own = changed if one.changed else rest if many > 1 else alone
        own.append(told | {"open": one.changed and len(changed) < _OPEN})
    return [(heading, own) for heading, own in groups.items() if own]
