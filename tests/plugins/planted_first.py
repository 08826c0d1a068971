"""Plants a wrong rule for convolutions into the first counter, as a careless library might."""

from __future__ import annotations

import torch
from torch.utils import flop_counter

from vbench import architecture


@architecture("planted/first", input=(3, 8, 8))
def net(classes: int = 10) -> torch.nn.Module:
    """A network with a convolution; only a worker builds it, so the rule is wrong nowhere else."""
    flop_counter.flop_registry[torch.ops.aten.convolution] = lambda *_, **__: 2
    return torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.Flatten(), torch.nn.Linear(180, classes))
