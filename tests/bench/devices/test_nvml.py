"""NVML through the real `pynvml`, against a small library that answers like a driver, refuses like one, and lies like one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., Any]

FIRST, SECOND = "00000000:3B:00.0", "00000000:AF:00.0"
READ = f"""
from vbench.devices import nvml
gpu = nvml.find('{FIRST}', '')
"""


def test_a_gpu_is_found_by_its_pci_address_and_read(ask: Ask) -> None:
    answer = ask(f"""
from vbench.devices import nvml
answer = [nvml.state(nvml.find(address, "")) for address in ("{FIRST}", "{SECOND}")]
answer.append(nvml.state(nvml.find("", "GPU-00000000-0000-0000-0000-0000000000af")))
answer.append([nvml.names(), sorted(nvml.capabilities()), nvml.driver(), nvml.newest_cuda()])
""")
    first = {"clock_mhz": 1000.0, "temperature_c": 40.0, "power_w": 150.0, "throttle": 0.0}
    second = {"clock_mhz": 2000.0, "temperature_c": 80.0, "power_w": 300.0, "throttle": 0.0}
    assert answer[:3] == [first, second, second]
    assert answer[3] == [["Stand-in A", "Stand-in B"], [[8, 0]], "550.54.14", [12, 4]]


def test_a_clock_that_drops_and_a_reason_to_throttle_are_seen(ask: Ask) -> None:
    answer = ask(
        READ
        + """
before = nvml.state(gpu)
os.environ |= {"STANDIN_CLOCK": "700", "STANDIN_REASONS": "0x24"}
answer = [before, nvml.state(gpu)]
"""
    )
    assert [state["clock_mhz"] for state in answer] == [1000.0, 700.0]
    assert [state["throttle"] for state in answer] == [0.0, float(0x20 | 0x4)]


def test_an_older_driver_is_asked_by_the_older_name(ask: Ask) -> None:
    answer = ask(READ + "answer = nvml.state(gpu)", STANDIN_nvmlDeviceGetCurrentClocksEventReasons="13", STANDIN_REASONS="8")
    assert answer["throttle"] == 8.0


ASKED = ("ClockInfo", "Temperature", "PowerUsage", "CurrentClocksEventReasons", "CurrentClocksThrottleReasons")


@pytest.mark.parametrize("code", ["3", "4", "13", "15"], ids=["not supported", "no permission", "no function", "lost"])
def test_what_is_refused_is_left_out_and_nothing_is_raised(code: str, ask: Ask) -> None:
    refused = {f"STANDIN_nvmlDeviceGet{name}": code for name in (*ASKED, "ComputeRunningProcesses_v3")}
    refused["STANDIN_nvmlDeviceGetTotalEnergyConsumption"] = code
    state, held, energy = ask(READ + "answer = [nvml.state(gpu), nvml.process_bytes(gpu), nvml.energy(gpu)]", **refused)
    assert (state, held) == ({}, None)
    assert energy.startswith("no energy counter: ")
    some = {f"STANDIN_nvmlDeviceGet{ASKED[0]}": code, f"STANDIN_nvmlDeviceGet{ASKED[2]}": code}
    assert ask(READ + "answer = nvml.state(gpu)", **some) == {"temperature_c": 40.0, "throttle": 0.0}


def test_a_zero_that_cannot_be_is_no_answer(ask: Ask) -> None:
    zeros = {"STANDIN_CLOCK": "0", "STANDIN_POWER": "0", "STANDIN_ENERGY": "0"}
    state, energy = ask(READ + "answer = [nvml.state(gpu), nvml.energy(gpu)]", **zeros)
    assert state == {"temperature_c": 40.0, "throttle": 0.0}
    assert energy == "the GPU's energy counter stands at 0, so it does not count"


def test_the_energy_counter_is_read_in_joules_and_says_when_it_stops(ask: Ask) -> None:
    answer = ask(
        READ
        + """
meter = nvml.energy(gpu)
before = meter.joules()
os.environ["STANDIN_ENERGY"] = "12500"
answer = [meter.method, before, meter.joules()]
os.environ["STANDIN_nvmlDeviceGetTotalEnergyConsumption"] = "4"
try:
    meter.joules()
except OSError as error:
    answer.append(str(error))
"""
    )
    refusal = "NVML gives this user no permission: ask who administers this machine for it"
    assert answer == ["NVML total energy counter", 5.0, 12.5, refusal]


def test_the_memory_of_this_process_is_its_own_and_never_anothers(ask: Ask) -> None:
    answer = ask(
        READ
        + """
answer = [nvml.process_bytes(gpu)]
os.environ["STANDIN_PID"] = str(os.getpid())
answer.append(nvml.process_bytes(gpu))
"""
    )
    assert answer == [None, 100.0 * 2**20]


def test_a_gpu_in_parts_is_read_for_none_of_them(ask: Ask) -> None:
    code = f"""
from vbench.devices import nvml
answer = []
for address, uuid in (("{FIRST}", ""), ("{SECOND}", ""), ("", "GPU-00000000-0000-0000-0000-0000000000af")):
    try:
        answer.append(nvml.state(nvml.find(address, uuid))["clock_mhz"])
    except nvml.Refusal as refusal:
        answer.append(str(refusal))
"""
    part = "it is a part of a GPU (MIG), and NVML answers for the whole GPU, whoever else works on it"
    assert ask(code) == [1000.0, 2000.0, 2000.0]  # neither knows of parts
    assert ask(code, STANDIN_MIG="0") == [1000.0, 2000.0, 2000.0]
    assert ask(code, STANDIN_MIG="1") == [part, 2000.0, 2000.0]
    assert ask(code, STANDIN_MIG="2") == [1000.0, part, part]
    # A driver that does not answer this is asked for the rest all the same.
    assert ask(code, STANDIN_MIG="3", STANDIN_nvmlDeviceGetMigMode="13") == [1000.0, 2000.0, 2000.0]


REASONS = {
    "9": "the NVIDIA driver is installed and not loaded: `nvidia-smi` says why",
    "4": "NVML gives this user no permission: ask who administers this machine for it",
    "18": "the NVIDIA driver was updated while it was loaded: restart this machine",
    "999": "NVML: Unknown Error",
}


@pytest.mark.parametrize("code", REASONS)
def test_a_library_that_does_not_open_says_why(code: str, ask: Ask) -> None:
    answer = ask(
        f"""
from vbench.devices import nvml
answer = [nvml.missing(), nvml.names(), sorted(nvml.capabilities()), nvml.driver(), nvml.newest_cuda()]
try:
    nvml.find("{FIRST}", "")
except nvml.Refusal as refusal:
    answer.append(str(refusal))
""",
        STANDIN_nvmlInitWithFlags=code,
    )
    assert answer == [REASONS[code], [], [], "", None, REASONS[code]]


def test_a_driver_that_is_not_installed_is_said_to_be_missing(ask_without: Ask) -> None:
    answer = ask_without("from vbench.devices import nvml\nanswer = nvml.missing()")
    assert answer.startswith("no NVIDIA driver is installed here (its library NVML was not found): install it; ")


def test_an_address_that_no_gpu_has_is_refused(ask: Ask) -> None:
    answer = ask("""
from vbench.devices import nvml
try:
    answer = nvml.state(nvml.find("00000000:01:00.0", ""))
except nvml.Refusal as refusal:
    answer = str(refusal)
""")
    assert answer == "NVML: Not Found"
