"""What a smaller network takes on disk: written, read again, and compared bit for bit before its size is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from . import _container as container
from ._layers import layers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from torch import nn

    from ._container import Coding

# What an uncompressed parameter takes.
DENSE = 4


class Account(NamedTuple):
    """What was found: numbers by the name of their column, and what is to be said."""

    values: dict[str, float]
    notes: dict[str, str]


def account(module: nn.Module, codings: Mapping[str, Coding], dense_bytes: int) -> Account:
    """Write the network, read it again, and count its zeros. `dense_bytes` is what the uncompressed one takes in fp32.

    Zeros are counted where a step said how a tensor is to be written. Raises ValueError where what is read is not what was
    written.
    """
    tensors = arrays(module)
    refused: list[str] = []
    data = container.encode(tensors, codings, refused)
    verify(tensors, container.decode(data))
    values = {"encoded_bytes": float(len(data)), "dense_bytes": float(dense_bytes)}
    if codings:
        weights = [layer.values for layer in layers(module)]
        nonzeros = sum(int(np.count_nonzero(weight)) for weight in weights)
        values |= {"zeros": float(sum(weight.size for weight in weights) - nonzeros), "nonzeros": float(nonzeros)}
    notes = {"encoded": f"written raw, since a later step changed them: {', '.join(refused)}"} if refused else {}
    return Account(values, notes)


def dense_bytes(module: nn.Module) -> int:
    """What parameters and buffers take with numbers of 32 bits, tied ones once; whole numbers as they are."""
    tensors = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}.values()
    return sum(tensor.numel() * (DENSE if tensor.is_floating_point() else tensor.element_size()) for tensor in tensors)


def arrays(module: nn.Module) -> dict[str, npt.NDArray[Any]]:
    """Parameters and buffers by name, tied ones once; types that numpy lacks by their bits."""
    found = {}
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        own = tensor.detach().cpu()
        found[name] = own.view(torch.int16).numpy() if own.dtype is torch.bfloat16 else own.numpy()
    return found


def verify(wanted: Mapping[str, npt.NDArray[Any]], got: Mapping[str, npt.NDArray[Any]]) -> None:
    """Compare what was read with what was written, bit for bit. Raises ValueError naming the first tensor that differs."""
    for name, tensor in wanted.items():
        other = got.get(name)
        same = other is not None and (other.shape, other.dtype) == (tensor.shape, tensor.dtype)
        if other is None or not same or not np.array_equal(_bytes(tensor), _bytes(other)):
            message = f"{name} is not read again as it was written"
            raise ValueError(message)


def _bytes(tensor: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(tensor).reshape(-1).view(np.uint8)
