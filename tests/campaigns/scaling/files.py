"""Ten thousand run files of a hundred rows, made by the writer and the derivation of vbench; only the times come from chance."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from vbench import journal, results
from vbench.core import Accuracy, Case, Counted, Facts, Machine, Paper, Replicate, Run

if TYPE_CHECKING:
    from pathlib import Path

ROWS, PROCESSES, SAMPLES, WARMUP, SENTINELS, OUTPUTS = 100, 6, 30, 8, 10, 10
MACHINES = 4
# So many runs have measurements of their own. Later ones are other runs with those of an earlier one: deriving the rows of all
# would take hours, and reading does not become quicker by it, since equal values stand thousands of rows apart.
DISTINCT = 1000
WANTED = "resnet/50"
FIRST = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
_FAMILIES = ("alexnet", "vgg", "resnet", "resnext", "googlenet", "mobilenet", "squeezenet", "shufflenet", "densenet", "unet")
_VARIANTS = ("8", "11", "16", "18", "26", "34", "50", "101", "110", "152")
# What a process says beside its samples; names and sizes as `vbench run` on a CPU has them.
_VALUES = {
    "base_host_bytes": 163332096.0, "build_s": 0.0621507471, "compile_s": 0.002364349, "first_run_s": 0.0404568199,
    "page_faults": 4.2, "throughput_s": 0.480489618, "peak_host_bytes": 303467520.0, "involuntary_switches": 9.0,
    "minor_faults": 823.0, "waited_s": 0.057044376, "steal_share": 0.0040609137055837565, "load_1m": 1.32568359375,
    "clock_reading_ns": 50.0, "page_fault_s": 2.6151416015625e-6, "threads": 2.0, "passes_s": 1.941101186999731,
}  # fmt: skip
_NOTES = {"threads": "2", "flush_denormal": "true", "weights": "filled"}


def cases() -> tuple[Case, ...]:
    """A hundred networks in one way each."""
    names = [f"{family}/{variant}" for family in _FAMILIES for variant in _VARIANTS]
    return tuple(Case(architecture=name, input_shape=(3, 224, 224), threads=2) for name in names)


def _facts(index: int) -> Facts:
    accuracy = Accuracy(
        source=f"Author et al. {2012 + index % 8}, Table 3", protocol="1 model, 1 crop, 224 px", top1=60 + index / 5, top5=85.0
    )
    paper = Paper(
        title="A Network for Pictures", authors="Author, Writer", year=2012 + index % 8, link="https://example.org/paper"
    )
    return Facts(
        family=cases()[index].architecture.partition("/")[0], topic="depth", paper=paper, accuracy=(accuracy,),
        input=(3, 224, 224), declared_params=10**6 + index, declared_macs=10**9 + index,
    )  # fmt: skip


def _counted(index: int) -> Counted:
    operators = {
        "aten.convolution": 40 + index % 60,
        "aten.addmm": 3,
        "aten.relu_": 40,
        "aten.native_batch_norm": 40,
        "aten.add_": 16,
    }
    return Counted(
        params=10**6 + index, trainable_params=10**6 + index, buffers=5000, weight_bytes=4 * (10**6 + index), macs=10**9 + index,
        other_ops=9461552, activations=3227160, operators=operators, macs_second=10**9 + index, peak_activation_bytes=10235904,
        bytes_moved=175548928, receptive_field=195.0, output_stride=32.0,
    )  # fmt: skip


def head(number: int) -> Run:
    """The first line of a run: two hours after the one before, on one of four machines."""
    started = FIRST + dt.timedelta(hours=2 * number)
    fingerprint = f"{number % MACHINES:012x}"
    planned = cases()
    return Run(
        schema=journal.SCHEMA, run_id=f"{started:%Y%m%dT%H%M%SZ}-{number:06x}", started=started.isoformat(timespec="seconds"),
        machine=Machine(
            slug=f"some-cpu-2c-{fingerprint[-6:]}", fingerprint=fingerprint, system="Linux 6.1 x86_64", processor="Some CPU",
            cores=2, usable_cores=2, memory_bytes=25276502016, features=("avx2", "avx512f"),
        ),
        versions={"python": "3.11.7", "vbench": "0.1.0", "torch": "2.13.0+cpu", "numpy": "2.4.6"},
        settings={"time-limit": 280.0, "interval": 0.02, "min-processes": 6, "max-processes": 30, "seed": 0, "images": ""},
        cases=planned, definitions={case.id: f"{index:012x}" for index, case in enumerate(planned)},
        architectures={case.architecture: _facts(index) for index, case in enumerate(planned)},
        environment={"OMP_NUM_THREADS": "2"}, commit=f"{number:040x}", catalogue="c0ffee", command="vbench run",
    )  # fmt: skip


def _replicates(number: int) -> list[Replicate]:
    """Six processes of thirty samples a case, about a level that changes from run to run, and the check before them."""
    chance = np.random.default_rng(number)
    found = []
    for index, case in enumerate(cases()):
        level = float(5e6 * (1 + index / 10) * np.exp(0.01 * chance.standard_normal()))
        output = tuple(chance.standard_normal(OUTPUTS).tolist())
        checked: dict[str, Any] = {"values": {"agreement_sqnr_db": 200.0, "agreement_cosine": 1.0}, "counted": _counted(index)}
        found.append(Replicate(case=case.id, role="check", index=0, round=-1, server=1, status="ok", output=output, **checked))
        for process in range(PROCESSES):
            own = level * float(np.exp(0.005 * chance.standard_normal()))
            times = np.rint(own * np.exp(0.02 * chance.standard_normal(SAMPLES + WARMUP))).astype(int).tolist()
            values = {name: value * float(1 + 0.01 * chance.standard_normal()) for name, value in _VALUES.items()}
            found.append(Replicate(
                case=case.id, index=process, round=process, server=process + 2, status="ok",
                started_s=1.79e9 + 100 * number + process, seconds=6.412164885001403,
                latency_ns=tuple(times[:SAMPLES]), warmup_ns=tuple(times[SAMPLES:]),
                sentinel_ns=tuple(np.rint(1.8e6 * np.exp(0.02 * chance.standard_normal(SENTINELS))).astype(int).tolist()),
                values=values | {"throughput_per_s": 1e9 / own}, notes=_NOTES, output=output,
            ))  # fmt: skip
    return found


def path(folder: Path, number: int) -> Path:
    """Where a run's file lies."""
    run = head(number)
    return folder / run.machine.slug / f"{run.run_id}.jsonl"


