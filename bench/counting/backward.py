"""The multiply-accumulates of the backward pass: what a training step costs on top of its forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .liveness import tensors
from .rules import product_rules
from .walk import Shape, dtype_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

# Batch norm in training refuses a single value per channel, which is all that one image leaves of a pooled map.
_IMAGES = 2


def backward_macs(module: nn.Module, shape: Shape, *, device: str = "meta") -> int:
    """Count the products of one backward pass per image, for inputs of that shape.

    The loss is the sum of everything that the network returns in training mode, auxiliary outputs included. Gradients are
    those of the parameters that require one: the input needs none, so the first layer makes none for it. 0 where nothing
    requires a gradient. The module must be on `device`; it is put into training mode, its gradients and, on a real
    device, its running statistics change. Raises what the network or autograd raises.
    """
    module.train()
    with torch.enable_grad(), torch.device(device):
        inputs = torch.zeros(_IMAGES, *shape, dtype=dtype_of(module))
        outputs = [output for output in _outputs(module(inputs)) if output.requires_grad]
        if not outputs:
            return 0
        loss = sum((output.sum() for output in outputs[1:]), start=outputs[0].sum())
        products = _Products()
        with products:
            loss.backward()
    return products.macs // _IMAGES


def _outputs(value: Any) -> list[Tensor]:
    """The tensors in what a network returns, also where that is an object with fields."""
    return tensors(value if isinstance(value, torch.Tensor | list | tuple | dict) else vars(value))


class _Products(TorchDispatchMode):
    """Add up the multiply-accumulates of every product on its way to the kernel."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no types
        self.macs = 0
        self._rules = product_rules()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> object:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        rule = self._rules.get(str(func).rpartition(".")[0])
        if rule:
            self.macs += rule(*args, **kwargs, out_val=output) // 2
        return output
