"""A profile in plain text: what the numbers are of, the kinds, and the layers that take most time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import roofline, tables, units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...core import Ceiling
    from ...roofline import Group, Judged, Profile

BY = ("module", "operator", "kind")
GROUPED: dict[str, Callable[[Profile, int | None], tuple[Group, ...]]] = {
    "module": lambda profile, depth: roofline.by_module(profile.layers, depth),
    "operator": lambda profile, _: roofline.by_operator(profile.layers),
    "kind": lambda profile, _: profile.kinds,
}
_NUMBERS = ("time", "share", "MACs", "FLOP/s", "of peak", "bytes/s", "of bandwidth")
GROUPS = ("layers", *_NUMBERS, "bound by")
LAYERS = ("layer", "operator", "kind", "output", *_NUMBERS, "bound by")
RIGHT_LAYERS = tuple(range(4, 11))
RIGHT_GROUPS = tuple(range(1, 9))


def text(profile: Profile, *, by: str | None, top: int | None, depth: int | None = None) -> str:
    """The head, then either what was asked for, or the kinds and the layers; of long tables the first `top` rows."""
    parts = ["\n".join(head(profile))]
    if by is None:
        parts.append(groups("kind", profile.kinds, None))
        ranked = slowest(profile)
        parts.append(_cut(tables.aligned(LAYERS, [cells(layer) for layer in ranked[:top]], RIGHT_LAYERS), len(ranked), top))
    else:
        parts.append(groups(by, GROUPED[by](profile, depth), None if by == "kind" else top))
    return "\n\n".join(parts)


def slowest(profile: Profile) -> list[Judged]:
    """The layers, the one that takes most time first."""
    return sorted(profile.layers, key=lambda layer: -(layer.seconds or 0.0))


def head(profile: Profile) -> list[str]:
    """What was profiled, the sum of the layers against the whole, what profiling cost, and the ceilings."""
    seconds, by = units.duration, f"({profile.profiler})"
    parts = f"({seconds(profile.before_s)} before the profile, {seconds(profile.after_s)} after)"
    return [
        profile.case_id,
        f"without a profiler: {seconds(profile.total_s)}, median of {profile.requests} requests {parts}",
        f"sum of {len(profile.layers)} layers: {seconds(profile.layers_s)}, {units.percent(profile.covered)} of that",
        f"a run under the profiler: {seconds(profile.run_s)}, {units.change(profile.overhead)}, median of {profile.runs} {by}",
        *(f"ceilings of {precision}: {_ceiling(found)}" for precision, found in profile.ceilings.items()),
        *(f"note: {note}" for note in profile.notes),
    ]


def _ceiling(found: Ceiling) -> str:
    return f"{units.quantity(found.peak_flops, 'FLOP/s')}, {units.quantity(found.bandwidth_bytes_per_s, 'B/s')} ({found.method})"


def cells(layer: Judged) -> tuple[str, ...]:
    """A layer as a row."""
    return (
        layer.path or units.MISSING,
        layer.operator,
        layer.kind,
        "x".join(map(str, layer.output)) or units.MISSING,
        *_numbers(layer),
        layer.bound,
    )


def groups(by: str, found: Sequence[Group], top: int | None) -> str:
    """A table of groups, with the shares of their time by what bounds it."""
    return _cut(tables.aligned((by, *GROUPS), [group_cells(group) for group in found[:top]], RIGHT_GROUPS), len(found), top)


def group_cells(group: Group) -> tuple[str, ...]:
    """A group as a row."""
    return (group.name, str(group.layers), *_numbers(group), bounds(group))


def bounds(group: Group) -> str:
    """What bounds the time of a group: "compute", or "compute 80 %, memory 20 %"."""
    ranked = sorted(group.bounds.items(), key=lambda item: -item[1])
    if len(ranked) == 1:
        return ranked[0][0]
    return ", ".join(f"{name} {units.percent(share, 0)}" for name, share in ranked) or units.MISSING


def _numbers(row: Judged | Group) -> tuple[str, ...]:
    return (
        units.duration(row.seconds),
        units.percent(row.share),
        units.count(row.macs) if row.macs else units.MISSING,
        units.quantity(row.flops_per_s, "FLOP/s"),
        units.percent(row.peak_share, 0),
        units.quantity(row.bytes_per_s, "B/s"),
        units.percent(row.bandwidth_share, 0),
    )


def _cut(table: str, count: int, top: int | None) -> str:
    return table if top is None or count <= top else f"{table}\n… and {count - top} more: --all, or --top N"
