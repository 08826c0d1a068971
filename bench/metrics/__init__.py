"""The metrics: one file each, which describes the number and derives it from the replicates. No torch here."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Counted, Metric, Replicate, Run


def derive(metric: Metric, case: Case, replicates: Sequence[Replicate], run: Run) -> dict[str, Any]:
    """The metric's columns; one whose function has a parameter `run` is told of the head of the file too."""
    try:
        told = "run" in inspect.signature(metric.derive).parameters
    except (TypeError, ValueError):  # what is written in C may not say what it takes
        told = False
    return metric.derive(case, replicates, run=run) if told else metric.derive(case, replicates)


def ceiling_key(device: str, precision: str, threads: int) -> str:
    """Under which name the ceilings of these stand in `Run.ceilings`."""
    return f"{device},{precision},t{threads}"


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
