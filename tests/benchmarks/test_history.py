"""How long `vbench history` takes, as a whole process; `--benchmark-enable` times it over 2,000 runs of 60 cases (1.4 GB)."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from vbench.core import Case, Facts, Machine, Replicate, Run

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

VBENCH = [sys.executable, "-c", "from vbench.cli import main; main()"]
FIRST = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
PROCESSES, SAMPLES = 7, 40
MACHINE = Machine(slug="some-cpu-2c-0000aa", fingerprint="0000aa", processor="Some CPU", cores=2, usable_cores=2)
# What a row holds beside the numbers that change from run to run; of the length that it has on a CPU.
ELSE = {
    "latency_s_p90": 0.07, "latency_s_p95": 0.08, "latency_processes": 7, "latency_samples": 280, "build_s": 0.058,
    "compile_s": 0.001, "first_run_s": 0.09, "peak_host_bytes": 253677568, "base_host_bytes": 161349632, "bound": "compute",
    "efficiency": 0.23810724512005985, "achieved_flops": 52041496819.228806, "peak_flops": 218563264603.67947, "macs": 1582671872,
    "bandwidth_bytes_per_s": 35516750193.15988, "params": 6998552, "trainable_params": 6998552, "buffers": 0, "flops": 3165343744,
    "weight_bytes": 27994208, "other_ops": 9461552, "uncounted_ops": {}, "activations": 3227160, "agreement_cosine": 1.0,
    "peak_activation_bytes": 10235904, "bytes_moved": 175548928,
}  # fmt: skip


def write(folder: Path, files: int, cases: int) -> None:
    """Runs of so many cases, each with the replicates of a real one; every tenth case is 5 % slower in the last third."""
    chance = np.random.default_rng(0)
    planned = tuple(Case(architecture=f"family/{number}", input_shape=(3, 224, 224), threads=2) for number in range(cases))
    slower = np.ones((files, cases))
    slower[files * 2 // 3 :, ::10] = 1.05
    times = 0.02 * slower * np.exp(0.01 * chance.standard_normal((files, cases)))
    replicates = b"".join(_replicates(case) for case in planned)
    for number in range(files):
        started = FIRST + dt.timedelta(days=number)
        run = Run(
            schema=1, run_id=f"{started:%Y%m%dT%H%M%SZ}-{number:06x}", started=started.isoformat(timespec="seconds"),
            machine=MACHINE, versions={"python": "3.11.7", "vbench": "0.1.0", "torch": "2.13.0"}, settings={"interval": 0.02},
            cases=planned, definitions={case.id: "d0" for case in planned}, commit=f"{number:040x}", catalogue="c0",
            architectures={case.architecture: Facts(family="family", input=(3, 224, 224)) for case in planned},
        )  # fmt: skip
        rows = b"".join(_row(case, float(time)) for case, time in zip(planned, times[number], strict=True))
        end = b'{"type":"end","status":"complete","finished":"2026-01-01T00:00:00+00:00"}\n'
        (folder / f"{run.run_id}.jsonl").write_bytes(_line("run", run) + replicates + rows + end)


def _line(kind: str, content: Any) -> bytes:
    return msgspec.json.encode({"type": kind, **msgspec.to_builtins(content)}) + b"\n"


def _replicates(case: Case) -> bytes:
    times = tuple(range(20_000_000, 20_000_000 + SAMPLES * 1009, 1009))
    values = {f"some_evidence_{number}": number / 7 for number in range(20)}
    common: dict[str, Any] = {"case": case.id, "status": "ok", "latency_ns": times, "warmup_ns": times[:20], "values": values}
    return b"".join(_line("replicate", Replicate(index=i, round=i, server=i + 1, **common)) for i in range(PROCESSES))


def _row(case: Case, time: float) -> bytes:
    values = {f"latency_s{end}": time * factor for end, factor in (("", 1.0), ("_low", 0.99), ("_high", 1.01))}
    values |= {f"throughput_per_s{end}": factor / time for end, factor in (("", 1.0), ("_low", 0.99), ("_high", 1.01))}
    return _line("result", {"case": case.id, "status": "ok", "reason": "", "flags": ["imprecise"], "values": values | ELSE})


def test_a_history_is_looked_at(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    files, cases = (45, 20) if benchmark.disabled else (2000, 60)
    write(tmp_path, files, cases)
    command = [*VBENCH, "history", str(tmp_path), "--json"]
    done = benchmark.pedantic(subprocess.run, (command,), {"capture_output": True}, rounds=1 if benchmark.disabled else 3)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    changed = [one for one in told["series"] if any(segment["changes"] for segment in one["segments"])]
    benchmark.extra_info |= {"files": files, "series": len(told["series"]), "changed": len(changed)}
    assert (told["files"], told["derived"], len(told["series"])) == (files, 0, 2 * cases)
    assert {one["architecture"] for one in changed} == {f"family/{number}" for number in range(0, cases, 10)}
