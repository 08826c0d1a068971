"""Engines: every network of the catalogue on every engine and precision that this machine has: what runs, and how near to fp32.

python tests/campaigns/engines.py                          everything that the log does not hold yet, in two processes
python tests/campaigns/engines.py 'vgg/*' --engine openvino
python tests/campaigns/engines.py --page docs/engines.md

Nothing is timed: each case is what the check of `vbench run` makes of it (exported, quantised, compiled, compared with eager
fp32), on one thread and at the smallest usual input that the network takes.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
import threading
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from works import page
from works.log import Line, read, versions

from vbench import plugins, sources
from vbench.axes import PRECISIONS
from vbench.core import Case
from vbench.counting import traced
from vbench.engines import known
from vbench.job import Job, catalogue
from vbench.registry import ARCHITECTURES, ENGINES
from vbench.supervisor import Server

if TYPE_CHECKING:
    from vbench.core import Architecture
    from vbench.interfaces import Engine

# Sides that are tried, smallest first; the network's own comes last.
SIDES = (64, 96, 128, 160, 224)
TIMEOUT_S = 900.0
MEMORY_LIMIT = 10 * 2**30


def small(architecture: Architecture) -> tuple[int, ...]:
    """The smallest of the usual inputs that the network takes, as far as that is known without values."""
    channels, *own = architecture.input
    if len(own) != 2 or architecture.task == "block":
        return architecture.input
    for side in SIDES:
        if side >= min(own):
            break
        try:
            traced(architecture.build, (channels, side, side))
        except Exception:  # noqa: BLE001, S112 - a network may refuse a size by raising anything
            continue
        return channels, side, side
    return architecture.input


def cases(architecture: Architecture, engines: dict[str, Engine], shape: tuple[int, ...]) -> dict[Case, str]:
    """Every engine and precision, with the reason why it will not be tried, or an empty one."""
    found = {}
    for name, engine in engines.items():
        for precision in PRECISIONS:
            case = Case(architecture=architecture.name, input_shape=shape, engine=name, precision=precision)
            found[case] = engine.skip(case) or ""
    return found


def main() -> int:
    """Check what was asked for and is not there yet; 0, since a case that fails is what the page is about."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["*"], help="globs of networks; left out, all")
    parser.add_argument("--out", type=Path, default=Path("engines.jsonl"), metavar="FILE", help="the log")
    parser.add_argument("--engine", action="append", default=[], help="this engine only; may be repeated")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="networks at a time, one thread each")
    parser.add_argument("--again", action="store_true", help="what failed before is tried again")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the table of all that the log holds into this page")
    given = parser.parse_args()
    plugins.load_all()
    names = [name for name in ARCHITECTURES.names() if any(fnmatchcase(name, glob) for glob in given.names)]
    if given.page:
        given.page.write_text(page.replaced(given.page.read_text("utf-8"), page.text(read(given.out), names)), "utf-8")
        return 0
    engines = {name: engine for name, engine in known().items() if not isinstance(engine, str) and name != "fake"}
    if given.engine:
        engines = {name: engine for name, engine in engines.items() if name in given.engine}
    done = {line.key for line in read(given.out) if not (given.again and line.status not in {"ok", "skipped"})}
    todo: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        todo.put(name)
    lock = threading.Lock()
    threads = [threading.Thread(target=_work, args=(todo, engines, done, given.out, lock)) for _ in range(given.processes)]
    with tempfile.TemporaryDirectory(prefix="vbench-engines-") as folder:
        os.environ["VBENCH_CACHE"] = folder  # what is made of 279 networks is not worth keeping, beyond the network at work
        os.environ["VBENCH_CACHE_LIMIT"] = "4GiB"
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return 0


def _work(
    todo: queue.SimpleQueue[str], engines: dict[str, Engine], done: set[tuple[str, ...]], out: Path, lock: threading.Lock
) -> None:
    """Networks one by one, each in the workers of a server of its own, until there is none left."""
    while True:
        try:
            name = todo.get_nowait()
        except queue.Empty:
            return
        architecture = ARCHITECTURES.get(name)
        digest = sources.digest(Path(ARCHITECTURES.source(name).file))
        planned = cases(architecture, engines, small(architecture))
        found = {case: Line.of(case, digest, versions(case.engine)) for case in planned}
        open_cases = [case for case in planned if found[case].key not in done]
        if not open_cases:
            continue
        with Server(preload="count") as server:
            for case in open_cases:
                line = found[case]
                if planned[case]:
                    line = msgspec.structs.replace(line, status="skipped", reason=planned[case])
                else:
                    line = _checked(server, case, line)
                with lock, out.open("ab") as file:
                    file.write(msgspec.json.encode(line) + b"\n")
                    if not planned[case]:
                        print(line.status, case.id, f"{line.seconds:.0f} s", line.reason, flush=True)


def _checked(server: Server, case: Case, line: Line) -> Line:
    """The line of a case, by a worker that prepares it and compares its answers."""
    job = Job(
        case=case, check=True, architecture=ARCHITECTURES.source(case.architecture), engine=ENGINES.source(case.engine),
        catalogue=catalogue(), memory_limit=MEMORY_LIMIT,
    )  # fmt: skip
    began = time.perf_counter()
    replicate = server.run(job, TIMEOUT_S)
    macs: dict[str, int] = {}
    for operator in replicate.operators:
        macs[operator.precision] = macs.get(operator.precision, 0) + operator.macs
    return msgspec.structs.replace(
        line, status=replicate.status, reason=replicate.reason, seconds=time.perf_counter() - began, macs=macs,
        sqnr_db=replicate.values.get("agreement_sqnr_db"), notes=replicate.notes,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
