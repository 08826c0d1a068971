"""How much a channel matters, by each criterion: the channels that score least are taken out first.

Of a channel that several layers make, as where they meet in a residual sum, the score is the mean over all its filters.
What pictures show is looked at where a channel is read, behind its norm and its activation.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._choice import Group
    from ._follow import Followed

_BATCH = 8
# A backward pass keeps all that it will read.
_GRADIENT_BATCH = 4
Scores = dict[int, float]


def drawn(found: list[Group], seed: int) -> Scores:
    """At random, from the seed: the control that a criterion must beat."""
    units = sorted(unit for group in found for unit in group.units)
    generator = torch.Generator().manual_seed(seed)
    return dict(zip(units, torch.rand(len(units), generator=generator).tolist(), strict=True))


def of_filters(module: nn.Module, found: list[Group], power: int) -> Scores:
    """The norm of each filter: the sum of its weights' sizes (1, Li et al. 2017), or the root of their squares' sum (2)."""
    tensors = dict(module.named_parameters())
    total, count = defaultdict[int, float](float), defaultdict[int, int](int)
    for group in found:
        for axis, labels in group.made.items():
            filters = tensors[axis.tensor].detach().movedim(axis.dim, 0).flatten(1)
            for label, norm in zip(labels, filters.norm(p=power, dim=1).tolist(), strict=True):
                total[label] += norm
                count[label] += 1
    return {label: total[label] / count[label] for label in total}


def of_activations(module: nn.Module, followed: Followed, pictures: torch.Tensor, *, zeros: bool) -> Scores:
    """The mean size of what each channel carries, or with `zeros` the share of it that is not zero (Hu et al. 2016)."""
    total, count = defaultdict[int, float](float), defaultdict[int, int](int)

    def see(labels: list[int], given: torch.Tensor, dim: int) -> None:
        rows = given.detach().movedim(dim, 0).flatten(1)
        values = ((rows != 0) if zeros else rows.abs()).float().mean(1)
        for label, value in zip(labels, values.tolist(), strict=True):
            total[label] += value
            count[label] += 1

    with _watched(module, followed, see), torch.inference_mode():
        for batch in pictures.split(_BATCH):
            module(batch)
    return {label: total[label] / count[label] for label in total}


def of_gradients(module: nn.Module, followed: Followed, pictures: torch.Tensor, *, classes: bool) -> Scores:
    """By how much the loss would change without the channel, to first order (Molchanov et al. 2017, equation 7).

    The loss is the cross-entropy with the class that the network itself finds likeliest where its answers are `classes`, since
    nobody says the right ones; else the mean square of all that it answers.
    """
    total = defaultdict[int, float](float)
    with _without_gradients(module):
        for batch in pictures.split(_GRADIENT_BATCH):
            _add_changes(module, followed, batch, total, classes=classes)
    return {label: value / len(pictures) for label, value in total.items()}


def _add_changes(module: nn.Module, followed: Followed, batch: torch.Tensor, total: Scores, *, classes: bool) -> None:
    given: list[tuple[list[int], torch.Tensor, int]] = []

    def see(labels: list[int], x: torch.Tensor, dim: int) -> None:
        if x.requires_grad:
            given.append((labels, x, dim))

    with _watched(module, followed, see), torch.enable_grad():
        answer = _flat(module(batch.clone().requires_grad_()))
        if not given:
            return  # no layer that could be watched reads any channel
        loss = functional.cross_entropy(answer, answer.detach().argmax(1)) if classes else answer.square().mean()
        slopes = torch.autograd.grad(loss, [x for _, x, _ in given], allow_unused=True)
    change: dict[int, torch.Tensor] = {}
    for (labels, x, dim), slope in zip(given, slopes, strict=True):
        if slope is not None:
            # The loss is a mean over the batch, and each picture's own change is wanted.
            each = (x.detach() * slope * len(batch)).movedim(dim, 1).reshape(len(batch), len(labels), -1).mean(2)
            for place, label in enumerate(labels):
                change[label] = change.get(label, torch.zeros(())) + each[:, place]
    for label, signed in change.items():
        total[label] += float(signed.abs().sum())


@contextmanager
def _without_gradients(module: nn.Module) -> Iterator[None]:
    """Nothing is wanted of the parameters' own gradients, which would take as long again."""
    wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad_(False)  # noqa: FBT003 - torch's own signature
    try:
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)  # noqa: FBT003 - as above


def _flat(answer: Any) -> torch.Tensor:
    leaves = torch.utils._pytree.tree_leaves(answer)  # noqa: SLF001 - its only home
    return torch.cat([leaf.flatten(1) for leaf in leaves if isinstance(leaf, torch.Tensor)], dim=1)


@contextmanager
def _watched(module: nn.Module, followed: Followed, see: Any) -> Iterator[None]:
    """Each layer that reads channels says what it is given, with the channel of each index."""
    handles = []
    for layer in {one.reads: one for one in followed.layers if not one.alone}.values():
        path, _, name = layer.reads.tensor.rpartition(".")
        part = module.get_submodule(path)
        if name != "weight" or not isinstance(part, (nn.modules.conv._ConvNd, nn.Linear)):  # noqa: SLF001 - the only common base
            continue  # read by a function, which nobody can watch
        if isinstance(part, nn.Linear) and type(part).forward is not nn.Linear.forward:
            continue  # one that turns its input first: where its channels stand there is not known
        labels = followed.labels.roots(followed.axes[layer.reads]).tolist()
        if isinstance(part, nn.Linear):
            handles.append(part.register_forward_pre_hook(_hook(see, labels, -1)))
        else:
            handles.append(part.register_forward_pre_hook(_hook(see, labels * (part.in_channels // len(labels)), 1)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(see: Any, labels: list[int], dim: int) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def told(_: nn.Module, given: tuple[Any, ...]) -> None:
        see(labels, given[0], dim)

    return told
