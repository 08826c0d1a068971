"""What a decoder makes of maps whose joint is known: its error by place, size, precision and logits, and its gradient."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from ._found import Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from ._found import Subject

_SIDE, _SIGMA, _PICTURE = 64, 2.0, 256
SIDES = (64, 32, 16, 8)
_SIGMAS = (1.0, 2.0)
PEAKS = (12.0, 50.0)
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def bell(side: int, x: float, y: float, sigma: float = _SIGMA, height: float = 1.0) -> Tensor:
    """A target map of one joint, `(1, 1, side, side)`."""
    at = torch.arange(side, dtype=torch.float64)
    found = height * torch.exp(-((at[None] - x) ** 2 + (at[:, None] - y) ** 2) / (2 * sigma**2))
    return found.float()[None, None]


def _places(side: int) -> list[float]:
    """Twenty places along x around the middle of a map, from the centre of a cell to that of the next."""
    return [side // 2 - 1 + step / 20 for step in range(20)]


def _logits(maps: Tensor) -> Tensor:
    """What a network that is trained through the softmax emits for such a map: its logarithm, cut off where fp32 ends."""
    return maps.clamp(min=1e-30).log()


def decoded(subject: Subject) -> Found:
    """Every number for one decoder, soft-argmax or arg-max; a soft-argmax is handed logits, of which its beta is taken out."""
    module = subject.architecture.build().eval()
    soft = "soft" in subject.architecture.name
    beta = _beta(module) if soft else 1.0

    def place(maps: Tensor) -> float:
        with torch.inference_mode():
            return float(module(_logits(maps) / beta if soft else maps).flatten()[0])

    def plain(maps: Tensor) -> float:
        return float(maps.flatten().argmax() % maps.shape[3])

    values = {"gradient": _gradient(module), "error": _error(place, _SIDE, _SIGMA), "plain error": _error(plain, _SIDE, _SIGMA)}
    if soft:
        values |= _narrow(module, beta)
        for name, share in (("equal", 1.0), ("unequal", 0.8)):
            both = torch.maximum(bell(_SIDE, PEAKS[0], 32), bell(_SIDE, PEAKS[1], 32, height=share))
            with torch.inference_mode():
                values[f"two {name}"] = float(module(both).flatten()[0])
    scaled = {side: _PICTURE / side for side in SIDES}
    # On a small map a bell is as wide as the network draws it: one cell, so that it has neighbours to be read from.
    by_side = tuple(_error(place if soft else plain, side, _SIGMAS[0]) * scaled[side] for side in SIDES)
    curve = tuple(place(bell(_SIDE, x, 32)) - x for x in _places(_SIDE))
    return Found(values, {"by side": by_side, "sides": tuple(map(float, SIDES)), "curve": curve})


def _beta(module: nn.Module) -> float:
    """The decoder's inverse temperature, read off what it answers: two cells whose weights are known by their mean place."""
    maps = torch.full((1, 1, 1, 2), 0.0)
    maps[..., 1] = 0.1
    with torch.inference_mode():
        x = float(module(maps).flatten()[0])
    return round(math.log(x / (1 - x)) / 0.1, 3)


def _error(place: Callable[[Tensor], float], side: int, sigma: float) -> float:
    return max(abs(place(bell(side, x, side // 2, sigma)) - x) for x in _places(side))


def _gradient(module: nn.Module) -> float:
    """The largest derivative of x by a value of the map; 0 where no gradient reaches it."""
    maps = bell(_SIDE, 31.3, 32).requires_grad_()
    x = module(maps).flatten()[0]
    if not x.requires_grad:
        return 0.0
    gradients: tuple[Tensor | None, ...] = torch.autograd.grad(x, maps, allow_unused=True)
    return max((float(gradient.abs().max()) for gradient in gradients if gradient is not None), default=0.0)


def _narrow(module: nn.Module, beta: float) -> dict[str, float]:
    """The errors for logits of a thousand, and in each precision; a whole map where the answer is no number."""
    x = 31.3
    logits = _logits(bell(_SIDE, x, 32)) / beta
    found = {}
    with torch.inference_mode():
        found["error at 1000"] = abs(float(module(logits + 1000).flatten()[0]) - x)
        for name, kind in _TYPES.items():
            answer = float(module(logits.to(kind)).flatten()[0])
            found[f"error in {name}"] = abs(answer - x) if math.isfinite(answer) else float(_SIDE)
    return found
