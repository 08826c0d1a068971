"""Rows to choose from: each network with its accuracy, time and memory as a test says, and nothing measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from vbench import results
from vbench.core import Accuracy, Case, Facts, Machine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vbench.core import Record

CROP = "1 model, 1 crop, 224 px"
MACHINE = Machine(slug="some-cpu-2c-0000aa", fingerprint="0000aa", processor="Some CPU", cores=2, usable_cores=2)
STEPS = (-0.02, -0.01, 0.0, 0.0, 0.01, 0.02)


class Net(NamedTuple):
    """A row: `spread` is how far its slowest process lies from the median, `processes` how many there are."""

    name: str
    top1: float | None
    ms: float
    mb: float = 100.0
    spread: float = 0.02
    processes: int = 6
    protocol: str = CROP
    axes: dict[str, Any] = {}  # noqa: RUF012 - a default that nobody changes
    task: str = "classification"
    metric: str = "top1"


class Maker:
    """Makes records and files of such rows."""

    def __init__(self, make: Any, folder: Path) -> None:
        self.make, self.folder = make, folder

    def record(self, nets: Sequence[Net], **fields: Any) -> Record:
        done, cases, facts = [], [], {}
        for net in nets:
            case = Case(architecture=net.name, **{"input_shape": (3, 224, 224)} | net.axes)
            cases.append(case)
            done.append(self.make.check(case, params=int(net.ms * 1e6), macs=int(net.ms * 1e8)))
            for index in range(net.processes):
                ms = net.ms * (1 + STEPS[index] * net.spread / 0.02)
                values = {"throughput_per_s": 1e3 / ms, "peak_host_bytes": net.mb * 1e6}
                done.append(self.make.replicate(case, index, ms, values=values))
            own = {"top1": net.top1} if net.metric == "top1" else {"value": net.top1, "metric": net.metric}
            known = () if net.top1 is None else (Accuracy(source="a paper", protocol=net.protocol, **own),)
            facts[net.name] = Facts(task=net.task, accuracy=known, input=(3, 224, 224))
        head = {"machine": MACHINE, "architectures": facts} | fields
        return results.record(self.make.run(*cases, **head), done, "complete", "r.jsonl")

    def write(self, nets: Sequence[Net], name: str = "r.jsonl", **fields: Any) -> Path:
        record = self.record(nets, **fields)
        lines = [{"type": "run", **msgspec.to_builtins(record.run)}]
        lines += [{"type": "replicate", **msgspec.to_builtins(replicate)} for replicate in record.replicates]
        lines.append({"type": "end", "status": "complete"})
        path = self.folder / name
        path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        return path


@pytest.fixture
def rows(make: Any, tmp_path: Path) -> Maker:
    return Maker(make, tmp_path)