def write(folder: Path, number: int) -> Path:
    """One run file, as `vbench run` leaves it, if it is not there. Only waiting for the disk is left out, 700 times a file."""
    run = head(number)
    target = folder / run.machine.slug / f"{run.run_id}.jsonl"
    if target.exists():
        return target
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    if number >= DISTINCT:
        first = msgspec.json.encode({"type": "run", **msgspec.to_builtins(run)}) + b"\n"
        whole = write(folder, number % DISTINCT).read_bytes()
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(first + whole[whole.index(b"\n") + 1 :])
    else:
        _journal(part, run, _replicates(number))
    part.rename(target)
    return target


def _journal(part: Path, run: Run, replicates: list[Replicate]) -> None:
    waits, os.fsync = os.fsync, lambda _: None
    try:
        file = journal.Journal(part)
        file.append("run", run)
        for replicate in replicates:
            file.append("replicate", replicate)
        for row in results.derive(run, replicates, "complete"):
            journal.append_result(file, row)
        file.append("end", {"status": "complete", "finished": run.started})
        file.close()
    finally:
        os.fsync = waits


def linked(folder: Path, many: int) -> Path:
    """A folder of the last so many of its files, which are the same files."""
    few = folder.with_name(f"{folder.name}-{many}")
    files = sorted(folder.rglob("*.jsonl"), key=lambda file: file.name)[-many:]
    there = {file.name for file in few.rglob("*.jsonl")}
    for file in files:
        if file.name not in there:
            target = few / file.parent.name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(file)
    return few
