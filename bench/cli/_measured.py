"""What `vbench study --measure` does: times and evaluates the trained networks, each with the weights of its first seed.

Their accuracy and their cost are then one row of a result file like any other, for `vbench.load`, reports and `vbench best`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ..errors import NothingSelectedError
from . import _common as common

if TYPE_CHECKING:
    from pathlib import Path

    from .. import evaluate as evaluation
    from ..accuracies import Finished
    from ..api import Begun
    from ..core import Case
    from ..study.log import Log

FILE = "costs.jsonl"


class Network(NamedTuple):
    """A network of the catalogue, what was done to it, and its weights."""

    architecture: str
    compression: str
    file: Path


# For about twenty networks of a millisecond; `vbench run --resume` goes on longer.
_LIMIT_S = 240.0
_BATCH = 50  # pictures at once, which changes no answer


def measure(log: Log, config: Path | None) -> bool:
    """Time and evaluate what is missing, into `costs.jsonl` beside the log; whether it was interrupted.

    Raises NothingSelectedError where no network of the catalogue has weights of the study.
    """
    from .. import api, journal  # noqa: PLC0415 - they load torch, and --help must not
    from . import _live  # noqa: PLC0415 - as above

    path = log.folder / FILE
    _, errors = api.setup(config)
    common.warn(errors)
    begun = api.continued(path, config=config) if path.exists() and journal.whole(path) else _begun(log, path, config)
    if not begun.complete and begun.execute(_live.Plain(rows=False)).ended == "interrupted":
        return True
    return _evaluate(log, begun)


def _begun(log: Log, path: Path, config: Path | None) -> Begun:
    """A run in which every network has weights of its own, and is as small as these are."""
    from .. import api, checkpoint  # noqa: PLC0415 - as above
    from .. import head as heads  # noqa: PLC0415 - as above

    networks = trained(log)
    if not networks:
        message = f"--measure: {log.folder} has no weights of a network in the catalogue; train it first, without --measure"
        raise NothingSelectedError(message)
    prepared = api.prepare(
        tuple(dict.fromkeys(own.architecture for own in networks)), engine=("eager",), device=("cpu",), also=False, config=config,
        settings={"time_limit": _LIMIT_S},
    )  # fmt: skip
    labels = {own: checkpoint.label(own.file) for own in networks}
    plan, skipped = prepared.plan, dict[str, str]()
    cases: dict[str, Case] = {}
    for case in plan.cases:
        for own in networks:
            if own.architecture == case.architecture:
                new = msgspec.structs.replace(case, weights=labels[own], compression=own.compression)
                cases[new.id] = new
                if case.id in plan.skipped:
                    skipped[new.id] = plan.skipped[case.id]
    plan = msgspec.structs.replace(plan, cases=tuple(cases.values()), skipped=skipped)
    head = heads.new(plan, prepared.settings, prepared.config.root)
    known = {labels[own]: checkpoint.read(own.file).lineage for own in networks}
    head = msgspec.structs.replace(
        head, weights={labels[own]: str(own.file) for own in networks},
        tuned={label: made.of for label, made in known.items() if made is not None and made.of},
    )  # fmt: skip
    return api.Begun(msgspec.structs.replace(prepared, plan=plan), head, path)


def _evaluate(log: Log, timed: Begun) -> bool:
    """Show the timed networks the pictures that the first seed is tested on, in the same file; whether it was interrupted."""
    from .. import datasets, journal, machine  # noqa: PLC0415 - as above
    from .. import evaluate as evaluation  # noqa: PLC0415 - as above
    from .. import head as heads  # noqa: PLC0415 - as above
    from ..accuracies import Evaluated, Evaluation  # noqa: PLC0415 - as above
    from ..registry import ARCHITECTURES  # noqa: PLC0415 - as above

    path, lines = timed.path, journal.read(timed.path)
    run = lines.run
    if run is None:  # it was written a moment ago
        return False
    if lines.evaluated:
        begun = evaluation.continued(path)
    else:
        data = log.head.source or f"clutter:{log.head.seeds[0]}"
        pictures = datasets.read(data)
        cases = tuple(msgspec.structs.replace(case, batch=_BATCH) for case in run.cases if case.id not in run.skipped)
        head = Evaluation(
            id=heads.new_id(), started=heads.now(), machine=run.machine, versions=machine.versions(), cases=cases,
            architectures=run.architectures, weights=run.weights, tuned=run.tuned, data=data, label=pictures.label,
            preprocess={case.architecture: ARCHITECTURES.get(case.architecture).preprocess for case in cases},
            targets=tuple(range(len(pictures.classes))), pictures=len(pictures), available=len(pictures),
            seed=timed.prepared.settings.seed, sources=run.sources, catalogue=run.catalogue, command=run.command,
        )  # fmt: skip
        begun = evaluation.Begun(path, Evaluated(head), cases, cases, pictures, size=lines.size, new=True, own=False)
    how = evaluation.How(workers=machine.usable_cores())
    return evaluation.execute(begun, timed.prepared.settings, how, _Told()).ended == "interrupted"


class _Told:
    """A line for each network that was evaluated."""

    def case(self, begun: evaluation.Begun, case: Case, done: int) -> None:
        """Nothing: it takes seconds."""

    def shown(self, case: Case, marks: str, pictures: int, left_s: float) -> None:
        """Nothing, as above."""

    def finished(self, case: Case, finished: Finished) -> None:
        """What it came to."""
        top1 = finished.values.get("top1")
        common.warn([f"{case.label}: {finished.status}: {finished.reason}" if top1 is None else
                     f"{case.label}: top-1 {top1:.1f} %"])  # fmt: skip


def trained(log: Log) -> list[Network]:
    """The networks with the weights that their arms were left with by the first seed, each once."""
    from ..study.log import WEIGHTS  # noqa: PLC0415 - as above

    found: dict[tuple[str, str], Network] = {}
    for arm in log.head.arms:
        trial = log.trials.get((arm.name, log.head.seeds[0]))
        if arm.architecture and trial is not None and trial.weights:
            file = log.folder / WEIGHTS / trial.weights
            found.setdefault((arm.architecture, trial.compression), Network(arm.architecture, trial.compression, file))
    return [own for own in found.values() if own.file.is_file()]
