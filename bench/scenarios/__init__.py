"""Scenarios: what is done with a prepared case. One file each; `server:15ms` is the file `server` with `15ms` for it.

Each has `measure(bench)`, which returns fields of a Replicate; single numbers of the process go into `bench.values`, and
words about them into `bench.notes`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core import Architecture, Case
    from ..devices import Device
    from ..interfaces import Session
    from ..job import Job, Phase


@dataclass(kw_only=True)
class Bench:
    """A prepared case with everything that a scenario may use, inside a worker.

    `inputs` are the host's tensors in rotation, None for an engine that needs no network; no others refer to them, so that a
    scenario that looks at the memory can let go of them by emptying the list. `prepare(batch)` makes another
    session of the same network for another batch; its inputs are already loaded.
    """

    job: Job
    case: Case
    architecture: Architecture | None
    device: Device
    clock: Callable[[], int]
    session: Session
    inputs: Any
    prepare: Callable[[int], Session]
    phase: Phase
    values: dict[str, float]
    notes: dict[str, str]

    @property
    def parameter(self) -> str:
        """What stands after the colon in the scenario's name."""
        return self.case.scenario.partition(":")[2]


class Scenario(Protocol):
    """What a module of this package offers."""

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Fields of a Replicate."""


def get(scenario: str) -> Scenario:
    """The module of a scenario."""
    module: Any = importlib.import_module("." + scenario.partition(":")[0].replace("-", "_"), __name__)
    return module  # type: ignore[no-any-return]  # a module with that function
