"""Pictures of people whose joints are known: where they stand, how large they are, what is beside them and what covers them.

A scene says how its pictures are laid out; who stands in them comes from a source, which draws stick figures or pastes people
that were cut out of photographs. What a picture shows is a function of the scene, the source, the seed and its number.

People are tensors `(people, joints, 3)`: x and y in pixels, the first pixel's centre being 0, and 1 where the joint is seen. The
place of a joint that is covered or out of the frame is kept, so that an answer for it can be judged; of one that nobody knows it
is far away, at `UNKNOWN`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

from ..training import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Generator, Tensor

SIDE = 64
UNKNOWN = -1000.0
HEIGHTS = (22.0, 28.0)
"""How tall people are, in pixels, where the scene does not scale them."""
_MARGIN = 4.0  # pixels between the joints and the border
_OVER = 0.4  # of the height: how far a person that is cut hangs over the border at most
_CHUNK = 128  # pictures drawn at a time: what they need stays in the cache
_NOISE = 0.04
_STROKES = 4


class Cast(NamedTuple):
    """Some people, ready to be painted: where their joints are, `(count, joints, 3)`, in units of their height.

    A joint that nobody knows has a 0 behind its place, which is then anywhere between the others.
    `paint(canvas, origin, height)` draws them onto `(count, channels, side, side)`, in place: the unit's 0 at `origin`
    `(count, 2)`, in pixels, and `height` `(count,)` pixels tall.
    """

    joints: Tensor
    paint: Callable[[Tensor, Tensor, Tensor], None]


class Source(Protocol):
    """Where people come from: their joints by name, the limbs of a tree that joins them, and how many channels they have."""

    @property
    def joints(self) -> Sequence[str]:
        """Their names, in order."""

    @property
    def limbs(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joints, from the one that is nearer to the root."""

    @property
    def channels(self) -> int:
        """One where all is gray, else three."""

    def cast(self, count: int, generator: Generator, *, testing: bool) -> Cast:
        """So many people, chosen by the generator; those of tests are never those of training."""


class Scene(NamedTuple):
    """How pictures are laid out: people in each, the part of the picture they stand in, their size, and what goes wrong.

    `covered`, `stray` and `cut` are shares of the pictures: a patch lies over an outer joint; a patch lies anywhere; the person
    hangs over the border. Two people stand side by side, each in its half.
    """

    people: int = 1
    left: bool = False
    scale: float = 1.0
    covered: float = 0.0
    stray: float = 0.0
    cut: float = 0.0


def drawn(source: Source, scene: Scene, count: int, seed: int, *, testing: bool) -> Split:
    """Pictures `(count, 3, side, side)` from 0 to 1 and people `(count, people, joints, 3)`; gray ones share their channels."""
    generator = torch.Generator().manual_seed(seed)
    parts = [_chunk(source, scene, min(_CHUNK, count - done), generator, testing=testing) for done in range(0, count, _CHUNK)]
    pictures = torch.cat([pictures for pictures, _ in parts])
    return Split(pictures.expand(-1, 3, -1, -1), torch.cat([people for _, people in parts]))


def _chunk(source: Source, scene: Scene, count: int, generator: Generator, *, testing: bool) -> tuple[Tensor, Tensor]:
    canvas = _background(count, source.channels, generator)
    casts = [source.cast(count, generator, testing=testing) for _ in range(scene.people)]
    stood = [_stand(cast, scene, number, canvas, generator) for number, cast in enumerate(casts)]
    people = torch.stack([people for people, _ in stood], dim=1)
    _patch(canvas, people, scene, source.limbs, generator)
    people[torch.stack([unknown for _, unknown in stood], dim=1)] = torch.tensor([UNKNOWN, UNKNOWN, 0.0])
    canvas += _NOISE * torch.randn(canvas.shape, generator=generator)
    return canvas.clamp_(0, 1), people


def between(low: float, high: float, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Uniform numbers."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def stroke(ends: Tensor, radius: Tensor, side: int = SIDE) -> Tensor:
    """How much of each pixel lines with round ends cover: `(count, lines, 4)`, x and y of both ends, to `(count, side, side)`.

    Radii are `(count, lines)`. A pixel is covered by as much as its centre lies inside of the line's edge, from half a pixel
    outside to half a pixel inside, so that an end moves in steps smaller than a pixel.
    """
    at = torch.arange(side, dtype=torch.float32)
    x, y = at, at[:, None]
    ax, ay, bx, by = (end[..., None, None] for end in ends.unbind(2))
    dx, dy = bx - ax, by - ay
    along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).clamp(min=1e-6)
    along.clamp_(0, 1)
    far = torch.hypot(x - ax - along * dx, y - ay - along * dy)
    return (radius[..., None, None] + 0.5 - far).amax(1).clamp_(0, 1)


