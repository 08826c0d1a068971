"""Devices: how to tell the time on one, wait for it, and read its memory, clocks and energy. One file each, found by name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..interfaces import Timer

# Kinds of devices, one file each; `cuda` is ROCm's name too.
KINDS = ("cpu", "cuda", "mps", "xpu", "fake")


class Meter(Protocol):
    """Reads the energy that a device has used."""

    method: str

    def joules(self) -> float:
        """The counter now; only differences mean something. Raises OSError where it no longer answers."""


class Device(Protocol):
    """What the worker needs of a device."""

    def missing(self) -> str | None:
        """Why this device cannot be used here, or None."""

    def target(self) -> str:
        """Where tensors go, as torch spells it (`cpu`, `cuda:1`)."""

    def lacks(self, precision: str) -> str | None:
        """Why it does not compute in a precision, as far as can be told without waking it; or None."""

    def settle(self, precision: str) -> dict[str, str]:
        """Wake it, set the switches that decide what runs in a precision, and say how they stand.

        Called once in every worker, the one that checks included. Raises VbenchError for a precision that it lacks.
        """

    def describe(self) -> dict[str, str]:
        """What it is: name, memory, driver, capability; those that can be read."""

    def clock(self, replicate: int) -> Callable[[], int]:
        """The host's clock beside this device, in nanoseconds."""

    def synchronize(self) -> None:
        """Wait until everything submitted has finished."""

    def timer(self) -> Timer | None:
        """Pairs of events on the device, or None where a call returns when its work is done."""

    def reset_peak(self) -> bool:
        """Forget the memory peaks so far; False where that cannot be done."""

    def memory(self) -> dict[str, float]:
        """The memory columns that can be read now, in bytes; what cannot be read is left out."""

    def state(self) -> dict[str, float]:
        """`clock_mhz`, `temperature_c`, `power_w`, `throttle` (NVML's bits): those that can be read."""

    def energy(self) -> Meter | str:
        """A meter, or the reason why there is none."""

    def limit_memory(self, size: int) -> str | None:
        """Let this process take no more than so many bytes of the device; the reason where that cannot be done."""


def get(name: str) -> Device:
    """The device of that name (`cpu`, `cuda`, `cuda:1`, `mps`, `xpu`, `fake`)."""
    kind, _, index = name.partition(":")
    module = importlib.import_module(f".{kind}", __name__)
    device: Device = module.device(index)
    return device


def known() -> dict[str, str | None]:
    """Every device that this version can measure, with the reason where it is not here; `cuda:1` where there are two."""
    found: dict[str, str | None] = {}
    for kind in KINDS:
        module = importlib.import_module(f".{kind}", __name__)
        found |= {name: get(name).missing() for name in module.names()}
    return found
