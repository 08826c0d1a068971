"""Why a narrower precision is hardly quicker than fp32: what the engine's account of both shows, in seconds. Pure.

For each candidate there is an answer to one question: how many times as quick would the case be without it (Amdahl 1967)? The
time of a request is what was measured of it, or what the engine accounts for where that is more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .core import Operator

# Less than this is hardly a speed-up, of a case over fp32 and of an operator over itself in fp32.
HARDLY = 1.2
# What would make a case less quicker than this is no cause; a second one is named where it matters half as much as the first.
LEAST = 1.05
SECOND = 0.5
# How many times as many numbers of a precision fit where one of fp32 does: what arithmetic may gain from being narrower.
NARROWER = {"tf32": 2.0, "bf16": 2.0, "fp16": 2.0, "int8": 4.0}
CONVERSION = "conversion"
# From this share of a request on, moving data at the machine's bandwidth is what the request does.
MEMORY = 0.5
# What is left of a case at least, however much of it a cause takes.
_REST = 0.01
_NAMED = 3


class Side(NamedTuple):
    """What is known of a case. `seconds` are those of a request, None where requests overlap or were of another batch.

    `traffic_s` and `arithmetic_s` are what the counted bytes and operations of a request take at the machine's ceilings, `peak`
    is the ceiling of its arithmetic; None where it is not known.
    """

    precision: str
    operators: Sequence[Operator]
    seconds: float | None = None
    traffic_s: float | None = None
    arithmetic_s: float | None = None
    peak: float | None = None


class Candidate(NamedTuple):
    """Something that takes time, in words, and how many times as quick the case would be without it."""

    text: str
    gain: float


def cause(own: Side, fp32: Side) -> str:
    """One line: the leading cause or the leading two; or that there is none, with the largest contributors."""
    if not own.operators:
        return "not known: the engine gives no account of what it runs"
    if not _seconds(own.operators):
        left = _left(own)
        stayed = _stayed(left, own) if left else "none of them names a cause"
        return f"not known: the engine accounts for operators and not for their times; {stayed}"
    found = [candidate for candidate in candidates(own, fp32) if candidate.gain >= LEAST]
    if not found:
        return f"no cause found: {_largest(own)}"
    first = found[0]
    named = [first, *(c for c in found[1:2] if c.gain - 1.0 >= SECOND * (first.gain - 1.0))]
    return "; ".join(f"{c.text} ({c.gain:.3g} times as quick without)" for c in named)


def candidates(own: Side, fp32: Side) -> list[Candidate]:
    """All that takes time which a narrower precision did not shorten, the largest first; each stands for itself."""
    found = [*_conversions(own, fp32), *_in_other(own), *_ends(own, fp32), *_no_quicker(own, fp32), *_without_macs(own, fp32)]
    found += [*_memory(own), *_outside(own)]
    return sorted(found, key=lambda candidate: -candidate.gain)


def whole(side: Side) -> float:
    """Seconds of a request: what was measured, or what the engine accounts for where its profiler takes longer."""
    return max(_seconds(side.operators), side.seconds or 0.0)


def _seconds(operators: Iterable[Operator]) -> float:
    return sum(operator.seconds or 0.0 for operator in operators)


def _macs(operators: Iterable[Operator]) -> int:
    return sum(operator.macs for operator in operators)


def _without(side: Side, saved: float, text: str) -> list[Candidate]:
    """The candidate that takes these seconds of a request; none where it takes nothing."""
    total = whole(side)
    return [Candidate(text, 1.0 / max(1.0 - saved / total, _REST))] if saved > 0 else []


def _share(side: Side, operators: Iterable[Operator]) -> str:
    return units.percent(_seconds(operators) / whole(side), 0)


def _against(fp32: Side, operators: Sequence[Operator]) -> str:
    """What the same operators take of fp32, where that is known."""
    return f", {_share(fp32, operators)} in fp32" if _seconds(fp32.operators) else ""


def _conversions(own: Side, fp32: Side) -> list[Candidate]:
    mine, theirs = ([o for o in side.operators if o.kind == CONVERSION] for side in (own, fp32))
    return _without(own, _seconds(mine), f"conversions take {_share(own, mine)} of the time{_against(fp32, theirs)}")


def _left(side: Side) -> list[Operator]:
    """Operators with MACs that do not compute as was asked."""
    return [o for o in side.operators if o.macs and o.precision != side.precision]


def _asked(side: Side) -> list[Operator]:
    return [o for o in side.operators if o.macs and o.precision == side.precision]


def _pace(operators: Iterable[Operator]) -> float | None:
    """Seconds for each MAC, of those that the engine timed."""
    timed = [o for o in operators if o.seconds and o.macs]
    return (_seconds(timed) / _macs(timed) or None) if timed else None


def _usual(side: Side) -> float | None:
    """The pace of the layers that run as was asked: those between the first and the last, or all where there are none between."""
    asked = _asked(side)
    return _pace(o for o in asked if not o.place) or _pace(asked)


def _stayed(left: Sequence[Operator], side: Side) -> str:
    """How much of the arithmetic is in another precision, and what it is."""
    by_name: dict[str, int] = {}
    for o in left:
        name = f"{o.place} layer" if o.place else o.kind
        by_name[name] = by_name.get(name, 0) + o.macs
    named = sorted(by_name, key=lambda name: (-by_name[name], name))[:_NAMED]
    precisions = " and ".join(sorted({o.precision for o in left}))
    return f"{units.percent(_macs(left) / _macs(side.operators), 0)} of the MACs stayed in {precisions} ({', '.join(named)})"


def _in_other(own: Side) -> list[Candidate]:
    """MACs in another precision, as if they went at the pace of the others; where there are no others, at what may be gained."""
    left = _left(own)
    if not left:
        return []
    pace, takes = _usual(own), _seconds(left)
    would = takes / NARROWER.get(own.precision, 1.0) if pace is None else min(takes, pace * _macs(left))
    return _without(own, takes - would, f"{_stayed(left, own)}, in {units.percent(takes / whole(own), 0)} of the time")


def _ends(own: Side, fp32: Side) -> list[Candidate]:
    """The first and the last layer where they run as was asked, and slower than those between."""
    ends, pace = [o for o in _asked(own) if o.place], _usual(own)
    if not ends or pace is None:
        return []
    slower = [o for o in ends if (o.seconds or 0.0) > pace * o.macs]
    saved = _seconds(slower) - pace * _macs(slower)
    names = " and ".join(dict.fromkeys(o.place for o in slower))
    against = _against(fp32, [o for o in fp32.operators if o.macs and o.place in {end.place for end in slower}])
    takes = f"the {names} layer take{'s' * (len(slower) == 1)} {_share(own, slower)} of the time{against},"
    return _without(own, saved, f"{takes} for {units.percent(_macs(slower) / _macs(own.operators), 0)} of the MACs")


def _no_quicker(own: Side, fp32: Side) -> list[Candidate]:
    """Layers that run as was asked, and take hardly less for each MAC than in fp32: as if they gained what they may."""
    found = []
    may = NARROWER.get(own.precision, 1.0)
    between = [o for o in _asked(own) if not o.place]
    for kind in dict.fromkeys(o.kind for o in between):
        mine = [o for o in between if o.kind == kind]
        now, before = _pace(mine), _pace(o for o in fp32.operators if o.kind == kind and not o.place)
        if now is None or before is None or before / now >= HARDLY:
            continue
        text = f"{kind} takes {_share(own, mine)} of the time and is {before / now:.3g} times as quick for each MAC as in fp32"
        if own.peak and fp32.peak and own.peak < HARDLY * fp32.peak:
            text += f" (this machine's measured peak: {own.peak / fp32.peak:.3g} times)"
        found += _without(own, _seconds(mine) * (1.0 - before / now / may), text)
    return found


def _without_macs(own: Side, fp32: Side) -> list[Candidate]:
    """Operators that only move and combine values, and got no quicker: as if they were fused into others."""
    mine, theirs = ([o for o in side.operators if not o.macs and o.kind != CONVERSION] for side in (own, fp32))
    takes = {kind: _seconds(o for o in mine if o.kind == kind) for kind in dict.fromkeys(o.kind for o in mine)}
    before = {kind: _seconds(o for o in theirs if o.kind == kind) for kind in takes}
    slow = {kind: seconds for kind, seconds in takes.items() if seconds and seconds * HARDLY > before[kind]}
    if not slow:
        return []
    named = sorted(slow, key=lambda kind: (-slow[kind], kind))[:_NAMED]
    share = units.percent(sum(slow.values()) / whole(own), 0)
    against = _against(fp32, [o for o in theirs if o.kind in slow])
    return _without(own, sum(slow.values()), f"operators without MACs ({', '.join(named)}) take {share} of the time{against}")


def _memory(own: Side) -> list[Candidate]:
    """Data that takes longer to move than to compute on, and most of the request: as if only the arithmetic were left."""
    total, moved, arithmetic = whole(own), own.traffic_s, own.arithmetic_s or 0.0
    if moved is None or moved < MEMORY * total or moved <= arithmetic:
        return []
    share = units.percent(min(1.0, moved / total), 0)
    text = f"memory bound: the counted traffic takes {share} of the time at the measured bandwidth"
    return _without(own, total - max(total - moved, arithmetic), text)


def _outside(own: Side) -> list[Candidate]:
    """What is measured of a request and that no operator accounts for: handing over, waiting, copying in and out."""
    outside = whole(own) - _seconds(own.operators)
    return _without(
        own, outside, f"{units.percent(outside / whole(own), 0)} of the time is in no operator of the engine's account"
    )


def _largest(side: Side) -> str:
    """The kinds of operators that take most of the time."""
    sums: dict[tuple[str, str], float] = {}
    for o in side.operators:
        key = (o.kind, o.precision)
        sums[key] = sums.get(key, 0.0) + (o.seconds or 0.0)
    ranked = sorted((key for key in sums if sums[key]), key=lambda key: (-sums[key], key))[:_NAMED]
    parts = [f"{kind} in {precision} {units.percent(sums[kind, precision] / whole(side), 0)}" for kind, precision in ranked]
    return f"most of the time is in {', '.join(parts)}"
