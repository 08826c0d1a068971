"""Base against head, from what was asked to a gate that can run: the plan, both sides, the file, and the machine's lock."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from . import api, contention, engines, machine, tolerances, wrappers
from . import head as heads
from .config import FILE
from .errors import NothingSelectedError, UsageError
from .gate import exact, nulls, sides
from .gate.lock import machine_lock
from .gate.log import SCHEMA, Head, Writer, read
from .gate.rounds import Gate
from .plan import definition
from .verdicts import Rule
from .verdicts import check as check_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .api import Prepared
    from .gate.rounds import Progress
    from .gate.sides import Side
    from .plan import Plan

_DUET_CORES = 2


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared with what, and how, as the file keeps it for `--resume`.

    `axes` are further arguments of `api.prepare`, `changes` keys of [gate] said anew. With `twins` both sides are the base,
    checked out twice; `inject` makes one of them slower by that share, and `neighbour` loads the machine now and then.
    `head` is a revision, a folder or a wheel in the place of the work tree, which then says only what is selected.
    """

    base: str = ""
    head: str = ""
    far: str = ""
    base_python: str = ""
    suite: str = "default"
    architectures: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    config: str = ""
    allow_output_change: bool = False
    axes: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    inject: float = 0.0
    neighbour: bool = False
    twins: bool = False

    def prepare(self) -> Prepared:
        """Head's plan. Raises UsageError or NothingSelectedError."""
        return api.prepare(
            self.architectures, suite=self.suite, exclude=self.exclude, plugin=self.extra,
            config=Path(self.config) if self.config else None, also=False, **self.axes,
        )  # fmt: skip


def resumed(path: Path) -> Asked:
    """What an interrupted gate was asked; a base that was a revision is the commit that it was then. Raises UsageError."""
    head = read(path).head
    asked = msgspec.convert(head.asked, Asked)

    def then(name: str, label: str) -> str:
        about = head.sides.get(label)
        return about.commit if about is not None and about.commit and not Path(name).exists() else name

    names = {"base": asked.base, "head": asked.head, "far": asked.far}
    return msgspec.structs.replace(asked, **{label: then(name, label) for label, name in names.items() if name})


@contextmanager
def begin(
    prepared: Prepared,
    asked: Asked,
    *,
    output: Path | None = None,
    resume: bool = False,
    say: Callable[[Progress], None] = lambda _: None,
) -> Iterator[Gate]:
    """A gate that is ready to run; what it checked out is removed afterwards.

    Raises UsageError where a side cannot be had, and NothingSelectedError where no case is left to compare.
    """
    gate = _gate(prepared.config.gate, asked.changes)
    _comparable(prepared.plan, gate)
    if output is not None and not resume:
        _check_new(output)
    # Virtual time is nobody's noise.
    alone = nullcontext() if all(case.virtual for case in prepared.plan.open) else machine_lock(prepared.config.root)
    with alone, sides.workspace() as space:
        found = _sides(prepared, asked, space)
        head = _head(prepared, asked, gate, found)
        path = output or prepared.config.root / "results" / head.machine.slug / "gate" / f"{head.gate_id}.pairs.jsonl"
        if path.exists() and resume:
            _check_same(path, head)
        elif not resume:
            _check_new(path)
        writer = Writer(path, head)
        try:
            lock = prepared.config.root / prepared.config.lock
            locked = exact.read(lock) if lock.exists() else None
            yield Gate(writer, found, prepared.settings, locked=locked, cores=_cores(gate), say=say)
        finally:
            writer.close()


def _check_new(path: Path) -> None:
    """Refuse to write over a file. Raises UsageError."""
    if path.exists():
        message = f"{path} exists: go on with it by `vbench gate --resume {path}`, or name another with -o FILE"
        raise UsageError(message)


def _gate(base: tolerances.Gate, changes: dict[str, Any]) -> tolerances.Gate:
    """The table [gate] with what the command line says anew."""
    final = msgspec.structs.replace(base, **changes)
    tolerances.check(final)
    return final


def _cores(gate: tolerances.Gate) -> tuple[int, ...]:
    """The two cores of a duet. Raises UsageError where this process may not use two."""
    if gate.mode != "duet":
        return ()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < _DUET_CORES:
        message = "--mode duet wants a core for either side, and this process may use one: take --mode pingpong"
        raise UsageError(message)
    return tuple(cores[:_DUET_CORES])


def _sides(prepared: Prepared, asked: Asked, space: sides.Space) -> dict[str, Side]:
    """Head, base, and the base further back: checked out, and asked what they have."""
    root = prepared.config.root.resolve()
    # Not resolved: the link that an environment's interpreter is says which environment it is.
    python = os.path.abspath(asked.base_python) if asked.base_python else ""  # noqa: PTH100 - as above
    if python and not Path(python).exists():
        message = f"--base-python {asked.base_python}: there is no such interpreter; name one, for example old/bin/python"
        raise UsageError(message)
    suite, named = prepared.config.suite(asked.suite), asked.architectures
    question = sides.Question(
        file=prepared.config.file.name if prepared.config.file is not None else FILE,
        suite="" if named or asked.exclude else asked.suite,
        architectures=tuple(name for name in named or suite.architectures if not wrappers.imported(name)),
        exclude=asked.exclude or suite.exclude,
        plugins=prepared.config.plugins,
        extra=tuple(_within(path, root) for path in asked.extra),
        imports=_imports(prepared, named or suite.architectures),
    )
    head = asked.base if asked.twins else asked.head
    places = {"head": sides.base(space, root, head, "head") if head else sides.head(space, root)}
    if asked.base:
        places["base"] = sides.base(space, root, asked.base)
    elif python:
        places["base"] = places["head"]._replace(name=asked.base_python)
    if asked.far:
        places["far"] = sides.base(space, root, asked.far, "far")

    def look(label: str) -> Side:
        home = sides.home(places[label], root, python if label == "base" else "")
        side = sides.survey(places[label], home, question)
        # The harness is this one on every side, and so are its engines.
        return side._replace(found=msgspec.structs.replace(side.found, engines=own | side.found.engines))

    own = engines.builtin()
    with ThreadPoolExecutor() as pool:
        there = dict(zip(places, pool.map(look, places), strict=True))
    if gone := sides.absent(there["head"], prepared.plan.open):
        name, why = next(iter(gone.items()))
        message = f"head ({there['head'].place.name}) has no {name}: {why or 'leave it out, or name another head'}"
        raise UsageError(message)
    return there


