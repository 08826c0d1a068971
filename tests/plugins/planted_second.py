"""Plants a wrong rule for convolutions into the second counter, as a careless library might."""

from __future__ import annotations

import torch

from vbench import architecture
from vbench.counting import second


@architecture("planted/second", input=(3, 8, 8))
def net(classes: int = 10) -> torch.nn.Module:
    """A network with a convolution; only a worker builds it, so the rule is wrong nowhere else."""
    second.PRODUCTS["aten::_convolution"] = lambda *_: 1
    return torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.Flatten(), torch.nn.Linear(180, classes))
