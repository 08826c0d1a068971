"""How much to measure: when a case is done, how many samples a process draws, how long its passes are, how long to wait.

Pure: it looks at what was found so far and at the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .axes import LONG, lasts
from .core import STEADY
from .energy import WINDOW_S
from .measure import MAX_SAMPLES, MIN_SAMPLES, NS, Budget, fewest, submissions
from .stats import median, relative_half_width
from .sweeps import headlines
from .variance import components, samples_per_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Settings
    from .core import Case, Replicate

# Of the time that a process has beyond those, what goes to each pass when the time limit leaves less than they would like.
_SHARES = {"warmup": 0.35, "latency": 0.30, "throughput": 0.15, "search": 0.8}
# A throughput pass that is kept short still lasts so long (or three submissions), or it would not fill a device's queue.
_LEAST_S = 0.1
# A worker may take so much longer for each declared GMAC of its batch: forty passes at 10 GMAC/s.
S_PER_GMAC = 4.0
# From so many processes on, the two variances decide how many samples the next ones draw; the first draw so many.
_KNOWN, _FIRST = 3, 30


def steady(case: Case) -> bool:
    """Whether a scenario submits the case's own batch without a pause, which is what the energy pass does."""
    return case.scenario.partition(":")[0] in STEADY


def energy_s(settings: Settings, case: Case) -> float:
    """Seconds that the energy pass of a case takes: its two windows and the warm-up between them."""
    return 0.0 if case.virtual else 2 * WINDOW_S + settings.warmup + 1.0


def bounds(case: Case, settings: Settings) -> tuple[int, int]:
    """The fewest and the most processes of a case: as the settings say, or one where a process takes minutes."""
    if case.scenario.partition(":")[0] in LONG:
        return 1, 1
    return settings.min_processes, settings.max_processes


def timeout(case: Case, settings: Settings, macs: int = 0) -> float:
    """Seconds after which a worker is taken to hang: as the settings say, beyond what scenario and network themselves take.

    `macs` is what the network declares for one picture: a process computes it some forty times, on slow machines slowly.
    """
    return settings.timeout + lasts(case.scenario) + S_PER_GMAC * case.batch * macs / 1e9


def unfinished(case: Case, replicates: Sequence[Replicate], settings: Settings) -> bool:
    """Whether a case wants another process: too few yet, or not as precise as asked with the last one and before it.

    Whoever stops at the first narrow interval prefers those that are narrow by chance, and they hold the true value less
    often; the second look gives that back for a few more processes (tests/campaigns/stopping.py simulates both).
    """
    least, most = bounds(case, settings)
    if len(replicates) < least:
        return True
    found = headlines(case.scenario, replicates)
    return len(replicates) < most and bool(found) and not (_narrow(found, settings) and _narrow(found[:-1], settings))


def _narrow(found: Sequence[float], settings: Settings) -> bool:
    width = relative_half_width(found)
    return width is not None and width <= settings.interval


def samples(replicates: Sequence[Replicate]) -> int:
    """How many samples the next process of a case should draw, from the two variances and the two costs found so far.

    Before enough processes have run it is a number that shows the variance inside one: variances must be known to be weighed.
    """
    timed = [r for r in replicates if len(r.latency_ns) > 1]
    found = components([r.latency_ns for r in timed])
    if len(timed) < _KNOWN or found is None:
        return _FIRST
    sample_s = median([median(r.latency_ns) for r in timed]) / NS
    # What a process costs before its first sample: everything but its samples and the pass that submits as many again.
    start_s = median([max(0.0, r.seconds - _sampling(r)) for r in timed])
    return samples_per_process(found, start_s, 2 * sample_s, MIN_SAMPLES, MAX_SAMPLES)


def _sampling(replicate: Replicate) -> float:
    """Seconds that a process spent on what grows with the number of its samples."""
    return sum(replicate.latency_ns) / NS + replicate.values.get("throughput_s", 0.0)


def fewest_s(replicates: Sequence[Replicate]) -> float | None:
    """Seconds that a process of a case takes whose passes have no time at all: its start, and its fewest steps.

    None where no process has shown how long a step is.
    """
    step_s = _step(replicates)
    timed = [r for r in replicates if "passes_s" in r.values]
    if step_s is None or not timed:
        return None
    return median([max(0.0, r.seconds - r.values["passes_s"]) for r in timed]) + sum(_fewest(step_s).values())


def share(missing: Sequence[float | None], left_s: float) -> float:
    """Seconds that each process that is required has beyond its fewest steps, so that all of them end within `left_s`.

    `missing` has the least seconds of each, None where they are not known; those are taken to be like the others.
    """
    if not missing or left_s == float("inf"):
        return float("inf")
    known = [seconds for seconds in missing if seconds is not None]
    unknown = (len(missing) - len(known)) * (sum(known) / len(known) if known else 0.0)
    return max(0.0, left_s - sum(known) - unknown) / len(missing)


def budget(replicates: Sequence[Replicate], settings: Settings, share_s: float = float("inf")) -> Budget:
    """The passes of the next process of a case.

    As the settings say; shorter where the variances say that more would not help; and shorter still where a process has no more
    than `share_s` seconds beyond its fewest steps.
    """
    count = samples(replicates)
    throughput, step_s = settings.throughput, _step(replicates)
    if step_s is not None:
        # What makes more samples useless makes more submissions so: only samples beyond the fewest are matched.
        throughput = min(throughput, max(_LEAST_S, (count - MIN_SAMPLES) * step_s))
    planned = Budget(settings.warmup, settings.latency, throughput, count, settings.timeout / 2)
    if share_s == float("inf"):
        return planned
    least = _fewest(step_s or 0.0)
    short = {name: min(getattr(planned, name), least.get(name, 0.0) + part * share_s) for name, part in _SHARES.items()}
    return Budget(**short, samples=count)


def _fewest(step_s: float) -> dict[str, float]:
    """Seconds of each pass that has no time at all, as measure.py has them."""
    group, count = fewest(step_s)
    return {"warmup": 2 * group * step_s, "latency": count * step_s, "throughput": submissions(step_s) * step_s}


def _step(replicates: Sequence[Replicate]) -> float | None:
    """Seconds of one request, where a process has timed any."""
    middle = [median(r.latency_ns) for r in replicates if r.latency_ns]
    return median(middle) / NS if middle else None


def pause(settings: Settings, rounds: int, elapsed_s: float, expected_s: float, left_s: float) -> float:
    """Seconds to wait before a round, so that the `rounds` that are required are spread over `spread`.

    `elapsed_s` counts from when processes began to measure: a check that took a minute has spread nothing. A case measured in
    ten seconds cannot know the next minute.
    """
    if rounds <= 0:
        return 0.0
    spare = settings.spread - elapsed_s - rounds * (expected_s + 1.0)
    return max(0.0, min(spare, left_s) / rounds)
