"""Which input sizes and aspect ratios a network takes, tried without values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .walk import Shape, walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

ODD_SIZES = ((97, 131), (160, 320), (225, 225), (341, 227), (480, 640))
"""Heights and widths that no network was made for: odd, wide, tall, small, and that of a camera."""


def runs_at(module: nn.Module, shapes: Iterable[Shape], *, device: str = "meta") -> dict[Shape, str]:
    """For each input shape `(channels, height, width)` the reason why a module on `device` refuses it, empty where it runs."""
    return {shape: _refusal(module, shape, device) for shape in shapes}


def _refusal(module: nn.Module, shape: Shape, device: str) -> str:
    try:
        walk(module, shape, device=device)
    except Exception as error:  # noqa: BLE001 - a network may refuse a size by raising anything
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return ""
