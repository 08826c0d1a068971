"""Open-loop load: queries arrive by chance, whether or not the last one has been answered.

Found is the largest rate whose 99th percentile, counted from scheduled arrival, stays within the bound after the colon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import measure as passes
from ..measure import NS
from ..stats import median
from ..units import duration, parse_duration, quantity
from . import _rates, _state, single_stream

if TYPE_CHECKING:
    from . import Bench
    from ._rates import Search, Trial


def measure(bench: Bench) -> dict[str, Any]:
    """Warm up, time requests alone, then search by runs of LoadGen; what one request takes alone is the row's latency."""
    session, clock, phase, budget = bench.session, bench.clock, bench.phase, bench.job.budget
    bound_s = parse_duration(bench.parameter)
    ends = clock() + int(budget.search * NS)
    found: dict[str, Any] = {"warmup_ns": single_stream.warm_up(bench)}
    _state.look(bench, median(found["warmup_ns"][-passes.GROUP :]))
    phase("latency")
    found["latency_ns"] = passes.latency(session, clock, budget)
    alone = [ns / NS for ns in found["latency_ns"]]
    if median(alone) > bound_s:
        problem = f"one request alone takes {duration(median(alone))}"
        bench.notes["bound_not_met"] = f"no rate meets {bench.parameter}: {problem}; raise --latency-bound"
    elif _rates.hopeless(alone, bound_s):
        problem = f"alone, {sum(s > bound_s for s in alone)} of {len(alone)} requests took up to {duration(max(alone))}"
        bench.notes["bound_not_met"] = f"no rate meets {bench.parameter}: {problem}; raise --latency-bound"
    else:
        phase("load")
        found["series"] = tuple((t.offered, t.p99_s) for t in _search(bench, bound_s, median(alone), ends).trials)
    _state.look(bench, median(alone) * NS)
    phase("memory")
    bench.values |= single_stream.memory(bench)
    return found


def _search(bench: Bench, bound_s: float, alone_s: float, ends: int) -> Search:
    """Search, confirm, and say in values and notes what came of it."""
    from . import _loadgen  # noqa: PLC0415 - an extra, and only this scenario needs it

    batch, total_s, seed = bench.case.batch, bench.job.budget.search, bench.job.seed + 1
    capacity = batch / alone_s
    short, passed = "", False

    def trial(rate: float, *, last: bool) -> Trial | None:
        nonlocal short, passed
        length = (_rates.LAST if last else 1.0) * total_s / _rates.TRIALS
        plan = _rates.size(rate, capacity, bound_s, length)
        # A search that has found nothing yet has nothing to confirm, and may go on into half of what is kept for that.
        kept = 0.0 if last else _rates.RESERVE * (1.0 if passed else 0.5)
        left_s = (ends - bench.clock()) / NS - kept * total_s
        if plan.seconds > left_s:
            need = f"{plan.queries} queries at {quantity(rate, '1/s')} take {duration(plan.seconds)}"
            short = f"{need}, and {duration(max(0.0, left_s))} of its {duration(total_s)} were left"
            return None
        load = _loadgen.Load(rate=rate, queries=plan.queries, bound_s=bound_s, batch=batch, seed=seed + 1 if last else seed)
        done = _loadgen.run(bench.session, load)
        passed = passed or done.passed
        return done

    found = _rates.find_rate(lambda rate: trial(rate, last=False), capacity)
    again = _rates.Search(None, ()) if found.best is None else _rates.confirm(lambda rate: trial(rate, last=True), found.best)
    both = _rates.Search(again.best, found.trials + again.trials, stopped=found.stopped or again.stopped)
    bench.values["server_trials"] = float(len(both.trials))
    advice = "raise --timeout and --time-limit"
    if both.best is None:
        tried = "every rate that was tried failed" if found.trials else "no rate could be tried"
        first = tried if found.best is None else "no rate passed a second time"
        bench.notes["too_short"] = (
            f"too short for a 99th percentile within {bench.parameter}: {first}; {short or 'the trials are used up'}; {advice}"
        )
        return both
    if found.stopped:
        failed = min((t.rate for t in found.trials if not t.passed), default=None)
        above = "no rate failed" if failed is None else f"{quantity(failed, '1/s')} failed, nothing between was tried"
        bench.notes["too_short"] = f"too short to find the largest rate: {above}; {short or 'the trials are used up'}; {advice}"
    best = both.best
    bench.values |= {
        "server_qps": best.offered,
        "server_p50_s": best.p50_s,
        "server_p99_s": best.p99_s,
        "server_queries": float(best.queries),
    }
    bench.notes["server"] = (
        f"{len(found.trials)} trials with arrivals of seed {seed}, {len(again.trials)} with {seed + 1}; the last asked for "
        f"{quantity(best.rate, '1/s')}; {best.verdict}"
    )
    return both
