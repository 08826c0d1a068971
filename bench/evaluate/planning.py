"""What an evaluation is about, held against what is here and what its file holds already, before anything is computed."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from .. import classes, datasets, journal, machine, plugins
from .. import head as heads
from ..accuracies import Evaluated, Evaluation
from ..errors import UsageError
from ..plan import Plan
from ..registry import ARCHITECTURES, ENGINES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..config import Settings
    from ..core import Case, Run
    from ..datasets import Pictures
    from ..plan import Given


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The data, which output each of its classes is where that is not their order, and how many pictures of it if not all."""

    data: str
    classes: Path | None = None
    pictures: int | None = None


class Planned(NamedTuple):
    """The cases, how workers are treated, the file of weights, and the folder in which `results/` lies.

    `tuned` are the files of networks that were trained from that one, by their values of the axis `weights`.
    """

    plan: Plan
    settings: Settings
    weights: Given
    root: Path
    tuned: Mapping[str, str] = MappingProxyType({})


class Begun(NamedTuple):
    """An evaluation as it stands: new, or as far as an earlier session came.

    `asked` are the cases, and `todo` those that are not whole. `head` is that of a file that is to be begun; `new` says that the
    evaluation is to be written down, and `own` that the file is of evaluations alone.
    """

    path: Path
    evaluated: Evaluated
    asked: tuple[Case, ...]
    todo: tuple[Case, ...]
    pictures: Pictures
    head: Run | None = None
    size: int = 0
    new: bool = False
    own: bool = True


def begin(prepared: Planned, asked: Asked, output: Path | None) -> Begun:
    """A new evaluation, in a file of its own or behind what `output` holds; where that has begun with it, the rest.

    Raises UsageError where network, weights and data do not go together, before anything is computed.
    """
    plan, given = prepared.plan, prepared.weights
    for case in plan.cases:
        refuse(case)
    pictures = datasets.read(asked.data)
    if asked.pictures is not None and not 0 < asked.pictures <= len(pictures):
        message = f"--pictures {asked.pictures}: the data has {len(pictures)}, so write a number from 1 to that, or leave it out"
        raise UsageError(message)
    head = heads.new(Plan((), {}), prepared.settings, prepared.root, given)
    evaluation = _evaluation(head, prepared, pictures, asked)
    path = output or heads.default_path(head, prepared.root)
    lines = journal.read(path) if path.is_file() and journal.whole(path) else None
    begun = Begun(path, Evaluated(evaluation), plan.cases, plan.open, pictures, head, new=True)
    if lines is None or lines.run is None:
        return begun
    alike = [one for one in lines.evaluated if _same(one.head, evaluation)]
    done = {case.id for one in alike for case in one.head.cases if case.id not in one.head.skipped and not one.open(case)}
    todo = tuple(case for case in plan.open if case.id not in done)
    wanted = {case.id for case in todo}
    begun = begun._replace(todo=todo, head=None, size=lines.size, own=not lines.run.cases)
    earlier = next((one for one in reversed(alike) if wanted <= {case.id for case in one.head.cases}), None)
    if earlier is not None:
        return begun._replace(evaluated=earlier, new=False)
    rest = tuple(case for case in plan.cases if case.id not in done)
    return begun._replace(evaluated=Evaluated(msgspec.structs.replace(evaluation, cases=rest)))


def continued(path: Path) -> Begun:
    """The latest evaluation of a file that is not whole, else the latest. Raises UsageError where it cannot go on honestly."""
    lines = journal.read(path)
    if lines.run is None or not lines.evaluated:
        message = f"{path} holds no evaluation: `vbench evaluate NAME --weights FILE --data folder:PATH -o {path}` begins one"
        raise UsageError(message)
    unfinished = [one for one in lines.evaluated if any(map(one.open, one.head.cases))]
    evaluated = (unfinished or list(lines.evaluated))[-1]
    head = evaluated.head
    _refuse_other(path, head)
    pictures = datasets.read(head.data)
    if pictures.label != head.label:
        message = f"{path} was evaluated on {head.label}, and there is {pictures.label} now: start a new file"
        raise UsageError(message)
    todo = tuple(case for case in head.cases if evaluated.open(case))
    return Begun(path, evaluated, head.cases, todo, pictures, size=lines.size, own=not lines.run.cases)


