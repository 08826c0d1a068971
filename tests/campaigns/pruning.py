"""Pruning: every network of the catalogue by every criterion: what goes, whether the rest answers as it must, and why not.

python tests/campaigns/pruning.py --log FILE                everything that the log does not hold yet
python tests/campaigns/pruning.py --log FILE 'vgg/*' --criterion taylor
python tests/campaigns/pruning.py --log FILE --own          seven networks at the input that they declare, on every engine
python tests/campaigns/pruning.py --log FILE --pack         leave in the log the newest line of each case, in order
python tests/campaigns/pruning.py --log FILE --page docs/compression.md

Each network is pruned in a process of its own, on one thread and at the smallest usual input that it takes. The output of what
remains is compared with that of the whole network in which the same channels are read as zeros, and its counted MACs with those
that the channels that went imply. What the criteria share is found once: the network, its counts, and which channels go together.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import multiprocessing
import os
import sys
import time
from fnmatch import fnmatchcase
from importlib.metadata import version
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from prunings import page
from prunings.log import Line, newest, read, write

from vbench import compress, plugins, sources
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.process import BaseProcess

# What looks at pictures looks at few, of seeded noise: the weights are random, and what is shown is that the surgery is right.
CRITERIA = {
    "random": "random:0.5",
    "l1-filter": "l1-filter:0.5",
    "l2-filter": "l2-filter:0.5",
    "mean-activation": "mean-activation:0.5:pictures=4:data=noise",
    "apoz": "apoz:0.5:pictures=4:data=noise",
    "taylor": "taylor:0.5:pictures=4:data=noise",
}
# Those that are pruned at their own input too, timed, and run by every engine that is here.
OWN = (
    "resnet/50", "mobilenet/v1-1.0", "googlenet/bottleneck", "inception/v3", "densenet/121", "shufflenet/v1-g3", "se/resnet-50",
)  # fmt: skip
OWN_CRITERIA = {"l1-filter": "l1-filter:0.5", "taylor": "taylor:0.5:data=noise"}
# A process that takes longer for a network is ended, and what it has not come to is written down as that. Engines compile.
TIMEOUT_S, OWN_TIMEOUT_S = 900.0, 3600.0
# What decides which channels go, how they are taken out, and how that is checked.
_DECIDES = "filters _check _choice _follow _labels _operators _products _scores _surgery"


def main() -> int:
    """Prune what was asked for and is not there yet; 0, since a network that cannot be pruned is what the page is about."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="globs of networks; left out, all")
    parser.add_argument("--log", type=Path, default=Path("pruning.jsonl"), metavar="FILE", help="left out, pruning.jsonl")
    parser.add_argument("--criterion", action="append", default=[], choices=CRITERIA, help="this one only; may be repeated")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="networks at a time, one thread each; left out, 2")
    parser.add_argument("--again", action="store_true", help="what failed before is tried again")
    parser.add_argument("--own", action="store_true", help="the networks of the second table, at the input that they declare")
    parser.add_argument("--pack", action="store_true", help="leave the newest line of each case in the log, and end")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="write the tables of what the log holds into this page, and end"
    )
    given = parser.parse_args()
    if given.pack:
        write(given.log, newest(read(given.log)))
        return 0
    plugins.load_all()
    compress.load_builtin()
    if given.page:
        text = page.text(newest(read(given.log)), list(ARCHITECTURES.names()))
        given.page.write_text(page.replaced(given.page.read_text("utf-8"), text), "utf-8")
        return 0
    given.log.parent.mkdir(parents=True, exist_ok=True)
    return _all(_todo(given), given.log, given.processes, own=given.own)


