"""One result file of a cluster run, and the places that measure for it: who has what, who takes over from whom, what was lost.

Each place has a thread here that does what a run on one machine does, with forkservers that are elsewhere. All of them share one
lock, and one journal.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import journal, pipeline, results
from ..core import Replicate
from ..errors import ResultFileError
from ..state import State
from . import checking, places, shares
from .pool import Lost
from .served import Served, Shared
from .shares import Share, Stopped
from .told import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..config import Settings
    from ..core import Case, Record, Run
    from .pool import Errand, Node, Place, Pool, Station
    from .shares import Group
    from .told import Follower

# A case whose node was lost so often while it ran is taken to be what the nodes die of.
LOSSES = 2
# A place whose node lives on is held again so often.
_AGAIN = 3
# A node that dies is still listed for a moment: one that lost its process is held again after this.
_SETTLED_S = 10.0
# Less than this is left where it is: to take it over would cost as much.
_WORTH_S = 1.0
# Threads that wait for a reply of a cluster that was given back end within this.
_FAREWELL_S = 5.0


class Sweep:
    """A result file and its places. Public methods may be called from any thread."""

    def __init__(  # noqa: PLR0913 - a run, where it goes, what there is of it already, and the cluster
        self,
        run: Run,
        settings: Settings,
        path: Path,
        *,
        pool: Pool,
        errand: Errand,
        follower: Follower,
        found: Sequence[Replicate] = (),
        size: int = 0,
        plugin_errors: tuple[str, ...] = (),
    ) -> None:
        self.run, self.settings, self.path = run, settings, path
        self.pool, self.errand, self.follower = pool, errand, follower
        self.plugin_errors = plugin_errors
        self.changed = threading.Condition(threading.RLock())
        self.replicates: list[Replicate] = list(found)
        self.shares: list[Share] = []
        self.orphans: list[Group] = []
        self.losses: dict[str, list[str]] = defaultdict(list)
        self.trouble: BaseException | None = None
        self.stopped = False
        self.left_behind = False
        self._servers = 0
        self._threads: list[threading.Thread] = []
        self._leading = False
        self.file = Shared(journal.Journal(path, size))
        if size == 0:
            self.file.append("run", run)

    def next_server(self) -> int:
        """A number that no forkserver of this file has."""
        with self.changed:
            self._servers = max(self._servers, max((r.server for r in self.replicates), default=0)) + 1
            return self._servers

    def whole(self) -> State:
        """The run as a state, as far as it came."""
        with self.changed:
            return State(self.run, self.settings, self.path, self.replicates)

    def lead(self, nodes: Sequence[Node], held: Sequence[Place]) -> None:
        """Begin, in a thread of its own: check what can be checked anywhere, then start the places."""
        self._leading = True
        self._thread(self._lead, nodes, held)

    def _lead(self, nodes: Sequence[Node], held: Sequence[Place]) -> None:
        try:
            with suppress(Stopped, Lost):  # what a lost node did not check, a place will
                checking.spread(self, nodes)
            self.start(held)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the sweep
            self.stop(error)
        self._leading = False

    def _thread(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def start(self, held: Sequence[Place]) -> None:
        """Deal the cases out to these places, and let each begin as soon as it is free."""
        with self.changed:
            self.orphans = shares.groups(case for case in self.run.cases if case.id not in self.run.skipped)
            self.shares += [Share(self, place) for place in held]
            self._adopt()
            begun = list(self.shares)
        for share in begun:
            self._thread(self._work, share)

    def join(self, place: Place) -> None:
        """A place that was not there at the start, or is again: it takes over from the others."""
        share = Share(self, place)
        with self.changed:
            self.shares.append(share)
        self._thread(self._work, share)

    def _work(self, share: Share) -> None:
        """The life of a place: hold it, measure as a run on one machine does, take over from others, give it back."""
        station: Station | None = None
        end = "done"
        try:
            station = self.pool.station(share.place, self.errand)
            share.serve = partial(Served, station, share.place.node)
            share.began = time.perf_counter()
            while self._more(share):
                pipeline.measure(share, self.file, Told(self.follower, self, share))
        except Lost as error:
            end = "lost"
            self._lose(share, str(error))
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the sweep
            self.stop(error)
        with suppress(Lost):
            if station is not None:
                station.close()
        with self.changed:
            share.phase, share.current = end, None
            self.changed.notify_all()

    def _more(self, share: Share) -> bool:
        """Wait until there is something to measure for this place; False when there will be nothing any more."""
        with self.changed:
            while not self.stopped:
                if share.required() or (share.fresh and share.run.cases) or self._take(share):
                    share.phase, share.fresh = "working", False
                    return True
                others = [other for other in self._alive(share.place.device) if other is not share]
                if not any(other.required() for other in others):
                    return False
                share.phase = "idle"
                self.changed.wait(1.0)
            return False

    def _alive(self, device: str) -> list[Share]:
        return [share for share in self.shares if share.alive and share.place.device == device]

    def _take(self, share: Share) -> bool:
        """Take over what nobody has, or half of what the one has that has most left to do."""
        self._adopt()
        if share.required():
            return True
        victims = [other for other in self._alive(share.place.device) if other is not share]
        for victim in sorted(victims, key=lambda other: -other.missing(other.run.cases)):
            found = victim.movable()
            keeps = 0 if victim.phase == "waiting" else 1
            taken = found[: (len(found) + 1 - keeps) // 2] if len(found) > keeps else []
            cases = [case for group in taken for case in group]
            if cases and sum(victim.missing([case]) * victim.cost(case) for case in cases) > _WORTH_S:
                share.give(cases, victim.replicates)
                victim.drop(cases)
                return True
        return False

    def _adopt(self) -> None:
        """Deal what nobody has to the places that are there for it."""
        for device in {places.device(group[0]) for group in self.orphans}:
            alive = self._alive(device)
            mine = [group for group in self.orphans if places.device(group[0]) == device]
            if not alive:
                continue
            loads = [sum(map(shares.weight, share.movable())) for share in alive]
            for share, hand in zip(alive, shares.deal(mine, loads), strict=True):
                share.give([case for group in hand for case in group], self.replicates)
            self.orphans = [group for group in self.orphans if group not in mine]
        self.changed.notify_all()

    def _lose(self, share: Share, why: str) -> None:
        """A place is gone: its cases go to the others, and the one that ran there too, unless it was on another one that went."""
        with self.changed:
            if self.stopped:
                return
            share.phase, share.lost_at = "lost", time.monotonic()
            case = share.current
            if case is not None:
                self.losses[case.id].append(why)
                if len(self.losses[case.id]) >= LOSSES:
                    reason = f"the node was lost {LOSSES} times while it ran: {'; '.join(self.losses[case.id])}"
                    index = max((r.index for r in share.of(case)), default=-1) + 1
                    crashed = Replicate(
                        case=case.id, index=index, round=-1, server=0, status="crashed", reason=reason, started_s=time.time()
                    )
                    self.file.append("replicate", crashed)
                    share.add(crashed)
            cases = share.run.cases
            share.drop(cases)
            self.orphans += shares.groups(cases)
            self._adopt()
        self.follower.lost(self, share, why)

    def again(self, node: Node) -> bool:
        """Whether a node that is alive may be held for this sweep.

        It was not before; or it lost its process and not itself; or it was done, and something is left that nobody is there for.
        """
        with self.changed:
            if self._leading:
                return False
            before = [share for share in self.shares if share.place.node.id == node.id]
            lost = max((share.lost_at for share in before), default=0.0)
            gone = (0.0 < lost < time.monotonic() - _SETTLED_S) or (not lost and bool(before and self.wanted()))
            return not before or (gone and not any(share.alive for share in before) and len(before) < _AGAIN)

    def wanted(self) -> set[str]:
        """The devices that something still waits for and nobody is there for."""
        with self.changed:
            return {device for case in self.lacking() if not self._alive(device := places.device(case))}

    def lacking(self) -> list[Case]:
        """The cases that nobody has and that lack processes that they need."""
        if not self.orphans:
            return []
        state = self.whole()
        cases = [case for group in self.orphans for case in group if case.id not in self.run.skipped]
        return [case for case in cases if not state.failed(case) and len(state.of(case)) < state.least(case)]

    def surrender(self, cases: Sequence[Case]) -> None:
        """Cases that nobody has: from now on another sweep has them."""
        gone = {case.id for case in cases}
        with self.changed:
            kept = ((case for case in group if case.id not in gone) for group in self.orphans)
            self.orphans = [group for group in map(tuple, kept) if group]
            self.left_behind = True

    @property
    def living(self) -> bool:
        """Whether it has a place."""
        with self.changed:
            return self._leading or any(share.phase != "lost" for share in self.shares)

    @property
    def over(self) -> bool:
        """Whether every place has done what it could; one that still waits for its device then has nothing to do there."""
        with self.changed:
            if self.stopped:
                return True
            if self._leading or self.lacking():
                return False
            return not any(share.phase != "waiting" or share.wanting for share in self.shares if share.alive)

    def stop(self, trouble: BaseException | None = None) -> None:
        """End after the processes that are running now."""
        with self.changed:
            self.trouble = self.trouble or trouble
            self.stopped = True
            self.changed.notify_all()

    def finish(self, ended: str) -> Record:
        """Write the rows and the end, as far as the disk lets us, and close the file."""
        self.stop()
        end = time.monotonic() + _FAREWELL_S
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        record = results.record(self.run, self.replicates, ended, str(self.path), self.plugin_errors)
        try:
            if not isinstance(self.trouble, ResultFileError):
                self.file.finish(ended, record.results if ended == "complete" else ())
        finally:
            self.file.close()
        return record
