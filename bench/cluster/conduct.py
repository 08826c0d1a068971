"""A whole cluster run, from the machines that there are to the files that are written: `vbench run --cluster`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .. import api
from .. import head as heads
from ..errors import UsageError
from . import drafts, parcels, places
from .pool import ClusterError, Facts
from .sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..api import Prepared
    from ..core import Record
    from .drafts import Drafting
    from .places import Asked, Kind
    from .pool import Errand, Node, Pool
    from .told import Follower

# How often whoever waits looks up, and how often it asks which nodes there are.
_TICK_S, _CENSUS_S = 0.2, 2.0
# So long a run waits for another machine when there is none left for a case: an autoscaler needs minutes for that.
WAIT_S = 180.0


class Conductor:
    """Carries the sweeps of a run through, one for each kind of machine."""

    def __init__(self, pool: Pool, asked: Asked, follower: Follower, *, wait_s: float = WAIT_S) -> None:
        self.pool, self.asked, self.follower = pool, asked, follower
        self.wait_s = wait_s
        self.sweeps: list[tuple[Sweep, Kind]] = []
        self.drafting: Drafting | None = None
        self._known: dict[str, Facts | str] = {}
        self._missed: dict[Sweep, float] = {}
        self._census = 0.0

    def add(self, sweep: Sweep, kind: Kind) -> None:
        """A file to be written by a kind of machine."""
        self.sweeps.append((sweep, kind))

    def files(self) -> list[Sweep]:
        """What is written, a file for each kind of machine."""
        return [sweep for sweep, _ in self.sweeps]

    def run(self) -> list[Record]:
        """Measure; Ctrl-C gives what there is. Raises what went wrong with the cluster or the disk, when all is written down."""
        ended, trouble = "complete", None
        try:
            for sweep, kind in self.sweeps:
                self._lead(sweep, kind)
            while not all(sweep.over for sweep, _ in self.sweeps):
                time.sleep(_TICK_S)
                self.follower.tick(self.files())
                self._look()
        except KeyboardInterrupt:
            ended = "interrupted"
        self.pool.close()
        records = []
        for sweep, _ in self.sweeps:
            trouble = trouble or sweep.trouble
            whole = ended == "complete" and sweep.trouble is None and not sweep.left_behind
            records.append(sweep.finish("complete" if whole else "interrupted"))
        self.follower.ended(records)
        if trouble is not None:
            raise trouble
        return records

    def _lead(self, sweep: Sweep, kind: Kind) -> None:
        wanted = [places.device(case) for case in sweep.run.cases if case.id not in sweep.run.skipped]
        held = [place for node in kind.nodes for place in places.places(node, wanted)]
        sweep.lead(kind.nodes, held)

    def _look(self) -> None:
        """See which nodes there are, from time to time: let new ones join, and see to cases that nobody is there for."""
        if time.monotonic() - self._census < _CENSUS_S:
            return
        nodes = [node for node in self.pool.nodes() if (node.cpus or node.gpus) and places.fits(node, self.asked.where)]
        for node in nodes:
            self._welcome(node)
        for number in range(len(self.sweeps)):
            sweep, _ = self.sweeps[number]
            if not sweep.wanted():
                self._missed.pop(sweep, None)
            elif not self._hand_over(sweep):
                since = self._missed.setdefault(sweep, time.monotonic())
                if time.monotonic() - since >= self.wait_s:
                    sweep.stop(_deserted(sweep, self.wait_s))
        self._census = time.monotonic()

    def _welcome(self, node: Node) -> None:
        """Let a node take part in whatever sweep is for its kind, if it has nothing to do there."""
        for sweep, kind in list(self.sweeps):
            if sweep.over or not sweep.again(node):
                continue
            if node.id not in self._known:
                self._known |= self.pool.describe([node]) if node not in kind.nodes else {node.id: kind.facts}
                self._known |= {name: "; ".join(lacks) for name, lacks in self.pool.fit([node], sweep.errand).items() if lacks}
            facts = self._known[node.id]
            if isinstance(facts, Facts) and kind.has(facts):
                wanted = [places.device(case) for case in sweep.run.cases if case.id not in sweep.run.skipped]
                for place in places.places(node, wanted):
                    sweep.join(place)
                self.follower.said(f"{node.name} takes part")

    def _hand_over(self, sweep: Sweep) -> bool:
        """Give what a kind leaves behind to another kind that can measure it, in a file of its own."""
        if self.asked.each or self.drafting is None:
            return False
        for other, kind in self.sweeps:
            if other is sweep or kind not in self.drafting.kinds or not other.living or other.stopped:
                continue
            refused = self.drafting.refused[self.drafting.kinds.index(kind)]
            cases = [case for case in sweep.lacking() if case.id not in refused]
            if not cases:
                continue
            sweep.surrender(cases)
            draft = self.drafting.again(self.drafting.kinds.index(kind), cases, f"-again-{len(self.sweeps)}")
            self.follower.said(f"{len(cases)} cases go to {kind.facts.machine.slug}, into {draft.path}")
            another = _sweep(draft, self.drafting.prepared, self.pool, other.errand, self.follower)
            self.add(another, kind)
            self._lead(another, kind)
            return True
        return False


def _deserted(sweep: Sweep, waited_s: float) -> ClusterError:
    return ClusterError(
        f"no node is left that could measure {len(sweep.lacking())} cases of {sweep.path}, and none came in {waited_s:.0f} s: "
        f"everything measured is in it; go on with `vbench run --resume {sweep.path} --cluster …`"
    )


def _sweep(draft: drafts.Draft, prepared: Prepared, pool: Pool, errand: Errand, follower: Follower) -> Sweep:
    return Sweep(
        draft.run, prepared.settings, draft.path, pool=pool, errand=errand, follower=follower, plugin_errors=prepared.errors
    )


def begin(  # noqa: PLR0913 - the cluster, what it was told, what to measure, and where that goes
    pool: Pool, asked: Asked, kinds: Sequence[Kind], prepared: Prepared, follower: Follower, *, output: Path | None = None
) -> Conductor:
    """A new run on these machines. Raises UsageError before anything is measured."""
    weights = {} if prepared.weights is None else {prepared.weights.label: prepared.weights.path}
    errand = parcels.errand(prepared.plan.open, weights, prepared.settings.images or "")
    drafts.fit(pool, kinds, errand)
    conductor = Conductor(pool, asked, follower)
    conductor.drafting = drafts.Drafting(pool, prepared, kinds, errand)
    made = conductor.drafting.drafts(asked, output)
    if len(made) > 1 and not asked.each:
        follower.said(
            f"the cases are spread over {len(made)} kinds of machine, whose times do not compare: "
            "--each machine measures all of them on each, --where LABEL=VALUE takes one kind"
        )
    for draft in made:
        follower.said(f"{len(draft.run.cases)} cases into {draft.path}")
        conductor.add(_sweep(draft, prepared, pool, errand, follower), draft.kind)
    return conductor


def resume(pool: Pool, asked: Asked, kinds: Sequence[Kind], path: Path, follower: Follower, **options: Any) -> Conductor:
    """Go on with one file of a run, on the nodes that are of its machine. Raises UsageError where there are none."""
    head = heads.read(path)
    matching = [kind for kind in kinds if kind.facts.machine.fingerprint == head.machine.fingerprint]
    if not matching:
        there = ", ".join(dict.fromkeys(kind.facts.machine.slug for kind in kinds))
        message = f"{path} was measured on {head.machine.slug}, and the cluster has {there}: start a new file"
        raise UsageError(message)
    kind = next((kind for kind in matching if kind.facts.versions == head.versions), matching[0])
    begun = api.continued(path, place=kind.facts.where, **options)
    prepared = begun.prepared
    errand = parcels.errand(prepared.plan.open, begun.head.weights, prepared.settings.images or "")
    drafts.fit(pool, [kind], errand)
    conductor = Conductor(pool, asked, follower)
    sweep = Sweep(
        begun.head, prepared.settings, path, pool=pool, errand=errand, follower=follower, found=begun.found, size=begun.size,
        plugin_errors=prepared.errors,
    )  # fmt: skip
    follower.said(f"{len(begun.head.cases)} cases into {path}, resumed with {len(begun.found)} processes")
    conductor.add(sweep, kind)
    return conductor