def blend(canvas: Tensor, cover: Tensor, tint: Tensor) -> None:
    """Lay a tint `(count,)` over a canvas `(count, channels, side, side)` where the cover `(count, side, side)` says so."""
    canvas.lerp_(tint[:, None, None, None].expand_as(canvas), cover[:, None].expand_as(canvas))


def _background(count: int, channels: int, generator: Generator) -> Tensor:
    """A plain ground with a few strokes and a disc, in the manner of the figures, so that a stroke alone is not a joint."""
    canvas = between(0.0, 0.2, (count, 1, 1, 1), generator).repeat(1, channels, SIDE, SIDE)
    start = between(0, SIDE, (count, _STROKES + 1, 2), generator)
    step = between(-9, 9, (count, _STROKES + 1, 2), generator)
    step[:, -1] = 0
    radius = between(0.5, 1.0, (count, _STROKES + 1), generator)
    radius[:, -1] = between(1.5, 2.6, (count,), generator)
    tint = between(0.3, 1.0, (count,), generator)
    blend(canvas, stroke(torch.cat([start, start + step], dim=2), radius), tint)
    return canvas


def _stand(cast: Cast, scene: Scene, number: int, canvas: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Paint one person into every picture, in place; where the joints are, and which of them nobody knows."""
    count = len(canvas)
    height = between(*HEIGHTS, (count,), generator) * scene.scale
    places = cast.joints[..., :2] * height[:, None, None]
    least, most = places.amin(1), places.amax(1)
    low = torch.full((count, 2), _MARGIN)
    high = torch.full((count, 2), SIDE - 1 - _MARGIN)
    if scene.left or scene.people > 1:
        low[:, 0] += number * SIDE / 2
        high[:, 0] += (number - 1) * SIDE / 2
    over = (torch.rand((count, 1), generator=generator) < scene.cut) * _OVER * height[:, None]
    low, room = low - over, (high - low + 2 * over) - (most - least)
    # Who is larger than the room stands in its middle.
    where = torch.where(room > 0, torch.rand((count, 2), generator=generator), 0.5)
    origin = low + where * room - least
    cast.paint(canvas, origin, height)
    places = places + origin[:, None]
    middle = (SIDE - 1) / 2
    inside = ((places - middle).abs() < SIDE / 2).all(2)
    return torch.cat([places, inside[..., None]], dim=2), cast.joints[..., 2] == 0


def _patch(canvas: Tensor, people: Tensor, scene: Scene, limbs: Sequence[tuple[int, int]], generator: Generator) -> None:
    """Cover an outer joint, or anything, with a square in some of the pictures, in place; joints below it are not seen."""
    count, _, joints, _ = people.shape
    ends = [joint for limb in limbs for joint in limb]
    outer = torch.tensor([joint for joint in range(joints) if ends.count(joint) == 1])
    chance = torch.rand((count,), generator=generator)
    chosen = outer[torch.randint(len(outer), (count,), generator=generator)]
    joint = people[torch.arange(count), 0, chosen, :2]
    tall = people[:, 0, :, 1].amax(1) - people[:, 0, :, 1].amin(1)
    covered = (chance < scene.covered)[:, None]
    middle = torch.where(covered, joint + between(-0.05, 0.05, (count, 2), generator) * tall[:, None],
                         between(0, SIDE, (count, 2), generator))  # fmt: skip
    half = between(0.13, 0.18, (count,), generator) * tall
    half = torch.where(chance < scene.covered + scene.stray, half, -1.0)
    at = torch.arange(SIDE, dtype=torch.float32)
    far = torch.maximum((at - middle[:, :1]).abs()[:, None, :], (at - middle[:, 1:]).abs()[:, :, None])
    blend(canvas, (half[:, None, None] + 0.5 - far).clamp_(0, 1), between(0.2, 1.0, (count,), generator))
    below = ((people[..., :2] - middle[:, None, None]).abs() < half[:, None, None, None]).all(3)
    people[..., 2] *= ~below
