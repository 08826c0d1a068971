"""Heat maps and their networks: the sizes that they take, what moves with the picture, and what a target sums to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from .. import agreement, data
from ..counting import ODD_SIZES, runs_at
from ._found import Found

if TYPE_CHECKING:
    from ._found import Subject

# The stride of the coarsest map of a ResNet, that of its heat maps, and a patch that moves on a canvas far larger than it.
_COARSEST, _OWN, _PATCH, _CANVAS = 32, 4, 64, 512


def sizes(subject: Subject) -> Found:
    """The share of five odd sizes that the network takes, tried without values; `takes` is 1 or 0 for each."""
    with torch.device("meta"):
        module = subject.architecture.build().eval()
    shapes = [(subject.architecture.input[0], *size) for size in ODD_SIZES]
    takes = tuple(float(not reason) for reason in runs_at(module, shapes).values())
    return Found({"share": sum(takes) / len(takes)}, {"takes": takes})


def moved(subject: Subject) -> Found:
    """How far the answer to a moved picture is from the moved answer: by the coarsest stride, and by that of the maps.

    A small patch on a canvas of zeros: filled networks answer zeros with zeros, so the padding at the border adds nothing of its
    own, and what a patch in the middle does to the maps ends before the border or is small there.
    """
    module, _ = data.build(subject.architecture.build, subject.seed)
    patch = data.smooth((subject.architecture.input[0], _PATCH, _PATCH), 1, subject.seed)[0]
    start = (_CANVAS - _PATCH) // 2

    def answer(shift: int) -> torch.Tensor:
        canvas = torch.zeros(1, patch.shape[0], _CANVAS, _CANVAS)
        canvas[0, :, start : start + _PATCH, start + shift : start + shift + _PATCH] = patch
        with torch.inference_mode():
            return agreement.tensors(module(canvas))[0]

    base = answer(0)
    own = _CANVAS // base.shape[3]
    found = {}
    for name, shift in (("coarsest", _COARSEST), ("own", own or _OWN)):
        there, cells = answer(shift), shift // own
        wanted, got = base[..., :, : base.shape[3] - cells], there[..., :, cells:]
        found[name] = float((wanted - got).abs().max() / base.abs().max())
    return Found(found)


def target(subject: Subject) -> Found:
    """What the maps of a decoder's oracle sum to, which are the targets of a crowd: the mean over maps, and the first of them."""
    module: nn.Module = subject.architecture.build()
    maps = next(buffer for name, buffer in module.named_buffers() if name.endswith("maps"))
    height, width = maps.shape[-2:]
    sums = maps.flatten(1).sum(1)
    values = {"sum": float(sums.mean()), "height": float(height), "width": float(width)}
    return Found(values, {"map": tuple(maps[0].flatten().tolist())})
