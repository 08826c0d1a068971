"""What each module of a network costs: the table of `vbench show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .counter import walked
from .walk import Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


class ModuleCost(msgspec.Struct, frozen=True, kw_only=True):
    """One module that ran, with everything inside it: MACs and activations per image, parameters once where tied.

    `path` is the module's name in the network, `""` for the whole; `kind` is its class; `output_shape` includes the batch.
    """

    path: str
    kind: str
    params: int
    macs: int
    activations: int
    output_shape: Shape


def module_table(build: Callable[[], nn.Module], shape: Shape) -> list[ModuleCost]:
    """List the modules of the network that `build` makes, containers too, in order of execution, for inputs `(1, *shape)`.

    A module that ran twice has one row with the cost of both. One that never runs has none.
    """
    network, counted, _, _ = walked(build, shape)
    macs = dict.fromkeys(counted.modules, 0)
    activations = dict.fromkeys(counted.modules, 0)
    for record in counted.records:
        if record.kind == "product":
            for path in set(record.scope):
                macs[path] += record.macs
                activations[path] += record.elements
    found = dict(network.named_modules())
    return [
        ModuleCost(
            path=path,
            kind=type(found[path]).__name__,
            params=sum(parameter.numel() for parameter in found[path].parameters()),
            macs=macs[path],
            activations=activations[path],
            output_shape=output,
        )
        for path, output in counted.modules.items()
    ]
