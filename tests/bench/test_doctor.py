from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import Machine, doctor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Plant = Callable[[Mapping[str, str]], Path]

CPUS = "sys/devices/system/cpu"
HERE = Machine(slug="x", fingerprint="x", cores=4, usable_cores=4)
PLENTY = 2**36


def _machine(**facts: object) -> Machine:
    return msgspec.structs.replace(HERE, **facts)


@pytest.mark.parametrize(("text", "state"), [("0.05 0 0 1/9 7", "good"), ("0.90 0 0", "warn"), ("3.00 0 0", "bad"), ("", "good")])
def test_load(plant: Plant, text: str, state: str) -> None:
    assert doctor.load(plant({"proc/loadavg": text} if text else {}), 4).state == state


@pytest.mark.parametrize(("spent", "state"), [(0.04, "good"), (0.3, "warn"), (0.9, "bad")])
def test_the_busiest_other_process_is_named(spent: float, state: str) -> None:
    before = {1: ("init", 5.0), 42: ("chrome", 100.0), os.getpid(): ("me", 0.0)}
    after = {1: ("init", 5.0), 42: ("chrome", 100.0 + spent), os.getpid(): ("me", 1.0), 43: ("new", 9.0)}
    check = doctor.busiest(before, after, 1.0)
    assert check.state == state
    assert ("chrome" in check.found and "42" in check.advice) == (state != "good")


def test_nobody_to_be_seen_is_not_busy() -> None:
    assert doctor.busiest({}, {}, 1.0).state == "good"


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        ((0, 1000), (0, 2000), "good"),
        ((5, 1000), (20, 2000), "good"),
        ((5, 1000), (40, 2000), "bad"),
        (None, (0, 1), "good"),
        ((1, 9), (1, 9), "good"),
    ],
)
def test_stolen_time(before: tuple[int, int] | None, after: tuple[int, int] | None, state: str) -> None:
    assert doctor.steal(before, after).state == state


def test_stolen_ticks_are_read_and_guest_time_is_not_counted_twice(plant: Plant) -> None:
    assert doctor._ticks(plant({"proc/stat": "cpu  10 1 5 80 2 0 1 7 99 99\ncpu0 1 1\n"})) == (7, 106)
    assert doctor._ticks(plant({"proc/stat": "cpu 1 2\n"})) is None


@pytest.mark.parametrize(("before", "after", "state"), [(None, None, "good"), (0, 0, "good"), (3, 3, "warn"), (3, 4, "bad")])
def test_throttling(before: int | None, after: int | None, state: str) -> None:
    assert doctor.throttling(before, after).state == state


def test_throttles_are_summed_over_cores(plant: Plant) -> None:
    count = f"{CPUS}/cpu{{}}/thermal_throttle/core_throttle_count"
    assert doctor._throttles(plant({})) is None
    assert doctor._throttles(plant({count.format(0): "2\n", count.format(11): "3\n"})) == 5


@pytest.mark.parametrize(
    ("name", "state"), [("", "good"), ("performance", "good"), ("powersave", "warn"), ("ondemand,schedutil", "warn")]
)
def test_governor(name: str, state: str) -> None:
    assert doctor.governor(_machine(governor=name)).state == state


@pytest.mark.parametrize(
    ("files", "state", "found"),
    [
        ({}, "good", doctor.UNSEEN),
        ({f"{CPUS}/intel_pstate/no_turbo": "1"}, "good", "off"),
        ({f"{CPUS}/intel_pstate/no_turbo": "0"}, "warn", "on"),
        ({f"{CPUS}/cpufreq/boost": "0"}, "good", "off"),
        ({f"{CPUS}/cpufreq/boost": "1"}, "warn", "on"),
    ],
)
def test_turbo(plant: Plant, files: Mapping[str, str], state: str, found: str) -> None:
    check = doctor.boost(plant(files))
    assert check.state == state
    assert check.found.startswith(found)


@pytest.mark.parametrize(
    ("active", "cores", "usable", "advice"),
    [
        ("0", 4, 4, ""),
        (None, 4, 4, ""),
        ("1", 4, 8, "vbench run --threads 4"),
        ("1", 64, 4, "vbench run --threads 2"),
        ("1", 4, 1, ""),
    ],
)
def test_hyper_threading(plant: Plant, active: str | None, cores: int, usable: int, advice: str) -> None:
    root = plant({f"{CPUS}/smt/active": active} if active else {})
    assert doctor.smt(root, _machine(cores=cores, usable_cores=usable)).advice == advice


def test_a_quota_is_told_with_the_way_out() -> None:
    assert doctor.quota(HERE).state == "good"
    check = doctor.quota(_machine(usable_cores=2, cpu_quota=2.5))
    assert check.state == "warn"
    assert "2.5" in check.found
    assert "--cpuset-cpus 0-1" in check.advice


def test_variables_that_bind_threads() -> None:
    assert doctor.threads({"PATH": "/bin", "OMP_PROC_BIND": ""}).state == "good"
    check = doctor.threads({"OMP_PROC_BIND": "close", "KMP_AFFINITY": "compact"})
    assert (check.state, check.advice) == ("warn", "unset OMP_PROC_BIND KMP_AFFINITY")


@pytest.mark.parametrize(("gib", "state"), [(16, "good"), (2, "warn"), (1, "bad"), (0, "bad")])
def test_memory(gib: int, state: str) -> None:
    assert doctor.memory(gib * 2**30).state == state


