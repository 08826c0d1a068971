"""Networks that go wrong in every way a worker must survive, between two that do not."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from typing import Any

import torch
from torch import nn

from vbench import architecture

SHAPE = (3, 8, 8)


class Calls(nn.Module):
    """A small network whose forward does something else first, from the call of that number on."""

    def __init__(self, action: Any, after: int = 0) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, 10))
        self._action = action
        self._after = after
        self._calls = 0

    def forward(self, x: torch.Tensor) -> Any:
        if x.device.type == "meta" or torch.jit.is_tracing():
            return self.body(x)
        self._calls += 1
        if self._calls > self._after:
            changed = self._action(x)
            if changed is not None:
                return changed
        return self.body(x)


def _segfault(_: torch.Tensor) -> None:
    ctypes.string_at(0)


def _sleep(_: torch.Tensor) -> None:
    while True:
        time.sleep(3600)


def _allocate(_: torch.Tensor) -> None:
    kept = []
    while True:
        kept.append(torch.ones(16 * 2**20))


def _bytes(_: torch.Tensor) -> None:
    kept = []
    while True:
        kept.append(bytearray(64 * 2**20))


def _raise(_: torch.Tensor) -> None:
    message = "the network had enough"
    raise RuntimeError(message)


def _exit(_: torch.Tensor) -> None:
    sys.exit(3)


def _leave(_: torch.Tensor) -> None:
    os._exit(7)


def _print(_: torch.Tensor) -> None:
    print('{"replicate": "not a line of the protocol"}', flush=True)


def _nan(x: torch.Tensor) -> torch.Tensor:
    return torch.full((x.shape[0], 10), float("nan"))


def _short(x: torch.Tensor) -> torch.Tensor:
    return torch.zeros(x.shape[0] + 1, 10)


def _text(_: torch.Tensor) -> str:
    return "no tensor"


for name, action in {
    "fine-first": lambda _: None,
    "segfault": _segfault,
    "hang": _sleep,
    "allocate": _allocate,
    "bytes": _bytes,
    "raise": _raise,
    "exit": _exit,
    "leave": _leave,
    "print": _print,
    "nan": _nan,
    "short": _short,
    "text": _text,
    "fine-last": lambda _: None,
}.items():
    architecture(f"trouble/{name}", input=SHAPE, topic="trouble")(lambda classes=10, action=action: Calls(action))


@architecture("trouble/builder", input=SHAPE, topic="trouble")
def builder(classes: int = 10) -> nn.Module:
    """A network that cannot be built."""
    message = f"no {classes} classes today"
    raise ValueError(message)


class Pair(nn.Module):
    """A network for two images at a time, which nothing can count at batch 1."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = x.split(1)
        return torch.cat([self.body(first), self.body(second)])


@architecture("trouble/pair", input=SHAPE, topic="trouble")
def pair(classes: int = 10) -> nn.Module:
    """As above."""
    del classes
    return Pair()


@architecture("trouble/turns", input=SHAPE, topic="trouble")
def turns(classes: int = 10) -> nn.Module:
    """A network that is verified, and answers nonsense once it is timed."""
    del classes
    return Calls(_nan, after=10)


def _leave_behind(_: torch.Tensor) -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)


@architecture("trouble/litter", input=SHAPE, topic="trouble")
def litter(classes: int = 10) -> nn.Module:
    """A network that starts processes and leaves them."""
    del classes
    return Calls(_leave_behind, after=30)


@architecture("trouble/late", input=SHAPE, topic="trouble")
def late(classes: int = 10) -> nn.Module:
    """A network that is verified and then dies while it is timed."""
    del classes
    return Calls(_segfault, after=20)
