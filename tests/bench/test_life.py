"""Runs that are killed, resumed, and started from odd places. All on the fake engine: exact, and without sleeping."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from vbench import journal, results
from vbench.supervisor import Server

FAKE = ("--engine", "fake", "--device", "fake", "--no-report")
VBENCH = [sys.executable, "-c", "from vbench.cli import main; main()"]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc and relies on the parent-death signal")


def finished(text: str) -> set[tuple[str, int]]:
    """The replicates that the run said were on disk."""
    lines = [line.split() for line in text.splitlines() if line.startswith("  measure ")]
    return {(case, int(number[1:])) for _, case, number, *_ in lines if number.startswith("#")}


def held(path: Path) -> set[tuple[str, int]]:
    return {(r.case, r.index) for r in journal.read(path).replicates if r.role == "measure"} if path.exists() else set()


def alive(marker: str) -> list[psutil.Process]:
    """Processes, other than zombies, that inherited the marker in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("VBENCH_TEST") == marker and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@linux
@pytest.mark.parametrize(
    ("engine", "kills"),
    [("fake", 6), pytest.param("fake", 60, marks=pytest.mark.slow), pytest.param("eager", 20, marks=pytest.mark.slow)],
)
def test_sigkill_at_random_moments_loses_nothing_and_leaves_nobody(commands: Any, project: Path, engine: str, kills: int) -> None:
    chance = random.Random(kills)  # noqa: S311 - moments, not secrets
    device = "fake" if engine == "fake" else "cpu"
    words = ["run", "--engine", engine, "--device", device, "--no-report"]
    began = time.monotonic()
    assert commands(project, *words, "-o", "whole.jsonl").returncode == 0
    length = time.monotonic() - began
    cut_short = 0
    for attempt in range(kills):
        path, marker = project / f"{attempt}.jsonl", f"{project.name}-{attempt}"
        pid, errors = commands.start(project, *words, "-o", str(path), VBENCH_TEST=marker)
        time.sleep(chance.uniform(0.05, length))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        commands.wait(pid)
        said = finished(errors.read_text())
        end = time.monotonic() + 1.0
        while alive(marker) and time.monotonic() < end:
            time.sleep(0.02)
        assert not alive(marker)
        before = held(path)
        assert said <= before
        if not path.exists() or journal.read(path).run is None:
            continue
        cut_short += journal.read(path).ended != "complete"
        done = commands(project, "run", "--no-report", "--resume", str(path))
        assert done.returncode == 0, done.stderr
        record = results.read(path)
        assert record.ended == "complete"
        assert before <= held(path)
        assert [r.values["latency_processes"] for r in record.results] == [6, 6]
        assert all(json.loads(line) for line in path.read_text().splitlines())
    assert cut_short >= kills // 4


@linux
def test_sigkill_while_a_worker_hangs_leaves_nobody(project: Path) -> None:
    plugins = Path(__file__).parents[1] / "plugins"
    marker = f"{project.name}-hang"
    process = subprocess.Popen(
        [
            *VBENCH,
            "run",
            "trouble/hang",
            "--plugin",
            str(plugins / "trouble.py"),
            "--engine",
            "eager",
            "--device",
            "cpu",
            "--quick",
        ],
        cwd=project,
        env={**os.environ, "VBENCH_TEST": marker},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while len(alive(marker)) < 3 and time.monotonic() < end:
        time.sleep(0.1)
    assert len(alive(marker)) == 3, "the run, its forkserver and a worker"
    process.kill()
    process.wait()
    end = time.monotonic() + 1.0
    while alive(marker) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(marker)


def test_ctrl_c_leaves_a_whole_file_and_the_line_to_resume(commands: Any, project: Path) -> None:
    path = project / "r.jsonl"
    process = subprocess.Popen(
        [*VBENCH, "run", *FAKE, "-o", str(path)], cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    text = ""
    for line in process.stderr:
        text += line
        if line.startswith("  measure"):
            process.send_signal(signal.SIGINT)
            break
    text += process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert f"vbench run --resume {path}" in text
    record = results.read(path)
    assert record.ended == "interrupted"
    assert 1 <= len(held(path)) < 12
    assert finished(text) <= held(path)
    assert commands(project, "run", "--no-report", "--resume", str(path)).returncode == 0
    assert len(held(path)) == 12


def test_resuming_what_is_complete_measures_nothing(commands: Any, project: Path) -> None:
    config = (project / "bench.toml").read_text()
    (project / "bench.toml").write_text(
        config.replace("max-processes = 6", 'max-processes = 30\ntime-limit = "3s"\ninterval = 0.0001')
    )
    path = project / "r.jsonl"
    assert commands(project, "run", *FAKE, "-o", str(path)).returncode == 0
    before = path.read_bytes()
    assert len(held(path)) < 60
    done = commands(project, "run", "--no-report", "--resume", str(path))
    assert done.returncode == 0
    assert path.read_bytes() == before


def test_a_file_is_written_by_one_run_at_a_time(commands: Any, project: Path) -> None:
    path = project / "r.jsonl"
    first, errors = commands.start(project, "run", *FAKE, "-o", str(path))
    while not held(path):
        time.sleep(0.02)
    second = commands(project, "run", *FAKE[-1:], "--resume", str(path))
    third = commands(project, "run", *FAKE, "-o", str(path))
    assert commands.wait(first) == 0, errors.read_text()
    assert second.returncode == third.returncode == 2
    assert "another run" in second.stderr
    assert "--resume" in third.stderr
    assert results.read(path).ended == "complete"
    assert len(held(path)) == 12


def test_each_forkserver_has_a_number_of_its_own_also_after_resuming(commands: Any, project: Path) -> None:
    path = project / "r.jsonl"
    assert commands(project, "run", *FAKE, "-o", str(path)).returncode == 0
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:6]))
    assert commands(project, "run", "--no-report", "--resume", str(path)).returncode == 0
    rounds: dict[int, set[int]] = {}
    for replicate in results.read(path).replicates:
        rounds.setdefault(replicate.server, set()).add(replicate.round)
    assert all(len(found) == 1 for found in rounds.values())


