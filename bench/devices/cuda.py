"""NVIDIA GPUs through CUDA, and AMD's through ROCm, which answers to the same names in PyTorch.

Asking what there is wakes no GPU: PyTorch counts through NVML, so that the process that plans a run holds no memory of one.
"""

from __future__ import annotations

import os
import time
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .. import units
from ..errors import VbenchError
from . import nvml
from .cpu import Cpu
from .events import EventPairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Meter

_INSTALL = "install one that was: `pip install torch` on Linux, elsewhere the line that https://pytorch.org/get-started gives"
# Tensor cores compute in TF32 and bf16 from this generation on (Ampere).
_AMPERE = (8, 0)
_NEEDS_AMPERE = ("tf32", "bf16")
# Four times the L2 cache, and at least this much: some GPUs have a larger cache behind it that PyTorch does not tell of.
_FLUSH_TIMES, _FLUSH_BYTES = 4, 256 * 2**20


def names() -> tuple[str, ...]:
    """One name per GPU that this process may use; plain `cuda`, which stands for all of them, where there is none."""
    return tuple(f"cuda:{index}" for index in range(_count())) or ("cuda",)


def device(index: str = "") -> Cuda:
    """The GPU of that number, the first where none is given."""
    return Cuda(int(index or 0))


def _count() -> int:
    import torch  # noqa: PLC0415 - whoever only lists device modules has no use for it

    if _built_without():
        return 0
    with warnings.catch_warnings():
        # Where NVML refuses, PyTorch says so and asks the CUDA runtime; what NVML refuses is said in our own words.
        warnings.simplefilter("ignore")
        return torch.cuda.device_count()


def _built_without() -> bool:
    import torch  # noqa: PLC0415 - as above

    return torch.version.cuda is None and torch.version.hip is None


def _absent() -> str | None:
    """Why no GPU can be used here, in one line with what to do about it; None where PyTorch counts one."""
    import torch  # noqa: PLC0415 - as above

    found = nvml.names()
    here = f"{', '.join(found)}: here, but " if found else ""
    if _built_without():
        return f"{here}this PyTorch ({torch.__version__}) was built without CUDA: {_INSTALL}"
    if _count():
        return None
    if torch.version.hip is not None:
        return "ROCm shows no GPU to this process: see `rocminfo`, HIP_VISIBLE_DEVICES and the right to read /dev/kfd"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if found and visible is not None:
        return f"{here}CUDA_VISIBLE_DEVICES={visible!r} hides every GPU from this process: unset it, or name one"
    return nvml.missing() or f"{here}CUDA counts no GPU: `nvidia-smi` says what the driver sees"


def _too_old() -> str | None:
    """Whether the driver runs the CUDA that PyTorch was built for: within one major version any driver does."""
    import torch  # noqa: PLC0415 - as above

    newest = None if torch.version.cuda is None else nvml.newest_cuda()
    if newest is None or torch.version.cuda is None or newest[0] >= int(torch.version.cuda.partition(".")[0]):
        return None
    runs = f"CUDA {newest[0]}.{newest[1]} at most, and this PyTorch was built for {torch.version.cuda}"
    return f"the NVIDIA driver {nvml.driver()} runs {runs}: update the driver, or install a PyTorch for that CUDA"


