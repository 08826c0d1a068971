"""Runs that begin in odd places: scripts without a guard, `-c`, standard input, and where there is no forkserver."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import vbench

@vbench.architecture("script/net", input=(3, 8, 8))
def net(classes=10):
    import torch
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, classes))

quick = dict(warmup=0.05, latency=0.02, throughput=0.02, spread=0.0, min_processes=2, max_processes=2)
record = vbench.run("script/net", threads=[1], output="r.jsonl", settings=quick)
print("STATUS", [r.status for r in record.results], [r.reason for r in record.results])
"""


def test_a_script_without_a_main_guard(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120)
    assert done.stdout.count("STATUS") == 1, done.stderr
    assert "STATUS ['ok'] ['']" in done.stdout


@pytest.mark.parametrize("way", ["-c", "stdin"])
def test_from_the_command_line_and_from_standard_input(project: Path, way: str) -> None:
    code = textwrap.dedent("""
        import vbench
        record = vbench.run(output="r.jsonl")
        print("STATUS", sorted({r.status for r in record.results}), len(record.replicates))
    """)
    words = [sys.executable, "-c", code] if way == "-c" else [sys.executable, "-"]
    done = subprocess.run(
        words, cwd=project, check=False, capture_output=True, text=True, timeout=120, input=code if way == "stdin" else None
    )
    assert done.stdout == "STATUS ['ok'] 12\n", done.stderr


def test_what_has_no_file_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-"], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120, input=SCRIPT
    )
    assert done.returncode != 0
    assert "UsageError" in done.stderr
    assert "put it in a file" in done.stderr


@pytest.mark.parametrize("engine", ["fake", "eager"])
def test_the_suite_runs_where_there_is_no_forkserver(commands: Any, project: Path, engine: str) -> None:
    plugin = project / "spawned.py"
    plugin.write_text(
        "import torch\nfrom vbench import architecture\n"
        "architecture('spawned/net', input=(3, 8, 8))(\n"
        "    lambda classes=10: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 5))\n)\n"
    )
    config = (
        (project / "bench.toml")
        .read_text()
        .replace("spread = 0", 'spread = 0\nstart = "spawn"\nmin-processes = 2\nlatency = 0.05')
    )
    (project / "bench.toml").write_text(
        config.replace('"nets.py"', '"nets.py", "spawned.py"').replace("max-processes = 6", "max-processes = 2")
    )
    names = ["spawned/net"] if engine == "eager" else []
    device = "cpu" if engine == "eager" else "fake"
    done = commands(project, "run", *names, "--engine", engine, "--device", device, "--no-report", "--json", "-o", "r.jsonl")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["latency_processes"] == 2 for row in rows)
