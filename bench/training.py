"""A training step: forward, loss, backward and the optimiser's update, defined once for every engine that trains.

The optimiser is stochastic gradient descent with momentum 0.9 and weight decay 1e-4, what the published recipes for
convolutional networks use (Krizhevsky et al. 2012, He et al. 2015, torchvision's reference training). Its cost does not
depend on the learning rate, which is far below theirs here: what is timed must not diverge after a thousand steps on eight
inputs, whatever the network. Yet it moves fp32 weights by more than their rounding, so that an update can be verified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from . import agreement, devices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from .core import Case

RATE = 1e-5
MOMENTUM = 0.9
DECAY = 1e-4


class Targets:
    """What the outputs are pulled towards: seeded, made once per output and kept, so that only a first step makes any."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: dict[tuple[int, torch.Size], Tensor] = {}

    def loss(self, output: object) -> Tensor:
        """The sum of every output's loss, auxiliary heads included.

        Outputs of shape `(batch, classes)` are taken for logits: cross-entropy with a class per image. Any other is compared
        with numbers of its own shape by mean square. Raises ValueError when no output depends on a weight.
        """
        found = [t for t in agreement.tensors(output) if t.is_floating_point() and t.requires_grad]
        if not found:
            message = "nothing to train: no output depends on a parameter that requires a gradient"
            raise ValueError(message)
        losses = [self._one(index, tensor) for index, tensor in enumerate(found)]
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()

    def _one(self, index: int, output: Tensor) -> Tensor:
        key = index, output.shape
        if key not in self._known:
            self._known[key] = self._make(index, output.shape).to(output.device)
        target = self._known[key]
        return functional.mse_loss(output, target) if target.is_floating_point() else functional.cross_entropy(output, target)

    def _make(self, index: int, shape: torch.Size) -> Tensor:
        generator = torch.Generator().manual_seed(self._seed + 3 + index)
        if len(shape) == 2 and shape[1] > 1:  # noqa: PLR2004 - (batch, classes); a single class would have no gradient
            return torch.randint(shape[1], (shape[0],), generator=generator)
        return torch.randn(shape, generator=generator)


# Why a case of this phase is not trained: a word for each precision would be another recipe (loss scaling, autocast).
PRECISIONS = ("fp32", "tf32")


def refused(case: Case) -> str | None:
    """Why this step cannot be taken in the precision or the mode that is asked for, or None."""
    if case.precision not in PRECISIONS:
        return f"a training step is taken in {' or '.join(PRECISIONS)} in this version, not in {case.precision}"
    if ("cuda-graph", "on") in case.engine_options:
        return "a training step is not replayed from a CUDA graph in this version: leave out --cuda-graph"
    return None


def placed(module: nn.Module, case: Case) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """The module on the case's device and in its layout, and what puts an input there.

    The layout is more than a matter of speed: dropout draws its mask in the order in which a tensor lies in memory.
    """
    target = devices.get(case.device).target()
    layout = torch.channels_last if case.layout == "nhwc" else torch.contiguous_format
    module = module.to(target)
    if case.layout == "nhwc":
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it alone

    def place(tensor: Tensor) -> Tensor:
        return tensor.to(target).contiguous(memory_format=layout)

    return module, place


def prepare(module: nn.Module, case: Case) -> TrainSession:
    """A session that trains the module, moved to the case's device and into its layout."""
    module, place = placed(module, case)
    return TrainSession(module, case, place=place, wait=devices.get(case.device).synchronize)


class TrainSession:
    """Trains the module in place: after a step its parameters are updated, and their `grad` holds that step's gradients.

    `place` puts an input where the module is, in its layout; `wait` returns when everything submitted has finished.
    """

    def __init__(
        self, module: nn.Module, case: Case, *, place: Callable[[Tensor], Tensor], wait: Callable[[], None] = lambda: None
    ) -> None:
        self._module: Any = module.train()
        weights = [parameter for parameter in module.parameters() if parameter.requires_grad]
        if not weights:
            message = "nothing to train: the network has no parameter that requires a gradient"
            raise ValueError(message)
        self._optimizer = torch.optim.SGD(weights, lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
        self._seed = case.seed
        self._targets = Targets(case.seed)
        self._place, self._wait = place, wait
        self._inputs: list[Tensor] = []
        self._next = 0
        self._output: Any = None
        self._loss: Tensor | None = None

    def load(self, inputs: Sequence[Tensor]) -> None:
        """Put the inputs where the module is; what is random in a step (dropout) begins anew, so that it can be repeated."""
        self._inputs = [self._place(tensor) for tensor in inputs]
        self._next = 0
        torch.manual_seed(self._seed)

    def step(self) -> None:
        """One training step on the next input."""
        self._clear()
        self._forward()
        self._backward()
        self._optimizer.step()

    def parts(self) -> tuple[tuple[str, Callable[[], Any]], ...]:
        """A step in pieces, in order; pieces of one name belong together."""
        return (
            ("optimizer", self._clear),
            ("forward", self._forward),
            ("backward", self._backward),
            ("optimizer", self._optimizer.step),
        )

    def _clear(self) -> None:
        """Gradients are freed and not filled with zeros, as PyTorch recommends: the backward pass writes them anyway."""
        self._optimizer.zero_grad(set_to_none=True)

    def _forward(self) -> None:
        inputs, index = self._inputs, self._next
        self._output = self._module(inputs[index])
        self._loss = self._targets.loss(self._output)
        self._next = index + 1 if index + 1 < len(inputs) else 0

    def _backward(self) -> None:
        loss, self._loss = self._loss, None
        if loss is not None:
            loss.backward()

    def synchronize(self) -> None:
        """Wait for the device."""
        self._wait()

    def output(self) -> Any:
        """What the forward pass of the last step returned, before that step's update."""
        return self._output

    def close(self) -> None:
        """Let go of the module, its gradients and the optimiser's state."""
        self._optimizer.zero_grad(set_to_none=True)
        self._optimizer.state.clear()
        self._module = self._output = self._loss = None
        self._inputs = []
