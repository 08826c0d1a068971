"""The scripts stand in a folder of their own and are called by path; their tests find what they share, and load them, here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HERE = Path(__file__).resolve().parent
# Last on the path, so that a script called coverage never takes the place of a package of that name.
if str(HERE) not in sys.path:
    sys.path.append(str(HERE))


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """Load a campaign's script by its name, as a module of another one."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"campaign_script_{name}", HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


class Found:
    """Entries of a log, as plain as they can be."""

    def row(self, medians_ms: list[float], interval_ms: tuple[float, float] | None = None, **fields: Any) -> dict[str, Any]:
        """A network of one of our runs, from the medians of its processes; the interval is that of the run and with drift."""
        low, high = (None, None) if interval_ms is None else (interval_ms[0] / 1e3, interval_ms[1] / 1e3)
        ordered = sorted(medians_ms)
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2e3
        processes = [
            {"index": i, "median_ns": round(ms * 1e6), "started_s": 1000.0 + i, "seconds": 1.0} for i, ms in enumerate(medians_ms)
        ]
        plain = {"status": "ok", "flags": [], "processes": processes, "latency_s": middle}
        return plain | {"low": low, "high": high, "run_low": low, "run_high": high} | fields

    def ours(self, seconds: float = 10.0, check_s: float = 0.0, **networks: dict[str, Any]) -> dict[str, Any]:
        """One of our runs."""
        return {"networks": networks, "seconds": seconds, "check_s": check_s}

    def repetition(self, number: int, others_cores: float = 0.0, **tools: Any) -> dict[str, Any]:
        """One repetition, on an idle machine unless told otherwise."""
        conditions = {"seconds": 60.0, "others_cores": others_cores, "steal_share": 0.0}
        return {"repetition": number, "started_s": 1000.0 + 60 * number, "conditions": conditions} | tools


@pytest.fixture(scope="session")
def found() -> Found:
    return Found()
