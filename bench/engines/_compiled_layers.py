"""The layers of a network that PyTorch's compiler made: the kernels that its library calls, as the profiler sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import kinds
from ..core import Layer
from ..stats import median
from . import _compiled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def layers(folder: Path, runs: Sequence[Sequence[tuple[str, float]]]) -> list[Layer]:
    """The kernels in the order in which they ran, from the profiler's `(name, seconds)` of some runs, with the medians."""
    told = [_compiled.joined(folder, events) for events in runs]
    # Each run calls the same; one that the profiler saw only a part of is left out.
    same = [run for run in told if [name for name, _, _ in run] == [name for name, _, _ in told[0]]]
    found = []
    for number, (name, seconds, kernel) in enumerate(told[0]):
        times = [took for run in same if (took := run[number][1]) is not None]
        found.append(
            Layer(
                path=kernel.path,
                operator=kernel.name.strip("_") or _generated(name),
                kind=kernel.kind or (kinds.LINEAR if kernel.macs else kinds.of_name(name)),
                precision=kernel.precision,
                output=kernel.output,
                macs=kernel.macs,
                bytes=kernel.bytes,
                seconds=median(times) if seconds is not None else None,
            )
        )
    return found


def _generated(name: str) -> str:
    """What is generated, without its number: `fused cat relu`."""
    words = name.rpartition("_fused_")[2].split("_")
    return " ".join(["fused", *(word for word in words if word and not word.isdigit())])
