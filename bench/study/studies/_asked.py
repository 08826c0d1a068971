"""What a trained head is asked: each function shows it the pictures of some tests and reads what it answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from . import _reading as reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from torch import Tensor, nn

    from ..training import Split

_AT_A_TIME = 128


def answers(net: Any, split: Split, scales: Sequence[float] = (1.0,), decoder: str = "") -> Tensor:
    """The people that a head finds in each picture, by its usual decoder or by the one of this name."""
    decoders = net.decoders
    decode: Callable[[Tensor], Tensor] = decoders[decoder or next(iter(decoders))]
    return torch.cat([decode(averaged(net, part.inputs, scales)) for part in split.batches(_AT_A_TIME)])


def averaged(net: nn.Module, pictures: Tensor, scales: Sequence[float]) -> Tensor:
    """What the net answers to pictures, or the mean of its maps over the scaled pictures, at the size of the unscaled one's."""
    if tuple(scales) == (1.0,):
        plain: Tensor = net(pictures)
        return plain
    found = []
    for scale in scales:
        side = [round(scale * length) for length in pictures.shape[2:]]
        scaled = pictures if scale == 1 else functional.interpolate(pictures, side, mode="bilinear", antialias=True)
        found.append(net(scaled))
    size = found[list(scales).index(1.0)].shape[2:]
    return torch.stack([functional.interpolate(maps, size, mode="bilinear", antialias=True) for maps in found]).mean(0)


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else math.nan


def _median(values: Tensor) -> float:
    return float(values.quantile(0.5)) if len(values) else math.nan


def _finite(values: dict[str, float]) -> dict[str, float]:
    """Where nothing was answered there is nothing to average: the measure is missing, and not a number."""
    return {name: value for name, value in values.items() if math.isfinite(value)}


def halves(net: nn.Module, tests: Mapping[str, Split]) -> dict[str, float]:
    """The mean distance to the joints of one person, in the left half and in the right half of the picture."""
    found = {half: reading.errors(answers(net, tests[half]), tests[half].targets) for half in ("left", "right")}
    return _finite({half: _mean(far) for half, far in found.items()})


def exact(net: Any, split: Split) -> dict[str, float]:
    """How far from the joints of one person: by the usual decoder, and the medians by the others."""
    found = answers(net, split)
    far = reading.errors(found, split.targets)
    values = {"error": _mean(far), "median": _median(far), "correct": reading.correct(found, split.targets)}
    for other in list(net.decoders)[1:]:
        values[f"median_{other}"] = _median(reading.errors(answers(net, split, decoder=other), split.targets))
    return _finite(values)


def people(net: nn.Module, tests: Mapping[str, Split]) -> dict[str, float]:
    """What it makes of two people, and of one of whom a joint is covered or out of the frame."""
    both = reading.two(answers(net, tests["two"]), tests["two"].targets)
    covered, cut = (answers(net, tests[name]) for name in ("covered", "cut"))
    told = reading.told(covered, tests["covered"].targets)
    return _finite({
        **both._asdict(),
        "told_covered": told.share,
        "threshold": told.threshold,
        "told_cut": reading.told(cut, tests["cut"].targets).share,
        "hidden": _mean(reading.hidden(covered, tests["covered"].targets)),
    })  # fmt: skip


def sizes(net: nn.Module, tests: Mapping[str, Split], names: Iterable[str], scales: Sequence[float]) -> dict[str, float]:
    """The share of joints found of people of other sizes: as the picture is and, where there are maps, averaged over scales."""
    values = {}
    for name in names:
        split = tests[name]
        values[f"found_{name}"] = reading.correct(answers(net, split), split.targets)
        if hasattr(net, "stride"):
            values[f"scales_{name}"] = reading.correct(answers(net, split, scales), split.targets)
    return values
