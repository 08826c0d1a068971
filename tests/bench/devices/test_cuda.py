"""CUDA without a GPU: what is said where it cannot be used, how GPUs are found and numbered, and how switches are set."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from vbench import devices
from vbench.devices import cuda, nvml
from vbench.errors import VbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[..., Any]

# A PyTorch for CUDA in the eyes of our code and of PyTorch's own counting; nothing may wake the GPU that is not there.
BUILT = """
import torch
from vbench.devices import cuda

def woken():
    raise AssertionError("CUDA was initialised")

torch.version.cuda, torch.version.hip = "12.4", None
torch.cuda._is_compiled, torch.cuda._lazy_init = lambda: True, woken
torch._C._cuda_getDeviceCount = lambda: int(os.environ.get("RUNTIME", "0"))

def seen(visible=None):
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
    return [*cuda.names(), cuda.device("").missing()]
"""


def test_gpus_are_counted_as_cuda_shows_them_and_none_is_woken(ask: Ask) -> None:
    last = "GPU-00000000-0000-0000-0000-0000000000af"
    answer = ask(
        f'{BUILT}\nanswer = [seen(), seen("1"), seen("1,0"), seen("{last}"), seen("")]\nanswer.append(cuda.device("7").missing())'
    )
    hidden = "Stand-in A, Stand-in B: here, but CUDA_VISIBLE_DEVICES='' hides every GPU from this process: unset it, or name one"
    two = ["cuda:0", "cuda:1", None]
    assert answer[:5] == [two, ["cuda:0", None], two, ["cuda:0", None], ["cuda", hidden]]
    assert answer[5] == hidden


def test_a_number_that_no_gpu_has_is_missing(ask: Ask) -> None:
    answer = ask(f'{BUILT}\nanswer = [cuda.device(index).missing() for index in ("0", "1", "2")]')
    assert answer == [None, None, "there is no cuda:2: PyTorch counts 2 from cuda:0 on"]


def test_a_pytorch_without_cuda_says_so_whether_there_is_a_gpu_or_not(ask: Ask) -> None:
    code = "import torch\nfrom vbench.devices import cuda\ntorch.version.cuda = torch.version.hip = None\n"
    code += "answer = [*cuda.names(), cuda.device('').missing(), torch.__version__]"
    name, here, version = ask(code)
    advice = "install one that was: `pip install torch` on Linux, elsewhere the line that https://pytorch.org/get-started gives"
    assert name == "cuda"
    assert here == f"Stand-in A, Stand-in B: here, but this PyTorch ({version}) was built without CUDA: {advice}"
    _, nowhere, version = ask(code, STANDIN_nvmlInitWithFlags="9")
    assert nowhere == f"this PyTorch ({version}) was built without CUDA: {advice}"


def test_what_is_wrong_with_the_driver_is_said(ask: Ask) -> None:
    refused = {"STANDIN_nvmlInitWithFlags": "9", "STANDIN_nvmlInit": "9"}
    assert ask(f"{BUILT}\nanswer = seen()", **refused) == [
        "cuda",
        "the NVIDIA driver is installed and not loaded: `nvidia-smi` says why",
    ]
    runs = "CUDA 11.8 at most, and this PyTorch was built for 12.4"
    old = f"the NVIDIA driver 550.54.14 runs {runs}: update the driver, or install a PyTorch for that CUDA"
    assert ask(f"{BUILT}\nanswer = seen()", STANDIN_CUDA="11080") == ["cuda:0", "cuda:1", old]
    # The driver of another minor version runs it all the same.
    assert ask(f"{BUILT}\nanswer = seen()", STANDIN_CUDA="12010") == ["cuda:0", "cuda:1", None]


PROPERTIES = """
from types import SimpleNamespace

def properties(address=True):
    buses = {"0": 0x3B, "1": 0xAF}
    def of(index):
        bus = buses[os.environ.get("CUDA_VISIBLE_DEVICES", "0,1").split(",")[index]]
        pci = dict(pci_domain_id=0, pci_bus_id=bus, pci_device_id=0) if address else {}
        numbers = dict(total_memory=2**34, multi_processor_count=8, major=8, minor=0)
        return SimpleNamespace(name="GPU", uuid=f"00000000-0000-0000-0000-{bus:012x}", **numbers, **pci)
    torch.cuda.get_device_properties = of
"""


@pytest.mark.parametrize("address", [True, False], ids=["by address", "by UUID"])
def test_a_gpu_that_cuda_renumbers_is_read_and_not_its_neighbour(ask: Ask, *, address: bool) -> None:
    answer = ask(
        f"""{BUILT}{PROPERTIES}
properties({address})
answer = []
for visible in ("0,1", "1,0", "1"):
    os.environ["CUDA_VISIBLE_DEVICES"] = visible
    answer.append([cuda.device(str(index)).state()["clock_mhz"] for index in range(len(visible.split(",")))])
found = cuda.device("0")
answer.append([found.energy().joules(), found.describe()])
"""
    )
    assert answer[:3] == [[1000.0, 2000.0], [2000.0, 1000.0], [2000.0]]
    joules, described = answer[3]
    assert joules == 10.0
    assert described["driver"] == "550.54.14"
    assert described.get("pci", "") == ("00000000:AF:00.0" if address else "")
    assert "unread" not in described


def test_where_nvml_refuses_the_gpu_is_measured_and_the_cells_are_empty(ask: Ask) -> None:
    answer = ask(
        f"""{BUILT}{PROPERTIES}
