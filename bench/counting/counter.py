"""The counts of a network: its weights, the work of one forward pass, and the same work counted a second time."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from ..core import Counted
from . import cache
from .backward import backward_macs
from .geometry import Geometry, geometry
from .graph import Graph, graph
from .second import Second, second_count
from .walk import Shape, Walk, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


def count(
    build: Callable[[], nn.Module], shape: Shape, *, second: bool = True, batch: int = 1, backward: bool = False
) -> Counted:
    """Count the network that `build` makes, for inputs of shape `(1, *shape)`; every number is per image but two.

    `peak_activation_bytes` and `bytes_moved` are those of a forward pass at `batch`; None where a tensor without a plain
    storage took part, or where the network refuses that batch, with a note. `backward` adds `backward_macs`; it stays None,
    with a note, where the network cannot be trained on inputs of that shape.

    Parameters and buffers that are used twice count once. `weight_bytes` holds parameters and buffers in the types in which
    they were built. `second` adds fvcore's count of the MACs, from the cache where it is known; it stays None, with a note,
    where fvcore cannot follow the network. Raises what the network raises on the real CPU.
    """
    module, counted, method, notes = walked(build, shape)
    other: Second | None = None
    if second:
        try:
            other = _second(build, module, counted, shape)
        except Exception as error:  # noqa: BLE001 - whatever went wrong without values, the real run below decides whether it is an error
            notes = (*notes, f"fvcore could not count: {_line(error)}")
    at_batch: Walk | None = counted
    device = "meta" if method == "meta" else "cpu"
    if batch != 1:
        try:
            at_batch = walk(module, shape, device=device, batch=batch)
        except Exception as error:  # noqa: BLE001 - the case itself will meet the same error, and names it better
            at_batch = None
            notes = (*notes, f"memory could not be counted at batch {batch}: {_line(error)}")
    gradients: int | None = None
    if backward:
        try:
            gradients = backward_macs(module, shape, device=device)
        except Exception as error:  # noqa: BLE001 - as above
            notes = (*notes, f"the backward pass could not be counted: {_line(error)}")
    field: Geometry | None = None
    try:
        field = geometry(module, shape, device=device)
    except Exception as error:  # noqa: BLE001 - as above
        notes = (*notes, f"the receptive field could not be counted: {_line(error)}")
    parameters, buffers = list(module.parameters()), list(module.buffers())
    return Counted(
        params=_elements(parameters),
        trainable_params=_elements([p for p in parameters if p.requires_grad]),
        buffers=_elements(buffers),
        weight_bytes=sum(tensor.numel() * tensor.element_size() for tensor in (*parameters, *buffers)),
        macs=counted.macs,
        other_ops=counted.other_ops,
        activations=counted.activations,
        operators=counted.operators,
        uncounted_ops=counted.uncounted_ops,
        macs_second=None if other is None else other.macs,
        batch=batch,
        peak_activation_bytes=None if at_batch is None else at_batch.peak_activation_bytes,
        bytes_moved=None if at_batch is None else at_batch.bytes_moved,
        backward_macs=gradients,
        receptive_field=None if field is None else float(max(field.size)),
        output_stride=None if field is None else float(max(field.stride)),
        method=method,
        notes=notes,
    )


def walked(build: Callable[[], nn.Module], shape: Shape) -> tuple[nn.Module, Walk, str, tuple[str, ...]]:
    """Build and walk on the meta device, or on the CPU where that is not possible: `(module, walk, method, notes)`.

    A network that reads a value while it is built or run (`.item()`, a boolean mask) has no shapes without values.
    """
    try:
        with torch.device("meta"):
            module = build()
        return module, walk(module, shape), "meta", ()
    except Exception as error:  # noqa: BLE001 - whatever went wrong without values, the real run below decides whether it is an error
        note = f"counted on the real module, since the meta device raised: {_line(error)}"
    module = build()
    return module, walk(module, shape, device="cpu"), "real", (note,)


def traced(build: Callable[[], nn.Module], shape: Shape) -> tuple[nn.Module, Graph, str]:
    """Build and trace on the meta device, or on the CPU where that is not possible: `(module, graph, device)`."""
    module, _, method, _ = walked(build, shape)
    device = "meta" if method == "meta" else "cpu"
    return module, graph(module, shape, device=device), device


def _second(build: Callable[[], nn.Module], module: nn.Module, counted: Walk, shape: Shape) -> Second:
    name = cache.key(counted.digest)
    known = cache.read(name)
    if known is not None:
        return known
    try:
        found = second_count(_zeros(module), shape)
    except Exception:  # noqa: BLE001 - tensors outside of parameters and buffers stay on the meta device: build those as they are
        found = second_count(build(), shape)
    cache.write(name, found)
    return found


def _zeros(module: nn.Module) -> nn.Module:
    """The same module with real memory and no values: drawing a VGG's weights takes a second, and no count reads them."""
    if not any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers())):
        return module
    real = copy.deepcopy(module).to_empty(device="cpu")
    with torch.no_grad():
        for tensor in (*real.parameters(), *real.buffers()):
            tensor.zero_()
    return real


def _elements(tensors: list[Tensor] | list[nn.Parameter]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _line(error: Exception) -> str:
    """The first line of an error, with its kind."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}"
