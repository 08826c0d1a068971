"""A selection and its axes become cases. Pure: it looks into registries and at numbers it is given, never at a device."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import msgspec

from . import axes as scenarios
from .axes import PRECISIONS
from .core import Case
from .errors import NothingSelectedError, UnknownNameError, UsageError, nearest
from .registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .config import Suite
    from .core import Architecture
    from .interfaces import Engine


class Plan(msgspec.Struct, frozen=True):
    """The cases in order, and those that will not run with the reason."""

    cases: tuple[Case, ...]
    skipped: dict[str, str]

    @property
    def open(self) -> tuple[Case, ...]:
        """The cases that will be measured."""
        return tuple(case for case in self.cases if case.id not in self.skipped)


class Given(msgspec.Struct, frozen=True):
    """The file of weights of a run: its path, its value of the axis `weights`, and the networks that get other classes by it."""

    path: str
    label: str
    classes: dict[str, int]


def definition(case: Case, seed: int, images: str = "") -> str:
    """A hash of what a case means beyond its id: input shape, seeds, engine options.

    Not of the network's source, or every edit would make a new case that nothing can be compared with.
    """
    parts = (case.input_shape, case.batch, case.weights, seed, images, case.engine_options, case.scenario, case.phase)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:12]


def select(suite: Suite) -> list[Architecture]:
    """The architectures of a suite.

    Raises UnknownNameError for a name or topic that is not there, and NothingSelectedError when nothing is left.
    """
    chosen = ARCHITECTURES.match(suite.architectures, suite.exclude)
    if suite.topic:
        topics = {a.topic for a in ARCHITECTURES}
        for topic in suite.topic:
            if topic not in topics:
                message = f"unknown topic {topic!r}: {nearest(topic, topics)}"
                raise UnknownNameError(message)
        chosen = [a for a in chosen if a.topic in suite.topic]
    if not chosen:
        asked = ", ".join(suite.architectures)
        without = f" without {', '.join(suite.exclude)}" if suite.exclude else ""
        message = f"nothing selected: no architecture matches {asked}{without}; `vbench list` shows them"
        raise NothingSelectedError(message)
    return chosen


def plan(  # noqa: PLR0913 - what there is on this machine, and what every case shares
    suite: Suite,
    *,
    devices: Mapping[str, str | None],
    engines: Mapping[str, Engine | str],
    threads: int,
    shape: tuple[int, ...] | None = None,
    seed: int = 0,
    weights: str = "",
) -> Plan:
    """All combinations of the suite's axes.

    `devices` maps each device that vbench knows to the reason why it is not here, or None; `engines` each engine to
    itself, or to the line that says why it cannot run. A name that the suite spells out and that is absent is a
    UsageError; under `all` it is a case that is skipped with that reason. `weights` is what the axis of that name says, if not
    the seed.
    """
    cases: dict[str, Case] = {}
    skipped: dict[str, str] = {}
    axes = itertools.product(
        _expand(suite.device, devices, "device"),
        _expand(suite.engine, {n: e if isinstance(e, str) else None for n, e in engines.items()}, "engine"),
        PRECISIONS if "all" in suite.precision else suite.precision,
        suite.batch,
        suite.threads or (threads,),
        suite.layout,
        suite.phase,
        map(scenarios.canonical, suite.scenario),
    )
    chosen = select(suite)
    options = tuple((key, "on") for key, wanted in (("cold-cache", suite.cold_cache), ("cuda-graph", suite.cuda_graph)) if wanted)
    for device, name, precision, batch, count, layout, phase, scenario in axes:
        for architecture in chosen:
            case = Case(
                architecture=architecture.name,
                input_shape=shape or architecture.input,
                weights=weights or f"random:{seed}",
                engine=name,
                engine_options=options,
                precision=precision,
                device=device,
                batch=batch,
                threads=count,
                layout=layout,
                phase=phase,
                scenario=scenario,
            )
            cases[case.id] = case
            kind = engines[name]
            reason = devices[device] or (kind if isinstance(kind, str) else _refused(kind, case, threads))
            if reason:
                skipped[case.id] = reason
    return Plan(tuple(cases.values()), skipped)


def _impossible(case: Case, threads: int) -> str | None:
    """Why no engine could measure this here: a thread without a core to run on waits for the others."""
    if case.threads > threads:
        return (
            f"{case.threads} threads are more than the {threads} that this process may run at once "
            f"(affinity, quota, OMP_THREAD_LIMIT): --threads {threads}, or give the container more"
        )
    return None


def _refused(engine: Engine, case: Case, threads: int) -> str | None:
    """Why this machine, the scenario or the engine cannot do it, or None."""
    return (
        _impossible(case, threads)
        or scenarios.absent(case.scenario)
        or scenarios.unable(case)
        or _untrained(engine, case)
        or _without(engine, case)
        or _skip(engine, case)
    )


def _untrained(engine: Engine, case: Case) -> str | None:
    """Why this engine takes no training step; one that does says so with `trains = True`."""
    if case.phase == "train" and not getattr(engine, "trains", False):
        return f"the {case.engine} engine only infers: leave out --phase train, or add --engine eager"
    return None


def _without(engine: Engine, case: Case) -> str | None:
    """The mode that was asked for and that this engine does not have; one that has it names it in its `options`."""
    missing = [key for key, _ in case.engine_options if key not in getattr(engine, "options", ())]
    return f"the {case.engine} engine has no such mode: leave out --{missing[0]}, or add --engine eager" if missing else None


def _skip(engine: Engine, case: Case) -> str | None:
    """The engine's reason not to run a case; one that raises instead of answering has given one."""
    try:
        return engine.skip(case)
    except Exception as error:  # noqa: BLE001 - a stranger's engine may raise anything
        return f"the engine raised {type(error).__name__} when asked: {' '.join(str(error).split())}"


def _expand(names: tuple[str, ...], known: Mapping[str, str | None], noun: str) -> list[str]:
    """Spell out `all`; refuse a name that is unknown, or known and absent."""
    if "all" in names:
        # What exists for tests and demonstrations only is measured when it is named.
        return [name for name in known if name.partition(":")[0] != "fake"]
    # A device without a number is the first of its kind, under one name, so that one case has one id.
    names = tuple(f"{name}:0" if name not in known and f"{name}:0" in known else name for name in names)
    there = f"; those that are: {', '.join(n for n in known if known[n] is None)}" if noun == "device" else ""
    for name in names:
        # A numbered device that is not there has the reason of its kind.
        reason = known.get(name, known.get(name.partition(":")[0]))
        if reason is not None:
            message = f"{noun} {name!r} was asked for and cannot be used: {reason}{there}"
            raise UsageError(message)
        if name not in known:
            message = f"device {name!r} is not here{there}" if there else f"unknown {noun} {name!r}: {nearest(name, known)}"
            raise UnknownNameError(message)
    return list(dict.fromkeys(names))
