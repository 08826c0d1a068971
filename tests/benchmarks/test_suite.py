"""How long the default suite takes, end to end, as a user types it. Minutes each: `nox -s benchmarks -- -m slow`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

VBENCH = [sys.executable, "-c", "from vbench.cli import main; main()"]


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--quick",)], ids=["default", "quick"])
def test_default_suite(benchmark: BenchmarkFixture, tmp_path: Path, words: tuple[str, ...]) -> None:
    """The whole command: counting, verifying, measuring, the report."""
    path = tmp_path / "r.jsonl"
    command = [*VBENCH, "run", "--json", "-o", str(path), *words]
    done = benchmark.pedantic(
        subprocess.run, (command,), {"check": True, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}, rounds=1
    )
    rows = json.loads(done.stdout)
    benchmark.extra_info["processes"] = [row["latency_processes"] for row in rows]
    assert [row["status"] for row in rows] == ["ok"] * 12
    assert all(row["latency_processes"] >= (1 if words else 6) for row in rows)
