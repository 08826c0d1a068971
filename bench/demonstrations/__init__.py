"""What a worker shows of an architecture without timing requests: each demonstration is a function of a Subject.

It returns `values` (a number by name) and `states` (rows of numbers by name), which go to the result file as they are; the claims
are judged by them. They run on the processor, in eager fp32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import job as jobs
from ..errors import UnknownNameError, nearest
from ..job import Wrong
from ._found import Found, Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..job import Job, Phase

# Of those that rest on time, as many processes as an interval needs; the others give the same in every one.
TIMED = frozenset({"kinds"})


def known() -> dict[str, Callable[[Subject], Found]]:
    """Every demonstration by name. Imports torch."""
    from . import channels, decoding, fields, layers, places  # noqa: PLC0415 - as said

    return {
        "branches": fields.branches, "coarsest": fields.coarsest, "decoded": decoding.decoded, "depth": layers.depth,
        "kinds": layers.kinds, "moved": places.moved, "product": channels.product, "reach": channels.reach,
        "sizes": places.sizes, "target": places.target,
    }  # fmt: skip


def told(job: Job, phase: Phase) -> dict[str, Any]:
    """Do what the job names, in a worker. Raises Wrong where the engine has no network, UnknownNameError for another name."""
    notes: dict[str, str] = {}
    phase("load")
    architecture, _ = jobs.load(job)
    if architecture is None:
        message = f"the {job.case.engine} engine has no network that anything could be shown of"
        raise Wrong(message)
    jobs.settle_threads(job.case, notes)
    shows = known()
    if job.demonstration not in shows:
        message = f"unknown demonstration {job.demonstration!r}: {nearest(job.demonstration, shows)}"
        raise UnknownNameError(message)
    phase(job.demonstration)
    found = shows[job.demonstration](Subject(architecture, job.seed))
    return {"values": dict(found.values), "states": dict(found.states), "notes": notes}
