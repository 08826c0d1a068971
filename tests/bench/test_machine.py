from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pynvml
import pytest

from vbench import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Plant = Callable[[Mapping[str, str]], Path]

CPUINFO = """processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
flags\t\t: fpu avx2 avx512f amx_tile amx_int8 hypervisor
"""
GROUP = "sys/fs/cgroup"
UNLIMITED_V1 = "9223372036854771712"


def test_no_control_group_is_no_limit(plant: Plant) -> None:
    root = plant({})
    assert machine.cpu_quota(root) is None
    assert machine.memory_limit(root) is None
    assert 1 <= machine.usable_cores(root) <= (os.cpu_count() or 1)
    assert machine.memory_available(root) > 0


@pytest.mark.parametrize(
    ("text", "quota"), [("max 100000", None), ("150000 100000", 1.5), ("400000 50000", 8.0), ("", None), ("x y", None)]
)
def test_the_quota_of_version_2(plant: Plant, text: str, quota: float | None) -> None:
    root = plant({"proc/self/cgroup": "0::/job\n", f"{GROUP}/job/cpu.max": text})
    assert machine.cpu_quota(root) == quota


def test_the_tightest_ancestor_decides(plant: Plant) -> None:
    root = plant(
        {
            "proc/self/cgroup": "0::/slice/job/step\n",
            f"{GROUP}/slice/cpu.max": "100000 100000",
            f"{GROUP}/slice/job/cpu.max": "max 100000",
            f"{GROUP}/slice/job/step/cpu.max": "300000 100000",
            f"{GROUP}/slice/memory.max": "max",
            f"{GROUP}/slice/job/memory.max": "4000",
            f"{GROUP}/slice/job/step/memory.max": "8000",
        }
    )
    assert machine.cpu_quota(root) == 1.0
    assert machine.memory_limit(root) == 4000


def test_version_1_and_a_path_that_only_the_host_has(plant: Plant) -> None:
    root = plant(
        {
            "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n",
            f"{GROUP}/cpu/cpu.cfs_quota_us": "250000",
            f"{GROUP}/cpu/cpu.cfs_period_us": "100000",
            f"{GROUP}/memory/memory.limit_in_bytes": "6000",
            f"{GROUP}/memory/memory.usage_in_bytes": "5000",
            f"{GROUP}/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 2000\n",
            "proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   1000 kB\n",
        }
    )
    assert machine.cpu_quota(root) == 2.5
    assert machine.memory_limit(root) == 6000
    assert machine.memory_available(root) == 6000 - (5000 - 2000)


def test_version_1_without_limits(plant: Plant) -> None:
    root = plant(
        {
            "proc/self/cgroup": "4:memory:/a\n3:cpu:/\n",
            f"{GROUP}/cpu/cpu.cfs_quota_us": "-1",
            f"{GROUP}/cpu/cpu.cfs_period_us": "100000",
            f"{GROUP}/memory/a/memory.limit_in_bytes": UNLIMITED_V1,
        }
    )
    assert machine.cpu_quota(root) is None
    assert machine.memory_limit(root) is None


def test_memory_that_is_available_is_the_lesser_of_the_system_and_the_group(plant: Plant) -> None:
    files = {
        "proc/self/cgroup": "0::/job",
        "proc/meminfo": "MemAvailable:    3 kB\n",
        f"{GROUP}/job/memory.max": "9000",
        f"{GROUP}/job/memory.current": "1000",
    }
    assert machine.memory_available(plant(files)) == 3 * 1024
    assert machine.memory_available(plant({f"{GROUP}/job/memory.current": "8500"})) == 500
    assert machine.memory_available(plant({f"{GROUP}/job/memory.current": "9500"})) == 0


