"""The largest batch whose weights and activations fit into a memory limit, counted and not tried."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from .counter import walked
from .walk import Shape, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn


def largest_batch(build: Callable[[], nn.Module], shape: Shape, limit_bytes: int, dtype: torch.dtype | None = None) -> int | None:
    """The largest batch at which weights and the peak of activations are within `limit_bytes`; 0 where one image is too many.

    `dtype` is what the weights are cast to before it runs, and with them the inputs and what is made of both, as the eager
    engine does; without it they stay in the types in which the network was built.

    What kernels take beside, and what an allocator rounds up, is not in it: the batch that really fits is at most this one.
    None where the peak is not known, or does not grow with the batch. Raises what the network raises.

    The peak is a line in the batch for almost every network, so two walks find the answer, which is then walked to be
    certain, and searched for where it was not a line. A network that cannot run without values is not walked at batches
    that might not fit this machine: there the line is believed.
    """
    module, _, method, _ = walked(build if dtype is None else lambda: build().to(dtype), shape)
    held = chain(module.parameters(), module.buffers())

    def peak(batch: int) -> int | None:
        return walk(module, shape, device="meta" if method == "meta" else "cpu", batch=batch).peak_activation_bytes

    room = limit_bytes - sum(tensor.numel() * tensor.element_size() for tensor in held)
    one, two = peak(1), peak(2)
    if one is None or two is None or one == two:
        return None
    if one > room:
        return 0
    if two > room:
        return 1
    guess = 1 + (room - one) // max(two - one, 1)
    if method != "meta":
        return guess

    def fits(batch: int) -> bool:
        return (peak(batch) or 0) <= room

    return _last(fits, guess)


def _last(fits: Callable[[int], bool], guess: int) -> int:
    """The last number from 1 on that fits, where all before it do and 1 is known to: two questions if the guess is right."""
    low, high = 1, guess + 1
    if fits(guess):
        low, step = guess, 1
        while fits(high):
            low, step = high, 2 * step
            high += step
    else:
        high = guess
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
