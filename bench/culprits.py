"""Which layers of a case destroy its agreement in int8, worst first, and what leaving them in floating point brings and costs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from . import compress, engines
from .counting import module_table
from .errors import UsageError, VbenchError
from .job import Job, catalogue, memory_limit
from .metrics.executed import shares
from .registry import ARCHITECTURES, ENGINES
from .supervisor import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .config import Settings
    from .core import Case, Replicate

PRECISION = "int8"
# Where the agreement of a deployed network is taken to be good: an error of a tenth of the signal.
ENOUGH_DB = 20.0
# How many of the worst layers are left out, one trial after the other; from the fourth on, two in a row that bring less end it.
STEPS = (0, 1, 2, 4, 8)
GAIN_DB = 0.5
_PATIENT = 3
# A worker counts, exports and calibrates for as long as it takes: whoever waits can interrupt it.
_TIMEOUT_S = 86_400.0


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that was quantised alone: what the network's output then scores against fp32, and its share of the MACs.

    `error_share` is its part of the sum of all layers' errors: where the worst has little of it, no single layer is to blame.
    """

    path: str
    kind: str
    macs_share: float
    sqnr_db: float
    error_share: float


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The engine with some layers left in floating point: what it scores, and the share of the MACs that it quantised.

    `share` is by the engine's own account, or, where it gives none (`accounted` is false), by the layers that were left out.
    """

    full_precision: tuple[str, ...]
    sqnr_db: float | None = None
    share: float | None = None
    accounted: bool = False
    reason: str = ""


class Culprits(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about a case."""

    case_id: str
    pictures: int
    calibration: str
    layers: tuple[Layer, ...]
    trials: tuple[Trial, ...]


def refuse(case: Case, skipped: str | None) -> None:
    """Raise UsageError with one line for a case in which there is nothing to leave out of a quantisation."""
    if case.precision != PRECISION:
        message = (
            f"--sensitivity leaves layers out of a quantisation, and {case.precision} is none: write --precision {PRECISION}"
        )
        raise UsageError(message)
    if skipped is None and getattr(ENGINES.get(case.engine), "exports", False):
        return
    reason = skipped or f"the {case.engine} engine does not take which layers it is to leave in floating point (exports)"
    able = [name for name, engine in engines.known().items() if not isinstance(engine, str) and _quantises(engine, case, name)]
    there = f"those that quantise here: {', '.join(able)}" if able else "none here quantises: pip install 'vbench[engines]'"
    message = f"{reason.rstrip('.')}; {there}"
    raise UsageError(message)


def _quantises(engine: object, case: Case, name: str) -> bool:
    plain = msgspec.structs.replace(case, engine=name, engine_options=())
    return bool(getattr(engine, "exports", False)) and engine.skip(plain) is None  # type: ignore[attr-defined]  # an Engine


def find(case: Case, settings: Settings, *, pictures: int, weights: Path | None = None, say: Callable[[str], None]) -> Culprits:
    """Rank the layers, then ask the engine. Raises VbenchError with the worker's reason where there is no score at all."""
    # Each of the layers costs a forward pass on every picture, and nothing of it is timed.
    batches = -(-pictures // case.batch)
    job = Job(
        case=case, check=True, architecture=ARCHITECTURES.source(case.architecture), engine=ENGINES.source(case.engine),
        compressors=compress.sources(case), catalogue=catalogue(), images=_absolute(settings.images), weights=_absolute(weights),
        seed=settings.seed, memory_limit=memory_limit(settings), pictures=batches * case.batch,
    )  # fmt: skip
    with Server(start=settings.start) as server:

        def ask(told: Callable[[str], None] | None, **changes: object) -> Replicate:
            return server.run(msgspec.structs.replace(job, **changes), _TIMEOUT_S, told)

        say(f"eager, each layer alone on {job.pictures} pictures")
        alone = _sound(ask(say, sensitivity="layers"))
        layers = _ranked(case, alone)
        trials: list[Trial] = []
        while (left := _next(layers, trials)) is not None:
            say(f"{case.engine} with {len(left) or 'no'} layer{'s' * (len(left) > 1)} in floating point")
            found = ask(None, sensitivity="engine", full_precision=left)
            if found.status != "ok" and not trials:
                _sound(found)
            trials.append(_trial(case, left, layers, found))
    return Culprits(
        case_id=case.id,
        pictures=job.pictures,
        calibration=alone.notes.get("calibration", ""),
        layers=layers,
        trials=tuple(trials),
    )


def _absolute(path: str | Path | None) -> str:
    """A path as a worker finds it, which is at home elsewhere; empty where there is none."""
    return str(Path(path).resolve()) if path else ""


def _sound(found: Replicate) -> Replicate:
    if found.status != "ok":
        message = f"{found.status}: {found.reason}"
        raise VbenchError(message)
    return found


def _ranked(case: Case, alone: Replicate) -> tuple[Layer, ...]:
    """The layers, that which alone does most harm first."""
    costs = {cost.path: cost for cost in module_table(ARCHITECTURES.get(case.label).build, case.input_shape)}
    total = costs[""].macs or 1
    errors = {path: 10 ** (-score / 10) for path, (score,) in alone.states.items()}
    found = [
        Layer(
            path=path, kind=costs[path].kind, macs_share=costs[path].macs / total, sqnr_db=score,
            error_share=errors[path] / sum(errors.values()),
        )
        for path, (score,) in alone.states.items()
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda layer: layer.sqnr_db))


def _next(layers: Sequence[Layer], trials: Sequence[Trial]) -> tuple[str, ...] | None:
    """What the next trial leaves out; None where the last was good enough, or where leaving out more brings nothing."""
    scores = [trial.sqnr_db for trial in trials]
    if scores and (scores[-1] is None or scores[-1] >= ENOUGH_DB):
        return None
    gains = [after - before for before, after in pairwise(scores) if before is not None and after is not None]
    # One layer of many, and then a second, bring little even where four bring much.
    if len(gains) >= _PATIENT and max(gains[-2:]) < GAIN_DB:
        return None
    number = len(trials)
    if number == len(STEPS) or (number and STEPS[number - 1] >= len(layers)):
        return None
    return tuple(layer.path for layer in layers[: STEPS[number]])


def _trial(case: Case, left: tuple[str, ...], layers: Sequence[Layer], found: Replicate) -> Trial:
    if found.status != "ok":
        return Trial(full_precision=left, reason=f"{found.status}: {found.reason}")
    by_account = shares(found.operators, None)
    by_layers = 1.0 - sum(layer.macs_share for layer in layers if layer.path in left)
    return Trial(
        full_precision=left,
        sqnr_db=found.values["agreement_sqnr_db"],
        share=by_account.get(case.precision, 0.0) if by_account else by_layers,
        accounted=bool(by_account),
    )
