"""What `vbench study --measure` does: times the trained networks in one run, each with the weights of its first seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..errors import NothingSelectedError
from . import _common as common

if TYPE_CHECKING:
    from pathlib import Path

    from ..api import Begun
    from ..study.log import Log

FILE = "costs.jsonl"
# For about twenty networks of a millisecond; `vbench run --resume` goes on longer.
_LIMIT_S = 240.0


def measure(log: Log, config: Path | None) -> bool:
    """Time what is missing, into `costs.jsonl` beside the log; whether it was interrupted.

    Raises NothingSelectedError where no network of the catalogue has weights of the study.
    """
    from .. import api, journal  # noqa: PLC0415 - they load torch, and --help must not
    from . import _live  # noqa: PLC0415 - as above

    path = log.folder / FILE
    _, errors = api.setup(config)
    common.warn(errors)
    begun = api.continued(path, config=config) if path.exists() and journal.whole(path) else _begun(log, path, config)
    return not begun.complete and begun.execute(_live.Plain(rows=False)).ended == "interrupted"


def _begun(log: Log, path: Path, config: Path | None) -> Begun:
    """A run in which every network has weights of its own."""
    from .. import api, checkpoint  # noqa: PLC0415 - as above
    from .. import head as heads  # noqa: PLC0415 - as above

    files = trained(log)
    if not files:
        message = f"--measure: {log.folder} has no weights of a network in the catalogue; train it first, without --measure"
        raise NothingSelectedError(message)
    prepared = api.prepare(
        tuple(files), engine=("eager",), device=("cpu",), also=False, config=config, settings={"time_limit": _LIMIT_S}
    )
    labels = {name: checkpoint.label(file) for name, file in files.items()}
    cases = tuple(msgspec.structs.replace(case, weights=labels[case.architecture]) for case in prepared.plan.cases)
    renamed = {old.id: new.id for old, new in zip(prepared.plan.cases, cases, strict=True)}
    skipped = {renamed[case]: reason for case, reason in prepared.plan.skipped.items()}
    plan = msgspec.structs.replace(prepared.plan, cases=cases, skipped=skipped)
    head = heads.new(plan, prepared.settings, prepared.config.root)
    head = msgspec.structs.replace(head, weights={labels[name]: str(file) for name, file in files.items()})
    return api.Begun(msgspec.structs.replace(prepared, plan=plan), head, path)


def trained(log: Log) -> dict[str, Path]:
    """By architecture, the weights that its arm was left with by the first seed."""
    from ..study.log import WEIGHTS  # noqa: PLC0415 - as above

    found: dict[str, Path] = {}
    for arm in log.head.arms:
        trial = log.trials.get((arm.name, log.head.seeds[0]))
        if arm.architecture and trial is not None and trial.weights:
            found.setdefault(arm.architecture, log.folder / WEIGHTS / trial.weights)
    return {name: file for name, file in found.items() if file.is_file()}
