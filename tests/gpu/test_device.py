"""A real GPU through the device's own interface: what it says of itself, its clock, its memory, its switches."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import torch

from vbench import devices
from vbench.devices import nvml

if TYPE_CHECKING:
    from vbench.devices.cuda import Cuda

capability = pytest.mark.capability

# Long enough for any GPU to be at work when its host looks: fifty products of matrices of 64 MiB.
SIZE, TIMES = 4096, 50


@pytest.fixture
def gpu(switches: None) -> Any:
    device = devices.get("cuda:0")
    device.settle("fp32")
    return device


def _work() -> None:
    left = torch.ones(SIZE, SIZE, device="cuda:0")
    for _ in range(TIMES):
        left @ left


def _python(code: str, **environment: str) -> str:
    """What these lines print in a process of their own; a failure is told by their last line."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.strip().splitlines()[-1]
    return done.stdout.strip()


@capability("a GPU is found, and described")
def test_a_gpu_is_known_and_says_what_it_is(gpu: Cuda) -> None:
    assert devices.known()["cuda:0"] is None
    found = gpu.describe()
    assert found["name"] == torch.cuda.get_device_name(0)
    assert {"memory", "multiprocessors", "capability", "runtime"} <= set(found)
    assert found["runtime"].startswith("ROCm" if torch.version.hip else "CUDA")


@capability("counting GPUs wakes none")
def test_a_process_that_plans_holds_no_context() -> None:
    code = "import torch\nfrom vbench import devices\nfound = devices.known()\nassert found['cuda:0'] is None, found\n"
    code += "assert not torch.cuda.is_initialized(), 'CUDA was initialised'\nprint('none')"
    assert _python(code) == "none"


def _handle(gpu: Cuda) -> Any:
    reason = gpu.describe().get("unread")
    if reason:
        pytest.skip(reason)
    return gpu._gpu


@capability("NVML by PCI address")
def test_nvml_answers_for_the_gpu_that_cuda_uses(gpu: Cuda) -> None:
    import pynvml  # noqa: PLC0415 - only where NVML has answered

    handle = _handle(gpu)
    properties: Any = torch.cuda.get_device_properties(0)
    assert str(pynvml.nvmlDeviceGetUUID(handle)) == f"GPU-{properties.uuid}"
    if hasattr(properties, "pci_bus_id"):
        info = pynvml.nvmlDeviceGetPciInfo(handle)
        assert (info.bus, info.device, info.domain) == (properties.pci_bus_id, properties.pci_device_id, properties.pci_domain_id)


RENUMBERED = """
import torch
from vbench import devices
device = devices.get("cuda:0")
device.settle("fp32")
print(device.describe()["pci"])
"""


@capability("NVML by PCI address, renumbered by CUDA_VISIBLE_DEVICES")
def test_a_renumbered_gpu_is_the_one_that_is_read(gpu: Cuda) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU here, and so nothing to renumber")
    _handle(gpu)
    assert _python(RENUMBERED, CUDA_VISIBLE_DEVICES="1") == devices.get("cuda:1").describe()["pci"]


@capability("clock, temperature, power, throttling")
def test_the_state_is_read_while_it_works(gpu: Cuda) -> None:
    _handle(gpu)
    _work()
    found = gpu.state()
    gpu.synchronize()
    if not found:
        pytest.skip("NVML reads neither clock, temperature nor power of this GPU")
    assert {"clock_mhz", "temperature_c", "power_w", "throttle"} >= set(found)
    assert all(value > 0 for name, value in found.items() if name != "throttle")


@capability("energy counter")
def test_the_energy_counter_counts(gpu: Cuda) -> None:
    meter = gpu.energy()
    if isinstance(meter, str):
        pytest.skip(meter)
    before, end = meter.joules(), time.monotonic() + 1.0
    while time.monotonic() < end:  # the counter ticks about every 100 ms
        _work()
        gpu.synchronize()
    assert meter.joules() > before


@capability("event pairs against the host's clock")
def test_an_event_pair_lies_inside_what_the_host_waits_for(gpu: Cuda) -> None:
    timer = gpu.timer()
    _work()
    for _ in range(3):
        gpu.synchronize()
        start = time.perf_counter_ns()
        timer.start()
        _work()
        timer.stop()
        (taken,) = timer.read()
        gpu.synchronize()
        waited = time.perf_counter_ns() - start
        assert 0 < taken <= waited * 1.001 + 10_000  # two clocks, and half a microsecond of resolution


@capability("a call returns before its work is done")
def test_enqueueing_does_not_wait(gpu: Cuda) -> None:
    _work()
    gpu.synchronize()
    _work()
    assert not torch.cuda.current_stream().query()
    gpu.synchronize()
    assert torch.cuda.current_stream().query()


def _error(precision: str) -> float:
    """The largest error of a matrix product in that precision, relative to the largest element."""
    devices.get("cuda:0").settle(precision)
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(512, 512, generator=generator) for _ in range(2))
    exact = left.double() @ right.double()
    found = (left.cuda() @ right.cuda()).cpu().double()
    return float((found - exact).abs().max() / exact.abs().max())


@capability("TF32 switches")
def test_fp32_is_fp32_and_tf32_is_not(gpu: Cuda) -> None:
    reason = gpu.lacks("tf32")
    if reason is not None:
        pytest.skip(reason)
    # 23 bits of mantissa against 10: rounding errors differ by a factor of thousands.
    assert _error("fp32") < 1e-5 < _error("tf32") < 1e-2
    assert _error("fp32") < 1e-5


@capability("memory under three names")
def test_the_three_memories_contain_one_another(gpu: Cuda) -> None:
    weights = torch.zeros(2**22, device="cuda:0")  # 16 MiB
    assert gpu.reset_peak() in {True, False}
    more = torch.zeros(2**23, device="cuda:0")
    gpu.synchronize()
    found = gpu.memory()
    held = weights.nbytes + more.nbytes
    assert held <= found["peak_device_bytes"] <= found["reserved_device_bytes"]
    if "process_device_bytes" in found:
        assert found["process_device_bytes"] > held
    del more
    gpu.reset_peak()
    assert gpu.memory()["peak_device_bytes"] < held


@capability("memory of the process from NVML")
def test_the_driver_counts_this_process(gpu: Cuda) -> None:
    handle = _handle(gpu)
    _work()
    gpu.synchronize()
    held = nvml.process_bytes(handle)
    if held is None:
        pytest.skip("the driver does not name this process: a container with process numbers of its own, Windows, or MIG")
    assert held > torch.cuda.memory_reserved(0)


LIMITED = """
import torch
from vbench import devices
device = devices.get("cuda:0")
device.settle("fp32")
assert device.limit_memory(2**28) is None
torch.empty(2**26, dtype=torch.int8, device="cuda:0")
try:
    torch.empty(2**29, dtype=torch.int8, device="cuda:0")
except torch.OutOfMemoryError as error:
    print(error)
"""


@capability("memory limit of the allocator")
def test_beyond_the_limit_memory_is_out() -> None:
    assert "out of memory" in _python(LIMITED)


@capability("cold cache")
def test_a_flush_writes_over_more_than_the_cache_and_keeps_nothing(gpu: Cuda) -> None:
    gpu.reset_peak()
    before = torch.cuda.memory_allocated(0)
    gpu.flush()
    gpu.synchronize()
    cache = getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 0)
    assert torch.cuda.max_memory_allocated(0) - before >= max(4 * cache, 2**28)
    assert torch.cuda.memory_allocated(0) == before
