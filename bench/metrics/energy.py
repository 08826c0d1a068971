"""Energy: what a counter of the device says that an image costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core import STEADY
from ..registry import metric
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate, Run

NUMBERS = {
    "energy_j": "joules per image, idle power included",
    "energy_above_idle_j": "joules per image above what the device takes with the network loaded and nothing to do",
    "power_w": "mean power during the pass",
    "idle_power_w": "mean power of the idle window before it",
    "energy_dram_j": "joules per image of the memory, where it has a counter; not in energy_j",
}


@metric(
    "energy",
    unit="J",
    better="lower",
    kind="sampled",
    order=46,
    description="a counter's difference over at least 5 s of continuous submission after warm-up, per image, in a worker of its "
    "own after all timing (--energy); once per case, so it carries no interval",
    columns={
        **NUMBERS,
        "energy_method": "the counter, and what it covers",
        "energy_note": "why there is no energy where it was asked for",
    },
)
def energy(case: Case, replicates: Sequence[Replicate], run: Run) -> dict[str, Any]:
    """As the energy pass found it; where nothing can measure it, empty with the reason."""
    passes = [r for r in replicates if r.role == "energy"]
    found = [r for r in passes if "energy_j" in r.values]
    numbers = {name: value for column in NUMBERS for name, value in middle(found, column).items()}
    return numbers | {
        "energy_method": found[0].notes.get("energy_method") if found else None,
        "energy_note": None if found else _why(case, passes, asked=bool(run.settings.get("energy"))),
    }


def _why(case: Case, passes: Sequence[Replicate], *, asked: bool) -> str | None:
    """The reason for an empty cell; None where nobody asked."""
    if passes:
        return passes[0].reason or passes[0].notes.get("energy")
    if not asked:
        return None
    if case.scenario.partition(":")[0] not in STEADY:
        return f"read only under continuous submission ({', '.join(STEADY)})"
    return "not read: the pass that reads it comes after all timing, and was not reached"
