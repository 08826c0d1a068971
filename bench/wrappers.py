"""Wrappers that any architecture can be measured in, named behind an @: `resnet/50@multiscale:0.5+1`, `vgg/16@upsample:2`.

Wrapped networks cost what they cost, and have no published accuracy of their own. Several wrappers apply from left to right. What
else stands behind an @ is a compressor, which is an axis of its own.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

A = TypeVar("A", bound=msgspec.Struct)

# What each does to the input, and an example of it.
WRAPPERS = {
    "multiscale": ("the mean of the answers to the picture at several scales", "@multiscale:0.5+1+1.5+2"),
    "upsample": ("the answer to the picture enlarged", "@upsample:2"),
}
_LARGEST = 16.0


def bare(name: str) -> str:
    """The name without its wrappers."""
    return name.partition("@")[0]


def imported(name: str) -> bool:
    """Whether what is in the wrappers is named by what builds it (`package.module:function`, `timm:NAME`), not by a plugin."""
    return ":" in bare(name)


def parted(name: str) -> tuple[str, list[str]]:
    """The name with its wrappers, and what else stands behind an @: compressors, in their order."""
    base, *rest = name.split("@")
    inside = [text for text in rest if text.partition(":")[0] in WRAPPERS]
    return "@".join((base, *inside)), [text for text in rest if text not in inside]


def canonical(name: str) -> str:
    """The same name with each number written in the shortest way. Raises UsageError that says what is allowed.

    Of a name with wrappers and nothing else.
    """
    base, *wrappers = name.split("@")
    return "@".join((base, *(_written(text, name) for text in wrappers)))


def derive(base: A, name: str) -> A:
    """The Architecture of a canonical name with wrappers: `base` inside of them."""
    _, *wrappers = name.split("@")
    facts: Any = base
    build = facts.build
    for text in wrappers:
        kind, _, scales = text.partition(":")
        build = functools.partial(_wrapped, build, kind, tuple(float(scale) for scale in scales.split("+")))
    said = "; ".join(WRAPPERS[text.partition(":")[0]][0] for text in wrappers)
    deviation = f"{facts.deviation}; {said}" if facts.deviation else said
    return msgspec.structs.replace(base, name=name, build=build, macs=None, accuracy=(), deviation=deviation)


def _wrapped(build: Callable[..., Any], kind: str, scales: tuple[float, ...], **given: Any) -> Any:
    from . import rescaled  # noqa: PLC0415 - imports torch

    network = build(**given)
    return rescaled.MultiScale(network, scales) if kind == "multiscale" else rescaled.Upsampled(network, scales[0])


def _written(text: str, name: str) -> str:
    kind, _, argument = text.partition(":")
    numbers = [_number(word) for word in argument.replace(",", "+").split("+")]
    if any(number is None for number in numbers) or (kind == "upsample" and len(numbers) != 1):
        what = "a factor" if kind == "upsample" else "factors with + between them"
        message = f"{name}: {what} over 0 and up to {_LARGEST:g} behind @{kind}:, for example {WRAPPERS[kind][1]}"
        raise UsageError(message)
    return f"{kind}:{'+'.join(f'{number:g}' for number in numbers)}"


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if 0 < value <= _LARGEST else None