def refuse(case: Case) -> None:
    """Raise UsageError for a network whose answers are no classes, or that takes no pictures."""
    task = ARCHITECTURES.get(case.architecture).task
    if task != "classification":
        message = (
            f"{case.architecture} is for {task}, and what is counted here are right classes: name a classifier (vbench list)"
        )
        raise UsageError(message)
    if not getattr(ENGINES.get(case.engine), "builds", True):
        message = f"the {case.engine} engine builds no network, which could answer nothing: --engine eager, or another"
        raise UsageError(message)
    if len(case.input_shape) != 3 or case.input_shape[0] not in {1, 3}:  # noqa: PLR2004 - a picture has 1 or 3 channels
        shape = "x".join(map(str, case.input_shape))
        message = f"{case.architecture} takes {shape}, and a picture has 1 or 3 channels, a height and a width"
        raise UsageError(message)


def outputs(name: str, weights: Path, shape: tuple[int, ...]) -> int | None:
    """How many classes the network answers with these weights; None where that cannot be told without computing."""
    import torch  # noqa: PLC0415 - --help must not import it

    from .. import agreement  # noqa: PLC0415 - as above
    from ..weights import fit  # noqa: PLC0415 - as above

    fitted = fit(ARCHITECTURES.get(name), weights)
    try:
        with torch.device("meta"), torch.no_grad():
            answer = agreement.tensors(fitted().eval()(torch.empty(1, *shape)))[0]
    except Exception:  # noqa: BLE001 - what cannot be done without numbers is found out with the first batch
        return None
    return int(answer.shape[1]) if answer.dim() == 2 else None  # noqa: PLR2004 - pictures and classes


def resolved(data: str) -> str:
    """The same data from any folder."""
    kind, _, place = data.partition(":")
    return f"{kind}:{Path(place).resolve()}" if datasets.KINDS[kind].endswith("PATH") else data


def _evaluation(head: Run, prepared: Planned, pictures: Pictures, asked: Asked) -> Evaluation:
    plan, settings, given = prepared.plan, prepared.settings, prepared.weights
    named = None if asked.classes is None else classes.mapping(asked.classes)
    shapes = {case.architecture: case.input_shape for case in plan.cases}
    targets: tuple[int, ...] = ()
    for name, shape in shapes.items():
        targets = classes.targets(pictures, outputs(name, Path(given.path), shape), named, f"--data {asked.data}")
    return Evaluation(
        id=heads.new_id(), started=head.started, machine=head.machine, versions=head.versions, cases=plan.cases,
        architectures={name: heads.facts(name, given) for name in shapes},
        preprocess={name: ARCHITECTURES.get(name).preprocess for name in shapes},
        weights={given.label: str(Path(given.path).resolve()), **prepared.tuned}, data=resolved(asked.data),
        tuned=dict.fromkeys(prepared.tuned, given.label) | ({given.label: given.of} if given.of else {}),
        label=pictures.label, targets=targets, pictures=asked.pictures or len(pictures), available=len(pictures),
        skipped=plan.skipped, mapped=asked.classes is not None, seed=settings.seed,
        images=settings.images, sources=heads.sources(plan.cases),
        catalogue=head.catalogue, command=head.command,
    )  # fmt: skip


def _same(one: Evaluation, other: Evaluation) -> bool:
    """Whether answers of one may stand beside those of the other: everything but when, by which command, and for which cases."""
    fields = ("versions", "label", "targets", "pictures", "seed", "images", "catalogue", "mapped")
    if any(getattr(one, field) != getattr(other, field) for field in fields):
        return False
    shared = one.sources.keys() & other.sources.keys()
    sources = all(one.sources[name] == other.sources[name] for name in shared)
    # With other weights a case has another id.
    return sources and one.machine.fingerprint == other.machine.fingerprint


def _refuse_other(path: Path, head: Evaluation) -> None:
    """Raise UsageError where this machine, its packages, the networks or the weights are not those of the file."""
    from ..checkpoint import digest  # noqa: PLC0415 - imports torch

    for case in head.cases:
        ARCHITECTURES.get(case.architecture)
        ENGINES.get(case.engine)
    here, versions, folder = machine.describe(), machine.versions(), plugins.catalogue_folder()
    found = {
        f"on {head.machine.slug}, and this is {here.slug}": head.machine.fingerprint != here.fingerprint,
        "with other sources of the catalogue": folder is not None and head.catalogue not in {"", plugins.digest(folder)},
    }
    for name, version in versions.items():
        found[f"with {name} {head.versions.get(name)}, and this is {version}"] = head.versions.get(name, version) != version
    for name, source in heads.sources(head.cases).items():
        found[f"with another source of {name}, which has been edited since"] = head.sources.get(name, source) != source
    for label, file in head.weights.items():
        found[f"with other weights than {file} holds now"] = digest(Path(file)) != label.rpartition(":")[2]
    if problem := next((problem for problem, wrong in found.items() if wrong), None):
        message = f"{path} was evaluated {problem}: start a new file"
        raise UsageError(message)
