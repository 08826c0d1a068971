"""What training must not undo: weights that are zero, that share the values of a codebook, or that are signs with one size.

Gradients are turned along what is held before the optimiser sees them, and after each of its steps the weights are put back onto
what their compressor made of them, by the nearest point of the same kind: zeros again zero, each shared value the mean of the
weights that share it, and each filter's size the mean of what its weights are along their signs. For shared values that is the
gradient of the shared value itself, divided by how many share it (Han, Mao, Dally 2016, section 3.3, has the sum).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor, nn

    from ..lineage import Written

_TINY = float(torch.finfo(torch.float32).tiny)


class Rule(Protocol):
    """How one tensor is put back."""

    @property
    def weight(self) -> Tensor:
        """The tensor."""

    def along(self, given: Tensor) -> Tensor:
        """The part of a change of the tensor that stays within what is held: its nearest point there."""

    def put(self) -> None:
        """Change the tensor in place."""

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold of it, since it cannot be found again from the numbers."""


class _Zeros(NamedTuple):
    """Weights that are pruned one by one: `gone` is true where they are zero."""

    weight: Tensor
    gone: Tensor

    def along(self, given: Tensor) -> Tensor:
        return given.masked_fill(self.gone, 0.0)

    def put(self) -> None:
        self.weight.masked_fill_(self.gone, 0.0)

    def state(self) -> dict[str, Tensor]:
        return {"gone": self.gone}


class _Shared(NamedTuple):
    """Weights that share values: `which` is the number of each weight's value, and `zero` that of the pruned ones, or -1."""

    weight: Tensor
    which: Tensor
    zero: Tensor

    def along(self, given: Tensor) -> Tensor:
        return self._spread(self._means(given))

    def put(self) -> None:
        means = self._means(self.weight)
        means[means == 0] = _TINY  # a shared value of exactly zero would be taken for a pruned weight
        self.weight.copy_(self._spread(means))

    def _means(self, given: Tensor) -> Tensor:
        which = self.which.to(torch.int64)
        sums = torch.bincount(which, weights=given.reshape(-1))
        return (sums / torch.bincount(which).clamp(min=1)).to(given.dtype)

    def _spread(self, means: Tensor) -> Tensor:
        if int(self.zero) >= 0:
            means[int(self.zero)] = 0.0
        return means[self.which.to(torch.int64)].reshape(self.weight.shape)

    def state(self) -> dict[str, Tensor]:
        return {"which": self.which, "zero": self.zero}


class _Signs(NamedTuple):
    """Weights of which each filter has one size: `negative` is true where the sign is."""

    weight: Tensor
    negative: Tensor

    def along(self, given: Tensor) -> Tensor:
        return self._signed(self._sizes(given))

    def put(self) -> None:
        # A size below zero would turn all signs of the filter.
        self.weight.copy_(self._signed(self._sizes(self.weight).clamp(min=_TINY)))

    def _sizes(self, given: Tensor) -> Tensor:
        return torch.where(self.negative, -given, given).reshape(len(given), -1).mean(1, keepdim=True)

    def _signed(self, sizes: Tensor) -> Tensor:
        spread = sizes.expand(len(sizes), self.weight[0].numel()).reshape(self.weight.shape)
        return torch.where(self.negative, -spread, spread)

    def state(self) -> dict[str, Tensor]:
        return {"negative": self.negative}


class Held:
    """All that is held of a network; `state` is what `begin` needs to hold the same of a network whose numbers have moved on."""

    def __init__(self, rules: dict[str, Rule]) -> None:
        self._rules = rules

    @torch.no_grad()
    def turn(self) -> None:
        """Turn every gradient along what is held, so that what cannot move takes no part in its norm or in the momentum."""
        for rule in self._rules.values():
            if rule.weight.grad is not None:
                rule.weight.grad.copy_(rule.along(rule.weight.grad))

    @torch.no_grad()
    def put(self) -> None:
        """Put every tensor back."""
        for rule in self._rules.values():
            rule.put()

    def state(self) -> dict[str, dict[str, Tensor]]:
        """By tensor."""
        return {name: rule.state() for name, rule in self._rules.items()}


@torch.no_grad()
def begin(net: nn.Module, written: Mapping[str, Written], state: Mapping[str, Mapping[str, Tensor]] | None = None) -> Held:
    """Hold what the compressors said of these tensors, as it stands in the network now, or as a state says."""
    found: dict[str, Rule] = {}
    own = dict(net.named_parameters())
    for name, one in written.items():
        weight = own.get(name)
        if weight is None:
            continue
        if state is not None:
            found[name] = _of_state(weight, {key: value.to(weight.device) for key, value in state[name].items()})
        elif one.kind == "sparse":
            found[name] = _Zeros(weight, weight == 0)
        elif one.kind in {"codebook", "deep"}:
            found[name] = _shared(weight)
        elif one.kind == "binary":
            found[name] = _Signs(weight, torch.signbit(weight))
    return Held(found)


def _of_state(weight: Tensor, state: Mapping[str, Tensor]) -> Rule:
    if "gone" in state:
        return _Zeros(weight, state["gone"])
    if "which" in state:
        return _Shared(weight, state["which"], state["zero"])
    return _Signs(weight, state["negative"])


def _shared(weight: Tensor) -> _Shared:
    values, which = torch.unique(weight, return_inverse=True)
    zeros = (values == 0).nonzero().flatten()
    kind = torch.uint8 if len(values) <= 256 else torch.int64  # noqa: PLR2004 - as many as a byte tells apart
    return _Shared(weight, which.reshape(-1).to(kind), zeros[0] if len(zeros) else torch.tensor(-1, device=weight.device))


def zeros(net: nn.Module, names: Iterable[str]) -> int:
    """How many weights of these tensors are zero."""
    own = dict(net.named_parameters())
    return sum(int((own[name] == 0).sum()) for name in names if name in own)
