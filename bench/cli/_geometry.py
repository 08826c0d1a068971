"""What `vbench show --geometry` prints: where a network looks, and which input sizes it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import units

if TYPE_CHECKING:
    from fractions import Fraction

    from ..core import Architecture
    from ..counting import Geometry

_LONGEST = 90  # characters of a network's own words


def counted(found: Architecture, size: tuple[int, ...]) -> dict[str, Any]:
    """All of it as JSON has it: fields and strides in pixels as [height, width], and the sizes with what refuses them."""
    from .. import counting  # noqa: PLC0415 - --help must be quick

    module, traced, device = counting.traced(found.build, size)
    last = counting.last_map(traced)
    fields = counting.propagate(traced)
    sizes = counting.runs_at(module, [(size[0], *odd) for odd in counting.ODD_SIZES], device=device)
    return {
        "field": None if last is None else _plain(last),
        "coverage": counting.coverage(traced),
        "modules": {
            path: {"field": [float(axis.size) for axis in axes], "stride": [float(axis.jump) for axis in axes]}
            for path, node in traced.modules.items()
            if (axes := fields[node].axes) is not None
        },
        "sizes": {"x".join(map(str, shape)): why for shape, why in sizes.items()},
    }


def _plain(last: Geometry) -> dict[str, Any]:
    def both(pair: tuple[Fraction, Fraction]) -> list[float]:
        return [float(number) for number in pair]

    return {
        "size": both(last.size), "stride": both(last.stride), "start": both(last.start), "map": list(last.map),
        "whole": last.whole, "exact": last.exact,
    }  # fmt: skip


def lines(more: dict[str, Any]) -> list[str]:
    """The same for people, a line each; none where it was not asked for."""
    if "geometry" not in more:
        return []
    told = more["geometry"]
    field = told["field"]
    if field is None:
        said = ["receptive field: none that can be said; most of the work is done on vectors or sequences, or leads through"]
        said[0] += " operators whose reach is not known here"
    else:
        most = "" if field["exact"] else "at most "
        share = "" if told["coverage"] is None else f", of which it sees {units.percent(told['coverage'])}"
        pooled = "; pooled vectors of the whole map have a part in it too" if field["whole"] else ""
        said = [
            f"receptive field: {most}{_by(field['size'])} px{share}{pooled}",
            f"stride: {_by(field['stride'])} px, last map {_by(field['map'])}",
        ]
    runs = [shape for shape, why in told["sizes"].items() if not why]
    said.append(f"runs at: {', '.join(runs) or 'none of these odd sizes'}")
    refused: dict[str, list[str]] = {}
    for shape, why in told["sizes"].items():
        if why:
            refused.setdefault(why if len(why) < _LONGEST else f"{why[:_LONGEST]}…", []).append(shape)
    said += [f"not at: {', '.join(shapes)} ({why})" for why, shapes in refused.items()]
    return said


def header(more: dict[str, Any]) -> tuple[str, ...]:
    """Further columns of the table of modules."""
    return ("field", "stride") if "geometry" in more else ()


def cells(more: dict[str, Any], path: str) -> tuple[str, ...]:
    """Field and stride of a module's output in these columns; a dash where it has no place."""
    if "geometry" not in more:
        return ()
    place = more["geometry"]["modules"].get(path)
    return (units.MISSING,) * 2 if place is None else (_by(place["field"]), _by(place["stride"]))


def _by(pair: list[float]) -> str:
    height, width = pair
    return f"{height:g}" if height == width else f"{height:g}x{width:g}"
