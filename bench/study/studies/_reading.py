"""What is read off the people that a network finds: how far from their joints, how many of them, how sure, and in between whom.

`found` are people `(pictures, people, joints, 3)` as decoders give them: x, y and a confidence, 0 where nothing was found, the
surest first. `people` are those that are there, as in `_scenes`. Joints whose place is unknown count nowhere.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import torch

from ._scenes import UNKNOWN

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 0.1
"""A joint is found within this share of the larger side of the person's box (PCK, Yang and Ramanan 2013)."""
_BETWEEN = (0.25, 0.75)
_FEW = 2  # joints of a person that an answer must hit to be partly that person


def known(people: Tensor) -> Tensor:
    """Which joints have a place, seen or not: `(pictures, people, joints)`."""
    return people[..., 0] > UNKNOWN / 2


def reach(people: Tensor) -> Tensor:
    """How far a joint may be off, in pixels, `(pictures, people)`."""
    there = known(people)[..., None]
    places = people[..., :2]
    most = places.masked_fill(~there, -torch.inf).amax(2)
    least = places.masked_fill(~there, torch.inf).amin(2)
    return SHARE * (most - least).amax(2)


def apart(found: Tensor, people: Tensor) -> Tensor:
    """From every person found to every person there, joint by joint: `(pictures, found, people, joints)`, infinite if missing."""
    far = (found[:, :, None, :, :2] - people[:, None, :, :, :2]).square().sum(4).sqrt()
    return far.masked_fill((found[..., 2] <= 0)[:, :, None], torch.inf)


def errors(found: Tensor, people: Tensor) -> Tensor:
    """How far the surest person's joints are from the first person's, in pixels: of those seen and answered, in one row."""
    far, seen = apart(found[:, :1], people[:, :1])[:, 0, 0], people[:, 0, :, 2] > 0
    return far[seen & far.isfinite()]


def correct(found: Tensor, people: Tensor) -> float:
    """The share of the first person's seen joints that the surest person found has within reach, in percent."""
    far, seen = apart(found[:, :1], people[:, :1])[:, 0, 0], people[:, 0, :, 2] > 0
    return 100 * float((far <= reach(people)[:, :1])[seen].float().mean())


class Two(NamedTuple):
    """What was made of two people, each in percent.

    `found`: of all seen joints of both, those that one person of the answer has within reach, each person being answered by
    another; who answers with one person finds half at most. `between`: of the surest person's joints, those that lie between the
    same joint of both, in the middle half of the way, and in reach of neither. `mixed`: the pictures in which the surest person
    has two joints of the one and two of the other.
    """

    found: float
    between: float
    mixed: float


def two(found: Tensor, people: Tensor) -> Two:
    """Read what was made of pictures with two people."""
    seen = people[..., 2] > 0
    hit = (apart(found, people) <= reach(people)[:, None, :, None]) & seen[:, None]
    counts = hit.sum(3)
    # A second answer that hits nothing, so that whoever gives one has a pair too.
    counts = torch.nn.functional.pad(counts, (0, 0, 0, 1))
    pairs = [counts[:, a, 0] + counts[:, b, 1] for a, b in itertools.permutations(range(counts.shape[1]), 2)]
    best = torch.stack(pairs).amax(0)
    one, other, answer = people[:, 0, :, :2], people[:, 1, :, :2], found[:, 0, :, :2]
    way = other - one
    at = ((answer - one) * way).sum(2) / way.square().sum(2).clamp(min=1e-6)
    answered = (found[:, 0, :, 2] > 0) & seen.all(1)
    middle = (at > _BETWEEN[0]) & (at < _BETWEEN[1]) & ~hit[:, 0].any(1)
    mixed = (hit[:, 0].sum(2) >= _FEW).all(1)
    return Two(
        100 * float(best.sum() / seen.sum().clamp(min=1)),
        100 * float(middle[answered].float().mean()) if bool(answered.any()) else 0.0,
        100 * float(mixed.float().mean()),
    )


class Told(NamedTuple):
    """What a threshold on the confidence tells: the share that it tells rightly, in percent, and the threshold."""

    share: float
    threshold: float


def told(found: Tensor, people: Tensor) -> Told:
    """How well a threshold on the confidence tells joints that are seen from those that are not: 50 % is a coin's.

    The mean of the shares told rightly of either kind. The threshold is the best one on the first half of the pictures, and
    what it does on the second half is the answer.
    """
    half = len(found) // 2
    sure, seen, counted = found[:, 0, :, 2], people[:, 0, :, 2] > 0, known(people[:, 0])

    def part(chosen: slice) -> tuple[Tensor, Tensor]:
        return sure[chosen][counted[chosen]], seen[chosen][counted[chosen]]

    threshold = _best(*part(slice(None, half)))
    values, there = part(slice(half, None))
    return Told(100 * float(_balance(values > threshold, there)), float(threshold))


def _best(values: Tensor, there: Tensor) -> Tensor:
    """The threshold with the best balance, between two neighbouring values or below all."""
    ordered = values.unique()
    candidates = torch.cat([ordered[:1] - 1, (ordered[1:] + ordered[:-1]) / 2])
    # Of thousands of candidates a few hundred will do.
    candidates = candidates[:: max(1, len(candidates) // 256)]
    scores = torch.stack([_balance(values > candidate, there) for candidate in candidates])
    return candidates[scores.argmax()]


def _balance(said: Tensor, there: Tensor) -> Tensor:
    rights = [(said == there)[there == kind].float().mean() for kind in (True, False)]
    return torch.stack(rights).nan_to_num(0.5).mean()


def hidden(found: Tensor, people: Tensor) -> Tensor:
    """How far the surest person's joints are from where the unseen ones of the first are, in pixels; those answered, in a row."""
    far = apart(found[:, :1], people[:, :1])[:, 0, 0]
    return far[known(people[:, 0]) & (people[:, 0, :, 2] == 0) & far.isfinite()]
