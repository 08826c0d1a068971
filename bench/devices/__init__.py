"""Devices: how to tell the time on one, wait for it, and read its memory. One file each, found by name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

# Measured by this version. Accelerators are a later part; until then asking for one says so.
NAMES = ("cpu", "fake")


class Device(Protocol):
    """What the worker needs of a device."""

    def missing(self) -> str | None:
        """Why this device cannot be used here, or None."""

    def clock(self, replicate: int) -> Callable[[], int]:
        """The clock that times this device, in nanoseconds."""

    def reset_peak(self) -> bool:
        """Forget the memory peak so far; False where that cannot be done."""

    def peak_bytes(self) -> int | None:
        """The memory peak since then, in bytes; None where it cannot be read."""


def get(name: str) -> Device:
    """The device of that name (`cpu`, `fake`)."""
    module = importlib.import_module(f".{name.partition(':')[0]}", __name__)
    device: Device = module.DEVICE
    return device


def known() -> dict[str, str | None]:
    """Every device that this version can measure, with the reason where it is not here."""
    return {name: get(name).missing() for name in NAMES}
