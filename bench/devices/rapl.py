"""The energy counters of x86 processors (RAPL), as Linux shows them; AMD's stand under Intel's name.

A package is everything in its socket, for every program that runs on it. Its parts (`core`, `uncore`) are in it already,
and `psys`, the whole board, holds the packages: neither is added. Memory (`dram`) is a counter beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path("/sys/class/powercap")
_MICRO = 1e-6


class Zone:
    """One counter, in microjoules; it begins again at 0 when it has reached its range."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "energy_uj"
        self.name = (folder / "name").read_text("ascii", "replace").strip()
        try:
            self._range: int | None = _number(folder / "max_energy_range_uj")
        except OSError:
            self._range = None
        self._last = _number(self._file)
        self._total = 0

    def joules(self) -> float:
        """What was used since the counter was found. It must be read more often than it wraps around (minutes at least).

        Raises OSError where it cannot be read, or goes back and does not say where it begins again.
        """
        now = _number(self._file)
        step = now - self._last
        if step < 0:
            if not self._range or now > self._range or self._last > self._range:
                message = f"{self.name} went back from {self._last} to {now} microjoules"
                raise OSError(message)
            step += self._range
        self._last = now
        self._total += step
        return self._total * _MICRO


class Rapl:
    """The packages of this machine together."""

    def __init__(self, packages: Sequence[Zone], memory: Sequence[Zone]) -> None:
        self._packages, self._memory = packages, memory
        self.method = f"RAPL {' + '.join(zone.name for zone in packages)}"

    def joules(self) -> float:
        """What all packages used since they were found."""
        return sum(zone.joules() for zone in self._packages)

    def beside(self) -> dict[str, float]:
        """What the memory used, where it has a counter."""
        return {"energy_dram_j": sum(zone.joules() for zone in self._memory)} if self._memory else {}


def _number(file: Path) -> int:
    text = file.read_text("ascii", "replace")
    try:
        return int(text)
    except ValueError:
        message = f"{file} holds {text.strip()[:40]!r}, which is no number"
        raise OSError(message) from None


def find(root: Path | None = None) -> Rapl | str:
    """The counters under `root`, or why there are none, in one line with what to do."""
    root = ROOT if root is None else root
    packages, memory = [], []
    try:
        for folder in sorted(root.glob("intel-rapl:*")):
            name = (folder / "name").read_text("ascii", "replace").strip()
            if name.startswith("package"):
                packages.append(Zone(folder))
            elif name == "dram":
                memory.append(Zone(folder))
    except PermissionError as error:
        return (
            f"only root may read the processor's energy counter ({error.filename}): "
            "`sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj` allows it until the next boot"
        )
    except OSError as error:
        return f"the processor's energy counter cannot be read: {error}"
    if not packages:
        return f"this processor shows no energy counter (no RAPL package under {root}), as is usual in a virtual machine"
    return Rapl(packages, memory)
