"""Streams on a real GPU: each thread submits to a stream of its own, and waits for that one only."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from vbench import devices
from vbench import job as jobs
from vbench.core import Architecture, Case, Source
from vbench.engines.eager import Eager
from vbench.job import Job, Phase
from vbench.measure import Budget
from vbench.scenarios import Bench, concurrent

pytestmark = pytest.mark.gpu


def test_each_stream_is_a_stream_of_the_gpu() -> None:
    seen: dict[int, set[int]] = {}

    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.setdefault(threading.get_ident(), set()).add(torch.cuda.current_stream().cuda_stream)
            return x.flatten(1)

    source = Source(kind="module", value="vbench.engines.eager")
    architecture = Architecture(name="toy/net", build=Module, source=source, input=(3, 8, 8))
    case = Case(architecture="toy/net", input_shape=(3, 8, 8), device="cuda:0", scenario="concurrent:2")
    job = Job(case=case, engine=source, budget=Budget(0.0, 0.0, 0.0))
    module, device = Module(), devices.get("cuda:0")
    session = Eager().prepare(module, case)
    bench = Bench(
        job=job, case=case, architecture=architecture, device=device, clock=time.perf_counter_ns, session=session,
        inputs=jobs.inputs(job, architecture), prepare=jobs.other_batch(job, Eager(), module, architecture),
        phase=Phase(lambda _: None), values={}, notes={},
    )  # fmt: skip
    found = concurrent.measure(bench)
    session.close()
    streams = [stream for used in seen.values() for stream in used]
    assert len(streams) == len(set(streams)) == 2
    assert torch.cuda.default_stream().cuda_stream not in streams
    assert len(found["latency_ns"]) >= 20
    assert "peak_device_bytes" not in bench.values
