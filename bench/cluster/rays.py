"""Ray: nodes, places that are held by an actor, and tasks that go wherever there is room. The only module that imports it.

The driver's process owns every actor, so that Ray ends them when it dies, and with them the forkservers and workers, which
hang on their parents' lives.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from . import addresses, desk, parcels
from .pool import Facts, Lost, Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..config import Settings
    from ..core import Case, Ceiling, Replicate, Source
    from ..job import Job
    from .pool import Errand, Place, Station

# A reply that is later than a worker's own limit by this much will not come: the node has gone without a word.
_GRACE_S = 120.0
# Nodes have so long to say what they are; the first time, they start a process for it.
_DESCRIBE_S = 120.0
_INTERNAL = "ray.io/"
# A cluster on this machine alone: without the low priority of its workers, and without telling anybody.
_LOCAL = {"RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0"}
# Ray leaves the GPUs of a task that asks for none alone, and says so each time it is not told to.
_QUIET = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415 - only where a cluster is asked for
    except ImportError:
        message = "--cluster needs Ray, which is not installed: pip install 'vbench[ray]'"
        raise UsageError(message) from None
    return ray


def connect(address: str) -> Rays:
    """The cluster at `ray://HOST:PORT`, at the address that Ray finds (`auto`), or one on this machine alone (`local`).

    Raises UsageError where Ray is not installed, or nothing answers there.
    """
    if address not in {"auto", "local"} and not address.startswith("ray://"):
        message = f"--cluster {address}: write ray://HOST:PORT, auto (a node of the cluster) or local (this machine alone)"
        raise UsageError(message)
    for name, value in (_QUIET | (_LOCAL if address == "local" else {})).items():
        os.environ.setdefault(name, value)
    ray = _ray()
    addresses.refuse_silence(address)
    extra = {"include_dashboard": False} if address == "local" else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a release of Ray will change is no matter of whoever runs a benchmark
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **extra)
    except Exception as error:  # noqa: BLE001 - Ray raises its own errors, ConnectionError, RuntimeError, and those of gRPC
        text = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, ImportError):
            text = "the client needs gRPC: pip install 'vbench[ray]'"
        raise addresses.unreachable(address, text) from None
    return Rays(ray)


def _node(found: dict[str, Any]) -> Node:
    resources = found.get("Resources", {})
    labels = {key: str(value) for key, value in (found.get("Labels") or {}).items()}
    own = {key: value for key, value in labels.items() if not key.startswith(_INTERNAL)}
    kind = labels.get(f"{_INTERNAL}accelerator-type") or next(
        (name.partition(":")[2] for name in resources if name.startswith("accelerator_type:")), ""
    )
    return Node(
        id=found["NodeID"],
        name=found.get("NodeManagerAddress", "") or found["NodeID"][:8],
        cpus=int(resources.get("CPU", 0)),
        gpus=int(resources.get("GPU", 0)),
        labels=own | ({"accelerator": kind} if kind else {}),
    )


class Rays:
    """A Ray cluster."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._lock = threading.Lock()
        self._held: list[Any] = []
        self._closed = False
        self._errands: dict[int, tuple[Errand, Any]] = {}

    def nodes(self) -> list[Node]:
        """The nodes that are alive; those of one address get a part of their id behind it."""
        found = [_node(node) for node in self._ray.nodes() if node.get("Alive")]
        names = [node.name for node in found]
        return [
            node if names.count(node.name) == 1 else Node(**{**_fields(node), "name": f"{node.name}#{node.id[:4]}"})
            for node in sorted(found, key=lambda node: (node.name, node.id))
        ]

    def _on(self, node: Node) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 - only with Ray

        return NodeAffinitySchedulingStrategy(node_id=node.id, soft=False)

    def _asked(self, function: Any, nodes: Sequence[Node], *arguments: Any) -> dict[str, Any]:
        """What a function answers on each node, without waiting for its cores; a line of text where it cannot."""
        remote = self._ray.remote(function)
        refs = {
            n.id: remote.options(num_cpus=0, max_retries=0, scheduling_strategy=self._on(n)).remote(*arguments) for n in nodes
        }
        self._ray.wait(list(refs.values()), num_returns=len(refs), timeout=_DESCRIBE_S)
        found: dict[str, Any] = {}
        for name, ref in refs.items():
            try:
                found[name] = self._ray.get(ref, timeout=0.1)
            except Exception as error:  # noqa: BLE001 - whatever happened there, it is the node that has a problem
                found[name] = _reason(error)
        return found

    def describe(self, nodes: Sequence[Node]) -> dict[str, Facts | str]:
        """What each node says of itself, by its id; a line of text where it cannot."""
        return self._asked(desk.describe, nodes)

    def fit(self, nodes: Sequence[Node], errand: Errand) -> dict[str, tuple[str, ...]]:
        """What each node lacks for an errand, by its id."""
        if not (errand.installed or errand.weights or errand.images[0]):
            return {}
        found = self._asked(parcels.lacking, nodes, self._errand(errand))
        return {name: (told,) if isinstance(told, str) else told for name, told in found.items()}

    def _errand(self, errand: Errand) -> Any:
        """An errand in the cluster's store, put there once."""
        with self._lock:
            if id(errand) not in self._errands:
                self._errands[id(errand)] = (errand, self._ray.put(errand))
            return self._errands[id(errand)][1]

    def station(self, place: Place, errand: Errand) -> Station:
        """Hold a place: an actor with all cores that the node lends, or with a GPU and its part of them; waits for it."""
        cores = place.node.cpus if place.device == "cpu" else place.node.cpus // max(place.node.gpus, 1)
        options = {"num_cpus": cores, "num_gpus": 0 if place.device == "cpu" else 1, "max_restarts": 0, "max_task_retries": 0}
        made = self._ray.remote(desk.Desk).options(**options, scheduling_strategy=self._on(place.node))
        with self._lock:
            if self._closed:
                message = "the cluster was given back"
                raise Lost(message)
            actor = made.remote(self._errand_locked(errand))
            self._held.append(actor)
        held = Held(self._ray, actor, place)
        try:
            held.ready()
        except BaseException:
            held.close()
            raise
        return held

    def _errand_locked(self, errand: Errand) -> Any:
        known = self._errands.get(id(errand))
        if known is None:
            known = self._errands[id(errand)] = (errand, self._ray.put(errand))
        return known[1]

    def spread(self, nodes: Sequence[Node], errand: Errand, jobs: Iterable[tuple[Job, float]]) -> Iterator[tuple[Replicate, str]]:
        """Do jobs that time nothing wherever there is room; Ray does one again elsewhere whose node is lost."""
        remote = self._ray.remote(_check)
        on = {"label_selector": {f"{_INTERNAL}node-id": f"in({','.join(node.id for node in nodes)})"}}
        most = max((node.cpus for node in nodes), default=0)
        waiting = []
        for job, patience_s in jobs:
            cores = min(job.case.threads, most)
            options = {"num_cpus": cores, "num_gpus": 1 if job.case.device.startswith("cuda") else 0}
            waiting.append(
                remote.options(**options, **on, scheduling_strategy="SPREAD").remote(self._errand(errand), job, patience_s)
            )
        while waiting:
            done, waiting = self._ray.wait(waiting, num_returns=1)
            for ref in done:
                with contextlib.suppress(Lost):  # again and again: the place that times the case checks it then
                    yield _got(self._ray, ref, None)

    def close(self) -> None:
        """End every actor and leave the cluster; one that is this machine's alone ends with that."""
        with self._lock:
            self._closed = True
            held, self._held = self._held, []
        for actor in held:
            with contextlib.suppress(Exception):
                self._ray.kill(actor, no_restart=True)

    def leave(self) -> None:
        """Leave the cluster: after the last reply."""
        self.close()
        with contextlib.suppress(Exception):
            self._ray.shutdown()


