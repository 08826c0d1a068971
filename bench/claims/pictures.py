"""The drawings that belong beside an entry, by name: grids of what filters see, fields of view, and maps with decoded points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import drawings, sums
from .drawings import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .evidence import Evidence
    from .sums import Point

_SIDE, _SMALL = 64, 7
_DEPTHS = ("vgg/11", "vgg/13", "vgg/16", "vgg/19")
_SOFT, _HARD = "pose/decode-soft-argmax", "pose/decode-argmax"


def _around(pixels: set[Point], side: int | None = None) -> list[list[float]]:
    reach = max(max(abs(y), abs(x)) for y, x in pixels) if side is None else side // 2
    return [[float((y, x) in pixels) for x in range(-reach, reach + 1)] for y in range(-reach, reach + 1)]


def dilation(_: Evidence) -> str:
    """The taps of a 3x3 at several rates, on a square of one size."""
    return "".join(drawings.grid(_around(sums.seen((rate,)), 33), f"rate {rate}") for rate in (1, 2, 4, 8, 16))


def coverage(_: Evidence) -> str:
    """What three filters in sequence see, at one rate and at growing ones."""
    rows = {"rates 2, 2, 2: every second pixel": (2, 2, 2), "rates 1, 2, 4: all of them": (1, 2, 4)}
    return "".join(drawings.grid(_around(sums.seen(rates)), caption) for caption, rates in rows.items())


def branches(seen: Evidence) -> str:
    """What the widest branch of an ESP unit sees, without and with fusion, by its gradient."""
    found = []
    for caption, name in {"unfused": "block/esp-unfused", "fused": "block/esp-fused"}.items():
        pixels = seen.series("branches", name, "seen")
        if pixels:
            found.append(drawings.grid(_square(pixels), f"the widest branch, {caption}"))
    return "".join(found)


def _square(pixels: Sequence[float]) -> list[list[float]]:
    side = round(len(pixels) ** 0.5)
    return [list(pixels[row * side : (row + 1) * side]) for row in range(side)]


def fields(seen: Evidence) -> str:
    """The receptive fields of VGGs, to scale."""
    found = [(name, value) for name in _DEPTHS if (value := seen.value("receptive_field", name).value) is not None]
    return drawings.squares(found, "receptive field of the last map") if found else ""


def ranks(_: Evidence) -> str:
    """A diagonal, and the best that one column after one row makes of it, and that as many as it takes make."""
    kernel = np.eye(_SMALL)
    left, values, right = np.linalg.svd(kernel)

    def best(rank: int) -> list[list[float]]:
        made = (left[:, :rank] * values[:rank]) @ right[:rank]
        return [[float(cell) for cell in row] for row in made]

    drawn = {"7x7 identity": kernel.tolist(), "one channel in between": best(1), "three": best(3), "seven": best(_SMALL)}
    return "".join(drawings.grid(rows, caption, cell=16) for caption, rows in drawn.items())


def heatmap(seen: Evidence) -> str:
    """The target of a crowd's first joint, and what one bell sums to by its width."""
    pixels = seen.series("target", "pose/decode-peaks", "map")
    drawn = [drawings.grid(_square(pixels), "target of one joint of four people")] if pixels else []
    for sigma in (1.0, 3.0):
        bell = sums.bell(25, (12, 12), sigma)
        drawn.append(drawings.grid(bell.tolist(), f"sigma {sigma:g}: sums to {bell.sum():.3g}"))
    return "".join(drawn)


def people(seen: Evidence) -> str:
    """The same target with the peaks that are read off it, and the one place that an arg-max would give."""
    pixels = seen.series("target", "pose/decode-peaks", "map")
    if not pixels:
        return ""
    rows = np.array(_square(pixels))
    top = np.unravel_index(rows.argmax(), rows.shape)
    marks = [Mark(float(x), float(y), "peak") for y, x in sums.peaks(pixels)]
    return drawings.grid(
        rows.tolist(), "target of one joint of four people:", [*marks, Mark(float(top[1]), float(top[0]), "arg-max")]
    )


def sizes(seen: Evidence) -> str:
    """One joint on maps of falling resolution, with where it is and where it is decoded to."""
    drawn = []
    soft, hard = (seen.curve("decoded", name, "sides", "by side") for name in (_SOFT, _HARD))
    for side in (32, 16, 8):
        true = side / 2 + 0.4
        bell = sums.bell(side, (true, side / 2), 1.0)
        top, mean = float(bell.argmax() % side), sums.expectation(bell)[0]
        marks = [Mark(true, side / 2, "the joint"), Mark(top, side / 2, "arg-max"), Mark(mean, side / 2, "mean")]
        worst = f"; worst errors {hard[side]:.3g} and {soft[side]:.3f} px of 256" if side in soft and side in hard else ""
        drawn.append(drawings.grid(bell.tolist(), f"{side} cells{worst}:", marks))
    return "".join(drawn)


def two(seen: Evidence) -> str:
    """Two peaks, equal and not, with the places that are read off them."""
    drawn = []
    for word, share in {"equal": 1.0, "unequal": 0.8}.items():
        both = np.maximum(sums.bell(_SIDE, (12, 32), 2.0), sums.bell(_SIDE, (50, 32), 2.0, share))
        marks = [Mark(float(both.argmax() % _SIDE), 32, "arg-max"), Mark(sums.expectation(both)[0], 32, "mean of the map")]
        soft = seen.shown("decoded", _SOFT, f"two {word}").value
        if soft is not None:
            marks.append(Mark(soft, 32, "soft-argmax"))
        drawn.append(drawings.grid(both.tolist(), f"second peak at {share:.0%}:", marks))
    return "".join(drawn)


PICTURES: dict[str, Callable[[Evidence], str]] = {
    draw.__name__: draw for draw in (dilation, coverage, branches, fields, ranks, heatmap, people, sizes, two)
}
