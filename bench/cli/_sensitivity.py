"""What `vbench show --sensitivity` prints: the layers that destroy agreement, worst first, and the engine with some left out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .. import modes, tables, units
from ..errors import UsageError
from . import _common as common

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..culprits import Culprits, Trial

# As many as the check of a run compares for a classifier.
PICTURES = 64


def refuse_without(given: dict[str, Any]) -> None:
    """Refuse options that only --sensitivity reads."""
    if named := [option for option, value in given.items() if value]:
        message = f"{', '.join(named)}: read by --sensitivity only; add it, or leave them out"
        raise UsageError(message)


def show(
    name: str,
    *,
    engine: Sequence[str] | None,
    precision: Sequence[str] | None,
    device: Sequence[str] | None,
    pictures: int | None,
    images: str | None,
    shape: tuple[int, ...] | None,
    weights: Path | None,
    plugin: Sequence[str] | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Find them in worker processes, and print."""
    from .. import api, culprits  # noqa: PLC0415 - they load torch, and --help must not

    axes = {"--engine": modes.split(engine or ()), "--precision": common.words(precision) or (culprits.PRECISION,)}
    axes["--device"] = common.words(device) or ("cpu",)
    for option, words in axes.items():
        if len(words) != 1 or "all" in words:
            message = f"--sensitivity is about one case: write one {option}, for example --engine openvino --precision int8"
            raise UsageError(message)
    if pictures is not None and pictures < 2:  # noqa: PLR2004 - of one picture nothing is left without its mean
        message = f"--pictures {pictures}: at least 2, since what is compared is taken minus its mean over the pictures"
        raise UsageError(message)
    prepared = api.prepare(
        (name,), engine=axes["--engine"], precision=axes["--precision"], device=axes["--device"], batch=(1,), layout=("nchw",),
        phase=("infer",), scenario=("single-stream",), input=shape, weights=weights, plugin=common.words(plugin), config=config,
        settings={} if images is None else {"images": images},
    )  # fmt: skip
    common.warn(prepared.errors)
    (case,) = prepared.plan.cases
    culprits.refuse(case, prepared.plan.skipped.get(case.id))
    found = culprits.find(case, prepared.settings, pictures=pictures or PICTURES, weights=weights, say=_say)
    if as_json:
        common.dump(found)
        return
    print(text(found))


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def text(found: Culprits) -> str:
    """The two tables."""
    header = ("layer alone in int8", "kind", "MACs", "output", "of all errors")
    layers = [
        (
            layer.path or "the network",
            layer.kind,
            units.percent(layer.macs_share),
            _db(layer.sqnr_db),
            units.percent(layer.error_share),
        )
        for layer in found.layers
    ]
    trials = [(_left(trial), *_scored(trial)) for trial in found.trials]
    note = "" if any(trial.accounted for trial in found.trials) else "\nMACs by the layers left out: the engine gives no account"
    return "\n".join((
        found.case_id,
        f"{found.pictures} pictures; calibrated with {found.calibration}",
        "",
        tables.aligned(header, layers, right=(2, 3, 4)),
        "",
        tables.aligned(("layers in floating point", "output", "MACs in int8"), trials, right=(1, 2)) + note,
    ))  # fmt: skip


def _left(trial: Trial) -> str:
    """How many of the worst layers are left out, and which they are."""
    paths = trial.full_precision
    return f"the worst {len(paths)}: {', '.join(paths)}" if paths else "none"


def _scored(trial: Trial) -> tuple[str, str]:
    return (trial.reason, units.MISSING) if trial.reason else (_db(trial.sqnr_db), units.percent(trial.share))


def _db(score: float | None) -> str:
    return units.quantity(score, "dB")
