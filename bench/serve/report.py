"""The report over live data: the page of `vbench report` from the newest files, or from those that are named."""

from __future__ import annotations

import dataclasses
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import joins, results
from ..reports import charts, page
from ..reports.rows import choose_protocols, latest, machines, rows
from . import frame
from .files import Refused
from .shelf import newest, sound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Record
    from ..reports.charts._points import Drawing
    from ..reports.rows import Protocol, Row
    from .files import Found, Listing
    from .shelf import Shelf


class Asked(NamedTuple):
    """Which files, by name; without names the `last` newest, of one machine where a fingerprint is given."""

    file: tuple[str, ...] = ()
    machine: str = ""
    last: int = 20
    mix: bool = False


def html(shelf: Shelf, listing: Listing, asked: Asked, query: str) -> str:
    """The page. Raises NothingSelectedError where the files hold no case, UsageError for a file that there is not."""
    items = _records(shelf, listing, asked)

    def show(given: Sequence[Record]) -> str:
        records = joins.of_files(given)
        found = rows(records)
        above = frame.top("Report", listing, shelf.refused(listing), _told(listing, asked), f"report.json{query}")
        chosen = choose_protocols(found)
        return page.make(records, found, chosen, _findings(found, chosen), mix=asked.mix, around=frame.around(above))

    return sound(shelf, items, show)


def data(shelf: Shelf, listing: Listing, asked: Asked) -> bytes:
    """The rows as JSON, with the columns of the contract; raises as `html`."""

    def show(given: Sequence[Record]) -> dict[str, Any]:
        records = joins.of_files(given)
        rows(records)  # says where there is none
        return {
            "runs": [_run(record) for record in records],
            "rows": [msgspec.Raw(msgspec.json.encode(results.row(r.run, result))) for r in records for result in r.results],
        }

    found = sound(shelf, _records(shelf, listing, asked), show)
    return msgspec.json.encode(found | {"refused": [one._asdict() for one in shelf.refused(listing)]})


def _findings(found: Sequence[Row], chosen: Sequence[Protocol]) -> list[Drawing]:
    """What the charts of `vbench report` say in a sentence; of one machine, as they are, and without their figures."""
    if len(machines(found)) > 1:
        return []
    try:
        drawings = charts.draw(latest(found), chosen)
    except Exception:  # noqa: BLE001 - a sentence that cannot be said is left out, and the numbers are shown
        return []
    return [dataclasses.replace(drawing, paint=None) for drawing in drawings if drawing.finding]


def _run(record: Record) -> dict[str, Any]:
    run = record.run
    machine = {"slug": run.machine.slug, "fingerprint": run.machine.fingerprint}
    facts = {"run_id": run.run_id, "started": run.started, "commit": run.commit, "ended": record.ended}
    return {"file": record.path, **facts, "machine": machine}


def _records(shelf: Shelf, listing: Listing, asked: Asked) -> list[tuple[Found, Record]]:
    if asked.file:
        files = [listing.find(name) for name in dict.fromkeys(asked.file)]
    elif asked.machine:
        own = (one for one, glance in newest(shelf, listing) if glance.machine.fingerprint == asked.machine)
        files = list(islice(own, asked.last))
    else:
        files = list(listing.files[: asked.last])
    shelf.ahead(files)
    looked = [(one, shelf.record(one)) for one in files]
    return [(one, record) for one, record in looked if not isinstance(record, Refused)]


def _told(listing: Listing, asked: Asked) -> list[tuple[str, str, str]]:
    """What the page is of, where that is not all there is."""
    everything = ("report", "Report on the newest of all")
    if asked.file:
        return [(f"Of {', '.join(asked.file)}.", *everything)]
    told = [(f"Of the machine {asked.machine}.", *everything)] if asked.machine else []
    if len(listing.files) > asked.last:
        more = (f"report?last={10 * asked.last}", f"Report on {10 * asked.last}") if not asked.machine else ("", "")
        told.append((f"Of the {asked.last} newest of {len(listing.files)} files.", *more))
    return told
