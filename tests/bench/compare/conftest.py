"""Two sides of a comparison: result files with numbers that a test chooses, and nothing measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import results
from vbench.core import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vbench.core import Case, Record

HERE = Machine(
    slug="some-cpu-2c-0000aa", fingerprint="0000aa", processor="Some CPU", cores=2, usable_cores=2, governor="powersave"
)
ELSEWHERE = msgspec.structs.replace(HERE, slug="other-cpu-8c-0000bb", fingerprint="0000bb", processor="Other CPU", cores=8)
TIMES = (10.0, 10.1, 9.9, 10.05, 9.95, 10.0)


class Files:
    """Writes result files; each process of a case has one time in milliseconds, and its sentinel another."""

    def __init__(self, make: Any, folder: Path) -> None:
        self.make, self.folder, self.number = make, folder, 0

    def record(  # noqa: PLR0913 - each is something that a test changes, and all have a default
        self,
        times: Mapping[Case, Sequence[float]],
        *,
        sentinel: float = 1.0,
        counts: Mapping[str, Any] | None = None,
        memory: float = 2.0**28,
        wrong: Mapping[Case, tuple[str, str]] | None = None,
        notes: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Record:
        self.number += 1
        done, wrong = [], wrong or {}
        for case, values in times.items():
            done.append(self.make.check(case, **(counts or {})))
            for index, ms in enumerate(values):
                own = {"throughput_per_s": 1e3 * case.batch / ms, "peak_host_bytes": memory + 1024 * index}
                one = self.make.replicate(
                    case,
                    index,
                    ms,
                    values=own,
                    sentinel_ns=(round(sentinel * 1e6),) * 4,
                    started_s=float(index),
                    notes=notes or {},
                )
                done.append(one)
        done += [self.make.replicate(case, status=status, reason=why, latency_ns=()) for case, (status, why) in wrong.items()]
        head = {
            "machine": HERE, "started": f"2026-01-{self.number:02}T03:04:05+00:00", "run_id": f"run-{self.number}",
            "versions": {"python": "3.11.7", "torch": "2.13.0"}, "definitions": {case.id: "d" for case in (*times, *wrong)},
        }  # fmt: skip
        return results.record(self.make.run(*times, *wrong, **head | fields), done, "complete")

    def write(self, times: Mapping[Case, Sequence[float]], name: str = "", **given: Any) -> Path:
        record = self.record(times, **given)
        path = self.folder / (name or f"{record.run.run_id}.jsonl")
        lines = [{"type": "run", **msgspec.to_builtins(record.run)}]
        lines += [{"type": "replicate", **msgspec.to_builtins(replicate)} for replicate in record.replicates]
        lines.append({"type": "end", "status": "complete"})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        return path


@pytest.fixture
def files(make: Any, tmp_path: Path) -> Files:
    return Files(make, tmp_path)


@pytest.fixture
def one(make: Any) -> Case:
    return make.case("net/one")


@pytest.fixture
def two(make: Any) -> Case:
    return make.case("net/two")
