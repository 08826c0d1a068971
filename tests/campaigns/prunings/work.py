"""Pruning one network by one criterion after the other, and holding what is left against what it must be."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING
from unittest.mock import patch

import msgspec
from engines import small

from vbench import compression, data
from vbench.compress import _check, _follow, _surgery
from vbench.compress._task import Task
from vbench.counting import module_table
from vbench.registry import ARCHITECTURES, COMPRESSORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from vbench.compress._follow import Followed
    from vbench.compress._surgery import Cut
    from vbench.core import Architecture

    from .log import Line

# Pictures on which outputs are compared.
_COMPARED = 2
_FOLLOW = _follow.follow


class Network:
    """A network with seeded weights, at its own input or at the smallest usual one, and what criteria share of it."""

    def __init__(self, architecture: Architecture, *, own: bool) -> None:
        shape = architecture.input if own else small(architecture)
        self._architecture = msgspec.structs.replace(architecture, input=shape)
        self._own = own
        self._module, _ = data.build(architecture.build, 0)
        self._costs = module_table(architecture.build, shape)
        self._whole = next(cost for cost in self._costs if not cost.path)
        self._followed: dict[bool, Followed] = {}
        self._counted: dict[tuple[tuple[int, ...], ...], tuple[int, int]] = {}

    def pruned(self, line: Line) -> Line:
        """The line with what became of it; at its own input nothing is shared that would be part of the time."""
        architecture = self._architecture
        (step,) = compression.steps(line.compression, ARCHITECTURES.options)
        compressor = COMPRESSORS.get(step.name)()
        options = compression.filled(step, compressor.options)
        task = Task(architecture, 0, noise=options.get("data") == compression.NOISE)
        found = msgspec.structs.replace(
            line, input_shape=architecture.input, params_before=self._whole.params, macs_before=self._whole.macs
        )
        module = _twin(self._module)
        follow = _follow.follow if self._own else self._follow
        began = time.perf_counter()
        try:
            with patch.object(_follow, "follow", follow):
                plan = compressor.plan(module, task, options)  # type: ignore[attr-defined]  # all six have one
            smaller = _surgery.remove(module, plan)
        except ValueError as error:
            seconds = round(time.perf_counter() - began, 3)
            return msgspec.structs.replace(found, status="kept", reason=str(error), seconds=seconds)
        except Exception as error:  # noqa: BLE001 - what went wrong is what the page is about, and other criteria may do better
            return msgspec.structs.replace(found, status="failed", reason=told(error))
        seconds = round(time.perf_counter() - began, 3)
        params, macs = self._counts(smaller)
        whole = _surgery.zeroed(copy.deepcopy(self._module), plan)
        try:
            apart = _check.difference(whole, smaller, data.smooth(architecture.input, _COMPARED, 0))
        except Exception as error:  # noqa: BLE001 - as above
            return msgspec.structs.replace(found, status="failed", reason=told(error), seconds=seconds)
        return msgspec.structs.replace(
            found, status="ok", seconds=seconds, channels=sum(one.size for one in plan.layers), removed=plan.removed,
            params=params, macs=macs, implied=self._implied(plan), apart=float(f"{apart:.2e}"), kept=task.notes.get("kept", ""),
        )  # fmt: skip

    def _follow(self, module: nn.Module, shape: Sequence[int], *, views: bool = True) -> Followed:
        """Which channels go together depends on the structure alone, so that the criteria share it."""
        if views not in self._followed:
            self._followed[views] = _FOLLOW(module, shape, views=views)
        return self._followed[views]

    def _counts(self, module: nn.Module) -> tuple[int, int]:
        """Parameters and MACs, counted once for all networks of these shapes: they do not depend on the values."""
        shapes = tuple(tuple(tensor.shape) for tensor in module.parameters())
        if shapes not in self._counted:
            costs = module_table(lambda: _check.without_numbers(module), self._architecture.input)
            self._counted[shapes] = next((cost.params, cost.macs) for cost in costs if not cost.path)
        return self._counted[shapes]

    def _implied(self, plan: Cut) -> float:
        """The MACs that are left by what goes of each layer's weights; products of what was computed stay as they are."""
        shares: dict[str, float] = {}
        for one in plan.dimensions:
            shares[one.tensor] = shares.get(one.tensor, 1.0) * (1 - len(one.gone) / one.size)
        gone = sum(cost.macs * (1 - shares.get(f"{cost.path}.weight", 1.0)) for cost in self._costs)
        return float(self._whole.macs) - gone


def told(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:240]


def _twin(module: nn.Module) -> nn.Module:
    """A copy that shares its values: taking channels out puts other tensors in their place, and changes none."""
    return copy.deepcopy(module, {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())})
