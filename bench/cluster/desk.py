"""What runs on a node: it holds a device, forks workers as a run on one machine does, and hands back what they found.

Nothing here measures. Ray's own marks on the process are wiped off before a worker is forked from it, so that a case is measured
as `vbench run` on that machine would measure it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import psutil

from .. import ceilings, contention, machine, plugins
from ..errors import VbenchError
from ..refusals import unable
from ..registry import ENGINES
from ..supervisor import Server
from . import parcels
from .pool import Facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..config import Settings
    from ..core import Case, Ceiling, Replicate, Source
    from ..job import Job
    from .pool import Errand

# Set by Ray in a process that it starts, unless whoever started the node had set it: it changes how libraries use threads.
_RAYS = "OMP_NUM_THREADS"
# Ray puts its own copies of packages first on the import path.
_COPIES = f"{os.sep}ray{os.sep}thirdparty_files"

_checkers: dict[int, Server] = {}


def clean() -> None:
    """Make this process what it would be without Ray, as far as that passes to the workers."""
    parent = psutil.Process().parent()
    try:
        given = {} if parent is None else parent.environ()
    except psutil.Error:
        given = {}
    if given and _RAYS not in given:
        os.environ.pop(_RAYS, None)
    sys.path[:] = [place for place in sys.path if not place.endswith(_COPIES)]


def describe() -> Facts:
    """This node; which of its GPUs a process may see is no matter of the machine."""
    clean()
    return Facts(
        machine=machine.describe(),
        versions=machine.versions(),
        environment={name: value for name, value in contention.environment().items() if not name.endswith("VISIBLE_DEVICES")},
        niceness=os.nice(0) if hasattr(os, "nice") else 0,
        harness=parcels.harness(),
    )


class Desk:
    """Holds a device of this node for as long as the process lives."""

    def __init__(self, errand: Errand) -> None:
        clean()
        self._errand = parcels.unpack(errand)
        self._server: Server | None = None

    def ready(self) -> bool:
        """That the process is there, and the place held."""
        return True

    def refusals(self, asked: Sequence[tuple[Case, Source]], catalogue: str) -> dict[str, str]:
        """Why this machine cannot measure a case, by its id, for those that it cannot."""
        found, usable = {}, machine.usable_cores()
        for case, engine in asked:
            try:
                plugins.load(self._errand.source(engine), self._errand.folder(catalogue))
                reason = unable(ENGINES.get(case.engine)(), case, usable)
            except (VbenchError, ImportError) as error:
                reason = str(error)
            if reason:
                found[case.id] = reason
        return found

    def ceilings(self, cases: Sequence[Case], settings: Settings, quick: Sequence[str]) -> dict[str, Ceiling]:
        """What this machine can do at most; measured now where it is not known, in a process of its own."""
        return ceilings.for_run(cases, settings, lambda _: None, quick=quick)

    def open(self, start: str, preload: str, ordinal: int) -> None:
        """Start a forkserver in the place of the one before."""
        self.shut()
        self._server = Server(start=start, preload=preload, ordinal=ordinal)

    def run(self, job: Job, patience_s: float) -> Replicate:
        """Run one job in a fresh worker."""
        if self._server is None:
            message = "there is no server to fork a worker from"
            raise VbenchError(message)
        return self._server.run(self._errand.job(job), patience_s)

    def shut(self) -> None:
        """End the forkserver."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


def check(errand: Errand, job: Job, patience_s: float) -> Replicate:
    """Count and verify one case; the forkserver stays for the next one that comes to this process."""
    clean()
    pid = os.getpid()
    if pid not in _checkers:
        _checkers[pid] = Server(preload="count")
    return _checkers[pid].run(parcels.unpack(errand).job(job), patience_s)