def test_what_decides_a_replicate_cannot_be_changed_on_resuming(commands: Any, project: Path) -> None:
    path = project / "r.jsonl"
    assert commands(project, "run", *FAKE, "-o", str(path)).returncode == 0
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))
    for words, said in ((("--seed", "5"), "seed"), (("--batch", "8"), "--batch"), (("--interval", "1%"), "interval")):
        done = commands(project, "run", "--no-report", "--resume", str(path), *words)
        assert done.returncode == 2
        assert said in done.stderr
    (project / "nets.py").write_text((project / "nets.py").read_text() + "# edited\n")
    done = commands(project, "run", "--no-report", "--resume", str(path))
    assert done.returncode == 2
    assert "edited since" in done.stderr
    assert len(held(path)) == 4


def test_a_second_ctrl_c_takes_nothing_with_it(commands: Any, project: Path) -> None:
    path = project / "r.jsonl"
    pid, errors = commands.start(project, "run", *FAKE, "-o", str(path))
    while not held(path):
        time.sleep(0.02)
    for _ in range(20):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        time.sleep(0.005)
    assert commands.wait(pid) == 130
    assert f"to go on: vbench run --resume {path}" in errors.read_text()
    assert results.read(path).ended == "interrupted"


@linux
def test_a_reader_that_leaves_does_not_end_the_run(project: Path) -> None:
    run = f"{sys.executable} -c 'from vbench.cli import main; main()' run {' '.join(FAKE)} -o r.jsonl"
    line = f"{run} 2>&1 | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=project, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert results.read(project / "r.jsonl").ended == "complete"


@linux
@pytest.mark.parametrize("preload", ["none", "torch", "count"])
def test_a_forkserver_has_one_thread(preload: str) -> None:
    with Server(preload=preload) as server:
        status = Path(f"/proc/{server.pid}/status").read_text()
    assert "Threads:\t1\n" in status


def test_fake_runs_are_the_same_twice(commands: Any, project: Path) -> None:
    texts = []
    for name in ("a", "b"):
        done = commands(project, "run", *FAKE, "--json", "-o", f"{name}.jsonl")
        assert done.returncode == 0, done.stderr
        texts.append([(row["case_id"], row["latency_s"], row["latency_s_low"]) for row in json.loads(done.stdout)])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 2


@pytest.mark.parametrize("change", ["machine", "version"])
def test_a_file_of_another_machine_or_version_is_not_continued(commands: Any, project: Path, change: str) -> None:
    path = project / "r.jsonl"
    assert commands(project, "run", *FAKE, "-o", str(path)).returncode == 0
    first, *rest = path.read_text().splitlines(keepends=True)
    head = json.loads(first)
    if change == "machine":
        head["machine"]["fingerprint"] = "other"
    else:
        head["versions"]["msgspec"] = "0.0"
    path.write_text(json.dumps(head, separators=(",", ":")) + "\n" + "".join(rest[:5]))
    done = commands(project, "run", "--no-report", "--resume", str(path))
    assert done.returncode == 2
    assert "start a new file" in done.stderr
    assert done.stderr.count("\n") == 1
