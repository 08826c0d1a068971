"""The network of a file that was written after it was made smaller: built whole, then given its shapes and numbers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from .. import data
from . import _surgery
from ._container import Coding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from ..lineage import Lineage
    from ..weights import Fitted


def build(make: Fitted, seed: int) -> tuple[nn.Module, nn.Module]:
    """The whole network, whose numbers mean nothing, and that of the file."""
    whole, _ = data.build(make, seed)
    module = copy.deepcopy(whole)
    put(make.inner(module), make.tensors())
    return whole, module.eval()


@torch.no_grad()
def put(module: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """The module with the numbers of a state dict, and with its shapes, changed in place; what is not in it stays."""
    own = module.state_dict(keep_vars=True)
    pairs = [(old, state[name].to(device=old.device, dtype=old.dtype)) for name, old in own.items() if name in state]
    # Numbers of the same shape go where they are, so that whoever holds a tensor goes on to hold it.
    for old, new in pairs:
        if old.shape == new.shape:
            old.copy_(new)
    return _surgery.replaced(module, [(old, new.clone()) for old, new in pairs if old.shape != new.shape])


def codings(lineage: Lineage) -> dict[str, Coding]:
    """How its tensors are written to disk."""
    return {name: Coding(kind=one.kind, bits=one.bits, index_bits=one.index_bits) for name, one in lineage.written.items()}  # type: ignore[arg-type]  # as a Coding wrote them