@pytest.mark.parametrize(
    ("text", "state", "found"),
    [
        ("SwapTotal: 0 kB\nSwapFree: 0 kB\n", "good", "not in use"),
        ("SwapTotal: 4194304 kB\nSwapFree: 2097152 kB\n", "warn", "2.0 GiB"),
        ("SwapCached: 9 kB\n", "good", doctor.UNSEEN),
    ],
)
def test_swap(plant: Plant, text: str, state: str, found: str) -> None:
    check = doctor.swap(plant({"proc/meminfo": f"MemTotal: 1 kB\n{text}"}))
    assert check.state == state
    assert found in check.found


@pytest.mark.parametrize(
    ("text", "state"), [("always [madvise] never", "good"), ("[always] madvise never", "warn"), ("", "good")]
)
def test_huge_pages(plant: Plant, text: str, state: str) -> None:
    assert doctor.huge_pages(plant({"sys/kernel/mm/transparent_hugepage/enabled": text})).state == state


@pytest.mark.parametrize(
    ("name", "state"), [("tsc", "good"), ("kvm-clock", "good"), ("hpet", "warn"), ("acpi_pm", "warn"), ("", "good")]
)
def test_clock_source(plant: Plant, name: str, state: str) -> None:
    assert doctor.clock_source(plant({"sys/devices/system/clocksource/clocksource0/current_clocksource": name})).state == state


@pytest.mark.parametrize(("virtual", "state"), [("", "good"), ("container", "good"), ("virtual machine, container", "warn")])
def test_a_virtual_machine_has_neighbours(virtual: str, state: str) -> None:
    assert doctor.virtual(_machine(virtual=virtual)).state == state


def test_the_peak_of_memory_needs_a_file_that_can_be_written(plant: Plant) -> None:
    assert doctor.peak_memory(plant({})).found == doctor.UNSEEN
    assert doctor.peak_memory(plant({"proc/self/stat": ""})).state == "warn"
    assert doctor.peak_memory(plant({"proc/self/clear_refs": ""})).state == "good"


def test_gpus_that_are_there_hidden_or_absent(plant: Plant) -> None:
    assert doctor.gpus(plant({}), HERE).found == "none seen"
    seen = doctor.gpus(plant({}), _machine(gpus=("NVIDIA H100",), driver="570.1"))
    assert (seen.state, seen.found) == ("good", "NVIDIA H100; driver 570.1")
    assert doctor.gpus(plant({"dev/nvidia0": ""}), HERE).state == "warn"


def test_a_results_folder_that_cannot_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.results_folder(tmp_path / "new" / "results").state == "good"
    (tmp_path / "file").write_text("")
    assert doctor.results_folder(tmp_path / "file" / "results").state == "bad"
    monkeypatch.setattr(doctor, "DISK_SHORT", 2**62)
    full = doctor.results_folder(tmp_path)
    assert (full.state, "MiB free" in full.found) == ("bad", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_results_folder_that_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert doctor.results_folder(tmp_path / "results").state == "bad"


def test_a_checkup_names_every_look_once_and_advises_on_all_that_is_not_good(plant: Plant) -> None:
    engines = {"eager": "2.13.0", "openvino": ImportError("pip install 'vbench[openvino]'")}
    root = plant({"proc/loadavg": "9.0 9.0 9.0", "proc/self/stat": "", f"{CPUS}/smt/active": "1"})
    checks = doctor.checkup(HERE, memory_available=PLENTY, engines=engines, results=root, environment={}, root=root, seconds=0.01)
    names = [check.name for check in checks]
    assert len(names) == len(set(names))
    assert {"load", "other processes", "stolen time", "memory", "engine openvino", "GPUs", "results"} <= set(names)
    for check in checks:
        assert bool(check.advice) == (check.state != "good")
        assert check.found
        assert "\n" not in check.found + check.advice
    assert next(c for c in checks if c.name == "engine openvino").advice == "pip install 'vbench[openvino]'"
    assert next(c for c in checks if c.name == "load").state == "bad"


def test_a_system_without_proc_and_sys_still_gets_a_checkup(plant: Plant) -> None:
    root = plant({})
    checks = doctor.checkup(HERE, memory_available=PLENTY, results=root, environment={}, root=root, seconds=0)
    assert all(check.state == "good" for check in checks if check.name != "other processes")
    assert sum(check.found == doctor.UNSEEN for check in checks) >= 8


def test_no_advice_names_a_flag_that_does_not_exist() -> None:
    advice = [doctor.throttling(1, 1).advice, doctor.throttling(1, 2).advice, doctor.steal((0, 1), (9, 10)).advice]
    assert all(advice)
    assert not [text for text in advice if "`" in text]


ENGINE = """
from vbench import engine
@engine("absent")
class Absent:
    def version(self): raise ImportError("pip install absent-engine")
    def skip(self, case): return None
    def prepare(self, module, case): return None
"""


def test_the_engines_and_the_results_of_the_project_are_looked_at(plant: Plant, commands: Any) -> None:
    root = plant({
        "bench.toml": 'plugins = ["absent.py", "broken.py"]\n', "absent.py": ENGINE, "broken.py": "1 / 0\n",
        "results/.keep": "", "deeper/results": "a file",
    })  # fmt: skip
    done = commands(root / "deeper", "doctor", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"vbench: plugin {root}/broken.py:1: ZeroDivisionError: division by zero\n"
    checks = {check.name: check for check in msgspec.json.decode(done.stdout, type=list[doctor.Check])}
    assert checks["engine absent"].advice == "pip install absent-engine"
    assert checks["engine eager"].state == "good"
    assert checks["results"].state == "good"
