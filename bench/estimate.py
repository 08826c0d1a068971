"""How long a plan will take: from earlier runs on this machine where there are some, else from the declared MACs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import journal
from .axes import LONG, lasts
from .errors import VbenchError
from .registry import ARCHITECTURES, ENGINES
from .stats import median

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .config import Settings
    from .core import Case

# A network whose MACs nobody declared is guessed to be of the size of a small ResNet.
_UNDECLARED = 2_000_000_000
_EFFICIENCY = 0.5
_START_S = 0.5
# The backward pass makes the gradients of the weights and those of the inputs: two products for each of the forward pass.
_TRAINING = 3
# The two windows of the energy pass and what lies between them.
_ENERGY_S = 12.0
# A server for workers imports torch once per round; on two cores that takes about so long.
_SERVER_S = 1.5


def earlier(folder: Path) -> dict[str, float]:
    """Seconds that a process of each case took in the newest runs of a results folder."""
    seconds: dict[str, float] = {}
    for file in sorted(folder.glob("*.jsonl"))[-5:]:
        try:
            replicates = journal.read(file).replicates
        except VbenchError:
            continue
        by_case: dict[str, list[float]] = {}
        for replicate in replicates:
            if replicate.role == "measure" and replicate.status == "ok":
                by_case.setdefault(replicate.case, []).append(replicate.seconds)
        seconds.update({case: median(found) for case, found in by_case.items()})
    return seconds


def matmul_rate() -> float:
    """Multiply-accumulates per second of a matrix product here, the best of a few."""
    import torch  # noqa: PLC0415 - only for an estimate without earlier runs

    size = 512
    a = torch.ones(size, size)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        torch.mm(a, a)
        best = min(best, time.perf_counter() - start)
    return float(size**3 / best)


def estimate(cases: Sequence[Case], settings: Settings, known: dict[str, float], macs_per_s: float) -> dict[str, float]:
    """Seconds that the required processes of each case will take."""
    out = {}
    for case in cases:
        step = (ARCHITECTURES.get(case.architecture).macs or _UNDECLARED) * case.batch / (_EFFICIENCY * macs_per_s)
        step *= _TRAINING if case.phase == "train" else 1
        out[case.id] = _processes(case, settings) * known.get(case.id, _START_S + _passes(case, settings, step))
    return out


def _processes(case: Case, settings: Settings) -> int:
    return 1 if case.scenario.partition(":")[0] in LONG else settings.min_processes


def _goes_on(case: Case, settings: Settings) -> float:
    """Seconds that a long scenario takes whatever the network: those it names, or those that it may search for."""
    return settings.timeout / 2 if case.scenario.startswith("server") else lasts(case.scenario)


def _passes(case: Case, settings: Settings, step: float) -> float:
    """Seconds that the passes of one process take, whose forward pass takes `step` seconds."""
    name, _, parameter = case.scenario.partition(":")
    if name in LONG:
        return 3 * step + _goes_on(case, settings)
    if name == "offline":
        return max(15 * step, settings.warmup + settings.latency + settings.throughput)
    if name == "concurrent":
        return int(parameter) * 10 * step + max(10 * step, settings.latency + settings.throughput)
    return 10 * step + max(10 * step, settings.latency) + max(3 * step, settings.throughput)


def total(cases: Sequence[Case], settings: Settings, seconds: dict[str, float]) -> float:
    """Seconds that the whole run will take at least, from what `estimate` said of each case.

    To the processes come what spreads a short run over time, a server per round, and a check of each case, which takes
    about as long as one of its processes.
    """
    least = sum(seconds[case.id] for case in cases)
    energy = _ENERGY_S * sum(not case.virtual for case in cases) if settings.energy else 0.0
    rounds = max((_processes(case, settings) for case in cases), default=0)
    if rounds > 1 and any(not case.virtual for case in cases):
        least = max(least, settings.spread)
    checked = [case for case in cases if getattr(ENGINES.get(case.engine), "builds", True)]
    if not checked:
        return least + energy
    checks = _SERVER_S + sum(seconds[c.id] / _processes(c, settings) - _goes_on(c, settings) for c in checked)
    return least + rounds * _SERVER_S + checks + energy
