"""The device while it was measured: how fast it ran, and how hot it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate

COLUMNS = {
    "clock_mhz": "of the multiprocessors at work, in MHz",
    "temperature_c": "of the chip, in degrees Celsius",
}


@metric(
    "device_state",
    unit="",
    better="none",
    kind="sampled",
    order=44,
    description="the device after the timed passes, with work in its queue, as its driver says; empty where it does not",
    columns=COLUMNS,
)
def device_state(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The medians over processes."""
    del case
    found: dict[str, Any] = {}
    for name in COLUMNS:
        found |= middle(replicates, name)
    return found
