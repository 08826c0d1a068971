"""Before anything is measured: which machines there are, what each can measure, which file each writes, with which head."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from .. import ceilings, devices, journal, machine
from .. import head as heads
from ..contention import environment
from ..errors import UsageError
from ..job import catalogue
from ..plan import Plan
from ..registry import ENGINES
from . import parcels, places, shares
from .pool import Facts, Lost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..api import Prepared
    from ..core import Case, Ceiling, Run
    from ..plan import Elsewhere
    from .places import Asked, Kind
    from .pool import Errand, Node, Place, Pool, Station
    from .told import Follower


class Draft(NamedTuple):
    """A result file that is to be: whose it is, its head, and where it goes."""

    kind: Kind
    run: Run
    path: Path


def survey(pool: Pool, asked: Asked, follower: Follower) -> list[Kind]:
    """The machines of the cluster that were asked for, sorted into kinds. Raises UsageError before anything is measured."""
    nodes = places.chosen(pool.nodes(), asked.where)
    here = Facts(machine=machine.describe(), versions=machine.versions(), environment=environment(), harness=parcels.harness())
    facts = pool.describe(nodes)
    found = places.kinds(nodes, facts, here, asked)
    for kind in found:
        count = f"{len(kind.nodes)} node{'s' if len(kind.nodes) > 1 else ''}"
        follower.said(f"{count} of {kind.facts.machine.slug}: {', '.join(node.name for node in kind.nodes)}")
    nice = [node.name for node in nodes if isinstance(told := facts[node.id], Facts) and told.niceness > 0]
    if nice:
        follower.said(
            f"workers of {', '.join(nice)} have a low priority, so that any other work there comes first: Ray's own is 15 "
            "unless its nodes are started with RAY_worker_niceness=0"
        )
    return found


def there(found: Sequence[Kind]) -> Elsewhere:
    """What these machines have, to plan for."""
    return places.elsewhere(found, devices.known())


def fit(pool: Pool, kinds: Sequence[Kind], errand: Errand) -> None:
    """Refuse nodes that lack what the run needs. Raises UsageError that names them."""
    nodes = [node for kind in kinds for node in kind.nodes]
    lacks = pool.fit(nodes, errand)
    wrong = [f"{node.name} {text}" for node in nodes for text in lacks.get(node.id, ())]
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        message = f"{wrong[0]}{more}: install it there, or put it on a file system that all nodes share"
        raise UsageError(message)


class Drafting:
    """Makes the drafts of a run: asks a machine of each kind what it cannot measure, deals the cases out, asks for ceilings."""

    def __init__(self, pool: Pool, prepared: Prepared, kinds: Sequence[Kind], errand: Errand) -> None:
        self.pool, self.prepared, self.kinds, self.errand = pool, prepared, kinds, errand
        self.refused: list[dict[str, str]] = [{} for _ in kinds]

    def drafts(self, asked: Asked, output: Path | None) -> list[Draft]:
        """One for each kind that measures something; raises UsageError where a file is there already."""
        plan = self.prepared.plan
        with ExitStack() as held:
            stations = [self._stations(kind, held) for kind in self.kinds]
            for number, kind in enumerate(self.kinds):
                self.refused[number] = self._refusals(kind, stations[number])
            found = []
            for number, cases in enumerate(self._dealt(asked)):
                if cases or (number == 0 and not plan.open):
                    everywhere = self.refused[number] if asked.each else self._nowhere() if number == 0 else None
                    part = self._part(cases, everywhere)
                    found.append(self._draft(number, part, stations[number], output))
        return self._placed(found, output)

    def again(self, number: int, cases: Sequence[Case], suffix: str) -> Draft:
        """What another kind leaves behind, as a file of this one."""
        drafted = self._draft(number, self._part(cases, None), {}, None)
        run = msgspec.structs.replace(drafted.run, run_id=f"{drafted.run.run_id}{suffix}")
        return drafted._replace(run=run, path=heads.default_path(run, self.prepared.config.root))

    def _stations(self, kind: Kind, held: ExitStack) -> dict[str, Station]:
        """The first place of each device that the cases want, held until all is known."""
        found: dict[str, Station] = {}
        for device in dict.fromkeys(places.device(case) for case in self.prepared.plan.open if asks(case)):
            spots = [place for node in kind.nodes for place in places.places(node, [device])]
            if spots:
                found[device] = self._station(spots[0])
                held.callback(found[device].close)
        return found

    def _station(self, place: Place) -> Station:
        try:
            return self.pool.station(place, self.errand)
        except Lost as error:
            message = f"{place.name} was lost before anything was measured: {error}"
            raise UsageError(message) from None

    def _refusals(self, kind: Kind, stations: Mapping[str, Station]) -> dict[str, str]:
        """Why a kind cannot measure a case, by its id."""
        found = {}
        most = {device: threads(kind, device) for device in ("cpu", "cuda")}
        for case in self.prepared.plan.open:
            device = places.device(case)
            if not any(places.places(node, [device]) for node in kind.nodes):
                found[case.id] = f"no {kind.facts.machine.slug} of the cluster lends a {device} device"
            elif case.threads > most[device]:
                found[case.id] = f"{case.threads} threads are more than the {most[device]} that {kind.facts.machine.slug} lends"
        for device, station in stations.items():
            cases = [c for c in self.prepared.plan.open if c.id not in found and places.device(c) == device and asks(c)]
            found |= station.refusals([(case, ENGINES.source(case.engine)) for case in cases], catalogue())
        return found

    def _dealt(self, asked: Asked) -> list[list[Case]]:
        """The cases of each kind: all that it can measure, or its part of them by the number of its nodes."""
        able = [[c for c in self.prepared.plan.open if c.id not in refused] for refused in self.refused]
        if asked.each or len(self.kinds) == 1:
            return [list(cases) for cases in able]
        can = [{case.id for case in cases} for cases in able]
        hands: list[list[Case]] = [[] for _ in self.kinds]
        loads = [0.0] * len(self.kinds)
        for group in sorted(shares.groups(self.prepared.plan.open), key=shares.weight, reverse=True):
            fitting = [n for n in range(len(self.kinds)) if any(case.id in can[n] for case in group)]
            if fitting:
                to = min(fitting, key=lambda n: loads[n] / len(self.kinds[n].nodes))
                loads[to] += shares.weight(group)
                hands[to] += [case for case in group if case.id in can[to]]
        return hands

    def _nowhere(self) -> dict[str, str]:
        """The cases that no kind can measure, with what the first of them says."""
        return {case: why for case, why in self.refused[0].items() if all(case in other for other in self.refused)}

    def _part(self, cases: Sequence[Case], refused: dict[str, str] | None) -> Plan:
        """The plan of a kind: its cases, and unless that is None what is `refused`, here or by the plan, with the reason."""
        plan, mine = self.prepared.plan, {case.id for case in cases}
        skipped = {} if refused is None else plan.skipped | refused
        kept = tuple(case for case in plan.cases if case.id in mine or case.id in skipped)
        ids = {case.id for case in kept}
        return Plan(
            kept,
            {name: reason for name, reason in skipped.items() if name in ids},
            tuple(name for name in plan.further if name in ids),
            tuple(name for name in plan.quick if name in ids),
        )

    def _draft(self, number: int, plan: Plan, stations: Mapping[str, Station], output: Path | None) -> Draft:
        kind, prepared = self.kinds[number], self.prepared
        run = heads.new(plan, prepared.settings, prepared.config.root, prepared.weights, kind.facts.where)
        found: dict[str, Ceiling] = {}
        for device, station in stations.items():
            cases = [case for case in plan.open if places.device(case) == device]
            if ceilings.needs(cases):
                found |= station.ceilings(cases, prepared.settings, run.quick)
        run = msgspec.structs.replace(run, ceilings=found)
        return Draft(kind, run, output or heads.default_path(run, prepared.config.root))

    def _placed(self, found: Sequence[Draft], output: Path | None) -> list[Draft]:
        """Each with a file of its own; those of one run have one id, with a number behind it."""
        drafts: list[Draft] = []
        for number, draft in enumerate(found, 1):
            own = found[0].run.run_id + (f"-{number}" if number > 1 else "")
            run = msgspec.structs.replace(draft.run, run_id=own)
            path = heads.default_path(run, self.prepared.config.root)
            if output is not None:
                path = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
            if path.is_file() and journal.whole(path):
                message = f"{path} exists: go on with it by `vbench run --resume {path}`, or name another with -o FILE"
                raise UsageError(message)
            drafts.append(draft._replace(run=run, path=path))
        return drafts


def asks(case: Case) -> bool:
    """Whether the machine itself has a say in whether, and how fast at most, a case runs."""
    return not case.virtual


def threads(kind: Kind, device: str) -> int:
    """How many threads a case may have on some node of this kind."""
    nodes: list[Node] = [node for node in kind.nodes if places.places(node, [device])]
    return max((places.threads(kind, node) for node in nodes), default=0)
