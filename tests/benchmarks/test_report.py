"""How long `vbench report` takes, as a whole process; `--benchmark-enable` times 2,000 rows, every chart in three formats.

The rows are those of a wide run: networks of several families with an accuracy, on several engines, precisions and batches, with
the replicates that a real one has.
"""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from vbench.core import Accuracy, Case, Ceiling, Counted, Facts, Machine, Paper, Replicate, Run

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

VBENCH = [sys.executable, "-c", "from vbench.cli import main; main()"]
MACHINE = Machine(slug="some-cpu-2c-0000aa", fingerprint="0000aa", processor="Some CPU", cores=2, usable_cores=2)
WAYS = [(engine, precision) for engine in ("eager", "onnxruntime", "openvino") for precision in ("fp32", "int8")]
PROCESSES, SAMPLES = 7, 20


def cases(networks: int) -> list[Case]:
    """Each network in every way at a batch of 1, and in one way at two batches and on one thread more: ten rows for each."""
    common: dict[str, Any] = {"input_shape": (3, 224, 224), "threads": 2}
    found = []
    for number in range(networks):
        name = f"family{number % 25}/variant-{number}"
        axes: list[dict[str, Any]] = [{"engine": engine, "precision": precision} for engine, precision in WAYS]
        axes += [{"batch": 2}, {"batch": 4}, {"batch": 8}, {"threads": 1}]
        found += [Case(architecture=name, **common | more) for more in axes]
    return found


def write(file: Path, networks: int) -> int:
    """A result file of so many networks; how many rows it has."""
    noise = random.Random(0)  # noqa: S311 - a seeded stream of noise, nothing secret
    planned = cases(networks)
    names = list(dict.fromkeys(case.architecture for case in planned))
    macs = {name: int(10 ** noise.uniform(7.6, 10.5)) for name in names}
    params = {name: int(macs[name] / 100 * noise.uniform(0.4, 2)) for name in names}
    facts = {name: _facts(name, macs[name], noise) for name in names}
    ceilings = {f"cpu,{p},t2": Ceiling(peak_flops=2e11, bandwidth_bytes_per_s=3e10, method="m") for p in ("fp32", "int8")}
    run = Run(
        schema=1, run_id="20260102T030405Z-abcdef", started="2026-01-02T03:04:05+00:00", machine=MACHINE, ceilings=ceilings,
        versions={"python": "3.11.7", "vbench": "0.1.0", "torch": "2.13.0"}, settings={"interval": 0.02}, cases=tuple(planned),
        definitions={case.id: "d0" for case in planned}, architectures=facts,
    )  # fmt: skip
    with file.open("wb") as out:
        out.write(_line("run", run))
        for case in planned:
            counted = _counted(case, macs[case.architecture], params[case.architecture])
            for replicate in _replicates(case, counted, noise):
                out.write(_line("replicate", replicate))
        out.write(b'{"type":"end","status":"complete","finished":"2026-01-01T00:00:00+00:00"}\n')
    return len(planned)


def _line(kind: str, content: Any) -> bytes:
    return msgspec.json.encode({"type": kind, **msgspec.to_builtins(content)}) + b"\n"


def _facts(name: str, macs: int, noise: random.Random) -> Facts:
    top1 = 60 + 7.5 * (noise.random() * 0.35 + 0.65) * (macs / 4e7) ** 0.16
    accuracy = Accuracy(source="s", protocol="1 model, 1 crop, 224 px", recipe="r", top1=round(top1, 2))
    paper = Paper(title="t", authors="a", year=noise.randint(2012, 2024))
    return Facts(family=name.partition("/")[0], input=(3, 224, 224), accuracy=(accuracy,), paper=paper)


def _counted(case: Case, macs: int, params: int) -> Counted:
    return Counted(
        params=params, trainable_params=params, buffers=0, weight_bytes=4 * params, macs=macs, other_ops=1,
        activations=macs // 400, operators={"aten.convolution": 20 + params % 90}, macs_second=macs, batch=case.batch,
        bytes_moved=macs // 4 + 4 * params, receptive_field=float(100 + macs % 900), output_stride=32.0,
    )  # fmt: skip


def _replicates(case: Case, counted: Counted, noise: random.Random) -> list[Replicate]:
    found = [Replicate(case=case.id, role="check", index=0, round=-1, server=0, status="ok", counted=counted)]
    quick = {"fp32": 1.0, "int8": 2.5}[case.precision] * (1.3 if case.engine != "eager" else 1.0) * case.threads
    for index in range(PROCESSES):
        seconds = counted.macs * case.batch / 2e10 / quick * noise.lognormvariate(0, 0.02)
        times = tuple(int(seconds * 1e9 * noise.lognormvariate(0, 0.005)) for _ in range(SAMPLES))
        memory = {"base_host_bytes": 1.6e8, "peak_host_bytes": 1.9e8 + 4 * counted.params + 1e6 * case.batch}
        found.append(Replicate(
            case=case.id, index=index, round=index, server=index + 1, status="ok", latency_ns=times,
            values={"throughput_per_s": case.batch / seconds, **memory},
        ))  # fmt: skip
    return found


def test_a_report_with_every_chart(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    rows = write(tmp_path / "r.jsonl", 3 if benchmark.disabled else 200)
    command = [*VBENCH, "report", str(tmp_path / "r.jsonl"), "-o", str(tmp_path / "report")]
    done = benchmark.pedantic(subprocess.run, (command,), {"capture_output": True}, rounds=1)
    assert done.returncode == 0, done.stderr.decode()
    written = [line for line in done.stdout.decode().splitlines() if not line.endswith((".md", ".html"))]
    benchmark.extra_info |= {"rows": rows, "files": len(written)}
    stems = {line.rpartition(".")[0].rpartition("/")[2] for line in written}
    assert {"top1-gmacs", "top1-budgets", "roofline", "speed-ups", "latency-batch", "throughput-threads"} <= {
        stem.removesuffix("-1") for stem in stems
    }
    assert len(written) >= 3 * len(stems)
