"""How much memory a network took: on its device where that was read, else on the host above what the worker began with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rows import Row

MIB = 2.0**20


def taken(row: Row) -> float | None:
    """Bytes at the peak: of tensors on the device, else of the worker above its interpreter and libraries."""
    device, peak, base = (row.value(name) for name in ("peak_device_bytes", "peak_host_bytes", "base_host_bytes"))
    if device is not None:
        return device
    return peak - base if peak is not None and base is not None and peak > base else None


def note(rows: Sequence[Row]) -> str:
    """What the number is."""
    device = [row.value("peak_device_bytes") is not None for row in rows]
    if all(device):
        return "Memory: what tensors took of the device at most."
    host = "the peak resident set of the worker above what it had after its imports; the largest over processes"
    return f"Memory: {'of the device where that was read, else ' if any(device) else ''}{host}."
