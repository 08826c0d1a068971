"""The processor's energy counters, read from trees of files as Linux shows them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import devices
from vbench.devices import rapl

if TYPE_CHECKING:
    from pathlib import Path


def tree(root: Path, zones: dict[str, tuple[str, int]], most: int | None = 262_143_328_850) -> Path:
    """Zones as Linux shows them: a folder each, with a name, a counter and its range."""
    for folder, (name, microjoules) in zones.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "name").write_text(f"{name}\n")
        (root / folder / "energy_uj").write_text(f"{microjoules}\n")
        if most is not None:
            (root / folder / "max_energy_range_uj").write_text(f"{most}\n")
    return root


TWO = {
    "intel-rapl:0": ("package-0", 1_000_000),
    "intel-rapl:0:0": ("core", 900_000),
    "intel-rapl:0:1": ("dram", 5_000_000),
    "intel-rapl:1": ("package-1", 2_000_000),
    "intel-rapl:2": ("psys", 7_000_000),
    "intel-rapl-mmio:0": ("package-0", 1_000_000),
}


def test_packages_are_added_and_nothing_is_added_twice(tmp_path: Path) -> None:
    meter = rapl.find(tree(tmp_path, TWO))
    assert not isinstance(meter, str)
    assert meter.method == "RAPL package-0 + package-1"
    assert (meter.joules(), meter.beside()) == (0.0, {"energy_dram_j": 0.0})
    tree(tmp_path, {name: (zone, start + 3_000_000) for name, (zone, start) in TWO.items()})
    assert meter.joules() == pytest.approx(6.0)
    assert meter.beside() == pytest.approx({"energy_dram_j": 3.0})
    assert rapl.find(tree(tmp_path / "amd", {"intel-rapl:0": ("package-0", 5)})).beside() == {}  # type: ignore[union-attr]


@given(steps=st.lists(st.integers(0, 90_000_000), min_size=1, max_size=20), start=st.integers(0, 99_999_999))
def test_a_counter_that_wraps_around_goes_on(steps: list[int], start: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    most = 100_000_000
    root = tree(tmp_path_factory.mktemp("rapl"), {"intel-rapl:0": ("package-0", start)}, most)
    meter = rapl.find(root)
    assert not isinstance(meter, str)
    now = start
    for step in steps:
        now = (now + step) % most
        tree(root, {"intel-rapl:0": ("package-0", now)}, most)
        meter.joules()
    assert meter.joules() == pytest.approx(sum(steps) * 1e-6)


def test_a_counter_that_goes_back_without_a_range_is_not_believed(tmp_path: Path) -> None:
    root = tree(tmp_path, {"intel-rapl:0": ("package-0", 1_000_000)}, None)
    meter: Any = rapl.find(root)
    tree(root, {"intel-rapl:0": ("package-0", 5)}, None)
    with pytest.raises(OSError, match="package-0 went back from 1000000 to 5"):
        meter.joules()


def test_why_there_is_no_counter_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no RAPL package under" in str(rapl.find(tmp_path / "nothing"))
    assert "no RAPL package under" in str(rapl.find(tree(tmp_path / "psys", {"intel-rapl:0": ("psys", 5)})))
    root = tree(tmp_path / "bad", {"intel-rapl:0": ("package-0", 5)})
    (root / "intel-rapl:0" / "energy_uj").write_text("many")
    assert "holds 'many', which is no number" in str(rapl.find(root))
    (root / "intel-rapl:0" / "energy_uj").unlink()
    assert "cannot be read" in str(rapl.find(root))
    monkeypatch.setattr(rapl, "ROOT", tmp_path / "nothing")
    assert devices.get("cpu").energy() == rapl.find(tmp_path / "nothing")
    monkeypatch.setattr(rapl, "ROOT", tree(tmp_path / "good", TWO))
    assert not isinstance(devices.get("cpu").energy(), str)


def test_a_counter_that_only_root_may_read_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path, TWO)
    if os.name == "posix" and os.geteuid() != 0:
        (root / "intel-rapl:1" / "energy_uj").chmod(0)
    else:

        def forbidden(file: Path) -> int:
            raise PermissionError(13, "Permission denied", str(file))

        monkeypatch.setattr(rapl, "_number", forbidden)
    reason = str(rapl.find(root))
    assert reason.startswith("only root may read")
    assert "sudo chmod a+r" in reason
