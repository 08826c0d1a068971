"""What units see: the gaps that holes leave, and the coarsest map on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .. import data
from ..counting import propagate, traced
from ._found import Found

if TYPE_CHECKING:
    from torch import Tensor

    from ._found import Subject


def branches(subject: Subject) -> Found:
    """Of an ESP unit's last channel, which its widest branch makes: the share of its field that it sees, and of the middle.

    By gradient on a map of zeros but for rounding, summed over channels. The unit's own pixel, which reaches it past the
    branches, is left out of neither. The middle is the half of the field that is nearest; `seen` is the picture, row by row.
    """
    module, _ = data.build(subject.architecture.build, subject.seed)
    channels, height, width = subject.architecture.input
    x = data.noise((channels, height, width), 1, subject.seed, 1)[0].requires_grad_()
    y = module(x)[0, -1, height // 2, width // 2]
    (gradient,) = torch.autograd.grad(y, x)
    seen = _cropped(gradient[0].abs().sum(0) > 0)
    side = seen.shape[0]
    quarter = side // 4
    middle = seen[quarter : side - quarter, quarter : side - quarter]
    values = {"widest": float(seen.float().mean()), "middle": float(middle.float().mean()), "side": float(side)}
    return Found(values, {"seen": tuple(seen.flatten().float().tolist())})


def _cropped(seen: Tensor) -> Tensor:
    rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
    return seen[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]


def coarsest(subject: Subject) -> Found:
    """The largest stride of any map that a convolution makes, in pixels of the picture."""
    _, followed, _ = traced(subject.architecture.build, subject.architecture.input)
    fields = propagate(followed)
    found = [
        max(float(axis.jump) for axis in field.axes)
        for node, field in zip(followed.nodes, fields, strict=True)
        if node.name.endswith("convolution") and field.axes is not None and not field.whole
    ]
    return Found({"stride": max(found)})
