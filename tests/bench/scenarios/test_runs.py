"""The scenarios from the command line, on the fake devices: exact, and without sleeping; and once on a real network."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from vbench import results
from vbench.devices.fake import MEMORY
from vbench.engines.fake import IMAGE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = """
from vbench import architecture
from vbench.devices.fake import CLOCK
from vbench.registry import engine

class Session:
    def __init__(self, batch):
        if batch > 48:
            raise MemoryError("no more than 48 images")
        self.ns = (8 + batch) * 1_000_000

    def step(self): CLOCK.advance(self.ns)
    def synchronize(self): pass
    def output(self): pass
    def load(self, inputs): pass
    def close(self): pass

@engine("launched")
class Launched:
    builds = False

    def version(self): return "1"
    def skip(self, case): return None
    def prepare(self, module, case): return Session(case.batch)

@architecture("life/wide", input=(3, 8, 8))
def wide(classes=10):
    import torch

    class Wide(torch.nn.Module):
        def forward(self, x):
            room = torch.empty(len(x), 60_000_000)  # taken and never touched: it costs memory and no time
            return x.flatten(1)[:, :5] * room.dim()

    return Wide()
"""


def run(commands: Any, project: Path, *words: str) -> dict[str, dict[str, Any]]:
    """The rows of a run by scenario."""
    (project / "nets.py").write_text((project / "nets.py").read_text() + ENGINE)
    config = (project / "bench.toml").read_text()
    (project / "bench.toml").write_text(config.replace("warmup = 0.05", "warmup = 100"))  # the time that a sweep may take
    done = commands(project, "run", "--no-report", "--json", "-o", "r.jsonl", *words)
    assert done.returncode == 0, done.stderr
    return {row["scenario"]: row for row in json.loads(done.stdout)}


def test_a_sweep_finds_its_best_batch_and_says_where_memory_ended(commands: Any, project: Path) -> None:
    words = ("life/0", "--engine", "launched", "--device", "fake", "--scenario", "offline")
    row = run(commands, project, *words)["offline"]
    assert (row["status"], row["best_batch"], row["oom_batch"]) == ("ok", 32, 64)
    assert row["sweep_ended"] == "out of memory at batch 64"
    assert list(row["throughput_by_batch"]) == ["1", "2", "4", "8", "16", "32"]
    assert row["throughput_per_s"] == pytest.approx(32 / 0.040)
    assert row["throughput_per_s_low"] == row["throughput_per_s_high"] == row["throughput_per_s"]
    assert row["throughput_processes"] == 6
    assert "latency_s" not in row
    assert "peak_host_bytes" not in row
    replicates = results.read(project / "r.jsonl").replicates
    assert {tuple(batch for batch, _ in r.series) for r in replicates} == {(1, 2, 4, 8, 16, 32)}
    # The first process met the end of memory; the others measure the batches that it could.
    assert [r.values.get("oom_batch") for r in sorted(replicates, key=lambda r: r.index)] == [64.0, *[None] * 5]


def test_the_table_shows_what_only_a_scenario_has_where_one_has_it(commands: Any, project: Path) -> None:
    fake = ("run", "life/0", "--engine", "fake", "--device", "fake", "--no-report")
    head, plain, swept, long, shared = commands(
        project, *fake, "-o", "a.jsonl", "--scenario", "single-stream,offline", "--sustained", "60s", "--streams", "2"
    ).stdout.splitlines()
    for word in ("best batch", "first to last", "stream balance"):
        assert word in head
    assert "–" in plain
    assert swept.split()[:2] == ["life/0", "offline"]
    assert "100.0 %" in shared
    assert " to " in long
    assert "(100" in long or "(99" in long
    head, _ = commands(project, *fake, "-o", "b.jsonl").stdout.splitlines()
    assert "best batch" not in head
    assert "first to last" not in head


def test_streams_on_the_fake_device_take_turns(commands: Any, project: Path) -> None:
    words = ("life/0", "--engine", "fake", "--device", "fake", "--scenario", "single-stream", "--streams", "3")
    rows = run(commands, project, *words)
    alone, shared = rows["single-stream"], rows["concurrent:3"]
    assert shared["latency_s"] == pytest.approx(3 * alone["latency_s"], rel=0.05)
    assert shared["throughput_per_s"] == pytest.approx(alone["throughput_per_s"], rel=0.05)
    assert shared["stream_balance"] == 1.0
    assert shared["latency_processes"] == 6
    assert shared["latency_s_p90"] >= shared["latency_s"]


def test_sustained_is_one_process_with_a_window_each_second(commands: Any, project: Path) -> None:
    words = ("life/0", "--engine", "fake", "--device", "fake:async", "--sustained", "90s")
    row = run(commands, project, *words)["sustained:90s"]
    assert row["sustained_ratio"] == pytest.approx(1.0, abs=0.01)
    assert row["throughput_processes"] == 1
    assert row.get("throughput_per_s_low") is None
    (replicate,) = results.read(project / "r.jsonl").replicates
    assert len(replicate.series) == pytest.approx(90, abs=3)
    assert 0 <= replicate.series[0][0] < replicate.series[-1][0] < 90
    assert {name: len(found) for name, found in replicate.states.items()} == dict.fromkeys(
        ("clock_mhz", "temperature_c", "power_w", "throttle"), len(replicate.series)
    )
    assert set(replicate.states["clock_mhz"]) == {1000.0}  # never what it says of itself when it has nothing to do
    assert (replicate.values["clock_mhz"], replicate.values["throttle"]) == (1000.0, 0.0)
    assert "power_w" not in replicate.values


@pytest.mark.parametrize(
    ("scenario", "asked"),
    [
        ("single-stream", ()),
        ("offline", ("--scenario", "offline")),
        ("concurrent:2", ("--streams", "2")),
        ("end-to-end", ("--end-to-end",)),
    ],
)
def test_every_scenario_reads_the_device_at_work(commands: Any, project: Path, scenario: str, asked: tuple[str, ...]) -> None:
    row = run(commands, project, "life/0", "--engine", "fake", "--device", "fake:async", *asked)[scenario]
    assert (row["status"], row["clock_mhz"], row["temperature_c"]) == ("ok", 1000.0, 40.0)
    for replicate in results.read(project / "r.jsonl").replicates:
        assert (replicate.values["clock_mhz_start"], replicate.values["throttle"]) == (1000.0, 0.0)
        assert "power_w" not in replicate.values


def test_the_memory_of_a_device_ends_the_sweep_on_it(commands: Any, project: Path) -> None:
    words = ("life/0", "--engine", "fake", "--device", "fake:async", "--scenario", "offline", "--time-limit", "0")
    half = MEMORY // IMAGE_BYTES // 2
    row = run(commands, project, *words, "--batch", str(half))["offline"]
    # Half of it is held by the worker's own session, so that twice as many images have no room beside it.
    assert (row["status"], row["best_batch"], row["oom_batch"]) == ("ok", half, 2 * half)


def test_a_training_step_has_no_streams(commands: Any, project: Path) -> None:
    done = commands(project, "run", "life/0", "--no-report", "--json", "-o", "r.jsonl", "--phase", "train", "--streams", "2",
                    "--engine", "fake", "--device", "fake")  # fmt: skip
    assert done.returncode == 3
    assert "--streams" in json.loads(done.stdout)[0]["reason"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bounds the memory of a worker with RLIMIT_DATA")
def test_a_real_network_that_fills_the_memory_is_swept_up_to_there(commands: Any, project: Path) -> None:
    words = ("life/wide", "--engine", "eager", "--device", "cpu", "--threads", "1", "--scenario", "offline", "--quick")
    row = run(commands, project, *words, "--time-limit", "0", "--memory-limit", "1GB")["offline"]
    assert row["status"] == "ok", row["reason"]
    assert row["oom_batch"] in {2, 4}  # 240 MB for each image, beside what the interpreter and PyTorch take
    assert row["best_batch"] < row["oom_batch"]
    assert row["throughput_per_s"] > 0
    (replicate,) = [r for r in results.read(project / "r.jsonl").replicates if r.role == "measure"]
    assert [batch for batch, _ in replicate.series] == [2.0**k for k in range(len(replicate.series))]
