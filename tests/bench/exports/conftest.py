"""A record in which everything happens that an export must have a place for, and a file of the gate; nothing is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from vbench import results
from vbench.core import Facts, Machine
from vbench.exports.format import Asked
from vbench.gate import log as logs
from vbench.gate import outcome
from vbench.gate.log import About, Half, Head, Pair, Writer
from vbench.tolerances import Gate
from vbench.verdicts import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Record

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MACHINE = Machine(
    slug="some-cpu-2c-0000aa", fingerprint="0000aa", system="Linux 6.1 x86_64", processor='Some "CPU"', cores=4, usable_cores=2,
    memory_bytes=2**34, features=("avx2",),
)  # fmt: skip
# The milliseconds of each process: an even number of them, one more than a multiple of 4, three more.
TIMES = {"a/even": (10, 11, 12, 13, 14, 15), "a/odd": (1, 2, 3, 4, 5, 6, 7, 8, 9), "a/seven": (2.5,) * 6 + (7.5,)}
WRONG = {"b/failed": "failed", "b/timeout": "timeout", "b/oom": "oom", "b/crashed": "crashed"}


class Records:
    """Makes records; each has the cases of TIMES, of WRONG, a skipped one, and a sweep that has no latency."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __call__(self, *, factor: float = 1.0, started: str = "2026-01-02T03:04:05+00:00", **fields: Any) -> Record:
        make = self.make
        timed = {name: make.case(name) for name in TIMES}
        wrong = {name: make.case(name) for name in WRONG}
        skipped, sweep = make.case("c/skipped"), make.case("c/sweep", scenario="offline", engine_options=(("mode", "x"),))
        done = [make.check(case) for case in timed.values()]
        values = {"throughput_per_s": 90.0, "load_1m": 0.5, "peak_host_bytes": 2.0**28}
        for name, case in timed.items():
            for index, ms in enumerate(TIMES[name]):
                samples = tuple(int(ms * factor * 1e6) + step for step in (-2, 0, 1, 3, 0))
                one = make.replicate(
                    case, index, values=values, latency_ns=samples, warmup_ns=(9, 8), started_s=1.7e9, seconds=2.5
                )
                done.append(one)
        for name, case in wrong.items():
            done.append(make.replicate(case, status=WRONG[name], reason=f"why <{name}> & so\x07", latency_ns=(), seconds=0.5))
        done += [make.replicate(sweep, index, latency_ns=(), series=((1.0, 50.0), (2.0, 90.0 + index))) for index in range(6)]
        cases = (*timed.values(), *wrong.values(), skipped, sweep)
        head = {
            "machine": MACHINE, "started": started, "commit": COMMIT, "skipped": {skipped.id: "no such engine here"},
            "architectures": {"a/even": Facts(family="a")}, "run_id": f"{started[:10]}-run",
            "versions": {"python": "3.11.7", "vbench": "0.1.0", "torch": "2.13.0+cpu"},
        }  # fmt: skip
        run = make.run(*cases, **head | fields)
        return results.record(run, done, "complete", "r.jsonl")


@pytest.fixture(scope="session")
def records(make: Any) -> Records:
    return Records(make)


@pytest.fixture(scope="session")
def record(records: Records) -> Record:
    return records()


@pytest.fixture
def nothing() -> Asked:
    """No option."""
    return Asked()


class Gated(NamedTuple):
    """A file of the gate, and what it says."""

    path: Path
    log: logs.Log
    outcome: outcome.Outcome


def _half(ms: float, **fields: Any) -> Half:
    # A network answers so many images in the time of a batch.
    given = {"batches": ((int(ms * 1e6),) * 3,) * 4, "rates": ((8, int(8 * ms * 1e6)),) * 4, "output": (1.0, -2.0)}
    return Half(**given | fields)


@pytest.fixture(scope="session")
def gated(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Gated:
    """`a/slow` became 5 to 7 % slower and `a/even` stayed, for latency and throughput; `a/wrong` answers something else."""
    path = tmp_path_factory.mktemp("gate") / "g.pairs.jsonl"
    cases = {name: make.case(name) for name in ("a/slow", "a/even", "a/wrong")}
    head = Head(
        schema=logs.SCHEMA, gate_id="20260101T000000Z-abcdef", started="2026-01-01T00:00:00+00:00", machine=MACHINE, rule=Rule(),
        gate=Gate(metrics=("latency", "throughput")), cases=tuple(cases.values()), definitions={}, seed=1,
        sides={"head": About(name=".", commit=COMMIT, dirty=True), "base": About(name="main", commit="f" * 40)},
    )  # fmt: skip
    writer = Writer(path, head)
    ratios = {"a/slow": [1.05 + 0.001 * index for index in range(18)], "a/even": [1.0, 0.999] * 4, "a/wrong": [1.0] * 8}
    for name, case in cases.items():
        for stage, count in (("screen", 8), ("confirm", 18 if name == "a/slow" else 0)):
            for index in range(count):
                other = {"output": (1.0, -3.0)} if name == "a/wrong" else {}
                writer.pair(
                    Pair(
                        case=case.id, against="base", stage=stage, index=index, round=index, order="bh" * 4, base=_half(10.0),
                        head=_half(10.0 * ratios[name][index], **other),
                    )
                )  # fmt: skip
    writer.log.ended = "complete"
    found = outcome.outcome(writer.log)
    writer.end(found.rows)
    writer.close()
    return Gated(path, logs.read(path), found)


@pytest.fixture(scope="session")
def written(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record as a result file."""
    path = tmp_path_factory.mktemp("run") / "r.jsonl"
    lines = [{"type": "run", **msgspec.to_builtins(record.run)}]
    lines += [{"type": "replicate", **msgspec.to_builtins(replicate)} for replicate in record.replicates]
    lines.append({"type": "end", "status": "complete"})
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path