def _todo(given: argparse.Namespace) -> dict[str, list[Line]]:
    """For each network the lines that are still open."""
    globs = given.names or (OWN if given.own else ["*"])
    done = {line.key for line in read(given.log) if not (given.again and line.status not in {"ok", "kept"})}
    known = OWN_CRITERIA if given.own else CRITERIA
    found = {}
    for name in ARCHITECTURES.names():
        if any(fnmatchcase(name, glob) for glob in globs):
            digest = _digest(name)
            lines = [
                Line(architecture=name, compression=text, source=digest, versions={"torch": version("torch")}, own=given.own)
                for criterion, text in known.items()
                if not given.criterion or criterion in given.criterion
            ]
            if still := [line for line in lines if line.key not in done]:
                found[name] = still
    return found


@functools.cache
def _deciding() -> str:
    folder = Path(compress.__file__).parent
    return "".join(sources.digest(folder / f"{name}.py") for name in _DECIDES.split())


def _digest(name: str) -> str:
    """Of another source of the network or of the pruning it is another line."""
    own = sources.digest(Path(ARCHITECTURES.source(name).file))
    return hashlib.sha256((own + _deciding()).encode()).hexdigest()[:16]


def _all(todo: dict[str, list[Line]], log: Path, processes: int, *, own: bool) -> int:
    """Networks one by one, each in a process of its own that is forked from this one, which has imported all that it needs."""
    import torch  # noqa: PLC0415 - `--help` needs none
    from prunings import running, work  # noqa: F401, PLC0415 - imported once for all processes

    torch.set_num_threads(1)  # No thread may run here when a process is forked.
    fork = multiprocessing.get_context("fork")
    names = list(todo)
    busy: dict[str, tuple[BaseProcess, float]] = {}
    began, done, limit = time.perf_counter(), 0, OWN_TIMEOUT_S if own else TIMEOUT_S
    while names or busy:
        while names and len(busy) < processes:
            name = names.pop(0)
            process = fork.Process(target=_network, args=(todo[name], log), kwargs={"own": own})
            process.start()
            busy[name] = process, time.perf_counter()
        wait([process.sentinel for process, _ in busy.values()], timeout=1.0)
        for name, (process, start) in list(busy.items()):
            late = time.perf_counter() - start > limit
            if process.is_alive() and not late:
                continue
            process.kill()
            process.join()
            del busy[name]
            reason = f"longer than {limit:.0f} s" if late else f"its process ended with {process.exitcode}"
            _close(todo[name], log, "timeout" if late else "crashed", reason)
            done += 1
            left = (time.perf_counter() - began) / done * (len(todo) - done)
            print(f"{done} of {len(todo)} networks, {left / 60:.0f} min left", file=sys.stderr, flush=True)
    return 0


def _close(lines: Sequence[Line], log: Path, status: str, reason: str) -> None:
    """Write down what a process has not come to."""
    there = {line.key for line in read(log)}
    for line in lines:
        if line.key not in there:
            _say(msgspec.structs.replace(line, status=status, reason=reason), log)


def _say(line: Line, log: Path) -> None:
    """One line of the log, in one piece, since several processes write to it."""
    with log.open("ab", buffering=0) as file:
        file.write(msgspec.json.encode(line) + b"\n")
    print(line.status, line.architecture, line.compression, f"{line.seconds:.1f} s", line.reason, flush=True)


def _network(lines: Sequence[Line], log: Path, *, own: bool) -> None:
    """All that is open of a network, in this process."""
    import torch  # noqa: PLC0415 - `--help` needs none
    from prunings import running, work  # noqa: PLC0415 - they import torch

    torch.set_flush_denormal(True)
    os.environ["OMP_NUM_THREADS"] = "1"  # of what is started from here
    try:
        network = work.Network(ARCHITECTURES.get(lines[0].architecture), own=own)
    except Exception as error:  # noqa: BLE001 - it is the reason, and other networks may do better
        _close(lines, log, "failed", work.told(error))
        return
    for line in lines:
        found = network.pruned(line)
        if own and found.criterion == "l1-filter" and found.status == "ok":
            found = running.tried(found)
        _say(found, log)


if __name__ == "__main__":
    sys.exit(main())
