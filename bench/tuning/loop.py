"""The training itself: one step of the optimiser after the other, its state as plain tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from ..agreement import tensors
from ..errors import VbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from .held import Held

WARMUP = 0.1  # of the steps


class Loop:
    """Trains a network in place for so many `steps`; `options` are those of `finetune`.

    `step` is how many are done, `loss` the last one. Leaves the network in training mode.
    """

    def __init__(self, net: nn.Module, held: Held, options: Mapping[str, Any], steps: int) -> None:
        self.net, self.held, self.steps, self.step, self.loss = net, held, steps, 0, math.nan
        self._rate, self._clip = float(options["rate"]), float(options["clip"])
        # Weight decay is for what multiplies: biases and the scales of a normalisation have none, as is usual.
        groups: list[dict[str, Any]] = [
            {"params": [p for p in net.parameters() if p.requires_grad and p.dim() > 1], "weight_decay": float(options["decay"])},
            {"params": [p for p in net.parameters() if p.requires_grad and p.dim() <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        if not groups:
            message = "finetune: the network has no parameter that could be trained"
            raise VbenchError(message)
        momentum = float(options["momentum"])
        self._optimizer = torch.optim.SGD(groups, lr=self._rate, momentum=momentum, nesterov=momentum > 0)
        net.train()

    def one(self, inputs: Tensor, targets: Tensor) -> None:
        """Do a step. Raises VbenchError where the loss is no number any more."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate(self._rate, self.step, self.steps)
        self._optimizer.zero_grad(set_to_none=True)
        # Networks with heads that help the training answer their own first.
        loss = functional.cross_entropy(tensors_of(self.net(inputs)), targets)
        self.loss = float(loss.detach())
        if not math.isfinite(self.loss):
            message = (
                f"finetune: the loss was {self.loss} after {self.step} of {self.steps} steps: it diverged; a lower rate may not, "
                f"for example --finetune 3:rate={self._rate / 10:g}"
            )
            raise VbenchError(message)
        loss.backward()
        self.held.turn()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self._clip)
        self._optimizer.step()
        self.held.put()
        self.step += 1

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds besides the network."""
        return {"step": self.step, "loss": self.loss, "optimizer": self._optimizer.state_dict(), "held": self.held.state()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from that."""
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self.loss = int(state["step"]), float(state["loss"])


def tensors_of(answer: object) -> Tensor:
    """The first tensor of what a network answers. Raises VbenchError where it answers none, or none with a row of classes."""
    found = tensors(answer)
    if not found or found[0].dim() != 2:  # noqa: PLR2004 - pictures and classes
        message = "finetune: the network's answer in training has no row of classes for each picture"
        raise VbenchError(message)
    return found[0]


def rate(most: float, step: int, steps: int) -> float:
    """The learning rate of a step: up in a line, then down as a cosine to nothing (Loshchilov and Hutter 2017)."""
    rise = max(1, round(WARMUP * steps))
    if step < rise:
        return most * (step + 1) / rise
    return most * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
