"""What a check of a smaller network compares, and copies of a network that hold no numbers."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator


def difference(wanted: nn.Module, got: nn.Module, x: torch.Tensor) -> float:
    """The largest difference of two networks' answers, as a share of the largest of the first's, over all of their tensors.

    Raises ValueError where shapes differ, or how many tensors there are.
    """
    with torch.inference_mode():
        first, second = list(_tensors(wanted.eval()(x))), list(_tensors(got.eval()(x)))
    shapes = [[tuple(tensor.shape) for tensor in one] for one in (first, second)]
    if shapes[0] != shapes[1]:
        message = f"the output's shape is {_listed(shapes[1])}, and was {_listed(shapes[0])}"
        raise ValueError(message)
    shares = [float((a - b).abs().max()) / (float(a.abs().max()) or 1.0) for a, b in zip(first, second, strict=True) if a.numel()]
    return max(shares, key=lambda share: math.inf if math.isnan(share) else share, default=0.0)


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)


def without_numbers(module: nn.Module) -> nn.Module:
    """A copy on the meta device, tied tensors still tied."""
    memo: dict[int, Any] = {}
    for tensor in (*module.parameters(), *module.buffers()):
        bare = torch.empty_like(tensor, device="meta")
        memo[id(tensor)] = nn.Parameter(bare, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else bare
    return copy.deepcopy(module, memo)


def _tensors(output: Any) -> Iterator[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from _tensors(value)
