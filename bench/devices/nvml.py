"""NVIDIA's management library, asked for one GPU by its PCI address: clocks, temperature, power, throttling, memory, energy.

An index would be wrong: CUDA_VISIBLE_DEVICES renumbers what CUDA shows, and NVML does not listen to it. What the library
does not support or permit is left out: an empty cell, never a 0 and never an exception.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from typing import Any

import pynvml

_MILLI = 1e-3
# The refusals that a person can do something about; the others are shown as the library words them.
_ADVICE = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "no NVIDIA driver is installed here (its library NVML was not found): install it; "
    "a container needs `docker run --gpus all`",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "the NVIDIA driver is installed and not loaded: `nvidia-smi` says why",
    pynvml.NVML_ERROR_NO_PERMISSION: "NVML gives this user no permission: ask who administers this machine for it",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "the NVIDIA driver was updated while it was loaded: restart this machine",
    pynvml.NVML_ERROR_NOT_SUPPORTED: "NVML does not support it on this GPU",
}
# What each function is called that has another name in newer versions, newest first.
_REASONS = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
_TEMPERATURES = ("nvmlDeviceGetTemperature", "nvmlDeviceGetTemperatureV")


class Refusal(Exception):  # noqa: N818 - an answer of the library, which never leaves this module
    """The library does not answer; the text says why, in one line."""


class Energy:
    """The GPU's own counter of the energy it has used since its driver was loaded; it ticks about every 100 ms."""

    method = "NVML total energy counter"

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def joules(self) -> float:
        """The counter now. Raises OSError where it no longer answers."""
        try:
            return float(_call("nvmlDeviceGetTotalEnergyConsumption", self._handle)) * _MILLI
        except Refusal as refusal:
            raise OSError(str(refusal)) from None


@cache
def missing() -> str | None:
    """Why the library cannot be asked, or None. It stays open in this process, which costs nothing."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return _reason(error)
    return None


def _reason(error: Any) -> str:
    return _ADVICE.get(error.value) or f"NVML: {error}"


def _call(names: str | tuple[str, ...], *words: Any) -> Any:
    """What the first of these functions that is there answers. Raises Refusal."""
    refusal = "NVML has no such function"
    for name in (names,) if isinstance(names, str) else names:
        function = getattr(pynvml, name, None)
        if function is None:
            continue  # not yet, or no longer, in this version of nvidia-ml-py
        try:
            return function(*words)
        except pynvml.NVMLError as error:
            refusal = _reason(error)
        except pynvml.NVMLLibraryMismatchError:
            refusal = "the NVIDIA driver is older than nvidia-ml-py: update the driver"
    raise Refusal(refusal)


def _number(names: str | tuple[str, ...], *words: Any) -> float | None:
    """The answer as a number, or None where there is none."""
    try:
        return float(_call(names, *words))
    except Refusal:
        return None


def _text(value: str | bytes) -> str:
    """Older versions of NVML's Python package answer in bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _each(name: str) -> list[Any]:
    """What a function answers for each GPU of this machine; those that refuse are left out."""
    if missing() is not None:
        return []
    found = []
    with suppress(Refusal):
        for index in range(_call("nvmlDeviceGetCount")):
            with suppress(Refusal):
                found.append(_call(name, _call("nvmlDeviceGetHandleByIndex", index)))
    return found


def names() -> list[str]:
    """Every GPU of this machine, whether CUDA shows it or not; none where the library cannot be asked."""
    return [_text(name) for name in _each("nvmlDeviceGetName")]


def capabilities() -> set[tuple[int, int]]:
    """The compute capabilities of the GPUs of this machine, without waking CUDA."""
    return {(int(major), int(minor)) for major, minor in _each("nvmlDeviceGetCudaComputeCapability")}


def driver() -> str:
    """The driver's version; "" where it does not say."""
    try:
        return "" if missing() is not None else _text(_call("nvmlSystemGetDriverVersion"))
    except Refusal:
        return ""


def newest_cuda() -> tuple[int, int] | None:
    """The newest CUDA that the driver runs, as (major, minor)."""
    number = None if missing() is not None else _number("nvmlSystemGetCudaDriverVersion_v2")
    return None if not number else (int(number) // 1000, int(number) % 1000 // 10)


def find(address: str, uuid: str) -> Any:
    """The GPU at a PCI address (`00000000:3B:00.0`), or of that UUID where the address is unknown.

    Raises Refusal, also where the GPU is cut into parts: this process has one of them, and NVML answers for all together.
    """
    reason = missing()
    if reason is not None:
        raise Refusal(reason)
    gpu = _call("nvmlDeviceGetHandleByPciBusId", address) if address else _call("nvmlDeviceGetHandleByUUID", uuid)
    if _in_parts(gpu):
        message = "it is a part of a GPU (MIG), and NVML answers for the whole GPU, whoever else works on it"
        raise Refusal(message)
    return gpu


def _in_parts(gpu: Any) -> bool:
    """Whether the GPU is in the mode in which it is shared out in parts; most GPUs have no such mode, and refuse."""
    try:
        current, _ = _call("nvmlDeviceGetMigMode", gpu)
    except Refusal:
        return False
    return bool(current == pynvml.NVML_DEVICE_MIG_ENABLE)


def state(gpu: Any) -> dict[str, float]:
    """`clock_mhz` (of the multiprocessors), `temperature_c`, `power_w` and `throttle` (the bits that the driver gives).

    A clock or a power of 0 is what a driver says that does not know: no GPU runs without either.
    """
    power = _number("nvmlDeviceGetPowerUsage", gpu)
    found = {
        "clock_mhz": _number("nvmlDeviceGetClockInfo", gpu, pynvml.NVML_CLOCK_SM) or None,
        "temperature_c": _number(_TEMPERATURES, gpu, pynvml.NVML_TEMPERATURE_GPU),
        "power_w": power * _MILLI if power else None,
        "throttle": _number(_REASONS, gpu),
    }
    return {name: value for name, value in found.items() if value is not None}


def process_bytes(gpu: Any) -> float | None:
    """What this process holds of the GPU's memory, CUDA's own part included.

    None where the driver does not say: on Windows, on a part of a GPU (MIG), and in a container whose process numbers
    are not the driver's.
    """
    try:
        processes = _call("nvmlDeviceGetComputeRunningProcesses", gpu)
    except Refusal:
        return None
    held = [process.usedGpuMemory for process in processes if process.pid == os.getpid()]
    return float(sum(held)) if held and None not in held else None


def energy(gpu: Any) -> Energy | str:
    """The GPU's energy counter, or why there is none. A counter that stands at 0 counts nothing."""
    meter = Energy(gpu)
    try:
        return meter if meter.joules() > 0 else "the GPU's energy counter stands at 0, so it does not count"
    except OSError as error:
        return f"no energy counter: {error} (Volta and newer have one)"