class Cuda:
    """One GPU. The host's clock times requests; event pairs in its queue time the work itself."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._host = Cpu()

    def missing(self) -> str | None:
        """Why this GPU cannot be used here, or None; found without waking it."""
        reason = _absent() or _too_old()
        if reason is None and self._index >= _count():
            reason = f"there is no cuda:{self._index}: PyTorch counts {_count()} from cuda:0 on"
        return reason

    def target(self) -> str:
        """As torch spells it."""
        return f"cuda:{self._index}"

    def lacks(self, precision: str) -> str | None:
        """Why no GPU of this machine computes in a precision, as far as NVML tells; the worker asks the GPU itself."""
        found = nvml.capabilities() if precision in _NEEDS_AMPERE else set()
        return _older(precision, max(found)) if found else None

    def settle(self, precision: str) -> dict[str, str]:
        """Make this GPU the current one, wake it, and set every switch that decides what runs; how they stand.

        `cudnn.benchmark` stays off, PyTorch's own default: its search may choose another algorithm in each process, and
        what it tries out stays in the memory that is reserved. Raises VbenchError for a precision that the GPU lacks.
        """
        import torch  # noqa: PLC0415 - as above

        began = time.perf_counter()
        torch.cuda.set_device(self._index)
        self.synchronize()  # the first call makes the context, which is no part of any pass
        context = time.perf_counter() - began
        reason = self._cannot(precision)
        if reason is not None:
            raise VbenchError(reason)
        # These two names set the newer `fp32_precision` as well; the other way round PyTorch refuses to read the old ones.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.benchmark = torch.backends.cudnn.deterministic = False
        switches = {
            "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
            "tf32_cudnn": torch.backends.cudnn.allow_tf32,
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "cudnn_deterministic": torch.backends.cudnn.deterministic,
        }
        found = {name: "on" if on else "off" for name, on in switches.items()}
        return found | {"context": units.duration(context)}

    def _cannot(self, precision: str) -> str | None:
        """Why this very GPU cannot compute in a precision, or None."""
        import torch  # noqa: PLC0415 - as above

        if precision == "tf32" and os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":
            return "NVIDIA_TF32_OVERRIDE=0 keeps every library from TF32: unset it to measure tf32"
        if precision not in _NEEDS_AMPERE:
            return None
        if torch.version.hip is None:
            return _older(precision, torch.cuda.get_device_capability(self._index))
        known = precision == "bf16" or getattr(torch.cuda, "is_tf32_supported", lambda: False)()
        return None if known else f"this GPU has no TF32 as far as PyTorch {torch.__version__} with ROCm knows: --precision fp32"

    def describe(self) -> dict[str, str]:
        """What it is; the first call wakes it."""
        import torch  # noqa: PLC0415 - as above

        properties: Any = torch.cuda.get_device_properties(self._index)
        rocm = torch.version.hip is not None
        found = {
            "name": properties.name,
            "memory": units.bytes_(properties.total_memory),
            "multiprocessors": str(properties.multi_processor_count),
            "capability": properties.gcnArchName if rocm else f"{properties.major}.{properties.minor}",
            "runtime": f"ROCm {torch.version.hip}" if rocm else f"CUDA {torch.version.cuda}",
            "cudnn": str(torch.backends.cudnn.version() or ""),
            "driver": "" if rocm else nvml.driver(),
            "pci": _address(properties),
            "unread": self._gpu if isinstance(self._gpu, str) else "",
        }
        return {name: text for name, text in found.items() if text}

    @cached_property
    def _gpu(self) -> Any:
        """NVML's handle for this GPU, or a text: why it has none, and so neither clocks, power nor energy."""
        import torch  # noqa: PLC0415 - as above

        if torch.version.hip is not None:
            return "clocks, temperature, power and energy are read through NVML, which AMD's GPUs do not answer to"
        properties: Any = torch.cuda.get_device_properties(self._index)
        try:
            return nvml.find(_address(properties), f"GPU-{properties.uuid}")
        except nvml.Refusal as refusal:
            return f"clocks, temperature, power and energy cannot be read: {refusal}"

    def clock(self, replicate: int) -> Callable[[], int]:
        """The host's: what a caller waits for."""
        return self._host.clock(replicate)

    def synchronize(self) -> None:
        """Wait for every queue of this GPU."""
        import torch  # noqa: PLC0415 - as above

        torch.cuda.synchronize(self._index)

    def timer(self) -> EventPairs:
        """Event pairs in the current queue."""
        import torch  # noqa: PLC0415 - as above

        return EventPairs(lambda: torch.cuda.Event(enable_timing=True))

    def reset_peak(self) -> bool:
        """Forget both peaks; False where the host's cannot be reset.

        What lies unused in the allocator's cache goes back first, so that what is reserved afterwards is this network's.
        """
        import torch  # noqa: PLC0415 - as above

        if torch.cuda.is_initialized():
            self.synchronize()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self._index)
        return self._host.reset_peak()

    def memory(self) -> dict[str, float]:
        """The host's peak; of the GPU the allocator's peak, what it reserved at most, and what the driver counts."""
        import torch  # noqa: PLC0415 - as above

        found = self._host.memory()
        if torch.cuda.is_initialized():
            found["peak_device_bytes"] = float(torch.cuda.max_memory_allocated(self._index))
            found["reserved_device_bytes"] = float(torch.cuda.max_memory_reserved(self._index))
            held = None if isinstance(self._gpu, str) else nvml.process_bytes(self._gpu)
            found |= {} if held is None else {"process_device_bytes": held}
        return found

    def state(self) -> dict[str, float]:
        """What NVML reads of this GPU."""
        return {} if isinstance(self._gpu, str) else nvml.state(self._gpu)

    def energy(self) -> Meter | str:
        """NVML's counter of this GPU, or why there is none."""
        return self._gpu if isinstance(self._gpu, str) else nvml.energy(self._gpu)

    def limit_memory(self, size: int) -> str | None:
        """Let PyTorch's allocator take so many bytes at most; what CUDA itself holds comes on top."""
        import torch  # noqa: PLC0415 - as above

        total = torch.cuda.get_device_properties(self._index).total_memory
        if size > total:
            return f"{units.bytes_(size)} is more than the {units.bytes_(total)} that the device has: not limited"
        torch.cuda.set_per_process_memory_fraction(size / total, self._index)
        return None

    def flush(self) -> None:
        """Leave nothing of the network in the L2 cache: write over a block of memory that is several times as large."""
        import torch  # noqa: PLC0415 - as above

        cache = getattr(torch.cuda.get_device_properties(self._index), "L2_cache_size", 0)
        size = max(_FLUSH_TIMES * cache, _FLUSH_BYTES)
        torch.empty(size, dtype=torch.int8, device=self.target()).zero_()


def _older(precision: str, capability: tuple[int, int]) -> str | None:
    if capability >= _AMPERE:
        return None
    has = "{}.{}".format(*capability)
    return f"{precision} needs compute capability 8.0 (Ampere) or newer, and the GPU has {has}: --precision fp32 or fp16"


def _address(properties: Any) -> str:
    """The PCI address as NVML writes it; "" where this version of PyTorch does not tell it."""
    if not hasattr(properties, "pci_bus_id"):
        return ""
    return f"{properties.pci_domain_id:08X}:{properties.pci_bus_id:02X}:{properties.pci_device_id:02X}.0"
