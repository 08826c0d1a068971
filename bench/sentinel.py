"""A fixed piece of work inside every worker: what it takes tells what the machine was like at that moment.

A product of two square matrices on the device and the threads of the case: large enough to use every core, and over in
milliseconds.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .devices import Device

# On a processor 512 x 512 takes milliseconds; an accelerator needs more to be busy for as long.
SIZE, ACCELERATED = 512, 4096
REPEATS = 15


@contextmanager
def _plain(target: str) -> Iterator[None]:
    """The same arithmetic in the worker of every precision: a case of tf32 has switched shorter products on."""
    if target == "cpu":
        yield
        return
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32 = before


def run(device: Device) -> tuple[int, ...]:
    """Time the product a few times, in nanoseconds each; once before, since its first call prepares kernels."""
    target = device.target()
    size = SIZE if target == "cpu" else ACCELERATED
    with torch.inference_mode(), _plain(target):
        generator = torch.Generator().manual_seed(0)
        left, right = (torch.randn(size, size, generator=generator).to(target) for _ in range(2))
        out = torch.empty(size, size, device=target)
        torch.mm(left, right, out=out)
        times = []
        for _ in range(REPEATS):
            device.synchronize()
            start = time.perf_counter_ns()
            torch.mm(left, right, out=out)
            device.synchronize()
            times.append(time.perf_counter_ns() - start)
    return tuple(times)
