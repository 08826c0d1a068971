"""The fixture `vbench`, as a model repository's own tests use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FAKE = 'FAKE = {"engine": "fake", "device": "fake", "threads": 1}'
MODELS = """
import torch

def net():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4 * 6 * 6, 10))
"""


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "mymodels.py").write_text(MODELS)
        (root / "bench.toml").write_text("[run]\nwarmup = 0.05\n")

    def run(self, tests: str, *words: str) -> subprocess.CompletedProcess[str]:
        (self.root / "test_models.py").write_text(f"{FAKE}\n{textwrap.dedent(tests)}")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *words]
        # These tests may themselves run in a process beside others.
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return subprocess.run(command, cwd=self.root, env=outside, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_budgets_are_kept_or_broken_or_inconclusive_and_each_is_said(project: Project) -> None:
    done = project.run(
        """
        import pytest

        def test_kept(vbench):
            vbench("squeezenet/1.1", **FAKE).max_params(1_235_496).max_latency("30ms").min_throughput(20).max_memory("100GB")

        def test_params(vbench):
            vbench("squeezenet/1.1", **FAKE).max_params("1.2M")

        def test_latency(vbench):
            vbench("squeezenet/1.1", **FAKE).max_latency("5ms").max_params(1)

        def test_between(vbench):
            row = vbench("squeezenet/1.1", **FAKE).row
            vbench("squeezenet/1.1", **FAKE).max_latency(row["latency_s"])

        def test_nothing_of_that_name(vbench):
            vbench("squeezenet/9")

        def test_several(vbench):
            vbench("squeezenet/1.[01]")

        def test_misspelled(vbench):
            vbench("squeezenet/1.1", presicion="fp32")

        def test_no_budget(vbench):
            vbench("squeezenet/1.1", **FAKE).max_latency("soon")
        """,
        "--vbench-results", "kept", "--vbench-json", "b.json",
    )  # fmt: skip
    out = done.stdout
    assert "6 failed, 2 passed, 2 warnings" in out, out + done.stderr
    for line in (
        "over: params is 1,235,496, allowed is at most 1,200,000",
        "over: latency_s is 11.",
        "allowed is at most 5.00 ms",
        "the interval holds the limit",
        "InconclusiveWarning: peak_host_bytes is not known: nothing here measures it",
        "unknown architecture 'squeezenet/9': did you mean",
        "squeezenet/1.[01] names 2 cases, and a test asks for one",
        "unexpected keyword argument 'presicion'; known are device",
        "'soon' is no budget here",
        "within        squeezenet/1.1: params is 1,235,496",
    ):
        assert line in out, line
    assert "Traceback" not in out
    assert "another exception" not in out
    # It was measured once for all of them, and kept.
    assert len(list((project.root / "kept").glob("*.jsonl"))) == 1
    (benchmark,) = json.loads((project.root / "b.json").read_text())["benchmarks"]
    assert "squeezenet/1.1" in benchmark["fullname"]


def test_a_budget_between_fails_where_asked_and_nothing_is_timed_where_not(project: Project) -> None:
    tests = """
        def test_between(vbench):
            row = vbench("squeezenet/1.1", **FAKE).row
            vbench("squeezenet/1.1", **FAKE).max_latency(row.get("latency_s", 1e-9)).max_params("2M")
        """
    strict = project.run(tests, "--vbench-strict")
    assert "inconclusive: latency_s" in strict.stdout
    assert "1 failed" in strict.stdout
    untimed = project.run(tests, "--vbench-no-timing", "--vbench-json", "b.json")
    assert "1 passed" in untimed.stdout
    assert "--vbench-json: no test has measured a latency" in untimed.stdout
    assert untimed.returncode == pytest.ExitCode.USAGE_ERROR


def test_a_module_of_the_repository_and_the_fixture_of_pytest_benchmark(project: Project) -> None:
    done = project.run(
        """
        def test_own(vbench, benchmark):
            net = vbench("mymodels:net", input=(3, 8, 8)).max_params(1562).max_macs("10k")
            net.benchmark(benchmark)
            assert benchmark.extra_info["params"] == 1562
        """,
        "--benchmark-json", "own.json", "--benchmark-max-time", "0.01", "--benchmark-min-rounds", "3", "--vbench-no-timing",
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    (found,) = json.loads((project.root / "own.json").read_text())["benchmarks"]
    assert found["extra_info"]["params"] == 1562
    assert found["extra_info"]["case"].startswith("mymodels:net@none,3x8x8")
    assert found["stats"]["rounds"] >= 3


def test_whoever_does_not_ask_for_the_fixture_pays_nothing(project: Project) -> None:
    done = project.run(
        """
        import sys

        def test_nothing_is_imported():
            assert "torch" not in sys.modules
            assert "vbench.api" not in sys.modules
        """
    )
    assert "1 passed" in done.stdout, done.stdout
