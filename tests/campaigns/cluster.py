"""What a cluster costs, and that it changes nothing: on Ray nodes of this machine, which are started and ended here.

python tests/campaigns/cluster.py overhead      what a case takes beside its worker, against a run without a cluster
python tests/campaigns/cluster.py busy          how much of their time eight nodes work, over 1,000 cases of 0.2 s
python tests/campaigns/cluster.py transcript -o docs/cluster-transcript.txt
                                                two sweeps on three nodes, one of which is killed midway, against local runs
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cluster"))

from raylets import Raylets, plant

from vbench import journal, machine, results

VBENCH = [sys.executable, "-c", "from vbench.cli import script; script()"]
# What two runs of the same cases on one machine differ in, on real networks: times and what follows from them, and memory.
_SINGLE = ("run_id", "flags", "throughput_by_batch", "bound", "page_faults", "page_fault_share", "drift_share", "drift_offset")
_KINDS = ("latency_s", "throughput_", "build_s", "compile_", "first_run_s", "peak_host_", "base_host_", "efficiency", "achieved_",
          "peak_scratch_", "peak_flops", "bandwidth_", "sweep_", "best_batch")  # fmt: skip


def vbench(folder: Path, *words: str, address: str = "") -> subprocess.Popen[str]:
    """Start a command in the project; with an address, on that cluster."""
    more = ("--cluster", "auto") if address else ()
    given = {**os.environ, "VBENCH_CACHE": str(folder / "cache")} | ({"RAY_ADDRESS": address} if address else {})
    return subprocess.Popen(
        [*VBENCH, *words, *more], cwd=folder, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def done(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for it. Raises RuntimeError where it failed."""
    out, errors = process.communicate()
    if process.returncode:
        message = f"exit {process.returncode}: {errors.strip().splitlines()[-1]}"
        raise RuntimeError(message)
    return out, errors


def timed(path: Path) -> list[Any]:
    """The processes that measured so far, as they began."""
    found = [r for r in journal.read(path).replicates if r.role == "measure"] if path.exists() else []
    return sorted(found, key=lambda r: r.started_s)


def gaps(path: Path) -> list[float]:
    """Seconds between the end of a process and the start of the next one of the same forkserver."""
    servers: dict[int, list[Any]] = {}
    for replicate in timed(path):
        servers.setdefault(replicate.server, []).append(replicate)
    return [
        after.started_s - before.started_s - before.seconds for found in servers.values() for before, after in pairwise(found)
    ]


def batches(count: int) -> str:
    """So many cases of one network."""
    return ",".join(map(str, range(1, count + 1)))


def overhead(folder: Path, given: argparse.Namespace) -> str:
    """One node, the same cases with and without it."""
    words = ("run", "cluster/0", "--engine", "fake", "--device", "fake", "--threads", "1", "--quick", "--no-report",
             "--time-limit", "0", "--batch", batches(given.cases))  # fmt: skip
    cluster = Raylets()
    try:
        cluster.add()
        done(vbench(folder, *words, "-o", "here.jsonl"))
        done(vbench(folder, *words, "-o", "there.jsonl", address=cluster.address))
    finally:
        cluster.close()
    here, there = gaps(folder / "here.jsonl"), gaps(folder / "there.jsonl")
    more = [1e3 * (statistics.median(there) - statistics.median(here)), 1e3 * (statistics.mean(there) - statistics.mean(here))]
    lines = [
        f"{given.cases} cases of the fake engine, from the end of a worker to the start of the next, in ms:",
        f"  without a cluster  median {1e3 * statistics.median(here):.1f}, mean {1e3 * statistics.mean(here):.1f}",
        f"  on one Ray node    median {1e3 * statistics.median(there):.1f}, mean {1e3 * statistics.mean(there):.1f}",
        f"  more per case      median {more[0]:.1f}, mean {more[1]:.1f}",
    ]
    return "\n".join(lines)


def busy(folder: Path, given: argparse.Namespace) -> str:
    """Nodes of one core each; a worker sleeps 0.2 s, so that eight of them fit this machine."""
    words = ("run", "cluster/0", "--engine", "slow", "--device", "fake", "--threads", "1", "--quick", "--no-report",
             "--time-limit", "0", "--batch", batches(given.cases), "-o", "r.jsonl")  # fmt: skip
    cluster = Raylets()
    try:
        for _ in range(given.nodes):
            cluster.add(1)
        began = time.time()
        done(vbench(folder, *words, address=cluster.address))
        whole = time.time() - began
    finally:
        cluster.close()
    found = timed(folder / "r.jsonl")
    first, last = found[0].started_s, max(r.started_s + r.seconds for r in found)
    share = sum(r.seconds for r in found) / (given.nodes * (last - first))
    usual = statistics.median(r.seconds for r in found)
    return (
        f"{len(found)} cases of {usual:.3f} s (median) on {given.nodes} nodes of this machine: {last - first:.1f} s from "
        f"the first worker to the last, of which the nodes are busy {100 * share:.1f} %; the whole run takes {whole:.1f} s"
    )


