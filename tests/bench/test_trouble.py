"""Real workers on networks and engines that misbehave: each is a row with its reason, and its neighbours are well."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

import vbench

if TYPE_CHECKING:
    from vbench.core import Record, Result

PLUGINS = Path(__file__).parents[1] / "plugins"
SETTINGS = {
    "min_processes": 2,
    "max_processes": 2,
    "spread": 0.0,
    "warmup": 0.1,
    "latency": 0.02,
    "throughput": 0.02,
    "timeout": 8.0,
    "memory_limit": 2**30,
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return vbench.run(
        "trouble/*",
        plugin=[str(PLUGINS / "trouble.py")],
        output=tmp_path_factory.mktemp("trouble") / "r.jsonl",
        threads=[1],
        batch=[2],
        settings=SETTINGS,
    )


def rows(record: Record) -> dict[str, Result]:
    return {result.case.architecture.partition("/")[2]: result for result in record.results}


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("segfault", "crashed", ("SIGSEGV", "reference")),
        ("late", "crashed", ("SIGSEGV", "verify", "warm-up", "first run", "latency")),
        ("hang", "timeout", ("8 s", "reference")),
        ("allocate", "oom", ("memory", "1.0 GiB")),
        ("bytes", "oom", ("memory", "1.0 GiB")),
        ("raise", "failed", ("RuntimeError", "the network had enough", "trouble.py")),
        ("exit", "failed", ("SystemExit", "3")),
        ("leave", "crashed", ("exit code 7",)),
        ("nan", "failed", ("wrong_output", "NaN")),
        ("short", "failed", ("wrong_shape", "3", "2")),
        ("text", "failed", ("str", "no tensor")),
        ("turns", "failed", ("wrong_output", "NaN")),
        ("builder", "failed", ("ValueError", "no 10 classes today", "trouble.py")),
    ],
)
def test_trouble_is_a_row_with_a_reason(record: Record, name: str, status: str, words: tuple[str, ...]) -> None:
    row = rows(record)[name]
    assert row.status == status, row.reason
    found = [word for word in words if word in row.reason]
    assert found == list(words) or (name == "late" and "SIGSEGV" in found), row.reason


@pytest.mark.parametrize("name", ["fine-first", "fine-last", "print"])
def test_neighbours_are_well(record: Record, name: str) -> None:
    row = rows(record)[name]
    assert row.status == "ok", row.reason
    assert row.values["latency_s"] > 0
    assert row.values["params"] == 4 * 3 * 9 + 4 + 10 * 144 + 10
    assert row.values["peak_host_bytes"] > 10 * 2**20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are adopted by their server on Linux only")
def test_what_a_worker_leaves_behind_is_ended(record: Record) -> None:
    assert rows(record)["litter"].status == "ok"
    sleepers = [p for p in psutil.process_iter(["cmdline"]) if "import time; time.sleep(600)" in (p.info["cmdline"] or [])]
    assert sleepers == []


def test_the_run_says_so_at_the_end(record: Record) -> None:
    assert record.ended == "complete"
    assert record.exit_code == 4
    assert set(record.frame()["status"]) == {"ok", "failed", "crashed", "timeout", "oom"}


def test_a_replicate_names_its_forkserver_and_rounds_have_their_own(record: Record) -> None:
    by_round: dict[int, set[int]] = {}
    for replicate in record.replicates:
        by_round.setdefault(replicate.round, set()).add(replicate.server)
    assert all(len(servers) == 1 for servers in by_round.values())
    assert len({next(iter(s)) for s in by_round.values()}) == len(by_round) == 3


@pytest.fixture(scope="module")
def lies(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return vbench.run(
        "trouble/fine-first",
        plugin=[str(PLUGINS / "trouble.py"), str(PLUGINS / "liars.py")],
        engine=["constant", "deaf", "noisy", "honest", "eager"],
        output=tmp_path_factory.mktemp("lies") / "r.jsonl",
        threads=[1],
        settings=SETTINGS,
    )


def test_engines_that_lie_are_failed_and_never_timed(lies: Record) -> None:
    by_engine = {result.case.engine: result for result in lies.results}
    for name in ("constant", "deaf", "noisy"):
        assert by_engine[name].status == "failed"
        assert by_engine[name].reason.startswith("wrong_output"), by_engine[name].reason
        assert "latency_s" not in by_engine[name].values
    for name in ("constant", "deaf"):
        assert " 0.0 dB" in by_engine[name].reason
    for name in ("honest", "eager"):
        assert by_engine[name].status == "ok", by_engine[name].reason
        assert by_engine[name].values["agreement_sqnr_db"] > 100


def test_a_network_that_cannot_be_counted_says_so(record: Record) -> None:
    row = rows(record)["pair"]
    assert row.status == "ok", row.reason
    assert "not_counted" in row.flags
    assert "params" not in row.values


@pytest.mark.parametrize("counter", ["first", "second"])
def test_a_wrong_rule_in_either_counter_is_flagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counter: str) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path))
    record = vbench.run(
        f"planted/{counter}",
        "trouble/fine-first",
        plugin=[str(PLUGINS / "trouble.py"), str(PLUGINS / f"planted_{counter}.py")],
        output=tmp_path / "r.jsonl",
        threads=[1],
        settings=SETTINGS,
    )
    planted, fine = record.results
    assert (planted.status, fine.status) == ("ok", "ok")
    assert "macs_disagree" in planted.flags
    assert "macs_disagree" not in fine.flags
