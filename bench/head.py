"""The head of a result file: made for a new run, and held against what is here now before an old one is continued."""

from __future__ import annotations

import shlex
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from . import contention, drift, journal, machine, plugins
from .config import Settings
from .core import Run
from .errors import UsageError
from .plan import definition, select
from .registry import ARCHITECTURES, ENGINES
from .sources import source_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .core import Case, Facts, Machine
    from .plan import Given, Plan
    from .suites import Suite


class Place(NamedTuple):
    """Where a run takes place: the machine, what is installed there, and the variables that change what is executed."""

    machine: Machine
    versions: dict[str, str]
    environment: dict[str, str]


def here() -> Place:
    """This machine, and this process's environment."""
    return Place(machine.describe(), machine.versions(), contention.environment())


def new(plan: Plan, settings: Settings, root: Path, loaded: Given | None = None, place: Place | None = None) -> Run:
    """The head of a new result file; `root` is where `results/` lies, with what the machine measured before.

    The machine is that of `place`, in a cluster another one than this.
    """
    folder = plugins.catalogue_folder()
    names = {case.architecture for case in plan.cases}
    images = pictures(settings)
    measures, versions, environment = place or here()
    return Run(
        schema=journal.SCHEMA,
        run_id=new_id(),
        started=now(),
        machine=measures,
        versions=versions,
        settings=msgspec.to_builtins(settings),
        cases=plan.cases,
        definitions={case.id: definition(case, settings.seed, images) for case in plan.cases},
        architectures={name: facts(name, loaded) for name in names},
        skipped=plan.skipped,
        further=plan.further,
        quick=plan.quick,
        sources=sources(plan.cases),
        weights={} if loaded is None else {loaded.label: loaded.path},
        tuned={loaded.label: loaded.of} if loaded is not None and loaded.of else {},
        sentinels=drift.earlier(root / "results" / measures.slug, measures.fingerprint, versions.get("torch", ""), environment),
        environment=environment,
        commit=machine.git_commit(Path.cwd()),
        catalogue=plugins.digest(folder) if folder is not None else "",
        command=command("vbench.run(…)"),
    )


def weights(path: str | Path | None, suite: Suite) -> Given | None:
    """The file of weights, held against every network that was selected. Raises UsageError where it does not fit one of them."""
    if path is None:
        return None
    from .weights import given  # noqa: PLC0415 - imports torch

    return given(Path(path), select(suite))


def facts(name: str, loaded: Given | None) -> Facts:
    """What is declared of a network; with other classes than it was published with, that is true of another one."""
    facts = ARCHITECTURES.get(name).facts()
    if loaded is None or name not in loaded.classes:
        return facts
    return msgspec.structs.replace(facts, accuracy=(), declared_params=None, declared_macs=None)


def new_id() -> str:
    """What a file goes by: when it was begun, and a few random digits."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"


def now() -> str:
    """This moment, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def command(otherwise: str) -> str:
    """The command line that this process was started with, where it was ours."""
    return shlex.join(["vbench", *sys.argv[1:]]) if Path(sys.argv[0]).name == "vbench" else otherwise


def pictures(settings: Settings) -> str:
    """A digest of the pictures that serve as inputs; empty for seeded noise."""
    if not settings.images:
        return ""
    from .data import digest  # noqa: PLC0415 - imports torch, which reading a result file must not

    return digest(settings.images)


def sources(cases: Sequence[Case]) -> dict[str, str]:
    """A digest of the source of each architecture and engine outside of the catalogue, which has its own."""
    found = {case.architecture: ARCHITECTURES.source(case.architecture) for case in cases}
    found |= {f"engine {case.engine}": ENGINES.source(case.engine) for case in cases}
    return {name: source_digest(s) for name, s in found.items() if not s.value.startswith(plugins.CATALOGUE)}


def default_path(run: Run, root: Path) -> Path:
    """Where a result file goes that nobody named."""
    return root / "results" / run.machine.slug / f"{run.run_id}.jsonl"


def read(path: Path) -> Run:
    """The first line of an interrupted file. Raises UsageError where even that is missing."""
    run = journal.read(path).run
    if run is None:
        message = f"{path} holds nothing to resume; start again with `vbench run -o {path}`"
        raise UsageError(message)
    return run


def resume(path: Path, place: Place | None = None) -> journal.Lines:
    """What an interrupted file holds. Raises UsageError where it cannot be continued honestly, here or at that place."""
    run, lines = read(path), journal.read(path)
    measures, versions, _ = place or here()
    if run.machine.fingerprint != measures.fingerprint:
        message = f"{path} was measured on {run.machine.slug}, and this is {measures.slug}: start a new file"
        raise UsageError(message)
    for name, version in versions.items():
        if run.versions.get(name, version) != version:
            message = f"{path} was measured with {name} {run.versions[name]}, and this is {version}: start a new file"
            raise UsageError(message)
    folder = plugins.catalogue_folder()
    if folder is not None and run.catalogue and plugins.digest(folder) != run.catalogue:
        message = f"{path} was measured with other sources of the catalogue: start a new file"
        raise UsageError(message)
    for case in run.cases:
        ARCHITECTURES.get(case.architecture)
        ENGINES.get(case.engine)
    for name, found in sources(run.cases).items():
        if run.sources.get(name, found) != found:
            message = f"{path} was measured with another source of {name}, which has been edited since: start a new file"
            raise UsageError(message)
    _same_weights(path, run)
    settings = msgspec.convert(run.settings, Settings)
    images = pictures(settings)
    if any(run.definitions[case.id] != definition(case, settings.seed, images) for case in run.cases):
        message = f"{path} was measured with other pictures than {settings.images} holds now: start a new file"
        raise UsageError(message)
    return lines


def _same_weights(path: Path, run: Run) -> None:
    """Raises UsageError where a file of weights is not what it was."""
    for label, name in run.weights.items():
        from .checkpoint import digest  # noqa: PLC0415 - imports torch

        if digest(Path(name)) != label.rpartition(":")[2]:
            message = f"{path} was measured with other weights than {name} holds now: start a new file"
            raise UsageError(message)
