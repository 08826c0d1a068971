"""What the stopping rule costs in coverage: simulated, since on a machine nobody knows the true value.

python tests/campaigns/stopping.py [--runs 1000]

Processes are drawn from a log-normal distribution with the median 1; a run stops by vbench's own rule, or at its first narrow
interval, and its interval then holds 1 or does not.
"""

from __future__ import annotations

import argparse
import random
import sys

from campaign import chance, markdown

from vbench import effort, stats
from vbench.config import Settings
from vbench.core import Case, Replicate

SPREADS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.07)
CASE = Case(architecture="a/simulated", input_shape=(3, 8, 8))


def ends(times: list[float], settings: Settings) -> tuple[int, int]:
    """After how many of the processes the run ends: at its first narrow interval, and by vbench's rule."""
    counts = range(settings.min_processes, settings.max_processes + 1)
    processes = [
        Replicate(case=CASE.id, index=i, round=i, server=i, status="ok", latency_ns=(round(t * 1e9),))
        for i, t in enumerate(times)
    ]
    first = (n for n in counts if (stats.relative_half_width(times[:n]) or 1.0) <= settings.interval)
    ours = (n for n in counts if not effort.unfinished(CASE, processes[:n], settings))
    return next(first, settings.max_processes), next(ours)


def simulate(spread: float, runs: int, seed: int, settings: Settings) -> list[tuple[int, float]]:
    """For either rule: how many runs hold the true value, and the processes that they took on the average."""
    source = random.Random(f"{seed}:{spread}")  # noqa: S311 - chance, not a secret
    held, used = [0, 0], [0, 0]
    for _ in range(runs):
        times = [source.lognormvariate(0.0, spread) for _ in range(settings.max_processes)]
        for rule, count in enumerate(ends(times, settings)):
            found = stats.median_interval(times[:count])
            held[rule] += found is not None and chance.holds(found, 1.0)
            used[rule] += count
    return [(held[rule], used[rule] / runs) for rule in range(2)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows = []
    for spread in SPREADS:
        cells = [f"{spread:.0%}"]
        for held, used in simulate(spread, given.runs, given.seed, Settings()):
            cells += [markdown.percent(held / given.runs), markdown.between(chance.wilson(held, given.runs)), f"{used:.1f}"]
        rows.append(cells)
    one = ("hold it", "95 % interval", "processes")
    header = ("between processes", *(f"first narrow: {c}" for c in one), *(f"narrow twice: {c}" for c in one))
    sys.stdout.write(markdown.table(header, rows) + "\n")


if __name__ == "__main__":
    main()