class Held:
    """A place that an actor holds."""

    def __init__(self, ray: Any, actor: Any, place: Place) -> None:
        self._ray = ray
        self._actor = actor
        self._place = place

    def _call(self, name: str, *arguments: Any, timeout_s: float | None = None) -> Any:
        try:
            ref = getattr(self._actor, name).remote(*arguments)
        except Exception as error:  # noqa: BLE001 - an actor that is known to be dead refuses
            raise Lost(_gone(self._place, error)) from None
        return _got(self._ray, ref, self._place, timeout_s)

    def ready(self) -> None:
        """Wait until the place is free and held."""
        self._call("ready")

    def refusals(self, asked: Sequence[tuple[Case, Source]], catalogue: str) -> dict[str, str]:
        """Why this machine cannot measure a case, by its id, for those that it cannot."""
        found: dict[str, str] = self._call("refusals", list(asked), catalogue)
        return found

    def ceilings(self, cases: Sequence[Case], settings: Settings, quick: Sequence[str]) -> dict[str, Ceiling]:
        """What the machine can do at most."""
        found: dict[str, Ceiling] = self._call("ceilings", list(cases), settings, list(quick))
        return found

    def open(self, start: str, preload: str, ordinal: int) -> None:
        """Start the process that workers are forked from, in the place of the one before."""
        self._call("open", start, preload, ordinal, timeout_s=_GRACE_S * 2)

    def run(self, job: Job, patience_s: float) -> Replicate:
        """Run one job in a fresh worker."""
        found: Replicate = self._call("run", job, patience_s, timeout_s=patience_s + _GRACE_S)
        return found

    def shut(self) -> None:
        """End that process; the place stays held."""
        self._call("shut", timeout_s=_GRACE_S)

    def close(self) -> None:
        """Give the place back."""
        with contextlib.suppress(Exception):
            self._ray.kill(self._actor, no_restart=True)


def _got(ray: Any, ref: Any, place: Place | None, timeout_s: float | None = None) -> Any:
    """A reply. Raises Lost where its node or process is gone, and what the function there raised, if it did."""
    try:
        return ray.get(ref, timeout=timeout_s)
    except ray.exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        raise (cause if isinstance(cause, BaseException) else error) from None
    except (ray.exceptions.RayError, ConnectionError, TimeoutError) as error:
        raise Lost(_gone(place, error)) from None


def _gone(place: Place | None, error: BaseException) -> str:
    kinds = {
        "ActorDiedError": "its process died",
        "ActorUnavailableError": "its process does not answer",
        "NodeDiedError": "the node died",
        "ActorUnschedulableError": "the node is not there any more",
        "GetTimeoutError": "it did not answer in time",
        "ConnectionError": "the connection to the cluster broke",
    }
    what = kinds.get(type(error).__name__, type(error).__name__)
    return f"node {place.node.short}, {what}" if place is not None else what


def _reason(error: BaseException) -> str:
    """What a remote function says went wrong, in a line."""
    cause = getattr(error, "cause", None) or error
    text = " ".join(str(cause).split())
    return f"{type(cause).__name__}: {text[:200]}"


def _fields(node: Node) -> dict[str, Any]:
    return {name: getattr(node, name) for name in node.__struct_fields__}


def _check(errand: Errand, job: Job, patience_s: float) -> tuple[Replicate, str]:
    """One job, and the name of the process that its worker was forked from."""
    import ray  # noqa: PLC0415 - on the node it is there

    node = ray.get_runtime_context().get_node_id()
    return desk.check(errand, job, patience_s), f"{node}:{os.getpid()}"
