"""Intel's GPUs through SYCL. Written against PyTorch's interface; never run on such hardware by those who wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import units
from ..errors import VbenchError
from .cpu import Cpu
from .events import EventPairs

if TYPE_CHECKING:
    from collections.abc import Callable


def names() -> tuple[str, ...]:
    """One name per GPU, or plain `xpu` where there is none."""
    import torch  # noqa: PLC0415 - whoever only lists device modules has no use for it

    return tuple(f"xpu:{index}" for index in range(torch.xpu.device_count())) or ("xpu",)


def device(index: str = "") -> Xpu:
    """The GPU of that number, the first where none is given."""
    return Xpu(int(index or 0))


class Xpu:
    """One GPU of Intel's."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._host = Cpu()

    def missing(self) -> str | None:
        """Why it cannot be used here, or None; found without waking it."""
        import torch  # noqa: PLC0415 - as above

        count = torch.xpu.device_count()
        if self._index < count:
            return None
        if count:
            return f"there is no xpu:{self._index}: PyTorch counts {count} from xpu:0 on"
        if torch.version.xpu is None:
            return (
                f"this PyTorch ({torch.__version__}) was built without XPU: install one that was, with the line that "
                "https://pytorch.org/get-started gives"
            )
        return "SYCL shows no GPU here: see `sycl-ls`, and the right to read /dev/dri/renderD*"

    def target(self) -> str:
        """As torch spells it."""
        return f"xpu:{self._index}"

    def lacks(self, precision: str) -> str | None:
        """TF32 is set and read back on CUDA only, in this version."""
        return "tf32 is measured on CUDA only in this version: --precision fp32, fp16 or bf16" if precision == "tf32" else None

    def settle(self, precision: str) -> dict[str, str]:
        """Make it the current one, and wake it."""
        import torch  # noqa: PLC0415 - as above

        reason = self.lacks(precision)
        if reason is not None:
            raise VbenchError(reason)
        torch.xpu.set_device(self._index)
        self.synchronize()
        return {}

    def describe(self) -> dict[str, str]:
        """What it is."""
        import torch  # noqa: PLC0415 - as above

        properties: Any = torch.xpu.get_device_properties(self._index)
        return {
            "name": properties.name,
            "memory": units.bytes_(properties.total_memory),
            "driver": properties.driver_version,
            "runtime": f"XPU {torch.version.xpu}",
        }

    def clock(self, replicate: int) -> Callable[[], int]:
        """The host's: what a caller waits for."""
        return self._host.clock(replicate)

    def synchronize(self) -> None:
        """Wait for every queue of this GPU."""
        import torch  # noqa: PLC0415 - as above

        torch.xpu.synchronize(self._index)

    def timer(self) -> EventPairs:
        """Event pairs in the current queue."""
        import torch  # noqa: PLC0415 - as above

        return EventPairs(lambda: torch.xpu.Event(enable_timing=True))

    def reset_peak(self) -> bool:
        """Forget both peaks, what lies unused in the allocator's cache given back first."""
        import torch  # noqa: PLC0415 - as above

        if torch.xpu.is_initialized():
            self.synchronize()
            torch.xpu.empty_cache()
            torch.xpu.reset_peak_memory_stats(self._index)
        return self._host.reset_peak()

    def memory(self) -> dict[str, float]:
        """The host's peak, the allocator's peak, and what it reserved at most."""
        import torch  # noqa: PLC0415 - as above

        found = self._host.memory()
        if torch.xpu.is_initialized():
            found["peak_device_bytes"] = float(torch.xpu.max_memory_allocated(self._index))
            found["reserved_device_bytes"] = float(torch.xpu.max_memory_reserved(self._index))
        return found

    def state(self) -> dict[str, float]:
        """Not read: Level Zero's management library wants rights that most programs do not have."""
        return {}

    def energy(self) -> str:
        """As above."""
        return "no energy counter of Intel's GPUs is read in this version"

    def limit_memory(self, size: int) -> str | None:
        """Let PyTorch's allocator take so many bytes at most."""
        import torch  # noqa: PLC0415 - as above

        limit = getattr(torch.xpu, "set_per_process_memory_fraction", None)
        if limit is None:
            return f"PyTorch {torch.__version__} cannot limit an XPU's memory: update it"
        total = torch.xpu.get_device_properties(self._index).total_memory
        if size > total:
            return f"{units.bytes_(size)} is more than the {units.bytes_(total)} that the device has: not limited"
        limit(size / total, self._index)
        return None
