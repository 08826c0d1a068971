"""What an engine answers to the pictures that a check compares, and what it says of itself meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from . import job as jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from .core import Architecture, Operator
    from .interfaces import Engine, Session
    from .job import Job, Phase

# So few pictures are compared at least; all that there are, as long as the job's seconds for it have not gone by.
FEW = 4


class Answered(NamedTuple):
    """What a prepared case answered, and what its engine says of itself."""

    answers: torch.Tensor
    pictures: int
    output: tuple[float, ...]
    operators: tuple[Operator, ...]
    values: dict[str, float]
    notes: dict[str, str]
    preparation: Any


def answered(  # noqa: PLR0913 - a case, and what it is run on
    job: Job,
    engine: Engine,
    module: torch.nn.Module,
    architecture: Architecture,
    phase: Phase,
    *,
    inputs: list[torch.Tensor],
    batches: list[torch.Tensor],
) -> Answered:
    """Prepare the case and ask it: once on the first of the run's inputs, and once on each batch of pictures."""
    import torch  # noqa: PLC0415 - only workers that build need it

    from . import agreement  # noqa: PLC0415 - imports torch

    phase("prepare")
    began = time.perf_counter()
    session, preparation = jobs.prepare(job, engine, module, job.case, architecture)
    values = jobs.start_seconds(time.perf_counter() - began, preparation)
    notes = {} if preparation is None else dict(preparation.notes)
    session.load(inputs)
    phase("first run")
    session.step()
    session.synchronize()
    output = jobs.fingerprint(session, job.case, architecture)
    phase("verify")
    session.load(batches)

    def next_answer(_: torch.Tensor) -> torch.Tensor:
        session.step()
        session.synchronize()
        return agreement.flatten(session.output()).clone()

    got = asked(batches, next_answer, job)
    phase("account")
    operators = _account(session, notes)
    notes |= getattr(session, "notes", {})
    session.close()
    if preparation is not None:
        preparation.close()
    # A warm start is timed in a fresh process, and only this one pays for a cold one.
    values = {name: value for name, value in values.items() if name == "compile_cold_s"}
    return Answered(torch.cat(got), len(got) * job.case.batch, output, operators, values, notes, preparation)


def asked(batches: list[torch.Tensor], answer: Callable[[torch.Tensor], torch.Tensor], job: Job) -> list[torch.Tensor]:
    """What is answered to each batch, as long as the job's seconds for it have not gone by, and to a few pictures at least."""
    got: list[torch.Tensor] = []
    began = time.perf_counter()
    for batch in batches:
        if len(got) * job.case.batch >= FEW and time.perf_counter() - began >= job.verify_s:
            break
        got.append(answer(batch))
    return got


def _account(session: Session, notes: dict[str, str]) -> tuple[Operator, ...]:
    """What the engine says it runs, where it says anything; one that fails at it has a note and no account."""
    ask = getattr(session, "operators", None)
    if ask is None:
        return ()
    try:
        return tuple(ask())
    except Exception as error:  # noqa: BLE001 - the answers were verified; what the engine cannot say takes no row with it
        notes["operators"] = f"left empty: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return ()
