"""The metrics: one file each, which describes the number and derives it from the replicates. No torch here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Counted, Replicate


def counted(replicates: Sequence[Replicate]) -> Counted | None:
    """The exact counts of a case: the first replicate that carries them, since counting happens once."""
    return next((r.counted for r in replicates if r.counted is not None), None)


def values(replicates: Sequence[Replicate], name: str) -> list[float]:
    """One number per process for the value of that name, from those that have it."""
    found = (r.values.get(name) for r in replicates)
    return [value for value in found if value is not None and math.isfinite(value)]


def middle(replicates: Sequence[Replicate], name: str) -> dict[str, Any]:
    """The median over processes of the value of that name, under that name; empty where none has it."""
    from ..stats import median  # metrics derive lazily, so that listing them costs nothing  # noqa: PLC0415

    found = values(replicates, name)
    return {name: median(found) if found else None}


def plain(value: Any) -> Any:
    """The value as a result file can hold it: numpy's scalars become Python's. Raises TypeError where it cannot."""
    if value is None or type(value) in {bool, int, str} or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {key: plain(item) for key, item in value.items()}
    scalar = value.item() if hasattr(value, "item") else value
    if scalar is value or type(scalar) is type(value):
        message = f"{value!r} is no number, text, truth value, list or dictionary of these"
        raise TypeError(message)
    return plain(scalar)
