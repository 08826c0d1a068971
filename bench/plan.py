"""A selection and its axes become cases. Pure: it looks into registries and at numbers it is given, never at a device."""

from __future__ import annotations

import hashlib
import itertools
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from . import axes as scenarios
from . import compression, modes, refusals
from .axes import PRECISIONS
from .core import Case
from .errors import NothingSelectedError, UnknownNameError, UsageError, nearest
from .registry import ARCHITECTURES, COMPRESSORS, ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from .core import Architecture
    from .interfaces import Engine
    from .suites import Suite


class Plan(msgspec.Struct, frozen=True):
    """The cases in order, and those that will not run with the reason.

    `further` are the ids of those that come after the others, and `quick` of those that have one process.
    """

    cases: tuple[Case, ...]
    skipped: dict[str, str]
    further: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()

    def then(self, other: Plan, *, quick: bool) -> Plan:
        """This plan, and after it the cases of another that it does not have; in one process each where they are `quick`."""
        own = {case.id for case in self.cases}
        added = tuple(case for case in other.cases if case.id not in own)
        ids = tuple(case.id for case in added)
        return Plan(
            cases=(*self.cases, *added),
            skipped=self.skipped | {name: other.skipped[name] for name in ids if name in other.skipped},
            further=(*self.further, *ids),
            quick=(*self.quick, *(ids if quick else ())),
        )

    @property
    def open(self) -> tuple[Case, ...]:
        """The cases that will be measured."""
        return tuple(case for case in self.cases if case.id not in self.skipped)


class Elsewhere(msgspec.Struct, frozen=True):
    """What the machines of a cluster have that this one may lack: devices, each with why it is not there, and threads."""

    devices: dict[str, str | None]
    threads: int


class Given(msgspec.Struct, frozen=True):
    """The file of weights of a run: its path, its value of the axis `weights`, and the networks that get other classes by it.

    `compression` is what was done to the network before the file was written, and `of` the weights that it began with.
    """

    path: str
    label: str
    classes: dict[str, int]
    compression: str = compression.NONE
    of: str = ""


def definition(case: Case, seed: int, images: str = "") -> str:
    """A hash of what a case means beyond its id: input shape, seeds, engine options, and what made the network smaller.

    Not of the network's source, or every edit would make a new case that nothing can be compared with.
    """
    parts: tuple[object, ...]
    parts = (case.input_shape, case.batch, case.weights, seed, images, case.engine_options, case.scenario, case.phase)
    if case.compression != compression.NONE:
        parts += (case.compression,)
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
    smaller: str = compression.NONE,
    compressors: Mapping[str, str | None] | None = None,
    images: bool = True,
    named: Collection[str] = ("device", "engine"),
    elsewhere: bool = False,
) -> Plan:
    """All combinations of the suite's axes.

    `devices` maps each device that vbench knows to the reason why it is not here, or None; `engines` each engine to
    itself, or to the line that says why it cannot run; `compressors` each of them to such a line, or None. What is absent is a
    UsageError where its axis was `named` by whoever started the run; under `all` and in a suite it is a case that is skipped with
    that reason. So is a compression that looks at pictures where there are no `images`. `weights` is what the axis of that name
    says, if not the seed, and `smaller` what was done to the network before these were written. Cases that are to run `elsewhere`
    are not held against this machine: `unable` does that where they run.
    """
    cases: dict[str, Case] = {}
    skipped: dict[str, str] = {}
    places = _expand(suite.device, devices, "device", named="device" in named)
    axes = itertools.product(
        places,
        _engines(suite, engines, named="engine" in named),
        PRECISIONS if "all" in suite.precision else suite.precision,
        suite.batch,
        suite.threads or (threads,),
        suite.layout,
        suite.phase,
        map(scenarios.canonical, suite.scenario),
        [compression.canonical(text, lambda name: COMPRESSORS.get(name).options) for text in suite.compress],
    )
    chosen = select(suite)
    missing = {name: reason for name, reason in (compressors or {}).items() if reason}
    lacking = partial(_lacking, missing, images=images)
    _refuse_lacking(lacking, suite.compress if "compress" in named else ())
    _refuse_lacking(lacking, [a.compression for a in chosen] if "architectures" in named else ())
    flags = tuple((key, "on") for key, wanted in (("cold-cache", suite.cold_cache), ("cuda-graph", suite.cuda_graph)) if wanted)
    for device, (name, options), precision, batch, count, layout, phase, scenario, text in axes:
        for architecture in chosen:
            case = Case(
                architecture=architecture.name,
                input_shape=shape or architecture.input,
                weights=weights or f"random:{seed}",
                engine=name,
                engine_options=tuple(sorted({*options, *flags})),
                precision=precision,
                device=device,
                batch=batch,
                threads=count,
                layout=layout,
                phase=phase,
                scenario=scenario,
                compression=_whole(architecture.label, architecture.compression, text, smaller),
            )
            cases[case.id] = case
            kind = engines[name]
            reason = (
                places[device]
                or lacking(case.compression)
                or (kind if isinstance(kind, str) else refusals.refused(kind, case, None if elsewhere else threads))
            )
            if reason:
                skipped[case.id] = reason
    return Plan(tuple(cases.values()), skipped)


