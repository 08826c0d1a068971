"""A worker computes on as many threads as its case says: torch says so, and so does the kernel."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

import vbench
from vbench import machine

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"warmup": 0.02, "latency": 0.02, "throughput": 0.02, "spread": 0.0, "min_processes": 2, "max_processes": 2}

# A network that writes down, in its first forward pass, how many threads its products are given. OpenMP's threads stay
# alive after a parallel region, so those that computed are those that the process has more of than before the first one.
NET = """
import json, os, torch
from vbench import architecture

def tasks():
    return len(os.listdir("/proc/self/task"))

class Witness(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.layer = torch.nn.Linear(192, classes)

    def forward(self, x):
        out = self.layer(x.flatten(1))
        if not x.is_meta and os.path.isdir("/proc/self/task"):
            torch.randn(1 << 18).add_(1.0)
            with open(os.environ["VBENCH_TEST_THREADS"], "a") as file:
                facts = {"pid": os.getpid(), "torch": torch.get_num_threads(), "interop": torch.get_num_interop_threads()}
                file.write(json.dumps(facts | {"tasks": tasks()}) + "\\n")
        return out

@architecture("threads/witness", input=(3, 8, 8))
def witness(classes=10):
    return Witness(classes)
"""

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's list of threads is Linux's")
two = pytest.mark.skipif(machine.usable_cores() < 2, reason="one core, so there is no second thread to compare with")


@linux
@two
@pytest.mark.parametrize("environment", [{}, {"OMP_NUM_THREADS": "1", "OMP_DYNAMIC": "true"}])
def test_a_sweep_of_threads_is_one_axis_and_each_worker_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name in ("OMP_NUM_THREADS", "OMP_DYNAMIC"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VBENCH_TEST_THREADS", str(tmp_path / "facts"))
    (tmp_path / "nets.py").write_text(NET)
    record = vbench.run(
        "threads/witness", plugin=[str(tmp_path / "nets.py")], threads=[1, 2], output=tmp_path / "r.jsonl", settings=SETTINGS
    )
    assert [(result.case.threads, result.status, result.reason) for result in record.results] == [(1, "ok", ""), (2, "ok", "")]
    for replicate in record.replicates:
        if replicate.role == "measure":
            assert f",t{replicate.notes['threads']}," in replicate.case
    lines = [json.loads(line) for line in (tmp_path / "facts").read_text().splitlines()]
    assert {line["interop"] for line in lines} == {1}
    tasks: dict[int, set[int]] = {}
    for line in lines:
        tasks.setdefault(line["torch"], set()).add(line["tasks"])
    assert set(tasks) == {1, 2}
    # A second thread computes where the case says two, and only there, though all were forked from the same servers.
    assert max(tasks[1]) < min(tasks[2])


def test_a_worker_that_gets_other_threads_than_it_asked_for_fails(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    import torch  # noqa: PLC0415 - as in the worker

    from vbench import job  # noqa: PLC0415 - as above

    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(torch, "set_num_interop_threads", lambda _: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    with pytest.raises(job.Wrong, match="asked for 2 threads and got 1"):
        job.settle_threads(make.case(threads=2), {})


@linux
def test_openmps_own_limit_is_a_limit_of_the_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, commands: Any) -> None:
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    (tmp_path / "nets.py").write_text(NET)
    words = ("run", "threads/witness", "--plugin", "nets.py", "--threads", "2", "--no-report", "-o", "r.jsonl")
    pid, errors = commands.start(tmp_path, *words, OMP_THREAD_LIMIT="1")
    assert commands.wait(pid) == 3
    assert "2 threads are more than the 1" in errors.read_text()
    assert os.environ.get("OMP_THREAD_LIMIT") is None
