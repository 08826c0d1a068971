"""Cases of further suites: which is next, what it will cost, and how much time is kept free for them.

They come when the others have all the processes that they need, as long as the time limit allows: on engines that the others
were not measured on, network by network, the smallest first; then in further precisions of the engines that were; and last what
takes longer than seconds to prepare. What a check takes is known when one of its kind has run, and before that as the engine says
(`check_s`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .registry import ARCHITECTURES, ENGINES
from .stats import median

if TYPE_CHECKING:
    from collections.abc import Collection

    from .core import Case
    from .state import State

# The first check of an engine that exports may take a minute, with nothing kept; that of another builds and compares.
_EXPORT_S, _CHECK_S, _PROCESS_S = 20.0, 3.0, 3.0
# What takes longer than this comes when everything else has had its turn.
_DEAR_S = 12.0
# Of the time limit, the most that is kept free for further cases while the others measure what they need.
_SHARE = 1 / 3
# How far beyond the time limit a further case that has begun may go on.
GRACE_S = 10.0


def builds(case: Case) -> bool:
    """Whether the case's engine needs a network, which is then checked."""
    return bool(getattr(ENGINES.get(case.engine), "builds", True))


def upcoming(state: State, tried: Collection[str] = ()) -> Case | None:
    """The next further case that the time limit still allows, leaving out those that were tried; None where there is none."""
    left = state.left()
    costs = {case: seconds(state, case) for case in state.later if case.id not in tried}
    allowed = [case for case, cost in costs.items() if cost <= left]
    had = {case.engine for case in state.run.cases if case.id not in state.run.further}
    return min(allowed, key=lambda case: (costs[case] > _DEAR_S, case.engine in had, _macs(case), costs[case]), default=None)


def outlook_s(state: State) -> float:
    """Seconds until all that is required is measured, or until the time limit where that is all there is; as far as is known."""
    open_ = state.open()
    missing = sum(max(0, state.least(case) - len(state.of(case))) * state.cost(case) for case in open_)
    missing += reserved(state)
    limit = state.limit
    spread = state.settings.spread - state.measuring() if missing else 0.0
    if not missing and open_ and limit is not None:
        return max(0.0, limit - state.elapsed())
    return max(missing, spread, 0.0)


def reserved(state: State) -> float:
    """Seconds of the time limit that are kept free for the further cases."""
    return 0.0 if state.limit is None else min(sum(seconds(state, case) for case in state.later), _SHARE * state.limit)


def seconds(state: State, case: Case) -> float:
    """About how long the check and the first process of a case will take."""
    process = _similar(state, case, "measure")
    if process is None:
        process = median([r.seconds for r in state.replicates if r.role == "measure"] or [_PROCESS_S])
    if not builds(case) or state.of(case, "check"):
        return process
    check = _similar(state, case, "check")
    if check is None:
        engine = ENGINES.get(case.engine)
        told = getattr(engine, "check_s", _EXPORT_S if getattr(engine, "exports", False) else _CHECK_S)
        check = told(case) if callable(told) else told
    return check + process


def _similar(state: State, case: Case, role: str) -> float | None:
    """What it took others of the same engine and precision, else of the same engine, in this run; None where there are none."""
    found = [(other, r.seconds) for other in state.run.cases if other.engine == case.engine for r in state.of(other, role)]
    alike = [taken for other, taken in found if other.precision == case.precision]
    return median(alike or [taken for _, taken in found]) if found else None


def _macs(case: Case) -> int:
    return (ARCHITECTURES.get(case.architecture).macs or 0) if case.architecture in ARCHITECTURES else 0
