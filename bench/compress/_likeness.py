"""How far a compressed network's answers are from those of the network as it was, both in eager fp32."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from .. import agreement

if TYPE_CHECKING:
    from torch import nn

# Sixteen pictures may have the eight classes from which equal ones are counted; a large network shows enough with four.
MOST, LEAST = 16, 4
SECONDS = 10.0


def of(original: nn.Module, module: nn.Module, pictures: torch.Tensor, *, classes: bool) -> tuple[dict[str, float], str]:
    """Compare the two on as many pictures as ten seconds allow: numbers by the name of their column, and what is to be said."""
    wanted, got, began = list[torch.Tensor](), list[torch.Tensor](), time.perf_counter()
    with torch.inference_mode():
        for picture in pictures.split(1):
            if len(wanted) >= LEAST and time.perf_counter() - began > SECONDS:
                break
            wanted.append(agreement.flatten(original(picture)))
            got.append(agreement.flatten(module(picture)))
    said = f"on {len(wanted)} smooth seeded pictures"
    try:
        found = agreement.compare(torch.cat(wanted), torch.cat(got), classes=classes)
    except ValueError as error:
        return {}, f"left empty: {error}"
    numbers = {"sqnr_db": found.sqnr_db, "cosine": found.cosine, "top1": found.top1}
    return {f"fidelity_{name}": number for name, number in numbers.items() if number is not None}, said
