"""What the harness itself costs: its start, a worker's start, the parent while a worker measures, and the timed region.

Benchmarks, not tests: nothing here passes or fails by a time. Run them with `nox -s benchmarks` on an idle machine.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from vbench import api, measure, pipeline
from vbench import head as heads
from vbench.supervisor import Server

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from vbench.job import Job

VBENCH = [sys.executable, "-c", "from vbench.cli import script; script()"]  # what the console script does


class Nothing:
    """A session whose step does nothing, so that what is timed is the harness."""

    def step(self) -> None:
        return

    def synchronize(self) -> None:
        return

    def output(self) -> None:
        return

    def load(self, inputs: Any) -> None:
        return

    def close(self) -> None:
        return


@pytest.mark.parametrize("words", [("--help",), ("list",)], ids=["help", "list"])
def test_command(benchmark: BenchmarkFixture, words: tuple[str, ...]) -> None:
    """A whole process, from its start to its end."""
    done = benchmark.pedantic(subprocess.run, ([*VBENCH, *words],), {"capture_output": True}, rounds=10, warmup_rounds=1)
    assert done.returncode == 0


def test_timed_region(benchmark: BenchmarkFixture) -> None:
    """Nanoseconds per sample that are not the forward call: the median of what a do-nothing session is charged."""
    samples = benchmark(measure.sample, Nothing(), time.perf_counter_ns, 1000)
    benchmark.extra_info["ns_per_sample"] = sorted(samples)[500]
    assert len(samples) == 1000


def job() -> Job:
    """A worker's task on a real network, as `vbench run` would give it."""
    prepared = api.prepare(("squeezenet/1.1",))
    head = heads.new(prepared.plan, prepared.settings, prepared.config.root)
    state = pipeline.State(head, prepared.settings, Path("unused"), [])
    return pipeline.job(state, head.cases[0])


def test_worker_start(benchmark: BenchmarkFixture) -> None:
    """From the request to a worker that has begun, after the server has served one."""
    task = job()
    starts = []

    def run() -> None:
        assert server.run(task, 60.0).status == "ok"
        starts.append(server.worker_start_s)

    with Server() as server:
        benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    benchmark.extra_info["worker_start_ms"] = [round(1000 * (s or 0.0), 2) for s in starts]
    assert all(start is not None and start > 0 for start in starts)


def test_parent_while_a_worker_measures(benchmark: BenchmarkFixture) -> None:
    """Processor time of this process over the wall time of a worker that measures."""
    task = job()
    this = psutil.Process()
    shares = []

    def run() -> None:
        before, began = this.cpu_times(), time.perf_counter()
        assert server.run(task, 60.0).status == "ok"
        after = this.cpu_times()
        used = after.user + after.system - before.user - before.system
        shares.append(used / (time.perf_counter() - began))

    with Server() as server:
        benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    benchmark.extra_info["parent_share_of_a_core"] = [round(share, 4) for share in shares]
    assert shares
