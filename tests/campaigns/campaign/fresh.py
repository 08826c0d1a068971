"""The tools that vbench is compared with, each in a fresh process per network and repetition."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vbench.errors import VbenchError

from .ours import without_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vbench.core import Source

    from .ours import Task

TIMERS = Path(__file__).resolve().parent.parent / "timers"
LIMIT_S = 300.0


class FreshError(VbenchError):
    """A tool's process did not do what it was started for."""


def command(words: Sequence[str], environment: Mapping[str, str] | None = None, limit_s: float = LIMIT_S) -> tuple[str, float]:
    """Run a command to its end, blocked on its pipe: its standard output, and the seconds from its start to its end."""
    began = time.perf_counter()
    try:
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, timeout=limit_s, env={**os.environ, **(environment or {})}
        )
    except subprocess.TimeoutExpired:
        message = f"{Path(words[-1]).name}: not done after {limit_s:g} s"
        raise FreshError(message) from None
    if done.returncode != 0:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["nothing"]
        message = f"a tool's process left with {done.returncode}: {without_paths(said[-1])[:300]}"
        raise FreshError(message)
    return done.stdout, time.perf_counter() - began


@cache
def _source(network: str) -> tuple[Source, str]:
    """Where a network comes from, and the folder of the catalogue."""
    import vbench  # noqa: PLC0415 - its names are resolved on use, and this one loads the catalogue
    from vbench import job  # noqa: PLC0415 - as above

    return vbench.catalogue(network)[0].source, job.catalogue()


def subject(task: Task, network: str, budget: float) -> str:
    """What a timer needs to know about a network, as JSON."""
    source, catalogue = _source(network)
    told = {"name": network, "source": source, "catalogue": catalogue}
    told |= {"threads": task.settings["threads"], "seed": task.settings["seed"], "budget": budget}
    return msgspec.json.encode(told).decode()


def torch_timer(task: Task, network: str, budget: float) -> dict[str, Any]:
    """`torch.utils.benchmark.Timer.blocked_autorange(min_run_time=budget)` in a fresh process."""
    started = time.time()
    text, seconds = command([sys.executable, str(TIMERS / "torch_timer.py"), subject(task, network, budget)])
    found: dict[str, Any] = msgspec.json.decode(text)
    return found | {"started_s": started, "seconds": seconds}


def loop_timer(task: Task, network: str, budget: float, rounds: int) -> dict[str, Any]:
    """Our loop and `blocked_autorange` by turns on the same call in one fresh process: pairs of medians, ours first."""
    started = time.time()
    text, seconds = command([sys.executable, str(TIMERS / "loop_timer.py"), subject(task, network, budget), str(rounds)])
    found: dict[str, Any] = msgspec.json.decode(text)
    return found | {"started_s": started, "seconds": seconds}


def pytest_timer(task: Task, network: str, budget: float) -> dict[str, Any]:
    """pytest-benchmark's fixture in a fresh process, for at least `budget` seconds (its `--benchmark-max-time`)."""
    started = time.time()
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "answer.json"
        words = [sys.executable, "-m", "pytest", str(TIMERS / "pytest_timer.py"), "-c", str(TIMERS / "pytest_timer.ini")]
        words += ["--noconftest", "-q", "-p", "no:cacheprovider", f"--benchmark-json={answer}", f"--benchmark-max-time={budget}"]
        _, seconds = command(words, {"VBENCH_CAMPAIGN_SUBJECT": subject(task, network, budget)})
        stats = msgspec.json.decode(answer.read_bytes())["benchmarks"][0]["stats"]
    return {
        "mean_s": stats["mean"],
        "stddev_s": stats["stddev"],
        "rounds": stats["rounds"],
        "per_round": stats["iterations"],
        "rounds_ns": [round(value * 1e9) for value in stats["data"]],
        "started_s": started,
        "seconds": seconds,
    }


TOOLS: dict[str, Callable[[Task, str, float], dict[str, Any]]] = {"torch": torch_timer, "pytest": pytest_timer}
