"""A device without hardware: its clock advances by what the fake engine says a step costs, and by nothing else.

Tests and documentation run on it exactly and without sleeping. `fake` returns from a step when its work is done, as a
processor does; `fake:async` returns when the work is handed over, as a GPU does, and has memory, clocks and a counter.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .. import units
from .direct import Direct

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Meter

_WATTS, _IDLE_WATTS = 50.0, 10.0
_NS = 1e9
_BLOCK = 2 * 2**20
_CONTEXT = 300 * 2**20
MEMORY = 8 * 2**30
# So many steps may be handed over and not yet done; whoever hands over another waits for the oldest, as CUDA's queue of
# about a thousand kernels makes its callers do.
QUEUE = 8


class FakeClock:
    """Virtual time in nanoseconds, and the number of the replicate that lives in it.

    `busy` is when the work that was handed over will be done; on a device that does not run behind, it has passed. `idle`
    says whether all of it was waited for.
    """

    def __init__(self) -> None:
        self.now = 0
        self.busy = 0
        self.worked = 0
        self.replicate = 0
        self.idle = True
        self._queue: deque[int] = deque()

    def __call__(self) -> int:
        """The virtual time."""
        return self.now

    def advance(self, nanoseconds: int) -> None:
        """Let time pass."""
        self.now += nanoseconds

    def submit(self, host: int, work: int) -> None:
        """Hand over work: it begins when the device is free, and handing it over takes the host some time.

        Where the queue is full, the host first waits until there is room.
        """
        while self._queue and self._queue[0] <= self.now:
            self._queue.popleft()
        if len(self._queue) >= QUEUE:
            self.now = self._queue.popleft()
        begin = max(self.now, self.busy)
        self.now += host
        self.busy = max(begin + work, self.now)
        self.worked += self.busy - begin
        self._queue.append(self.busy)
        self.idle = False

    def wait(self) -> None:
        """Let time pass until the work is done."""
        self.now = max(self.now, self.busy)
        self.idle = True


class FakeMemory:
    """The memory of `fake:async`: what is held now, the most since the peak was forgotten, and what may be held."""

    def __init__(self) -> None:
        self.held = 0
        self.peak = 0
        self.limit = MEMORY

    def take(self, size: int) -> None:
        """Hold more. Raises MemoryError beyond the limit, worded as PyTorch words it."""
        if self.held + size > self.limit:
            message = f"fake out of memory: tried to allocate {units.bytes_(size)}, {units.bytes_(self.limit)} is the limit"
            raise MemoryError(message)
        self.held += size
        self.peak = max(self.peak, self.held)

    def free(self, size: int) -> None:
        """Give back."""
        self.held -= size


CLOCK = FakeClock()
STORE = FakeMemory()


def names() -> tuple[str, ...]:
    """Measured only when they are named."""
    return ("fake", "fake:async")


def device(index: str = "") -> Fake:
    """The device of that name."""
    return FakeAsync() if index == "async" else Fake()


class Fake(Direct):
    """The device; it has no memory to speak of."""

    def target(self) -> str:
        """No tensor ever gets here."""
        return "cpu"

    def clock(self, replicate: int) -> Callable[[], int]:
        """The virtual clock, with the number of the replicate for durations that differ between processes."""
        CLOCK.replicate = replicate
        return CLOCK

    def reset_peak(self) -> bool:
        """Nothing to reset."""
        return False

    def memory(self) -> dict[str, float]:
        """Nothing to read: an empty cell, not 0."""
        return {}

    def rest(self, seconds: float) -> None:
        """Sleep in virtual time."""
        CLOCK.advance(int(seconds * _NS))

    def energy(self) -> Meter | str:
        """Work without hardware takes no energy."""
        return "the fake device uses no energy"


class FakeTimer:
    """Reads the virtual device's own time before and after a step."""

    def __init__(self) -> None:
        self._begun = 0
        self._found: list[int] = []

    def start(self) -> None:
        """The step begins when what was handed over before it is done."""
        self._begun = max(CLOCK.now, CLOCK.busy)

    def stop(self) -> None:
        """It ends with its work."""
        self._found.append(CLOCK.busy - self._begun)

    def read(self) -> list[int]:
        """Wait, and give what was found."""
        CLOCK.wait()
        found, self._found = self._found, []
        return found


class FakeMeter:
    """50 W of virtual time while there is work, 10 W while there is none."""

    method = "fake counter"

    def joules(self) -> float:
        """The energy of all virtual time so far; of work that was handed over, what is done of it."""
        done = CLOCK.worked - max(0, CLOCK.busy - CLOCK.now)
        return (_IDLE_WATTS * CLOCK.now + (_WATTS - _IDLE_WATTS) * done) / _NS


class FakeAsync(Fake):
    """A device that works behind the host's back, with everything that can be read of a GPU."""

    def settle(self, precision: str) -> dict[str, str]:
        """What a GPU would say of one of its switches."""
        return {"tf32_matmul": "on" if precision == "tf32" else "off"}

    def describe(self) -> dict[str, str]:
        """What it pretends to be."""
        return {"name": "fake", "memory": units.bytes_(MEMORY)}

    def synchronize(self) -> None:
        """Let virtual time pass until the work is done."""
        CLOCK.wait()

    def timer(self) -> FakeTimer:
        """The virtual device's own time."""
        return FakeTimer()

    def reset_peak(self) -> bool:
        """Forget the peak."""
        STORE.peak = STORE.held
        return True

    def memory(self) -> dict[str, float]:
        """The peak; what an allocator that takes blocks of 2 MiB would reserve; and that with a context."""
        reserved = -(-STORE.peak // _BLOCK) * _BLOCK
        return {
            "peak_device_bytes": float(STORE.peak),
            "reserved_device_bytes": float(reserved),
            "process_device_bytes": float(reserved + _CONTEXT),
        }

    def state(self) -> dict[str, float]:
        """It neither heats up nor slows down; when it has nothing to do, it saves power and says so, as GPUs do."""
        if CLOCK.idle:
            return {"clock_mhz": 200.0, "temperature_c": 40.0, "power_w": _IDLE_WATTS, "throttle": 1.0}
        return {"clock_mhz": 1000.0, "temperature_c": 40.0, "power_w": _WATTS, "throttle": 0.0}

    def energy(self) -> FakeMeter:
        """Its counter."""
        return FakeMeter()

    def limit_memory(self, size: int) -> str | None:
        """Hold no more than that."""
        STORE.limit = min(size, MEMORY)
        return None
