"""The layers whose weights are pruned, shared or made binary one by one: convolutions and linear layers, with their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from torch import nn

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Layer(NamedTuple):
    """One weight by the name that it has in the state dict; a weight that two layers share stands once."""

    name: str
    kind: Literal["conv", "fc"]
    weight: nn.Parameter

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """The values themselves, in the shape of the weight: what is written here is in the network."""
        found: npt.NDArray[np.float32] = self.weight.detach().numpy()
        return found


def layers(module: nn.Module) -> list[Layer]:
    """The convolutions and linear layers in their order. Raises ValueError where there are none."""
    found: dict[int, Layer] = {}
    for name, part in module.named_modules():
        if not isinstance(part, (nn.modules.conv._ConvNd, nn.Linear)):  # noqa: SLF001 - their only common base
            continue
        for key, weight in part.named_parameters(recurse=False):
            if weight.dim() > 1 and id(weight) not in found:
                # In one piece, so that any view of the values writes to the weight itself.
                weight.data = weight.data.contiguous()
                kind: Literal["conv", "fc"] = "fc" if isinstance(part, nn.Linear) else "conv"
                found[id(weight)] = Layer(f"{name}.{key}" if name else key, kind, weight)
    if not found:
        message = "the network has no convolution and no linear layer"
        raise ValueError(message)
    return list(found.values())
