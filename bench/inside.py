"""A case made ready in this very process, for tools that time what they are given. No number of vbench's own comes from it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import devices, job
from .errors import VbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .config import Settings
    from .core import Case

_WARM_UP = 3


@contextmanager
def session(case: Case, settings: Settings) -> Iterator[Callable[[], None]]:
    """A function that runs the case once and waits for its end; torch's threads are as they were afterwards.

    Raises VbenchError where it cannot run, or answers with NaN or another shape than it should.
    """
    asked = job.count_job(case, settings)
    architecture, engine = job.load(asked)
    undo = _threads(case) if architecture is not None else None
    try:
        module: Any = None if architecture is None else job.build(architecture, case, {})
        job.settle_device(asked, devices.get(case.device), {})
        ready = engine.prepare(module, case)
        try:
            ready.load(None if architecture is None else job.inputs(asked, architecture))

            def step() -> None:
                ready.step()
                ready.synchronize()

            for _ in range(_WARM_UP):
                step()
            job.fingerprint(ready, case, architecture)
            yield step
        finally:
            ready.close()
    except job.Wrong as error:
        message = f"{case.label}: {error}"
        raise VbenchError(message) from None
    finally:
        if undo is not None:
            undo()


def _threads(case: Case) -> Callable[[], None]:
    """As many threads as the case says; a function that puts back what was there."""
    import torch  # noqa: PLC0415 - the fake engine needs none

    before = torch.get_num_threads()
    torch.set_num_threads(case.threads)
    return lambda: torch.set_num_threads(before)
