"""Cold start: what a fresh process pays before its first answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


COLUMNS = ("build_s", "compile_s", "compile_cold_s", "first_run_s")


@metric(
    "cold_start",
    unit="s",
    better="lower",
    kind="sampled",
    order=30,
    description="building the network, making it ready for the engine, and the first run, each timed once per process",
    columns={
        "build_s": "constructing the network and filling its weights",
        "compile_s": "the engine's preparation, with what an earlier process exported, quantised or compiled at hand",
        "compile_cold_s": "the same with nothing kept: exporting, calibrating, compiling; empty where nothing is kept",
        "first_run_s": "the first forward pass",
    },
)
def cold_start(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The medians over processes."""
    del case
    return {name: value for column in COLUMNS for name, value in middle(replicates, column).items()}
