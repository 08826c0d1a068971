"""What 1x1 convolutions connect, and that they are matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .. import data
from ._found import Found

if TYPE_CHECKING:
    from ._found import Subject


def reach(subject: Subject) -> Found:
    """The share of the input channels that have a part in an output channel of the block after itself: the mean over outputs.

    By gradient, on one pixel: a channel that has no part has a gradient of exactly 0.
    """
    module, _ = data.build(subject.architecture.build, subject.seed)
    x = data.noise((subject.architecture.input[0], 1, 1), 1, subject.seed, 1)[0].requires_grad_()
    y = module(module(x)).flatten()
    found = []
    for index in range(len(y)):
        (gradient,) = torch.autograd.grad(y[index], x, retain_graph=True)
        found.append(float((gradient != 0).float().mean()))
    return Found({"share": sum(found) / len(found)})


def product(subject: Subject) -> Found:
    """The largest difference between a 1x1 convolution and its weights times the pixels, over the largest answer."""
    module, _ = data.build(subject.architecture.build, subject.seed)
    x = data.noise(subject.architecture.input, 1, subject.seed, 1)[0]
    (weight,) = module.parameters()
    with torch.inference_mode():
        wanted = module(x)
        made = torch.matmul(weight.flatten(1), x.flatten(2)).view_as(wanted)
    return Found({"difference": float((wanted - made).abs().max() / wanted.abs().max())})