def transcript(folder: Path, given: argparse.Namespace) -> str:
    """Two sweeps: one whose times are a function of the case, so that every column must be equal, and one of real networks."""
    versions = machine.versions()
    lines = [
        f"# Made by `python tests/campaigns/cluster.py transcript` on {datetime.now(UTC):%Y-%m-%d},"
        f"# {machine.describe().slug}, " + ", ".join(f"{name} {versions[name]}" for name in ("python", "torch", "vbench")),
        "# Three nodes on one machine; one is killed while the sweep runs.",
    ]
    exact = ("cluster/0", "cluster/1", "--batch", "1,2,3,4", "--engine", "slow", "--device", "fake", "--threads", "1")
    real = (*given.networks, "--engine", "eager", "--device", "cpu", "--threads", "1", "--time-limit", "0")
    for name, words in (("exact", exact), ("real", real)):
        lines += _sweep(folder, name, ("run", *words, "--no-report"), exact=name == "exact")
    return "\n".join(lines)


def _sweep(folder: Path, name: str, words: tuple[str, ...], *, exact: bool) -> list[str]:
    here, there = folder / f"{name}-local.jsonl", folder / f"{name}-cluster.jsonl"
    out, _ = done(vbench(folder, *words, "-o", here.name))
    lines = ["", f"$ vbench {' '.join(words)} -o {here.name}", out.rstrip()]
    cluster, heard = Raylets(), list[str]()
    try:
        nodes = [cluster.add() for _ in range(3)]
        process = vbench(folder, *words, "-o", there.name, address=cluster.address)
        hearing = threading.Thread(target=lambda: heard.extend(line.rstrip() for line in process.stderr or ()))
        hearing.start()
        wanted = len(timed(here)) // 2
        while process.poll() is None and len(timed(there)) < wanted:
            time.sleep(0.02)
        before = {(r.case, r.role, r.index) for r in journal.read(there).replicates}
        heard.append(f"=== the node {nodes[1][:8]} is killed: {len(timed(there))} of {2 * wanted} processes are on disk ===")
        cluster.kill(nodes[1])
        printed = "" if process.stdout is None else process.stdout.read()
        process.wait()
        hearing.join()
    finally:
        cluster.close()
    lines += ["", f"$ vbench {' '.join(words)} -o {there.name} --cluster auto", *heard, printed.rstrip()]
    lines.append(f"exit code {process.returncode}")
    after = {(r.case, r.role, r.index) for r in journal.read(there).replicates}
    lines.append(f"=== {len(before & after)} of the {len(before)} results from before the kill are in the file ===")
    return [*lines, *_compared(here, there, exact=exact)]


def _compared(here: Path, there: Path, *, exact: bool) -> list[str]:
    """Both files row by row. Raises RuntimeError where they differ in what they may not."""
    local, spread = (results.read(path) for path in (here, there))
    differing: set[str] = set()
    for mine, theirs in zip(local.results, spread.results, strict=True):
        a, b = results.row(local.run, mine), results.row(spread.run, theirs)
        differing |= {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)}
    allowed = {"run_id"} if exact else {name for name in differing if name in _SINGLE or name.startswith(_KINDS)}
    if spread.ended != "complete" or differing - allowed:
        message = f"{there.name}: {spread.ended}; differs in {sorted(differing - allowed)}"
        raise RuntimeError(message)
    nodes = [len({r.notes["node"] for r in spread.replicates if "node" in r.notes})]
    equal = f"equal to those of the local run in every column but: {', '.join(sorted(differing))}"
    return [f"=== {len(spread.results)} rows, complete, measured on {nodes[0]} nodes; {equal} ==="]


def main() -> None:
    """What stands at the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("overhead", "busy", "transcript"))
    parser.add_argument("-o", "--output", type=Path, help="also write it there")
    parser.add_argument("--cases", type=int, help="overhead: 100, busy: 1000")
    parser.add_argument("--nodes", type=int, default=8, help="of busy")
    parser.add_argument(
        "--networks", nargs="*", default=["squeezenet/1.1", "shufflenet/v2-1.0", "resnet/18"], help="of transcript"
    )
    given = parser.parse_args()
    given.cases = given.cases or {"overhead": 100}.get(given.what, 1000)
    with tempfile.TemporaryDirectory(prefix="vbench-cluster-") as folder:
        plant(Path(folder))
        text = {"overhead": overhead, "busy": busy, "transcript": transcript}[given.what](Path(folder), given)
    print(text)
    if given.output is not None:
        given.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
