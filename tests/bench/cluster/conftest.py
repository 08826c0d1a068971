"""A cluster without machines: nodes that answer at once, that can be killed, and that say who held what."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import compress
from vbench.cluster.conduct import Conductor
from vbench.cluster.places import Asked, Kind
from vbench.cluster.pool import Errand, Facts, Lost, Node, Place
from vbench.cluster.sweep import Sweep
from vbench.cluster.told import Unheard
from vbench.config import Settings
from vbench.core import Case, Machine, Replicate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from vbench.job import Job

FACTS = Facts(machine=Machine(slug="some-machine", fingerprint="f00d", usable_cores=4), versions={"torch": "2.6"}, harness="one")
# Enough processes for an interval and no more, without waiting.
SETTINGS = Settings(spread=0.0, max_processes=6, time_limit=None)


def node(name: str, cpus: int = 4, **fields: Any) -> Node:
    return Node(id=f"{name}-0123456789", name=name, cpus=cpus, **fields)


class Stand:
    """A place that is held; what a job finds there is for the pool's `answer` to say."""

    def __init__(self, pool: FakePool, place: Place) -> None:
        self.pool, self.place = pool, place
        self.server = 0

    def _alive(self) -> None:
        if self.pool.closed or self.place.node.name in self.pool.dead:
            message = f"node {self.place.node.short}, its process died"
            raise Lost(message)

    def refusals(self, asked: Sequence[tuple[Case, Any]], catalogue: str) -> dict[str, str]:
        return {case.id: reason for case, _ in asked if (reason := self.pool.refuse(self.place.node, case))}

    def ceilings(self, cases: Sequence[Case], settings: Settings, quick: Sequence[str]) -> dict[str, Any]:
        return {}

    def open(self, start: str, preload: str, ordinal: int) -> None:
        self._alive()
        self.server = ordinal

    def run(self, job: Job, patience_s: float) -> Replicate:
        self._alive()
        with self.pool.lock:
            assert self.place.name not in self.pool.busy, "a device has one worker at a time"
            self.pool.busy.add(self.place.name)
            self.pool.started.append((self.place.name, job.case.id, job.role))
        try:
            found = self.pool.answer(self.place.node, job)
            self._alive()
        finally:
            with self.pool.lock:
                self.pool.busy.discard(self.place.name)
        return msgspec.structs.replace(found, server=self.server)

    def shut(self) -> None:
        self._alive()

    def close(self) -> None:
        with self.pool.lock:
            self.pool.held.discard(self.place.name)


class FakePool:
    """Nodes in one process. `kill` takes one away; a job that runs there then is lost."""

    def __init__(self, *nodes: Node, answer: Callable[[Node, Job], Replicate] | None = None) -> None:
        self.members = list(nodes)
        self.facts: dict[str, Facts | str] = {}
        self.lacks: dict[str, tuple[str, ...]] = {}
        self.dead: set[str] = set()
        self.closed = False
        self.lock = threading.Lock()
        self.held: set[str] = set()
        self.busy: set[str] = set()
        self.started: list[tuple[str, str, str]] = []
        self.answer = answer or found
        self.refuse: Callable[[Node, Case], str] = lambda *_: ""

    def nodes(self) -> list[Node]:
        return [node for node in self.members if node.name not in self.dead]

    def kill(self, name: str) -> None:
        self.dead.add(name)

    def describe(self, nodes: Sequence[Node]) -> dict[str, Facts | str]:
        return {node.id: self.facts.get(node.name, FACTS) for node in nodes}

    def fit(self, nodes: Sequence[Node], errand: Errand) -> dict[str, tuple[str, ...]]:
        return {node.id: self.lacks[node.name] for node in nodes if node.name in self.lacks}

    def station(self, place: Place, errand: Errand) -> Stand:
        while True:
            with self.lock:
                if self.closed or place.node.name in self.dead:
                    message = f"node {place.node.short}, the node is not there any more"
                    raise Lost(message)
                if place.name not in self.held:
                    self.held.add(place.name)
                    return Stand(self, place)
            time.sleep(0.005)

    def spread(self, nodes: Sequence[Node], errand: Errand, jobs: Iterable[tuple[Job, float]]) -> Iterator[tuple[Replicate, str]]:
        names = [node.name for node in nodes]
        for number, (job, _) in enumerate(jobs):
            self.started.append(("anywhere", job.case.id, job.role))
            yield found(nodes[number % len(nodes)], job), names[number % len(names)]

    def close(self) -> None:
        self.closed = True


def found(node: Node, job: Job) -> Replicate:
    """What a worker finds that takes 10 ms for each sample."""
    samples = () if job.role != "measure" else (10_000_000 + 50_000 * job.index,) * 30
    return Replicate(
        case=job.case.id, role=job.role, index=job.index, round=job.round, server=job.server, status="ok", seconds=0.001,
        latency_ns=samples,
    )  # fmt: skip


class Bench:
    """Makes runs on a fake cluster."""

    facts, settings = FACTS, SETTINGS
    node, pool, found = staticmethod(node), FakePool, staticmethod(found)

    def __init__(self, folder: Path, make: Any) -> None:
        self.folder, self.make = folder, make

    def cases(self, count: int, **axes: Any) -> list[Case]:
        given = {"engine": "fake", "device": "fake"} | axes
        return [self.make.case("resnet/18", batch=number + 1, **given) for number in range(count)]

    def conductor(
        self, pool: FakePool, cases: Sequence[Case], settings: Settings = SETTINGS, wait_s: float = 0.0, **fields: Any
    ) -> Conductor:
        """A run of one file on all nodes that there are now."""
        head = self.make.run(*cases, machine=FACTS.machine, settings=msgspec.to_builtins(settings))
        path = self.folder / "r.jsonl"
        conductor = Conductor(pool, Asked(), Unheard(), wait_s=wait_s)
        sweep = Sweep(head, settings, path, pool=pool, errand=Errand(), follower=Unheard(), **fields)
        conductor.add(sweep, Kind(FACTS, tuple(pool.nodes())))
        return conductor


@pytest.fixture(scope="session")
def compressors() -> None:
    """Registered once and for all: what a test registers is forgotten after it."""
    compress.load_builtin()


@pytest.fixture
def bench(tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch, compressors: None, registries: None) -> Bench:
    monkeypatch.setattr("vbench.cluster.conduct._TICK_S", 0.005)
    monkeypatch.setattr("vbench.cluster.conduct._CENSUS_S", 0.01)
    return Bench(tmp_path, make)
