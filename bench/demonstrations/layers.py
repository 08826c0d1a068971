"""The layers of a network: how deep they stand, how many are linear, and what each kind takes of the time."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .. import data
from ..counting import module_table, traced
from ..stats import median
from ._found import Found

if TYPE_CHECKING:
    from ._found import Subject

_PASSES, _WARM = 20, 5


def depth(subject: Subject) -> Found:
    """Layers with weights, those on the longest path, and how many are linear with their share of the parameters."""
    module, followed, _ = traced(subject.architecture.build, subject.architecture.input)
    longest: list[int] = []
    for node in followed.nodes:
        before = max((longest[at.node] for at in node.reads if at.node is not None), default=0)
        # A matrix product without weights is no layer, and none of the networks asked about has one.
        longest.append(before + bool(node.macs))
    total = sum(parameter.numel() for parameter in module.parameters())
    linear = [part for part in module.modules() if isinstance(part, nn.Linear)]
    share = sum(p.numel() for part in linear for p in part.parameters()) / total if total else 0.0
    values = {"longest_path": max(longest), "layers": sum(bool(node.macs) for node in followed.nodes)}
    return Found({**values, "linear": len(linear), "linear_share": share})


def _kind(part: nn.Module) -> str:
    if not isinstance(part, nn.Conv2d):
        return "linear" if isinstance(part, nn.Linear) else "other"
    if part.groups == part.in_channels and part.groups > 1:
        return "depthwise"
    size = "x".join(map(str, part.kernel_size))
    return size if part.groups == 1 else f"grouped {size}"


def kinds(subject: Subject) -> Found:
    """The share of each kind of layer in the MACs and in the time of a request, the rest of which is `other`.

    Each convolution and linear layer is timed by itself while the network runs, and the whole request around them.
    """
    shape = subject.architecture.input
    module, _ = data.build(subject.architecture.build, subject.seed)
    layers = {path: part for path, part in module.named_modules() if isinstance(part, nn.Conv2d | nn.Linear)}
    costs = {cost.path: cost.macs for cost in module_table(subject.architecture.build, shape)}
    spent: dict[str, int] = defaultdict(int)
    begun: dict[int, int] = {}

    def before(part: nn.Module, _: Any) -> None:
        begun[id(part)] = time.perf_counter_ns()

    def after(part: nn.Module, _: Any, __: Any) -> None:
        spent[_kind(part)] += time.perf_counter_ns() - begun[id(part)]

    for part in layers.values():
        part.register_forward_pre_hook(before)
        part.register_forward_hook(after)
    inputs, shares = data.noise(shape, 1, subject.seed), defaultdict[str, list[float]](list)
    names = {_kind(part) for part in layers.values()}
    with torch.inference_mode():
        for number in range(_WARM + _PASSES):
            spent.clear()
            start = time.perf_counter_ns()
            module(inputs[number % len(inputs)])
            whole = time.perf_counter_ns() - start
            if number < _WARM:
                continue
            for name in names:
                shares[name].append(spent[name] / whole)
            shares["other"].append(1 - sum(spent.values()) / whole)
    total = sum(costs[path] for path in layers) or 1
    macs = {name: sum(costs[path] for path, part in layers.items() if _kind(part) == name) / total for name in names}
    return Found(
        {f"time {name}": median(found) for name, found in shares.items()}
        | {f"macs {name}": share for name, share in macs.items()}
    )
