"""Pruning: every network of the catalogue by every criterion: what goes, whether the rest answers as it must, and why not.

python tests/campaigns/pruning.py                          everything that the log does not hold yet, in two processes
python tests/campaigns/pruning.py 'vgg/*' --criterion taylor
python tests/campaigns/pruning.py --page docs/compression.md

Each network is pruned in a process of its own, on one thread and at the smallest usual input that it takes. The output of what
remains is compared with that of the whole network in which the same channels are read as zeros, and its counted MACs with those
that the channels that went imply.
"""

from __future__ import annotations

import argparse
import copy
import queue
import subprocess
import sys
import threading
import time
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from engines import small
from prunings import page
from prunings.log import Line, read

from vbench import compress, plugins, sources
from vbench.registry import ARCHITECTURES, COMPRESSORS

if TYPE_CHECKING:
    from vbench.compress._surgery import Cut
    from vbench.core import Architecture

CRITERIA = ("random", "l1-filter", "l2-filter", "mean-activation", "apoz", "taylor")
RATIO = 0.5
TIMEOUT_S = 900.0


def main() -> int:
    """Prune what was asked for and is not there yet; 0, since a network that cannot be pruned is what the page is about."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["*"], help="globs of networks; left out, all")
    parser.add_argument("--out", type=Path, default=Path("pruning.jsonl"), metavar="FILE", help="the log")
    parser.add_argument("--criterion", action="append", default=[], help="this criterion only; may be repeated")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="networks at a time, one thread each")
    parser.add_argument("--again", action="store_true", help="what failed before is tried again")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the table of all that the log holds into this page")
    parser.add_argument("--one", nargs=2, metavar=("NETWORK", "COMPRESSION"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    plugins.load_all()
    compress.load_builtin()
    if given.one:
        sys.stdout.write(msgspec.json.encode(_pruned(_line(*given.one))).decode() + "\n")
        return 0
    names = [name for name in ARCHITECTURES.names() if any(fnmatchcase(name, glob) for glob in given.names)]
    if given.page:
        given.page.write_text(page.replaced(given.page.read_text("utf-8"), page.text(read(given.out), names)), "utf-8")
        return 0
    done = {line.key for line in read(given.out) if not (given.again and line.status not in {"ok", "kept"})}
    todo: queue.SimpleQueue[Line] = queue.SimpleQueue()
    for name in names:
        for criterion in given.criterion or CRITERIA:
            line = _line(name, f"{criterion}:{RATIO:g}")
            if line.key not in done:
                todo.put(line)
    lock = threading.Lock()
    threads = [threading.Thread(target=_work, args=(todo, given.out, lock)) for _ in range(given.processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def _line(name: str, text: str) -> Line:
    """The line of a network and a compression before it is tried; of another source of the pruning it is another one."""
    digest = sources.digest(Path(ARCHITECTURES.source(name).file)) + sources.digest(Path(compress.__file__).parent)
    architecture = ARCHITECTURES.get(name)
    return Line(
        architecture=name, input_shape=small(architecture), compression=text, source=digest, versions={"torch": version("torch")}
    )


def _work(todo: queue.SimpleQueue[Line], out: Path, lock: threading.Lock) -> None:
    """Cases one by one, each in a process of its own, until there is none left."""
    while True:
        try:
            line = todo.get_nowait()
        except queue.Empty:
            return
        began = time.perf_counter()
        command = [sys.executable, __file__, "--one", line.architecture, line.compression]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)
            last = (done.stdout.splitlines() or [""])[-1]
            if done.returncode == 0 and last.startswith("{"):
                line = msgspec.json.decode(last, type=Line)
            else:
                said = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
                line = msgspec.structs.replace(line, status="crashed", reason=said[:240])
        except subprocess.TimeoutExpired:
            line = msgspec.structs.replace(line, status="timeout", reason=f"longer than {TIMEOUT_S:.0f} s")
        with lock, out.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            took = time.perf_counter() - began
            print(line.status, line.architecture, line.compression, f"{took:.0f} s", line.reason, flush=True)


def _pruned(line: Line) -> Line:
    """The line of a case, in this process."""
    import torch  # noqa: PLC0415 - the parent needs none

    from vbench import compression, data  # noqa: PLC0415 - as above
    from vbench.compress import _building, _surgery  # noqa: PLC0415 - as above
    from vbench.counting import count  # noqa: PLC0415 - as above

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    architecture = msgspec.structs.replace(ARCHITECTURES.get(line.architecture), input=line.input_shape)
    (step,) = compression.steps(line.compression, ARCHITECTURES.options)
    compressor = COMPRESSORS.get(step.name)()
    module, _ = data.build(architecture.build, 0)
    whole = copy.deepcopy(module)
    task = _building.Task(architecture, 0)
    before = count(architecture.build, line.input_shape, second=False)
    found = msgspec.structs.replace(line, params_before=before.params, macs_before=before.macs)
    began = time.perf_counter()
    try:
        plan = compressor.plan(module, task, compression.filled(step, compressor.options))  # type: ignore[attr-defined]  # all six
    except ValueError as error:
        return msgspec.structs.replace(found, status="kept", reason=str(error), seconds=time.perf_counter() - began)
    smaller = _surgery.remove(module, plan)
    seconds = time.perf_counter() - began
    after = count(lambda: _building.without_numbers(smaller), line.input_shape, second=False)
    return msgspec.structs.replace(
        found,
        status="ok",
        seconds=seconds,
        channels=sum(one.size for one in plan.layers),
        removed=plan.removed,
        params=after.params,
        macs=after.macs,
        implied=_implied(architecture, plan),
        apart=_building.difference(_surgery.zeroed(whole, plan), smaller, data.smooth(line.input_shape, 2, 0)),
        notes=task.notes,
    )


def _implied(architecture: Architecture, plan: Cut) -> float:
    """The MACs that are left by what goes of each layer's weights; products of what was computed stay as they are."""
    from vbench.counting import module_table  # noqa: PLC0415 - imports torch

    costs = module_table(architecture.build, architecture.input)
    total = float(next(cost.macs for cost in costs if not cost.path))
    for cost in costs:
        share = 1.0
        for one in plan.dimensions:
            if one.tensor == f"{cost.path}.weight":
                share *= 1 - len(one.gone) / one.size
        total -= cost.macs * (1.0 - share)
    return total


if __name__ == "__main__":
    sys.exit(main())
