"""The block structure of a network: its layers in series and side by side, read off the graph of one forward pass.

A layer is a module without children, or an operator outside of one. Batch norm and activations join the layer that they follow.
Where a layer's output goes several ways, the ways are drawn side by side up to the layer where all of them have met again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from .graph import pair
from .rules import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn

    from .graph import Graph, Node
    from .walk import Shape


class Layer(NamedTuple):
    """One step: what it is, for people, and the shape of what it makes, without the batch. `reads` is set where ways cross."""

    label: str
    shape: Shape
    reads: str = ""


class Fork(NamedTuple):
    """Ways side by side, each a series; an empty one hands its input on."""

    ways: tuple[tuple[Item, ...], ...]


Item = Layer | Fork

_SILENT = words("view _unsafe_view reshape t expand detach alias _to_copy clone contiguous unsqueeze squeeze lift_fresh copy_")
_OPERATORS = {
    "add": "add", "add_": "add", "cat": "concat", "mul": "multiply", "mul_": "multiply", "relu": "ReLU", "relu_": "ReLU",
    "_softmax": "softmax", "constant_pad_nd": "pad", "slice": "slice", "mean": "mean",
}  # fmt: skip
_MODULES = {"LocalResponseNorm": "LRN", "BatchNorm2d": "BN", "BatchNorm1d": "BN", "AdaptiveAvgPool2d": "global avg pool"}
_JOIN = words("BN ReLU ReLU6 PReLU LeakyReLU ELU SiLU Hardswish Hardsigmoid Sigmoid Tanh GELU Dropout Flatten")


def structure(module: nn.Module, traced: Graph) -> tuple[Item, ...]:
    """The layers of `module` in series, whose forward pass was traced; the input comes first."""
    layers, reads = _layers(module, traced)
    return _Plan(*_joined(layers, reads)).series()


class _Step(NamedTuple):
    label: str
    shape: Shape


def _layers(module: nn.Module, traced: Graph) -> tuple[list[_Step], list[list[int]]]:
    """Every layer with the layers that it reads; 0 is the input."""
    kinds = {path: child for path, child in module.named_modules() if not any(True for _ in child.children())}
    steps, home = [_Step("input", traced.nodes[0].outputs[0][1:])], {0: 0}
    reads: list[list[int]] = [[]]
    before: tuple[str, ...] = ()
    for index, node in enumerate(traced.nodes[1:], 1):
        leaf = next((path for path in reversed(node.scope) if path and path in kinds), "")
        sources = list(dict.fromkeys(home[at.node] for at in node.reads if at.node is not None))
        same = bool(leaf) and node.scope == before and home[index - 1] in sources
        before = node.scope
        if same:  # the same call of the same module
            home[index] = home[index - 1]
            reads[home[index]] += [source for source in sources if source not in (home[index], *reads[home[index]])]
            label = _label(node) or steps[home[index]].label
            steps[home[index]] = _Step(label, node.outputs[0][1:])
        elif not leaf and node.name in _SILENT and len(sources) == 1:
            home[index] = sources[0]
        else:
            home[index] = len(steps)
            kind = type(kinds[leaf]).__name__ if leaf else ""
            label = _label(node) or _MODULES.get(kind, kind) or _OPERATORS.get(node.name, node.name)
            steps.append(_Step(label, node.outputs[0][1:]))
            reads.append(sources)
    return steps, reads


def _label(node: Node) -> str:
    """Convolutions, linear layers and poolings in words; empty for the rest."""
    if node.name.endswith("convolution"):
        return _convolution(node)
    if node.name in {"addmm", "mm", "linear"}:
        return f"linear {node.outputs[0][-1]}"
    if "adaptive" in node.name:
        sides = node.outputs[0][2:]
        kind = "avg" if "avg" in node.name else "max"
        return f"global {kind} pool" if math.prod(sides) == 1 else f"{kind} pool to {'x'.join(map(str, sides))}"
    if node.name.startswith(("max_pool2d", "avg_pool2d")):
        kernel, stride = pair(node.args["kernel_size"]), pair(node.args["stride"] or node.args["kernel_size"])
        return f"{kernel[0]}x{kernel[1]} {node.name[:3]} pool{_by(stride)}"
    if node.name.startswith("upsample"):
        return f"{node.name.split('_')[1].removesuffix('2d')} to {'x'.join(map(str, node.outputs[0][2:]))}"
    return ""


def _convolution(node: Node) -> str:
    groups, rate, stride = node.args["groups"], pair(node.args["dilation"]), pair(node.args["stride"])
    size = "x".join(map(str, node.args["weight"].shape[2:]))
    words = [f"{size} {'transposed ' if node.args['transposed'] else ''}conv {node.outputs[0][1]}{_by(stride)}"]
    words += [f"rate {rate[0]}"] if max(rate) > 1 else []
    if groups > 1:
        words.append("per channel" if groups == node.source.shape[1] else f"{groups} groups")
    return ", ".join(words)


def _by(stride: tuple[int, int]) -> str:
    return "" if max(stride) == 1 else f" /{stride[0]}" if stride[0] == stride[1] else f" /{stride[0]}x{stride[1]}"


def _joined(steps: list[_Step], reads: list[list[int]]) -> tuple[dict[int, _Step], dict[int, list[int]]]:
    """Let activations and norms join what they follow, where nobody else reads that."""
    count = [0] * len(steps)
    for sources in reads:
        for source in sources:
            count[source] += 1
    home = list(range(len(steps)))
    kept: dict[int, _Step] = {}
    links: dict[int, list[int]] = {}
    for index, (step, sources) in enumerate(zip(steps, reads, strict=True)):
        if step.label in _JOIN and len(sources) == 1 and sources[0] and count[sources[0]] == 1:
            home[index] = home[sources[0]]
            kept[home[index]] = _Step(f"{kept[home[index]].label}, {step.label}", step.shape)
        else:
            kept[index] = step
            links[index] = list(dict.fromkeys(home[source] for source in sources))
    return kept, links


class _Plan:
    """The layers between two that all ways pass, found by immediate post-dominators."""

    def __init__(self, steps: dict[int, _Step], reads: dict[int, list[int]]) -> None:
        self._steps = steps
        self._reads = reads
        self._next: dict[int, list[int]] = {index: [] for index in steps}
        for index, sources in reads.items():
            for source in sources:
                self._next[source].append(index)
        self._meets = _post_dominators(self._next)

    def series(self) -> tuple[Item, ...]:
        """All of it."""
        return (self._layer(0), *self._after(0, None, set(self._steps)))

    def _layer(self, index: int, reads: str = "") -> Layer:
        return Layer(self._steps[index].label, self._steps[index].shape, reads)

    def _after(self, index: int, stop: int | None, inside: set[int]) -> list[Item]:
        """What follows a layer, up to but without `stop`."""
        items: list[Item] = []
        while True:
            ways = [follower for follower in self._next[index] if follower in inside or follower == stop]
            meet = self._meets[index]
            if not ways:
                return items
            if ways != [meet]:
                items.append(Fork(tuple(self._ways(index, meet, ways, inside))))
            if meet is None or meet == stop or meet not in inside:
                return items
            items.append(self._layer(meet))
            index = meet

    def _ways(self, index: int, meet: int | None, ways: list[int], inside: set[int]) -> Iterable[tuple[Item, ...]]:
        between = self._reach(ways, meet) & inside
        for part in self._parts(between):
            entries = sorted(follower for follower in part if index in self._reads[follower])
            if len(entries) == 1 and self._reads[entries[0]] == [index]:
                yield (self._layer(entries[0]), *self._after(entries[0], meet, part))
                continue
            inner: int | None = entries[0]
            for entry in entries[1:]:
                inner = _common(inner, entry, self._meets)
            if inner is not None and inner in part:
                fork = Fork(tuple(self._ways(index, inner, entries, part)))
                yield (fork, self._layer(inner), *self._after(inner, meet, part))
            else:
                yield self._listed(part)
        if meet in ways:
            yield ()

    def _listed(self, part: set[int]) -> tuple[Item, ...]:
        """Ways that cross: the layers in order, each with the names of those that it reads."""
        names = {index: f"#{number}" for number, index in enumerate(sorted(part), 1)}
        return tuple(
            self._layer(i, f"{names[i]} of {', '.join(names.get(r, 'input') for r in self._reads[i])}") for i in sorted(part)
        )

    def _reach(self, ways: list[int], meet: int | None) -> set[int]:
        found: set[int] = set()
        todo = [way for way in ways if way != meet]
        while todo:
            index = todo.pop()
            if index not in found:
                found.add(index)
                todo += [follower for follower in self._next[index] if follower != meet]
        return found

    def _parts(self, between: set[int]) -> list[set[int]]:
        """The layers that hang together without the two ends, in the order of their first layers."""
        parts: list[set[int]] = []
        for index in sorted(between):
            linked = [part for part in parts if part & {*self._reads[index]}]
            parts = [part for part in parts if part not in linked] + [set().union({index}, *linked)]
        return sorted(parts, key=min)


def _post_dominators(following: Mapping[int, list[int]]) -> dict[int, int | None]:
    """For each layer the first one that every way from it passes; None where there is none."""
    meets: dict[int, int | None] = {}
    for index in sorted(following, reverse=True):
        first: int | None = following[index][0] if following[index] else None
        for other in following[index][1:]:
            first = _common(first, other, meets)
        meets[index] = first
    return meets


def _common(one: int | None, other: int | None, meets: Mapping[int, int | None]) -> int | None:
    """Where two ways meet; layers are numbered in the order of execution, so the earlier one goes on."""
    while one != other:
        if one is None or other is None:
            return None
        if one < other:
            one = meets[one]
        else:
            other = meets[other]
    return one
