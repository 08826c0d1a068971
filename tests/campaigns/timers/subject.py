"""What other tools time: the very network that vbench times, built and fed in the same way.

Imported in fresh processes only. The seeded weights and inputs come from vbench; the loop around them does not.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from vbench import data, plugins
from vbench.core import Source
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One network to time, and how; the architecture goes by the name of its source, as it does to a worker."""

    name: str
    source: Source
    catalogue: str = ""
    threads: int
    seed: int = 0
    budget: float


def parse(text: str) -> Subject:
    """What the campaign asked for."""
    return msgspec.json.decode(text, type=Subject)


def prepare(subject: Subject) -> Callable[[], Any]:
    """One forward pass on the next of eight inputs, ready to be timed; at batch 1, in inference mode, denormals flushed.

    It returns the network's answer, and whoever calls it decides whether to keep that.
    """
    torch.set_num_threads(subject.threads)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    plugins.load(subject.source, subject.catalogue)
    architecture = ARCHITECTURES.get(subject.name)
    module, _ = data.build(architecture.build, seed=0)
    inputs = itertools.cycle([tensor.contiguous() for tensor in data.noise(architecture.input, 1, subject.seed)])
    # Entered once, for the life of this process, so that what is timed is the forward call.
    torch.inference_mode().__enter__()

    def step() -> Any:
        return module(next(inputs))

    return step
