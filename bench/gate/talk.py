"""What a pair's parent says to one of its processes, and what it keeps of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..evidence import Replicate
from .log import Half

if TYPE_CHECKING:
    from ..job import Job
    from ..supervisor import Server

# Only these are kept of what a process says of itself.
_VALUES = (
    "build_s", "compile_s", "first_run_s", "peak_host_bytes", "base_host_bytes", "peak_device_bytes", "clock_mhz",
    "clock_mhz_start", "throttle", "temperature_c", "steal_share", "waited_s", "minor_faults", "clock_reading_ns", "passes_s",
)  # fmt: skip
_NOTES = ("warmup_not_settled", "weights")


class Talk:
    """One process of a pair, from its start to its Replicate; once that is there, nothing more is asked of it."""

    def __init__(self, server: Server, job: Job, timeout: float) -> None:
        self._server = server
        self._timeout = timeout
        self._batches: list[tuple[int, ...]] = []
        self._rates: list[tuple[int, int]] = []
        self.replicate: Replicate | None = None
        self.step_ns = 0
        self._server.begin(job)
        ready = self._hear()
        if ready:
            self.step_ns = ready[0]

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than asked."""
        return self.replicate is not None and self.replicate.status != "ok"

    def _hear(self) -> tuple[int, ...]:
        answer = self._server.hear(self._timeout)
        if isinstance(answer, Replicate):
            self.replicate = answer
            return ()
        return answer

    def say(self, words: str) -> None:
        """Ask and do not wait."""
        if self.replicate is None:
            self._server.ask(words)

    def command(self, words: str) -> tuple[int, ...]:
        """Ask and wait."""
        if self.replicate is not None:
            return ()
        self._server.ask(words)
        return self._hear()

    def hear_batch(self) -> None:
        """Wait for a batch that was asked for."""
        if self.replicate is None and (found := self._hear()):
            self._batches.append(found)

    def batch(self, count: int) -> None:
        """Time so many samples, after a step that is not."""
        self.say(f"batch {count}")
        self.hear_batch()

    def rate(self, count: int) -> None:
        """Submit so many without waiting."""
        if found := self.command(f"rate {count}"):
            self._rates.append((count, found[0]))

    def end(self) -> None:
        """Let it look at its memory, answer once more, and go."""
        while self.replicate is None:
            self.command("end")

    def half(self) -> Half:
        """What it found."""
        replicate = self.replicate
        if replicate is None:
            message = "a process of a pair has not ended"
            raise RuntimeError(message)
        values: dict[str, float] = {key: replicate.values[key] for key in _VALUES if key in replicate.values}
        return Half(
            status=replicate.status,
            reason=replicate.reason,
            batches=tuple(self._batches),
            rates=tuple(self._rates),
            values=values,
            notes={key: replicate.notes[key] for key in _NOTES if key in replicate.notes},
            output=replicate.output,
        )
