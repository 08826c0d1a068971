"""Apple's GPUs through Metal. Written against PyTorch's interface; never run on such hardware by those who wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import units
from ..errors import VbenchError
from .cpu import Cpu
from .events import EventPairs

if TYPE_CHECKING:
    from collections.abc import Callable


def names() -> tuple[str, ...]:
    """There is one to PyTorch."""
    return ("mps",)


def device(index: str = "") -> Mps:
    """The GPU; it has no number."""
    del index
    return Mps()


class Mps:
    """The GPU of an Apple processor, which shares the host's memory."""

    def __init__(self) -> None:
        self._host = Cpu()

    def missing(self) -> str | None:
        """Why it cannot be used here, or None."""
        import torch  # noqa: PLC0415 - whoever only lists device modules has no use for it

        if not torch.backends.mps.is_built():
            return (
                f"this PyTorch ({torch.__version__}) was built without Metal, which Apple's own has: `pip install torch` on a Mac"
            )
        return (
            None if torch.backends.mps.is_available() else "Metal shows no GPU here: it needs macOS 14 or newer on Apple silicon"
        )

    def target(self) -> str:
        """As torch spells it."""
        return "mps"

    def lacks(self, precision: str) -> str | None:
        """TF32 is a format of NVIDIA's and AMD's matrix units."""
        return "Apple's GPUs have no TF32: --precision fp32, fp16 or bf16" if precision == "tf32" else None

    def settle(self, precision: str) -> dict[str, str]:
        """Nothing is switched: Metal has none of the switches that decide what runs elsewhere."""
        reason = self.lacks(precision)
        if reason is not None:
            raise VbenchError(reason)
        return {}

    def describe(self) -> dict[str, str]:
        """What Metal says of it."""
        import torch  # noqa: PLC0415 - as above

        return {"memory": f"{units.bytes_(torch.mps.recommended_max_memory())} of the host's, as Metal recommends"}

    def clock(self, replicate: int) -> Callable[[], int]:
        """The host's: what a caller waits for."""
        return self._host.clock(replicate)

    def synchronize(self) -> None:
        """Wait for its queue."""
        import torch  # noqa: PLC0415 - as above

        torch.mps.synchronize()

    def timer(self) -> EventPairs:
        """Event pairs in its queue."""
        import torch  # noqa: PLC0415 - as above

        return EventPairs(lambda: torch.mps.Event(enable_timing=True))

    def reset_peak(self) -> bool:
        """The host's peak; PyTorch keeps none of Metal's memory."""
        return self._host.reset_peak()

    def memory(self) -> dict[str, float]:
        """The host's peak, and what Metal holds for this process; the allocator's peak is not kept, so that cell is empty."""
        import torch  # noqa: PLC0415 - as above

        return self._host.memory() | {"process_device_bytes": float(torch.mps.driver_allocated_memory())}

    def state(self) -> dict[str, float]:
        """Nothing that a program without special rights may read."""
        return {}

    def energy(self) -> str:
        """As above."""
        return "Metal gives no energy counter to a program without special rights"

    def limit_memory(self, size: int) -> str | None:
        """Let PyTorch take so many bytes of what Metal recommends at most."""
        import torch  # noqa: PLC0415 - as above

        most = torch.mps.recommended_max_memory()
        if size > 2 * most:
            return f"{units.bytes_(size)} is more than twice the {units.bytes_(most)} that Metal recommends: not limited"
        torch.mps.set_per_process_memory_fraction(size / most)
        return None
