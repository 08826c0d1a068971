"""Devices in whole runs: a limit of memory that ends as a row, a GPU's columns without a GPU, devices that are not there."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

import vbench
from vbench import api, devices, worker
from vbench.config import Suite
from vbench.core import Source
from vbench.engines.fake import IMAGE_BYTES
from vbench.errors import UsageError
from vbench.job import Job
from vbench.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

FAKE = Source(kind="module", value="vbench.engines.fake")


def test_a_device_that_is_full_is_a_row_that_names_the_limit(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vbench.devices.fake.STORE.limit", IMAGE_BYTES)  # the job sets it, and it is put back
    case = make.case("a/b", engine="fake", device="fake:async", batch=32)
    found = worker.run(Job(case=case, engine=FAKE, device_memory_limit=2**30), lambda phase: None)
    assert (found.status, found.reason) == ("oom", "out of memory while in prepare (limit 1.0 GiB of fake:async)")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_the_hosts_limit_is_not_put_on_a_process_that_drives_a_gpu(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[Any] = []
    monkeypatch.setattr("resource.setrlimit", lambda what, limits: set_to.append(limits[0]))
    for device, limits in (("cuda:0", []), ("xpu:1", []), ("cpu", [2**30]), ("fake:async", [2**30])):
        set_to.clear()
        worker._limit_memory(Job(case=make.case(device=device), engine=FAKE, memory_limit=2**30))
        assert set_to == limits


def test_out_of_memory_is_known_by_what_each_device_says(make: Any) -> None:
    job = Job(case=make.case(device="cuda:0"), engine=FAKE, memory_limit=2**40, device_memory_limit=3 * 2**30)
    for said in (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.25 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 4.00 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ):
        status, reason = worker._judge(said, "latency", job)
        assert status == "oom"
        assert reason.startswith("out of memory while in latency (limit 3.0 GiB of cuda:0): ")


def test_a_run_on_a_device_that_works_behind_the_hosts_back(commands: Any, project: Path) -> None:
    words = ("run", "life/0", "--device", "fake:async,fake", "--batch", "1,64", "--memory-limit", "4GB", "--quick", "--no-report")
    done = commands(project, *words, "-o", "out.jsonl")
    rows = {(row.device, row.batch): row for row in vbench.load(project / "out.jsonl").itertuples()}
    full = rows["fake:async", 64]
    assert (full.status, full.reason) == ("oom", "out of memory while in prepare (limit 3.7 GiB of fake:async)")
    assert done.returncode == 4
    one = rows["fake:async", 1]
    assert one.status == "ok"
    # 200 MHz is what it says of itself when it has nothing to do.
    assert (one.enqueue_s, one.peak_device_bytes, one.clock_mhz) == (0.005, IMAGE_BYTES, 1000.0)
    assert one.device_time_s == pytest.approx(one.latency_s, rel=0.02)
    # The other fake is full of nothing, and has none of these.
    assert rows["fake", 64].status == "ok"
    assert str(rows["fake", 1].device_time_s) == str(rows["fake", 1].peak_device_bytes) == "nan"
    replicates = [json.loads(line) for line in (project / "out.jsonl").read_text().splitlines()]
    notes = [line["notes"] for line in replicates if line["type"] == "replicate" and line["status"] == "ok" and "notes" in line]
    assert {"device_name": "fake", "device_memory": "8.00 GiB", "device_tf32_matmul": "off"} in notes


def test_a_graph_is_a_case_of_its_own(commands: Any, project: Path) -> None:
    words = ("run", "life/0", "--device", "fake:async,fake", "--cuda-graph", "--quick", "--no-report", "-o", "out.jsonl")
    commands(project, *words)
    rows = {row.device: row for row in vbench.load(project / "out.jsonl").itertuples()}
    graph = rows["fake:async"]
    assert (graph.status, graph.engine_options, graph.enqueue_s) == ("ok", "cuda-graph=on", 0.00005)
    assert "fake[cuda-graph=on]" in graph.case_id
    assert (rows["fake"].status, "--device fake:async" in rows["fake"].reason) == ("skipped", True)


@pytest.mark.parametrize("device", ["cuda:99", "mps:3", "gpu"])
def test_a_device_that_is_not_there_is_refused_before_anything_is_measured(device: str, commands: Any, project: Path) -> None:
    done = commands(project, "run", "life/0", "--device", f"cpu,{device}", "-o", "out.jsonl")
    assert done.returncode == 2
    assert not (project / "out.jsonl").exists()
    assert f"device '{device}'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "those that are: cpu" in done.stderr or "cannot be used: " in done.stderr


def test_under_all_what_is_absent_is_skipped_with_its_reason_and_the_rest_is_measured() -> None:
    known = devices.known()
    absent = {name for name, reason in known.items() if reason is not None}
    prepared = api.prepare([_names()[0]], device=["all"])
    skipped = {case.device: prepared.plan.skipped.get(case.id) for case in prepared.plan.cases}
    assert set(skipped) == {name for name in known if not name.startswith("fake")}
    assert skipped["cpu"] is None
    assert {name: skipped[name] for name in absent} == {name: known[name] for name in absent}


def _names() -> list[str]:
    return [item.name for item in vbench.catalogue()]


def test_a_device_without_a_number_is_the_first_of_its_kind() -> None:
    here = {"cpu": None, "cuda:0": None, "cuda:1": None, "fake": None}
    name = _names()[0]

    def planned(*names: str) -> list[str]:
        suite = Suite(architectures=(name,), device=names)
        return [case.device for case in plan(suite, devices=here, engines={"eager": _Plain()}, threads=1).cases]

    assert planned("cuda", "cuda:0", "cuda:1") == ["cuda:0", "cuda:1"]
    assert planned("all") == ["cpu", "cuda:0", "cuda:1"]
    with pytest.raises(UsageError, match=r"device 'cuda:7' is not here; those that are: cpu, cuda:0, cuda:1, fake"):
        planned("cuda:7")


class _Plain:
    """An engine without any mode."""

    def version(self) -> str:
        return "1"

    def skip(self, case: Any) -> str | None:
        return None

    def prepare(self, module: Any, case: Any) -> Any:
        raise NotImplementedError


def test_a_mode_that_an_engine_does_not_have_is_never_measured_under_its_name() -> None:
    suite = Suite(architectures=(_names()[0],), cuda_graph=True)
    (case,) = (found := plan(suite, devices={"cpu": None}, engines={"eager": _Plain()}, threads=1)).cases
    assert found.skipped[case.id] == "the eager engine has no such mode: leave out --cuda-graph, or add --engine eager"
