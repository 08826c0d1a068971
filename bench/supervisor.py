"""The parent side: starts servers, hands them jobs, holds the time limit, and turns a dead worker into a result.

While a worker measures, the parent is blocked on a pipe and takes no processor time.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from .core import Replicate
from .errors import VbenchError
from .home import Home

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .core import Status
    from .job import Job

_START_LIMIT_S = 120.0


class _Talk:
    """What a worker has said so far of the job that it was given."""

    def __init__(self, job: Job, offset: int, kernel_kills: int, told: Callable[[str], None] | None) -> None:
        self.job = job
        self.told = told
        self.offset = offset
        self.kernel_kills = kernel_kills
        self.began = time.time()
        self.sent = time.perf_counter()
        self.worker = 0
        self.phase = "start"
        self.replicate: Replicate | None = None
        self.status: Status = "crashed"
        self.reason = ""

    def hear(self, line: dict[str, Any]) -> None:
        """What it says of itself on the way."""
        if "started" in line:
            self.worker = int(line["started"])
        elif "phase" in line:
            self.phase = str(line["phase"])
            if self.told is not None:
                self.told(self.phase)
        elif "replicate" in line:
            self.replicate = msgspec.convert(line["replicate"], Replicate)


class Server:
    """A forkserver (or, where there is no fork, a fresh interpreter per job). Close it to be rid of its bias.

    Used as a context manager. `run(job, timeout)` returns a Replicate whatever happens to the worker.
    """

    def __init__(self, *, start: str = "auto", preload: str = "torch", ordinal: int = 1, home: Home | None = None) -> None:
        can_fork = sys.platform.startswith("linux")
        self.mode = "fork" if start == "forkserver" or (start == "auto" and can_fork) else "once"
        self.ordinal = ordinal
        self._home = home or Home()
        self._jobs = 0
        self._talk: _Talk | None = None
        self._preload = preload
        self._errors = tempfile.TemporaryFile("w+b", prefix="vbench-stderr-")  # noqa: SIM115 - lives as long as the server
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.worker_start_s: float | None = None
        self._launch()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The server's process id."""
        return self._process.pid if self._process is not None else None

    def _launch(self) -> None:
        command = self._home.command("vbench.forkserver:main", self.mode, str(os.getpid()), self._preload)
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # One thread: a fork copies only the one that calls it, and numpy's library would start another.
            # As many threads as the case says: OpenMP would start fewer under load where it may choose.
            env={"OPENBLAS_NUM_THREADS": "1", **os.environ, "OMP_DYNAMIC": "false", **self._home.environment},
            cwd=self._home.folder,
            start_new_session=True,  # Ctrl-C reaches the run only, which then ends the worker in good order.
        )
        self._lines = queue.SimpleQueue()
        threading.Thread(target=_pump, args=(self._process.stdout, self._lines), daemon=True).start()
        try:
            ready = self._next(_START_LIMIT_S)
        except queue.Empty:
            ready = None
        if ready is None or "ready" not in ready:
            tail = self._tail(0)
            self.close()
            message = f"the worker's server did not start: {tail or 'it ended without a word'}; try `vbench doctor`"
            raise VbenchError(message)

    def _next(self, timeout: float) -> dict[str, Any] | None:
        """The next line; None when the server is gone. Raises queue.Empty when the time is up."""
        return self._lines.get(timeout=max(0.0, timeout))

    def run(self, job: Job, timeout: float, told: Callable[[str], None] | None = None) -> Replicate:
        """Run one job in a fresh worker. A worker that hangs is killed after `timeout` seconds; `told` hears of its phases."""
        self.begin(job, told)
        while not isinstance(found := self.hear(timeout), Replicate):
            pass
        return found

    def begin(self, job: Job, told: Callable[[str], None] | None = None) -> None:
        """Hand over a job and do not wait: `hear` does. One job at a time."""
        if self._process is None or self._process.poll() is not None:
            self._launch()
        self._talk = _Talk(job, self._errors.seek(0, os.SEEK_END), _oom_kills(), told)
        self._jobs += 1
        self._write(msgspec.json.encode(msgspec.structs.replace(job, number=self._jobs)))

    def _write(self, line: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            message = "the worker's server is gone"
            raise VbenchError(message)
        with contextlib.suppress(BrokenPipeError):  # a server that has just died is heard of by `hear`
            process.stdin.write(line + b"\n")
            process.stdin.flush()

    def ask(self, words: str) -> None:
        """Tell a worker that waits for it what to do next; `hear` its answer."""
        self._write(b"@" + words.encode())

    def hear(self, timeout: float) -> Replicate | tuple[int, ...]:
        """Wait until the worker answers and asks what to do next (its answer), or is gone (its Replicate, whatever happened)."""
        talk = self._talk
        if talk is None:
            message = "nobody is at work"
            raise VbenchError(message)
        answer = self._listen(talk, timeout)
        if answer is not None:
            return answer
        self._talk = None
        if talk.replicate is not None:
            return talk.replicate
        status, reason = talk.status, talk.reason
        if status == "crashed":
            if _oom_kills() > talk.kernel_kills:
                status, reason = "oom", f"the kernel ran out of memory and killed the worker while in {talk.phase}"
            tail = self._tail(talk.offset)
            reason += f": {tail}" if tail else ""
        return Replicate(
            case=talk.job.case.id,
            role=talk.job.role,
            index=talk.job.index,
            round=talk.job.round,
            server=talk.job.server,
            status=status,
            reason=reason,
            started_s=talk.began,
            seconds=time.perf_counter() - talk.sent,
        )

    def _listen(self, talk: _Talk, timeout: float) -> tuple[int, ...] | None:
        """Read what the worker says until it answers, has ended (None), or until its time is up (None)."""
        end = time.perf_counter() + timeout
        while True:
            try:
                line = self._next(end - time.perf_counter())
            except queue.Empty:
                if talk.replicate is None:
                    talk.status, talk.reason = "timeout", f"no answer after {timeout:.0f} s, killed while in {talk.phase}"
                self._kill(talk.worker)
                return None
            if line is None:
                process = self._process
                talk.reason = _death(process.wait() if process is not None else 0, talk.phase)
                return None
            if line.get("job") != self._jobs:
                continue  # a straggler of an earlier worker
            if "answer" in line:
                return tuple(line["answer"])
            if "exit" in line:
                talk.reason = _death(int(line["exit"]), talk.phase)
                return None
            if "started" in line:
                self.worker_start_s = time.perf_counter() - talk.sent
            talk.hear(line)

    def _kill(self, worker: int) -> None:
        """End a worker that hangs; in a server its exit is read, so that the next job finds the line clear."""
        if self.mode == "fork" and worker:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
            try:
                while (line := self._next(5.0)) is not None and "exit" not in line:
                    pass
            except queue.Empty:
                self._end()
        else:
            self._end()

    def _tail(self, offset: int) -> str:
        """The last line that the worker wrote to its error stream."""
        end = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(offset, end - 4000))
        lines = [line.strip() for line in self._errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    def close(self) -> None:
        """Kill the server; its worker, if one still runs, dies with it."""
        self._end()
        self._errors.close()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if sys.platform == "win32":
            process.kill()
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # what a worker left behind in the server's session goes with it
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _pump(stream: Any, lines: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    """Blocked in a read between lines; a line that a killed worker left torn is dropped."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for line in stream:
        if line.strip():
            try:
                lines.put(decode(line))
            except msgspec.DecodeError:
                continue
    stream.close()
    lines.put(None)


def _death(code: int, phase: str) -> str:
    """How a worker ended that should have replied."""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"the worker died by {name} while in {phase}"
    return f"the worker left with exit code {code} while in {phase}"


def _oom_kills() -> int:
    """How often the kernel has killed a process for want of memory since it started."""
    try:
        for line in Path("/proc/vmstat").read_text("ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