def _whole(label: str, own: str, asked: str, held: str) -> str:
    """All that is done to a network: what its name says, then what the axis says, behind what its file of weights holds already.

    What the file holds may be said again. Raises UsageError where training is asked for, which a file must hold.
    """
    text = compression.joined((own, asked))
    rest = compression.beyond(text, held)
    if rest is None:
        within = compression.beyond(held, own) is not None  # as in NAME@l1-filter:0.5, of whose file that is the beginning
        rest = [part for part in (asked,) if part != compression.NONE] if within else text.split("+")
    if trained := [part for part in rest if part.partition(":")[0] == compression.FINETUNE]:
        message = (
            f"{label}: {trained[0]} is training, which a file of weights must hold: `vbench evaluate {label.partition('@')[0]} "
            "--weights FILE --data DATA --compress … --finetune 3` writes one, and --weights takes it"
        )
        raise UsageError(message)
    return compression.joined((held, *rest))


def _lacking(missing: Mapping[str, str], text: str, *, images: bool) -> str | None:
    """Why one of the compressors cannot work here, or None: it is not installed, or looks at pictures and has none."""
    for step in compression.steps(text, lambda name: COMPRESSORS.get(name).options):
        if step.name in missing:
            return missing[step.name]
        kind = COMPRESSORS.get(step.name)
        # What training needs is the matter of whoever trains: here it is refused for another reason.
        if images or step.name == compression.FINETUNE or not getattr(kind, "needs", ""):
            continue
        words = {option.name: option.words for option in kind.options}
        if compression.NOISE not in words.get("data", ()):
            return f"{step.name} looks at pictures, and there are none: give some with --images FOLDER"
        if step.options.get("data") != compression.NOISE:
            other = compression.written(step._replace(options=step.options | {"data": compression.NOISE}), kind.options)
            return f"{step.name} looks at pictures, and there are none: give some with --images FOLDER, or write {other}"
    return None


def _refuse_lacking(lacking: Callable[[str], str | None], texts: Iterable[str]) -> None:
    """Refuse compressors that were named and cannot work here. Raises UsageError."""
    for text in texts:
        if reason := lacking(text):
            message = f"compression {text!r} was asked for and cannot be done: {reason}"
            raise UsageError(message)


def _engines(suite: Suite, engines: Mapping[str, Engine | str], *, named: bool) -> list[tuple[str, modes.Options]]:
    """Each engine of the suite with its options, which are checked by its class where it cannot run here."""
    known = {name: engine if isinstance(engine, str) else None for name, engine in engines.items()}
    asked = dict.fromkeys(map(modes.parse, suite.engine))
    there = _expand(tuple(name for name, _ in asked), known, "engine", named=named)
    if "all" in (name for name, _ in asked):
        return [(name, ()) for name in there]
    found: dict[tuple[str, modes.Options], None] = {}
    for name, options in asked:
        kind = ENGINES.get(name) if isinstance(engines[name], str) and name in ENGINES else engines[name]
        found[name, options if isinstance(kind, str) else modes.chosen(name, options, kind)] = None
    return list(found)


def _expand(names: tuple[str, ...], known: Mapping[str, str | None], noun: str, *, named: bool) -> dict[str, str | None]:
    """Each name with the reason why it is not here, or None, `all` spelled out. Raises UsageError for one that is unknown.

    So it does for one that is known and absent where it was `named`.
    """
    if "all" in names:
        # What exists for tests and demonstrations only is measured when it is named.
        return {name: reason for name, reason in known.items() if name.partition(":")[0] != "fake"}
    # A device without a number is the first of its kind, under one name, so that one case has one id.
    names = tuple(f"{name}:0" if name not in known and f"{name}:0" in known else name for name in names)
    there = f"; those that are: {', '.join(n for n in known if known[n] is None)}" if noun == "device" else ""
    found: dict[str, str | None] = {}
    for name in names:
        # A numbered device that is not there has the reason of its kind.
        reason = found[name] = known.get(name, known.get(name.partition(":")[0]))
        if reason is not None and named:
            message = f"{noun} {name!r} was asked for and cannot be used: {reason}{there}"
            raise UsageError(message)
        if name not in known and reason is None:
            message = f"device {name!r} is not here{there}" if there else f"unknown {noun} {name!r}: {nearest(name, known)}"
            if named or name.partition(":")[0] not in {one.partition(":")[0] for one in known}:
                raise UnknownNameError(message)
            found[name] = message
    return found
