"""A process that has imported everything and does nothing else: each worker is forked from it, fresh, in milliseconds.

It reads jobs as lines of JSON on its standard input and passes on what the worker replies. While a worker lives the
server waits for its end, and so the worker can read from the same pipe what it is asked to do next: lines that begin with
an @. Its own life hangs on its parent's: when that is killed, so are the server and its worker. Where there is no fork,
the same loop serves one job in a fresh interpreter.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

from . import worker
from .job import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class _Out:
    """The reply channel: what was standard output. A network that prints does so to the error stream."""

    def __init__(self) -> None:
        self.fd = os.dup(1)
        os.dup2(2, 1)

    def send(self, **message: Any) -> None:
        """One line; the leading newline ends what a killed worker may have left half-written."""
        data = b"\n" + msgspec.json.encode(message) + b"\n"
        while data:
            data = data[os.write(self.fd, data) :]


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies (Linux; elsewhere a thread waits for the pipe's end)."""
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what a dead worker leaves becomes a child of the server
        if os.getppid() != parent:
            os._exit(1)  # The parent died before the request was made.


def serve(mode: str, parent: int, preload: str) -> None:
    """Read jobs until standard input ends; `mode` is `fork`, or `once` for a single job in this very process."""
    out = _Out()
    die_with_parent(parent)
    worker.preload(preload)
    gc.collect()
    gc.freeze()  # A collection in a worker would copy every page that it shares with its server.
    out.send(ready=os.getpid())
    lines = os.fdopen(os.dup(0), "rb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for line in lines:
        if line.startswith(b"@"):
            continue  # meant for a worker that had died before it could read it
        job = msgspec.json.decode(line, type=Job)
        if mode == "fork":
            _fork(job, out, lines)
        else:
            _work(job, out, lines, watch=not (job.pair or job.shown))
            os._exit(0)  # whatever threads the network has started


def _fork(job: Job, out: _Out, lines: Any) -> None:
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setsid()
            die_with_parent(server)
            _work(job, out, lines)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    _clear(pid)
    out.send(job=job.number, exit=os.waitstatus_to_exitcode(status))


def _clear(worker: int) -> None:
    """End what a worker started and left: it would take processor time from every worker after it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGKILL)
    if _childless():
        return
    left = psutil.Process().children(recursive=True)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    with contextlib.suppress(ChildProcessError):
        while left and os.waitpid(-1, 0)[0]:
            pass


def _childless() -> bool:
    """Whether the kernel says that this process has no children left; psutil would look at every process of the machine.

    False where it does not say: those of a worker that is gone are the server's own (Linux).
    """
    try:
        for task in os.listdir("/proc/self/task"):  # noqa: PTH208 - between two processes that are timed
            with open(f"/proc/self/task/{task}/children", "rb") as file:  # noqa: PTH123 - as above
                if file.read():
                    return False
    except OSError:
        return False
    return True


def _work(job: Job, out: _Out, lines: Any, *, watch: bool = False) -> None:
    """Do the job in this process and send its reply; `watch` the pipe for its end where nobody else reads from it."""
    out.send(job=job.number, started=os.getpid())
    _prefer_as_victim()
    if watch and not sys.platform.startswith("linux"):
        threading.Thread(target=_leave_with, args=(lines,), daemon=True).start()

    def ask(answer: Sequence[int]) -> str:
        out.send(job=job.number, answer=answer)
        line = lines.readline()
        if not line:
            os._exit(1)  # nobody is left to ask
        return str(line.decode().removeprefix("@").strip())

    replicate = worker.run(job, lambda phase: out.send(job=job.number, phase=phase), ask)
    out.send(job=job.number, replicate=msgspec.to_builtins(replicate))


def _leave_with(stream: Any) -> None:
    """Blocked in a read, at no cost, until the parent is gone."""
    stream.read()
    os._exit(1)


def _prefer_as_victim() -> None:
    """Should the kernel run out of memory after all, it takes the worker and not the run."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - no need for pathlib here
            file.write("1000")
    except OSError:
        return


def main() -> None:
    """Entry of the child interpreter: `mode parent-pid preload`."""
    mode, parent, preload = sys.argv[1:4]
    serve(mode, int(parent), preload)