def _within(path: str, root: Path) -> str:
    """A file of head's tree by its place in it, so that every side takes its own; another one as it is."""
    real = Path(path).resolve()
    return os.path.relpath(real, root) if real.is_relative_to(sides.top(root)) else str(real)


def _imports(prepared: Prepared, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    shapes = {wrappers.bare(case.architecture): case.input_shape for case in prepared.plan.cases}
    return {name: shapes[name] for name in map(wrappers.bare, names) if wrappers.imported(name) and name in shapes}


def _comparable(plan: Plan, gate: tolerances.Gate) -> None:
    """Refuse what has nothing to compare, before anything is checked out. Raises UsageError or NothingSelectedError."""
    if not plan.open:
        message = f"every case is skipped: {next(iter(plan.skipped.values()), 'nothing is selected')}"
        raise NothingSelectedError(message)
    if gate.mode == "duet" and "throughput" in gate.metrics:
        message = "--mode duet times requests only: leave throughput out of --metric, or take --mode pingpong"
        raise UsageError(message)
    for case in plan.open:
        if case.scenario != "single-stream":
            message = f"the gate compares the scenario single-stream only, and {case.architecture} is to run {case.scenario}"
            raise UsageError(message)
        if gate.mode == "duet" and case.threads != 1:
            message = f"--mode duet gives each side a core, and {case.architecture} is to use {case.threads}: add --threads 1"
            raise UsageError(message)


def _head(prepared: Prepared, asked: Asked, gate: tolerances.Gate, found: dict[str, Side]) -> Head:
    """The first line of the file. Raises UsageError for a rule that could find nothing."""
    plan, settings = prepared.plan, prepared.settings
    bases: list[str] = [label for label in ("base", "far") if label in found]
    absent = {label: sides.absent(found[label], plan.open) for label in bases}
    compared = [case for case in plan.open if any(case.architecture not in absent[label] for label in bases)]
    # The chance of a false red is that of the whole run, all bases together.
    rule = Rule(
        alpha=gate.alpha / len(bases), min_effect=gate.min_effect, pass_below=gate.pass_below,
        screen_pairs=gate.screen_pairs, confirm_pairs=gate.confirm_pairs,
    )  # fmt: skip
    check_rule(rule, max(1, len(compared) * len(gate.metrics)))
    chosen = set(found["head"].found.architectures) if asked.architectures else set(found["head"].found.selected)
    images = heads.pictures(settings)
    return Head(
        schema=SCHEMA,
        gate_id=heads.new_id(),
        started=heads.now(),
        machine=machine.describe(),
        rule=rule,
        gate=gate,
        cases=plan.cases,
        definitions={case.id: definition(case, settings.seed, images) for case in plan.cases},
        skipped=plan.skipped,
        nulls=nulls.cases(compared[0]) if compared else (),
        sides={label: side.about for label, side in found.items()},
        absent=absent,
        removed=tuple(name for name in found["base"].found.selected if name not in chosen),
        places=_places(found["head"], [case.architecture for case in plan.cases]),
        allow_output_change=asked.allow_output_change,
        inject=asked.inject,
        neighbour=asked.neighbour,
        seed=secrets.randbelow(2**32),
        asked=msgspec.to_builtins(asked),
        settings=msgspec.to_builtins(settings),
        environment=contention.environment() | dict(found["head"].home.environment),
        command=heads.command("vbench.comparison"),
    )


def _places(head: Side, names: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Where each architecture stands, file and line, as the repository names them; for what lies within it."""
    sources = {name: head.found.architectures[name] for name in names if name in head.found.architectures}
    files = {name: Path(source.file) for name, source in sources.items() if source.file}
    top = head.place.top
    inside = {name: file.relative_to(top) for name, file in files.items() if file.is_relative_to(top)}
    return {name: (file.as_posix(), max(1, sources[name].line)) for name, file in inside.items()}


def _check_same(path: Path, head: Head) -> None:
    """Refuse to go on with a file that compared something else. Raises UsageError."""
    before = read(path).head
    for name in ("machine", "gate", "rule", "cases", "definitions", "allow_output_change"):
        was, now = getattr(before, name), getattr(head, name)
        if name == "machine":
            was, now = was.fingerprint, now.fingerprint
        if was != now:
            message = f"{path} was begun with another {name}: start a new gate"
            raise UsageError(message)
    for label, about in head.sides.items():
        old = before.sides.get(label)
        if old is None or (old.commit, old.digests, old.versions) != (about.commit, about.digests, about.versions):
            message = f"{path} was begun with another {label} ({old.name if old else 'none'}): start a new gate"
            raise UsageError(message)
