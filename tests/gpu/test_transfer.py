"""Transfers on a real GPU: all four are measured, and what they copy arrives."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch

from vbench import devices
from vbench.core import Case, Source
from vbench.job import Job, Phase
from vbench.scenarios import Bench, _transfer

pytestmark = pytest.mark.gpu


class Answered:
    """A session whose last answer is on the GPU."""

    def __init__(self, answer: torch.Tensor) -> None:
        self.answer = answer

    def output(self) -> dict[str, torch.Tensor]:
        return {"logits": self.answer}


def test_transfers_are_measured_pinned_and_pageable() -> None:
    device = devices.get("cuda:0")
    case = Case(architecture="toy/net", input_shape=(3, 224, 224), device="cuda:0", batch=4)
    session: Any = Answered(torch.randn(4, 1000, device=device.target()))
    bench = Bench(
        job=Job(case=case, engine=Source(kind="module", value="vbench.engines.eager")), case=case, architecture=None,
        device=device, clock=time.perf_counter_ns, session=session, inputs=[torch.randn(4, 3, 224, 224)],
        prepare=lambda _: session, phase=Phase(lambda _: None), values={}, notes={},
    )  # fmt: skip
    found = _transfer.measure(bench)
    assert set(found) == {"h2d_s", "d2h_s", "h2d_pageable_s", "d2h_pageable_s"}
    assert all(seconds > 0 for seconds in found.values())
    assert bench.notes["transfer"] == f"pinned; {4 * 3 * 224 * 224 * 4} bytes to the device, {4 * 1000 * 4} back"
    pinned, there = torch.randn(1000).pin_memory(), torch.zeros(1000, device=device.target())
    _transfer._copies([(there, pinned)])()
    device.synchronize()
    assert torch.equal(there.cpu(), pinned)
