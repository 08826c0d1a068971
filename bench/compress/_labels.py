"""Which channel each value of a tensor belongs to, as whole numbers that can be joined: a union-find over tensors of labels.

A tensor's labels have its shape, and no memory along dimensions in which they are all the same. 0 belongs to no channel, such as
a constant; 1 to those that must be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

NOBODY, KEPT = 0, 1


class Axis(NamedTuple):
    """One dimension of a parameter or a buffer, by its name in the network."""

    tensor: str
    dim: int


class Layer(NamedTuple):
    """A convolution or a linear layer: the dimension of its weights that makes channels, and the one that reads them.

    Of one that works on each channel alone both are the same, and it makes none.
    """

    makes: Axis
    reads: Axis

    @property
    def alone(self) -> bool:
        """Whether it works on each channel alone."""
        return self.makes == self.reads


class Labels:
    """Labels so far, and which of them stand for the same channel; the least of those that were joined stands for all."""

    def __init__(self) -> None:
        self._parents = [NOBODY, KEPT]
        self.reasons: dict[int, str] = {}

    def fresh(self, count: int) -> torch.Tensor:
        """So many new labels."""
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return torch.arange(first, first + count, device="cpu")

    def root(self, label: int) -> int:
        """The label that stands for this one."""
        parents = self._parents
        while parents[label] != label:
            parents[label] = parents[parents[label]]
            label = parents[label]
        return label

    def roots(self, labels: torch.Tensor) -> torch.Tensor:
        """The same tensor with every label replaced by the one that stands for it, and no memory where it does not vary."""
        bare = compact(labels)
        found, places = torch.unique(bare, return_inverse=True)
        names = torch.tensor([self.root(label) for label in found.tolist()], dtype=torch.int64, device="cpu")
        return compact(names[places].reshape(bare.shape)).expand(labels.shape)

    def join(self, first: torch.Tensor, second: torch.Tensor) -> None:
        """Each label of the first is the same channel as that in the same place of the second; nobody's are left alone."""
        one, two = torch.broadcast_tensors(compact(first), compact(second))
        pairs = torch.unique(torch.stack((one.reshape(-1), two.reshape(-1))), dim=1)
        for a, b in zip(*pairs.tolist(), strict=True):
            if NOBODY not in {a, b}:
                low, high = sorted((self.root(a), self.root(b)))
                self._parents[high] = low

    def keep(self, labels: torch.Tensor, why: str) -> None:
        """These must be kept, for this reason; the first reason counts."""
        for label in torch.unique(compact(labels)).tolist():
            if label != NOBODY and (root := self.root(label)) != KEPT:
                self.reasons[root] = why
                self._parents[root] = KEPT

    def tie(self, labels: torch.Tensor, parts: int, dim: int) -> None:
        """Of so many equal parts of a dimension, what stands in one place of each is one channel: they shrink together."""
        whole = self.roots(labels)
        rows = whole.movedim(dim, 0)
        rows = rows.reshape(parts, -1, *rows.shape[1:])
        for row in rows[1:]:
            self.join(rows[0], row)


def compact(labels: torch.Tensor) -> torch.Tensor:
    """One value along each dimension in which they are all the same."""
    for dim in range(labels.dim()):
        if labels.shape[dim] > 1:
            first = labels.narrow(dim, 0, 1)
            if labels.stride(dim) == 0 or bool((labels == first).all()):
                labels = first
    return labels


def varies(labels: torch.Tensor) -> set[int]:
    """The dimensions along which the labels are not all the same."""
    return {dim for dim, size in enumerate(compact(labels).shape) if size > 1}


def resized(labels: torch.Tensor, shape: Sequence[int]) -> torch.Tensor | None:
    """The labels at another size of the dimensions in which they do not vary; None where they vary in one that changes."""
    if len(shape) != labels.dim():
        return None
    bare = compact(labels)
    if any(size not in {1, new} for size, new in zip(bare.shape, shape, strict=True)):
        return None
    changed = {dim for dim, new in enumerate(shape) if new != labels.shape[dim]}
    return None if any(bare.shape[dim] > 1 for dim in changed) else bare.expand(tuple(shape))