properties()
answer = seen()
found = cuda.device("0")
answer += [found.state(), found.energy(), found.describe()["unread"], found.memory().keys() & {{"process_device_bytes"}} == set()]
""",
        STANDIN_nvmlInitWithFlags="4",
        STANDIN_nvmlInit="4",
        RUNTIME="1",
    )
    refused = "clocks, temperature, power and energy cannot be read: NVML gives this user no permission: "
    refused += "ask who administers this machine for it"
    assert answer == ["cuda:0", None, {}, refused, refused, True]


def test_of_a_part_of_a_gpu_nothing_is_read_that_is_the_whole_ones(ask: Ask) -> None:
    answer = ask(
        f"""{BUILT}{PROPERTIES}
properties()
os.environ["STANDIN_PID"] = str(os.getpid())
torch.cuda.is_initialized = lambda: True
torch.cuda.max_memory_allocated = torch.cuda.max_memory_reserved = lambda index: 1
answer = []
for parts in ("0", "1"):
    os.environ["STANDIN_MIG"] = parts
    found = cuda.device("0")
    energy = found.energy()
    said = energy if isinstance(energy, str) else energy.method
    answer.append([sorted(found.state()), said, "process_device_bytes" in found.memory(), found.describe().get("unread")])
"""
    )
    assert answer[0] == [["clock_mhz", "power_w", "temperature_c", "throttle"], "NVML total energy counter", True, None]
    state, energy, held, unread = answer[1]
    assert (state, held, energy) == ([], False, unread)
    assert "cannot be read: it is a part of a GPU (MIG)" in unread


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A GPU as far as switching goes: the switches are PyTorch's own, and are put back."""
    backends = torch.backends
    before = (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32, backends.cudnn.benchmark, backends.cudnn.deterministic)
    done: list[Any] = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: done.append(("set_device", index)))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda index: done.append(("synchronize", index)))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (8, 6))
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    yield SimpleNamespace(device=cuda.device("1"), done=done)
    backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32, backends.cudnn.benchmark, backends.cudnn.deterministic = before


@pytest.mark.parametrize(("precision", "tf32"), [("fp32", "off"), ("tf32", "on"), ("bf16", "off"), ("fp16", "off")])
def test_every_switch_is_set_and_read_back(gpu: Any, precision: str, tf32: str) -> None:
    # As another process, or another library, may have left them.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32 == "off"
    torch.backends.cudnn.benchmark = torch.backends.cudnn.deterministic = True
    found = gpu.device.settle(precision)
    assert gpu.done == [("set_device", 1), ("synchronize", 1)]
    assert found.pop("context").endswith("s")
    assert found == {"tf32_matmul": tf32, "tf32_cudnn": tf32, "cudnn_benchmark": "off", "cudnn_deterministic": "off"}
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (tf32 == "on", tf32 == "on")
    assert not torch.backends.cudnn.benchmark


def test_a_precision_that_the_gpu_lacks_is_refused_with_what_it_has(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (7, 5))
    monkeypatch.setattr(torch.version, "hip", None)
    for precision in ("tf32", "bf16"):
        words = f"{precision} needs compute capability 8.0 .Ampere. or newer, and the GPU has 7.5: --precision fp32 or fp16"
        with pytest.raises(VbenchError, match=words):
            gpu.device.settle(precision)
    assert gpu.device.settle("fp16")["tf32_matmul"] == "off"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (9, 0))
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    with pytest.raises(VbenchError, match="NVIDIA_TF32_OVERRIDE=0 keeps every library from TF32: unset it"):
        gpu.device.settle("tf32")


def test_a_plan_knows_what_no_gpu_here_computes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    found: set[tuple[int, int]] = {(7, 0), (7, 5)}
    monkeypatch.setattr(nvml, "capabilities", lambda: found)
    device = devices.get("cuda:0")
    assert (
        device.lacks("tf32")
        == "tf32 needs compute capability 8.0 (Ampere) or newer, and the GPU has 7.5: --precision fp32 or fp16"
    )
    assert device.lacks("fp16") is None
    found.add((8, 0))  # which of them is cuda:0 is not known yet: the worker asks the GPU itself
    assert device.lacks("tf32") is None
    found.clear()
    assert device.lacks("bf16") is None


def test_the_allocator_is_limited_to_a_share_of_the_gpus_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, int]] = []
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(total_memory=8 * 2**30))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, index: asked.append((share, index)))
    assert devices.get("cuda:1").limit_memory(2 * 2**30) is None
    assert asked == [(0.25, 1)]
    assert devices.get("cuda:1").limit_memory(16 * 2**30) == "16.0 GiB is more than the 8.00 GiB that the device has: not limited"
    assert len(asked) == 1


def test_before_cuda_is_woken_there_is_only_the_hosts_memory() -> None:
    if torch.cuda.is_initialized():
        pytest.skip("CUDA was initialised by another test of this process")
    device = devices.get("cuda:0")
    device.reset_peak()
    assert set(device.memory()) <= {"peak_host_bytes"}
