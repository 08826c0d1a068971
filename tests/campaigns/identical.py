"""How often `vbench compare` tells runs of identical code apart, from the repetitions of the campaign `coverage`.

python tests/campaigns/identical.py results/MACHINE/campaigns/coverage.jsonl

Every two repetitions are compared as two result files are: the same code on the same machine, so that a row that is called worse
or better is called so wrongly.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from campaign import log, markdown, ours

from vbench import results, stats
from vbench.compare import matching, ratios
from vbench.history.measures import measures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vbench.core import Record

HOUR = 3600.0
LATENCY = measures(["latency"])[0]


class Tally(NamedTuple):
    """A row of two runs: whether the interval held 1, and that without the machine's drift; and half the width of the first."""

    apart_s: float
    held: bool
    alone: bool
    half: float


def tallies(found: Sequence[tuple[float, Record]]) -> Iterator[Tally]:
    """Every network of every two repetitions, in order."""
    for (first, old), (second, new) in itertools.combinations(found, 2):
        sides = (matching.Side(name, name, (record,)) for name, record in (("A", old), ("B", new)))
        for pair in matching.match(*sides).pairs:
            moved = ratios.between(pair)
            both, alone = (ratios.compare(pair, LATENCY, drift) for drift in (moved, ratios.Drift()))
            if both is not None and alone is not None and both.low is not None and both.high is not None:
                held, bare = (one.low <= 1.0 <= one.high for one in (both, alone))  # type: ignore[operator]
                yield Tally(second - first, held, bare, (both.high - both.low) / 2 / (both.ratio or 1.0))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path)
    found = []
    for repetition in log.read(parser.parse_args().file).ordered():
        head, replicates = ours.evidence(repetition["vbench"], {})
        found.append((repetition["started_s"], results.record(head, replicates, "complete")))
    every = list(tallies(found))
    groups = {
        "one after the other": [one for one in every if one.apart_s < HOUR / 20],
        "more than an hour apart": [one for one in every if one.apart_s > HOUR],
        "all": every,
    }
    rows = [
        (
            name,
            str(len(own)),
            markdown.percent(sum(not one.held for one in own) / len(own)),
            markdown.percent(sum(not one.alone for one in own) / len(own)),
            markdown.percent(stats.median([one.half for one in own])),
        )
        for name, own in groups.items()
        if own
    ]
    header = ("repetitions", "rows", "interval excludes 1", "without the drift it would", "median half-width")
    sys.stdout.write(markdown.table(header, rows) + "\n")


if __name__ == "__main__":
    main()
