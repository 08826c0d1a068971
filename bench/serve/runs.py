"""The page of the runs: what was measured when and where, the newest first, each with what can be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..reports.markdown import machine_text
from . import frame
from .files import Refused, line
from .shelf import Glance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Machine
    from .files import Found, Listing
    from .shelf import Shelf

# Runs on one page: so many heads are read in a second.
PAGE = 100
_COMMIT = 9
_AXES = ("engine", "precision", "device", "phase")


def html(shelf: Shelf, listing: Listing, page: int) -> str:
    """The page of that number, from 1 on."""
    looked = _looked(shelf, listing, page)
    found = [(one, glance) for one, glance in looked if isinstance(glance, Glance)]
    machines: dict[str, Machine] = {glance.machine.fingerprint: glance.machine for _, glance in found}
    earlier = {one.name: before(found, index) for index, (one, _) in enumerate(found)}
    lines = [_line(one, glance, earlier.get(one.name, "")) for one, glance in looked]
    pages = max(1, -(-len(listing.files) // PAGE))
    many = len(listing.files)
    notes = [f"{many} result {'file' if many == 1 else 'files'} in {shelf.name}, the newest first"]
    if not listing.files:
        notes = ["There is no result file yet; `vbench run` makes one, and this page shows it."]
    return frame.whole(
        "runs.html", "What was measured", frame.top("Runs", listing, listing.refused, data=f"runs.json?page={page}"),
        notes=notes, runs=lines, page=page, pages=pages,
        machines=[{"fingerprint": line(m.fingerprint), "text": machine_text(m)} for m in machines.values()],
    )  # fmt: skip


def data(shelf: Shelf, listing: Listing, page: int) -> bytes:
    """The same as JSON."""
    found = []
    for one, glance in _looked(shelf, listing, page):
        told: dict[str, Any] = {"file": one.name}
        if isinstance(glance, Refused):
            told["refused"] = glance.reason
        else:
            told |= glance._asdict() | {"cases": [case.id for case in glance.cases]}
            told["machine"] = {"slug": glance.machine.slug, "fingerprint": glance.machine.fingerprint}
        found.append(told)
    return msgspec.json.encode({"files": len(listing.files), "page": page, "refused": _named(listing.refused), "runs": found})


def _looked(shelf: Shelf, listing: Listing, page: int) -> list[tuple[Found, Glance | Refused]]:
    asked = listing.files[PAGE * (page - 1) : PAGE * page]
    shelf.ahead(asked, ())
    return [(one, shelf.glance(one)) for one in asked]


def _named(refused: Sequence[Refused]) -> list[dict[str, str]]:
    return [one._asdict() for one in refused]


def before(found: Sequence[tuple[Found, Glance]], index: int) -> str:
    """The name of the run before one of these, the newest of which come first: of its machine, and with a case in common."""
    glance = found[index][1]
    own = {case.id for case in glance.cases}
    for other, earlier in found[index + 1 :]:
        if earlier.machine.fingerprint == glance.machine.fingerprint and not own.isdisjoint(c.id for c in earlier.cases):
            return other.name
    return ""


def _line(one: Found, glance: Glance | Refused, before: str) -> dict[str, str]:
    if isinstance(glance, Refused):
        return {"name": one.name, "reason": glance.reason}
    return {
        "name": one.name,
        "reason": "",
        "before": before,
        "started": when(glance),
        "machine": line(glance.machine.slug),
        "measured": f"{glance.measured} of {glance.rows}",
        "how": _how(glance.cases),
        "commit": short(glance.commit),
        "state": "complete" if glance.ended == "complete" else glance.ended or "running, or cut",
    }


def when(glance: Glance) -> str:
    """The minute in which it started."""
    return line(glance.started[:16].replace("T", " "))


def short(commit: str) -> str:
    """A commit as people write it."""
    revision, dash, dirty = commit.partition("-")
    return line(revision[:_COMMIT] + dash + dirty)


def _how(cases: Sequence[Case]) -> str:
    """On what the networks ran, in words: the values of each axis that people ask for."""
    told = [", ".join(dict.fromkeys(getattr(case, axis) for case in cases)) for axis in _AXES]
    return line("; ".join(part for part in told if part != "infer"))
