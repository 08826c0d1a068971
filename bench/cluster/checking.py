"""What a cluster does before its places begin: count and verify wherever there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .. import further, pipeline
from ..registry import ENGINES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case
    from .pool import Node
    from .sweep import Sweep


def spread(sweep: Sweep, nodes: Sequence[Node]) -> None:
    """Count and verify what needs no device for itself; a place does the others before it times them.

    What is exported, compiled or compressed is kept where that was done, and what that takes is timed: those are the others.
    """
    state = sweep.whole()
    todo = [case for case in state.first if further.builds(case) and not state.of(case, "check") and free(case)]
    jobs = [(pipeline.job(state, case, role="check"), pipeline.patience(case, sweep.settings)) for case in todo]
    if not jobs:
        return
    sweep.follower.checking(sweep, len(jobs))
    servers: dict[str, int] = {}
    for replicate, name in sweep.pool.spread(nodes, sweep.errand, jobs):
        if name not in servers:
            servers[name] = sweep.next_server()
        found = msgspec.structs.replace(replicate, server=servers[name])
        sweep.file.append("replicate", found)
        with sweep.changed:
            sweep.replicates.append(found)
        sweep.follower.finished(sweep, None, found)


def free(case: Case) -> bool:
    """Whether a check of this case times nothing and keeps nothing."""
    return case.compression == "none" and not getattr(ENGINES.get(case.engine), "exports", False)
