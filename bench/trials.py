"""The gate's test of itself: a revision against itself again and again, as it is or slower by a known size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from . import comparison, neighbour
from .errors import UsageError
from .gate.log import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .api import Prepared
    from .comparison import Asked
    from .gate.rounds import Gate

# Longer than any run: the neighbour's schedule ends with the run.
_LONGEST_S = 36_000.0


def run(prepared: Prepared, asked: Asked, folder: Path, runs: int, *, told: Callable[[str], None]) -> bool:
    """Compare a revision with itself until `folder` holds that many complete runs of this kind; False after Ctrl-C.

    An interrupted run is gone on with. Every run checks out both sides anew, and no pair is used twice.
    """
    if not 0 <= asked.inject < 1:
        message = f"--inject {asked.inject}: write a share between 0 and 1, for example --inject 5%"
        raise UsageError(message)
    asked = msgspec.structs.replace(asked, base=asked.base or "HEAD", twins=True)
    name = f"plus{asked.inject * 100:g}" if asked.inject else "same"
    if asked.neighbour:
        neighbour.available()
        name += "-neighbour"
    for number in range(runs):
        path = folder / f"{name}-{number:03d}.pairs.jsonl"
        if path.with_name(f"{path.name}.gz").exists():
            continue  # packed, so it was complete
        there = path.exists() and path.stat().st_size > 0
        if there and read(path).ended == "complete":
            continue
        told(f"{name} {number + 1} of {runs}")
        with comparison.begin(prepared, asked, output=path, resume=there) as gate:
            if _one(gate, path.name if asked.neighbour else "") == "interrupted":
                return False
    return True


def _one(gate: Gate, seed: str) -> str:
    """Run it, with a seed beside a neighbour that comes and goes by a schedule drawn from that; how it ended."""
    if not seed:
        return gate.run().ended
    with neighbour.Bursts(neighbour.schedule(seed, _LONGEST_S)) as running:
        ended = gate.run().ended
    gate.beside(running.ran)
    return ended
