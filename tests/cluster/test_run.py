"""Runs on a real Ray cluster: several nodes on this machine, killed and joined on the way, against a run without a cluster."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from vbench import journal, results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAKE = ("--device", "fake", "--threads", "1", "--no-report")
EIGHT = ("cluster/0", "cluster/1", "--batch", "1,2,3,4", *FAKE)
# What may differ between a run on a cluster and one without: when it was, and what the host did meanwhile.
OTHER = {"run_id", "machine", "build_s", "first_run_s", "compile_s", "base_host_bytes", "peak_host_bytes"}


def ended(process: Any, limit_s: float = 240.0) -> tuple[int, str, str]:
    out, errors = process.communicate(timeout=limit_s)
    return process.returncode, out, errors


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file without what may differ."""
    record = results.read(path)
    assert record.ended == "complete"
    found = [results.row(record.run, result) for result in record.results]
    return [{key: value for key, value in row.items() if key not in OTHER} for row in found]


def wait_for(happened: Callable[[], bool], limit_s: float = 120.0) -> None:
    end = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def timed(path: Path) -> int:
    if not path.exists():
        return 0
    return sum(r.role == "measure" for r in journal.read(path).replicates)


def forked_from(cluster: Any) -> list[psutil.Process]:
    """The forkservers on the nodes of a cluster, and their workers."""
    found = []
    for process in psutil.Process(cluster.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "vbench.forkserver" in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def test_a_sweep_with_a_node_killed_midway_is_complete_and_equal_to_a_run_without_a_cluster(
    clusters: Any, begun: Any, project: Path
) -> None:
    raylets = clusters()
    nodes = [raylets.add() for _ in range(3)]
    here, there = project / "here.jsonl", project / "there.jsonl"
    code, _, errors = ended(begun("run", "--engine", "slow", *EIGHT, "-o", str(here)))
    assert code == 0, errors
    process = begun("run", "--engine", "slow", *EIGHT, "-o", str(there), "--cluster", "auto", RAY_ADDRESS=raylets.address)
    wait_for(lambda: timed(there) >= 12)
    before = {(r.case, r.index) for r in journal.read(there).replicates}
    raylets.kill(nodes[1])
    code, out, errors = ended(process)
    assert code == 0, errors
    assert "is lost" in errors
    assert rows(there) == rows(here)
    assert out.count("ok") == 8
    replicates = results.read(there).replicates
    assert before <= {(r.case, r.index) for r in replicates}, "nothing that was finished is lost"
    assert {r.notes["node"] for r in replicates if r.role == "measure"} == {node[:8] for node in nodes}
    assert len(replicates) == 8 * 6


def test_networks_are_counted_verified_and_timed_as_here(clusters: Any, begun: Any, project: Path) -> None:
    raylets = clusters()
    raylets.add()
    raylets.add()
    words = ("cluster/*", "--engine", "eager", "--device", "cpu", "--threads", "1", "--no-report", "--quick")
    here, there = project / "here.jsonl", project / "there.jsonl"
    assert ended(begun("run", *words, "-o", str(here)))[0] == 0
    code, _, errors = ended(begun("run", *words, "-o", str(there), "--cluster", "auto", RAY_ADDRESS=raylets.address))
    assert code == 0, errors
    for mine, theirs in zip(rows(here), rows(there), strict=True):
        counted = ["case_id", "definition", "status", "params", "macs", "weight_bytes", "activations", "peak_activation_bytes"]
        assert {key: mine[key] for key in counted} == {key: theirs[key] for key in counted}
        assert theirs["agreement_sqnr_db"] == mine["agreement_sqnr_db"]
        assert theirs["latency_s"] > 0
    (whole, other) = (results.read(path).run for path in (here, there))
    assert other.machine == whole.machine
    assert other.versions == whole.versions
    assert "OMP_NUM_THREADS" not in other.environment, "which Ray sets for its own processes"


def test_a_driver_that_is_killed_leaves_nobody_and_is_gone_on_with(clusters: Any, begun: Any, project: Path) -> None:
    raylets = clusters()
    raylets.add()
    raylets.add()
    path = project / "r.jsonl"
    words = ("run", "--cluster", "auto")
    process = begun(*words, "--engine", "slow", *EIGHT, "-o", str(path), RAY_ADDRESS=raylets.address)
    wait_for(lambda: timed(path) >= 4)
    assert forked_from(raylets)
    process.kill()
    process.communicate()
    wait_for(lambda: not forked_from(raylets), 30.0)
    before = journal.read(path)
    assert before.ended == ""
    code, _, errors = ended(begun(*words, "--resume", str(path), "--no-report", RAY_ADDRESS=raylets.address))
    assert code == 0, errors
    record = results.read(path)
    assert {(r.case, r.index) for r in before.replicates} <= {(r.case, r.index) for r in record.replicates}
    assert [result.values["latency_processes"] for result in record.results] == [6] * 8


def test_ctrl_c_gives_the_nodes_back(clusters: Any, begun: Any, project: Path) -> None:
    raylets = clusters()
    raylets.add()
    path = project / "r.jsonl"
    process = begun("run", "--engine", "slow", *EIGHT, "-o", str(path), "--cluster", "auto", RAY_ADDRESS=raylets.address)
    wait_for(lambda: timed(path) >= 2)
    process.send_signal(signal.SIGINT)
    code, _, errors = ended(process, 60)
    assert code == 130, errors
    assert f"to go on: vbench run --cluster ADDRESS --resume {path}" in errors
    assert journal.read(path).ended == "interrupted"
    code, _, errors = ended(begun("run", *EIGHT[:1], *FAKE, "--quick", "--engine", "fake", "--cluster", "auto", "-o", "s.jsonl",
                                  RAY_ADDRESS=raylets.address))  # fmt: skip
    assert code == 0, errors


def test_labels_choose_nodes_and_a_wrong_one_is_named(clusters: Any, begun: Any, project: Path) -> None:
    raylets = clusters()
    raylets.add(2, "zone=west")
    east = raylets.add(2, "zone=east")
    words = ("run", "--engine", "fake", *EIGHT, "--quick", "--cluster", "auto")
    given = {"RAY_ADDRESS": raylets.address}
    code, _, errors = ended(begun(*words, "--where", "zone=north", **given))
    assert code == 2
    assert errors == "vbench: no node of the cluster has zone=north; the labels there are: zone=east, zone=west\n"
    code, out, errors = ended(begun(*words, "--where", "zone=east", "--json", "-o", "r.jsonl", **given))
    assert code == 0, errors
    assert [row["status"] for row in json.loads(out)] == ["ok"] * 8
    assert {r.notes["node"] for r in results.read(project / "r.jsonl").replicates} == {east[:8]}


def test_a_cluster_that_is_reached_through_its_client_server(clusters: Any, begun: Any, project: Path) -> None:
    pytest.importorskip("grpc", reason="pip install 'vbench[ray]'")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    clusters(str(port)).add()
    words = ("run", "--engine", "fake", *EIGHT, "--quick", "--cluster", f"ray://127.0.0.1:{port}", "-o", "r.jsonl")
    code, _, errors = ended(begun(*words))
    assert code == 0, errors
    assert len(results.read(project / "r.jsonl").replicates) == 8


def test_this_machine_alone(begun: Any, project: Path) -> None:
    code, _, errors = ended(begun("run", "--engine", "fake", *EIGHT, "--quick", "--cluster", "local", "-o", "r.jsonl"))
    assert code == 0, errors
    assert len(results.read(project / "r.jsonl").replicates) == 8


def test_where_nothing_answers_is_one_line(begun: Any) -> None:
    code, _, errors = ended(begun("run", "--cluster", "auto", RAY_ADDRESS="127.0.0.1:1"))
    assert code == 2
    assert errors.splitlines()[-1].startswith("vbench: --cluster auto: no cluster answers there (")
