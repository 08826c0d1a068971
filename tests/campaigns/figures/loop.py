"""Our loop over torch.utils.benchmark's, on the same call in the same process: one ratio per process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from campaign import host, markdown

from vbench import stats

from . import bias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from campaign.log import Log


def of_process(found: dict[str, Any]) -> float:
    """A process's ratio: the median of its rounds."""
    return math.exp(stats.median([math.log(mine / other) for mine, other in found["pairs"]]))


def ratios(repetitions: Sequence[dict[str, Any]], network: str) -> list[float]:
    """One per process of a network."""
    return [of_process(r["networks"][network]) for r in repetitions if network in r["networks"]]


def report(log: Log) -> str:
    """The table, and all networks together."""
    repetitions = log.ordered()
    networks = list(dict.fromkeys(sorted(name for r in repetitions for name in r["networks"])))
    found = {network: ratios(repetitions, network) for network in networks}
    rows = [(network, *_cells(values)) for network, values in found.items()]
    rows.append(("all", *_cells([value for values in found.values() for value in values])))
    header = ("network", "processes", "ours / theirs", "95 % interval", f"within {markdown.percent(bias.GOAL, 0)}")
    said = "A process times by turns with vbench's loop and with `blocked_autorange`; its ratio is the median of its rounds."
    return "\n\n".join([host.summary(log), said, markdown.table(header, rows)])


def _cells(values: Sequence[float]) -> tuple[str, ...]:
    one = bias.ratio([(value, 1.0) for value in values])
    interval = markdown.MISSING if one.interval is None else " to ".join(map(markdown.ratio, one.interval))
    return str(one.rounds), markdown.ratio(one.paired), interval, one.verdict()
