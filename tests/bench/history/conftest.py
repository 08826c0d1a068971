"""Result files that no run made: small machines, one network or two, a day apart, with numbers that a test chooses."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import results
from vbench.core import Case, Facts, Machine, Replicate, Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MACHINE = Machine(slug="some-cpu-2c-0000aa", fingerprint="0000aa", processor="Some CPU", cores=2, usable_cores=2)
VERSIONS = {"python": "3.11.7", "vbench": "0.1.0", "torch": "2.13.0"}
SHAPE = (3, 32, 32)
FIRST = dt.datetime(2026, 3, 1, 4, 0, tzinfo=dt.UTC)


def case(name: str = "net/one", **axes: Any) -> Case:
    return Case(architecture=name, **{"input_shape": SHAPE, "threads": 2} | axes)


def wander(number: int) -> float:
    """Between -1 and 1, the same every time, neighbours unlike each other."""
    return 2 * ((number + 1) * 0.6180339887 % 1) - 1


def commit(number: int) -> str:
    return f"{number:040x}"[::-1]


def processes(one: Case, ms: float) -> list[Replicate]:
    """Six processes about this time, one in the middle."""
    times = [ms * (1 + share) for share in (-0.002, -0.001, 0.0, 0.0, 0.001, 0.002)]
    return [
        Replicate(
            case=one.id, index=i, round=i, server=i + 1, status="ok", started_s=float(i), latency_ns=(round(t * 1e6),) * 10,
            values={"throughput_per_s": 1e3 / t, "peak_host_bytes": 2e8},
        )
        for i, t in enumerate(times)
    ]  # fmt: skip


class Runs:
    """A folder of result files, which grows by a day with every run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.days = 0

    def add(self, times: Mapping[Case, float | None], **fields: Any) -> Path:
        """A run with these latencies in milliseconds; None is a case that failed."""
        started = FIRST + dt.timedelta(days=self.days)
        head: dict[str, Any] = {
            "schema": 1,
            "run_id": f"{started:%Y%m%dT%H%M%SZ}-{self.days:06x}",
            "started": started.isoformat(timespec="seconds"),
            "machine": MACHINE,
            "versions": VERSIONS,
            "settings": {"interval": 0.02},
            "definitions": {one.id: "d0" for one in times},
            "architectures": {one.architecture: Facts(input=SHAPE) for one in times},
            "commit": commit(self.days),
        }
        self.days += 1
        run = Run(cases=tuple(times), **head | fields)
        replicates = [replicate for one, ms in times.items() if ms is not None for replicate in processes(one, ms)]
        replicates += [
            Replicate(case=one.id, index=0, round=0, server=1, status="failed", reason="it raised")
            for one, ms in times.items()
            if ms is None
        ]
        return self.write(run, replicates)

    def write(self, run: Run, replicates: Sequence[Replicate]) -> Path:
        lines = [{"type": "run", **msgspec.to_builtins(run)}]
        lines += [{"type": "replicate", **msgspec.to_builtins(replicate)} for replicate in replicates]
        for row in results.derive(run, replicates, "complete"):
            lines.append({"type": "result", **msgspec.to_builtins(row), "case": row.case.id})
        lines.append({"type": "end", "status": "complete", "finished": run.started})
        path = self.folder / run.machine.slug / f"{run.run_id}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        return path

    def stepped(self, before: int, after: int, by: float = 0.1, **fields: Any) -> None:
        """So many runs of one network, of which the later ones are slower; noise is a tenth of a percent, the same every time."""
        for number in range(before + after):
            wiggle = 1 + 0.001 * wander(number)
            self.add({case(): 10.0 * wiggle * (1 + by if number >= before else 1)}, **fields)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "results")
