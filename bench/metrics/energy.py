"""Energy: what a counter of the device says that an image costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate

NUMBERS = {
    "energy_j": "joules per image, idle power included",
    "energy_above_idle_j": "joules per image above what the device takes with the network loaded and nothing to do",
    "power_w": "mean power during the pass; without one, what the device said of itself after the latency pass",
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
    columns={**NUMBERS, "energy_method": "the counter, and what it covers"},
)
def energy(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As the energy pass found it; empty where nothing can measure it."""
    del case
    said = middle([r for r in replicates if r.role == "measure"], "power_w")
    found = [r for r in replicates if r.role == "energy" and "energy_j" in r.values]
    numbers = {name: value for column in NUMBERS for name, value in middle(found, column).items()}
    method = found[0].notes.get("energy_method") if found else None
    return numbers | {"energy_method": method} | ({} if found else said)
