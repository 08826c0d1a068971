"""One worker's task, and the steps that every kind of task shares: load, set the threads, make the inputs, look at the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from . import machine, measure, plugins
from .core import Architecture, Case, Source
from .registry import ARCHITECTURES, ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from .config import Settings
    from .interfaces import Engine, Session


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's task. `check` counts and verifies; without it the worker measures within `budget`."""

    case: Case
    number: int = 0
    index: int = 0
    round: int = 0
    server: int = 0
    check: bool = False
    count_only: bool = False
    architecture: Source | None = None
    engine: Source
    catalogue: str = ""
    images: str = ""
    seed: int = 0
    memory_limit: int | None = None
    budget: measure.Budget = measure.Budget()
    expected: tuple[float, ...] = ()


def memory_limit(settings: Settings) -> int:
    """What a worker may hold, in bytes: as set, or nine tenths of what is free now."""
    return settings.memory_limit or int(0.9 * machine.memory_available())


def catalogue() -> str:
    """Where a worker finds the catalogue that this process uses."""
    folder = plugins.catalogue_folder()
    return str(folder) if folder is not None else ""


def count_job(case: Case, settings: Settings) -> Job:
    """Counting alone, for the exact gate."""
    return Job(
        case=case,
        check=True,
        count_only=True,
        architecture=ARCHITECTURES.source(case.architecture),
        engine=ENGINES.source(case.engine),
        catalogue=catalogue(),
        memory_limit=memory_limit(settings),
    )


class Wrong(Exception):  # noqa: N818 - not an error of the harness but a finding about the network
    """The network or the engine gives an answer that cannot be right; the reason goes into the row."""


class Phase:
    """Says what the worker is doing, so that a crash can name it; written between passes, never inside one."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.name = "start"

    def __call__(self, name: str) -> None:
        """Enter the phase."""
        self.name = name
        self._tell(name)


def load(job: Job) -> tuple[Architecture | None, Engine]:
    """Register again what the job names; the architecture is None for an engine that needs no network."""
    plugins.load(job.engine, job.catalogue)
    engine = ENGINES.get(job.case.engine)()
    if not getattr(engine, "builds", True) or job.architecture is None:
        return None, engine
    plugins.load(job.architecture, job.catalogue)
    return ARCHITECTURES.get(job.case.architecture), engine


def settle_threads(case: Case, notes: dict[str, str]) -> None:
    """As many threads as the case says, read back; denormals flushed, since they run many times slower."""
    import torch  # noqa: PLC0415 - a worker of the fake engine never needs it

    torch.set_num_threads(case.threads)
    torch.set_num_interop_threads(1)
    if torch.get_num_threads() != case.threads:
        message = f"asked for {case.threads} threads and got {torch.get_num_threads()}"
        raise Wrong(message)
    notes["flush_denormal"] = str(torch.set_flush_denormal(True)).lower()


def inputs(job: Job, architecture: Architecture | None) -> list[torch.Tensor]:
    """The inputs in rotation, each of shape `(batch, *input)`: pictures where the job names some, else seeded noise."""
    from . import data  # noqa: PLC0415 - imports torch

    case = job.case
    if job.images and architecture is not None:
        tensor = data.images(job.images, case.input_shape, data.ROTATION * case.batch, architecture.preprocess)
        return list(tensor.split(case.batch))
    return data.noise(case.input_shape, case.batch, job.seed)


def fingerprint(session: Session, case: Case, architecture: Architecture | None) -> tuple[float, ...]:
    """Check the shape and the values of the last output; a few of its values, to compare between processes."""
    if architecture is None:
        return ()
    import torch  # noqa: PLC0415 - a worker of the fake engine never needs it

    from . import agreement  # noqa: PLC0415 - imports torch

    try:
        output = agreement.flatten(session.output())
    except (TypeError, ValueError) as error:
        message = f"wrong_shape: {error}"
        raise Wrong(message) from None
    if output.shape[0] != case.batch:
        message = f"wrong_shape: the output's first dimension is {output.shape[0]}, and the batch is {case.batch}"
        raise Wrong(message)
    if not bool(torch.isfinite(output).all()):
        message = "wrong_output: the output holds NaN or infinity"
        raise Wrong(message)
    return agreement.fingerprint(output[:1])