def test_a_quota_may_stand_anywhere_above_and_need_not_be_whole(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    files = {"proc/self/cgroup": "0::/kubepods/burstable/pod/box\n", f"{GROUP}/kubepods/cpu.max": "780000 100000"}
    assert machine.usable_cores(plant(files)) == 7
    root = plant(
        {f"{GROUP}/kubepods/burstable/pod/cpu.max": "350000 100000", f"{GROUP}/kubepods/burstable/pod/box/cpu.max": "max"}
    )
    assert machine.cpu_quota(root) == 3.5
    assert machine.usable_cores(root) == 3
    # The container's own group is all that is mounted in it.
    assert machine.usable_cores(plant({"proc/self/cgroup": "0::/../../box\n", f"{GROUP}/cpu.max": "299999 100000"})) == 2


def test_version_1_controllers_that_are_mounted_together_without_links(plant: Plant) -> None:
    home = f"{GROUP}/cpu,cpuacct/docker/abc"
    root = plant(
        {
            "proc/self/cgroup": "3:cpu,cpuacct:/docker/abc\n0::/\n",
            f"{home}/cpu.cfs_quota_us": "50000",
            f"{home}/cpu.cfs_period_us": "100000",
            f"{GROUP}/cpu,cpuacct/docker/cpu.cfs_quota_us": "-1",
        }
    )
    assert machine.cpu_quota(root) == 0.5
    assert machine.usable_cores(root) == 1


@pytest.mark.parametrize(("limit", "cores"), [("3", 3), ("99", 8), ("0", 1), ("", 8), ("many", 8), (" 2 ", 2)])
def test_openmp_starts_no_more_threads_than_it_is_told(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, limit: str, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setenv("OMP_THREAD_LIMIT", limit)
    assert machine.usable_cores(plant({})) == cores


@pytest.mark.parametrize(("quota", "cores"), [("50000 100000", 1), ("199999 100000", 1), ("max 100000", 8), ("250000 100000", 2)])
def test_usable_cores_are_whole_and_never_none(plant: Plant, monkeypatch: pytest.MonkeyPatch, quota: str, cores: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.usable_cores(plant({"proc/self/cgroup": "0::/", f"{GROUP}/cpu.max": quota})) == cores


def test_a_machine_is_described_from_its_tree(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_gpus", lambda: (("NVIDIA H100 80GB HBM3",) * 2, "570.1"))
    monkeypatch.setattr(machine.psutil, "cpu_count", lambda logical=True: 8 if logical else 4)
    governor = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor"
    root = plant(
        {"proc/cpuinfo": CPUINFO, ".dockerenv": "", governor.format(0): "powersave\n", governor.format(1): "powersave\n"}
    )
    here = machine.describe(root)
    assert here.processor == "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"
    assert here.features == ("avx2", "avx512f", "amx_tile", "amx_int8")
    assert here.virtual == "virtual machine, container"
    assert (here.governor, here.cores, here.driver) == ("powersave", 4, "570.1")
    assert here.slug.startswith("intel-xeon-platinum-8481c-4c-2x-nvidia-h100-80gb-hbm3-")
    assert platform.node() not in here.slug
    assert machine.describe(root) is here


def _described(plant: Plant, files: Mapping[str, str]) -> tuple[str, str]:
    here = machine.describe.__wrapped__(plant({"proc/cpuinfo": CPUINFO, **files}))
    return here.slug, here.fingerprint


def test_a_fingerprint_changes_with_what_decides_time_and_with_nothing_else(plant: Plant) -> None:
    slug, fingerprint = _described(plant, {})
    assert _described(plant, {"proc/meminfo": "MemAvailable: 77 kB\n", "proc/uptime": "9"}) == (slug, fingerprint)
    governed = _described(plant, {"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance"})
    assert governed[0] == slug
    assert governed[1] != fingerprint
    other = _described(plant, {"proc/cpuinfo": CPUINFO.replace("8481C", "8481D")})
    assert other[0] != slug
    assert other[1] not in {fingerprint, governed[1]}


def test_arm_calls_neon_asimd_and_names_no_model(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    import cpuinfo  # noqa: PLC0415 - replaced here, and imported nowhere else

    monkeypatch.setattr(cpuinfo, "get_cpu_info", lambda: {"brand_raw": "Neoverse-V1", "flags": ["asimd", "asimddp", "i8mm"]})
    assert machine._processor(plant({"proc/cpuinfo": "Features\t: asimd\n"})) == ("Neoverse-V1", ("neon", "asimddp", "i8mm"))


@pytest.mark.parametrize(
    ("brand", "slug"),
    [
        ("AMD EPYC 7763 64-Core Processor", "amd-epyc-7763-2c-aa"),
        ("AMD Ryzen 7 7840U w/ Radeon 780M Graphics", "amd-ryzen-7-7840u-2c-aa"),
        ("13th Gen Intel(R) Core(TM) i7-1365U", "13th-gen-intel-core-i7-1365u-2c-aa"),
        ("Apple M2 Pro", "apple-m2-pro-2c-aa"),
    ],
)
def test_slugs_read_like_the_machine(brand: str, slug: str) -> None:
    assert machine._slug(brand, 2, (), "aa") == slug


def test_without_nvml_there_are_no_gpus_and_no_noise(monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder) -> None:
    def absent() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    assert machine._gpus() == ((), "")
    assert not recwarn.list


def test_a_driver_that_fails_half_way_is_no_gpu_and_is_shut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    def fail() -> int:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", fail)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: closed.append(True))
    assert machine._gpus() == ((), "")
    assert closed == [True]


def test_gpus_are_named_though_old_bindings_answer_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: index)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", lambda handle: [b"Tesla T4", "Tesla P4"][handle])
    monkeypatch.setattr(pynvml, "nvmlSystemGetDriverVersion", lambda: b"535.1")
    assert machine._gpus() == (("Tesla T4", "Tesla P4"), "535.1")


def test_this_machine_describes_itself_without_torch_and_quickly() -> None:
    program = (
        "import sys, time; start = time.perf_counter(); from vbench import machine; here = machine.describe(); "
        "print(time.perf_counter() - start, 'torch' in sys.modules, here.slug, here.fingerprint, here.usable_cores)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, torch, slug, fingerprint, usable = done.stdout.split()
    assert float(seconds) < 5
    assert torch == "False"
    here = machine.describe()
    assert (slug, fingerprint, int(usable)) == (here.slug, here.fingerprint, here.usable_cores)


def test_versions_name_what_is_installed_and_leave_out_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PACKAGES", ("vbench", "msgspec", "no-such-package"))
    found = machine.versions()
    assert list(found) == ["python", "vbench", "msgspec"]
    assert found["python"] == platform.python_version()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_commit_is_named_and_marked_when_files_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(tmp_path), *who, *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    assert machine.git_commit(tmp_path) == ""
    git("init", "--quiet")
    assert machine.git_commit(tmp_path) == ""
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--message", "one")
    head = git("rev-parse", "HEAD")
    (tmp_path / "untracked").write_text("")
    assert machine.git_commit(tmp_path) == head
    (tmp_path / "file").write_text("two")
    assert machine.git_commit(tmp_path) == f"{head}-dirty"


def test_no_checkout_no_git_and_odd_paths_are_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.git_commit(tmp_path / "nowhere") == ""
    assert machine.git_commit("a\0b") == ""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert machine.git_commit(tmp_path) == ""
