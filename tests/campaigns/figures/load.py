"""What a neighbour does to the rows: which are flagged, whose interval still holds the idle value, and which are silently wrong.

The idle long-run value of a network is the median over all processes of the idle runs. Silently wrong is a row whose
interval misses it while no flag of `vbench.flags.BIAS` says that the number may be off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from campaign import chance, host, markdown, ours

from vbench import stats
from vbench.flags import BIAS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from campaign.log import Log


class Row(NamedTuple):
    """A network of one run: what it says, and what the idle runs say."""

    repetition: int
    network: str
    middle: float
    interval: tuple[float, float] | None
    idle: float
    flags: tuple[str, ...]

    @property
    def flagged(self) -> bool:
        """Whether a flag says that the number may be off; that an interval is wide does not."""
        return bool(BIAS & set(self.flags))

    @property
    def holds(self) -> bool:
        """Whether the interval holds the idle value."""
        return chance.holds(self.interval, self.idle)

    @property
    def silent(self) -> bool:
        """Wrong by more than its interval, and nothing says so."""
        return not self.holds and not self.flagged


def idle_values(idle: Sequence[dict[str, Any]], networks: Sequence[str], without: int | None = None) -> dict[str, float]:
    """The long-run value of each network, from the idle runs; `without` leaves one out, so that it can be judged."""
    kept = [run for index, run in enumerate(idle) if index != without]
    pools = {network: [m for row in ours.rows(kept, network) for m in ours.medians(row)] for network in networks}
    return {network: stats.median(pool) for network, pool in pools.items() if pool}


def judged(run: dict[str, Any], repetition: int, idle: dict[str, float]) -> list[Row]:
    """The rows of one run that have an idle value to be judged by."""
    return [
        Row(repetition, network, row["latency_s"], ours.interval(row), value, tuple(row["flags"]))
        for network, value in idle.items()
        for row in ours.rows([run], network)
    ]


def report(log: Log) -> str:
    """Both kinds of run side by side, every row under load, and the silently wrong by name."""
    repetitions = log.ordered()
    idle = [r["idle"] for r in repetitions]
    networks = list(dict.fromkeys(name for run in idle for name in run["networks"]))
    loaded = [row for r in repetitions for row in judged(r["loaded"], r["repetition"] + 1, idle_values(idle, networks))]
    # One idle run alone would be judged by itself, which says nothing.
    calm = [
        row
        for index, r in enumerate(repetitions)
        if len(repetitions) > 1
        for row in judged(r["idle"], r["repetition"] + 1, idle_values(idle, networks, without=index))
    ]
    shares = [
        (
            name,
            str(len(rows)),
            str(sum(row.flagged for row in rows)),
            str(sum(row.holds for row in rows)),
            str(sum(row.flagged and not row.holds for row in rows)),
            str(sum(row.silent for row in rows)),
        )
        for name, rows in (("idle", calm), ("under load", loaded))
        if rows
    ]
    bursts = [burst for r in repetitions for burst in r["bursts"]]
    away = sum(end - start for start, end in bursts)
    seconds = sum(r["loaded"]["seconds"] for r in repetitions)
    parts = [
        host.summary(log),
        f"{len(bursts)} bursts of load took {markdown.percent(away / seconds)} of the loaded runs.",
        markdown.table(("runs", "rows", "flagged", "hold the idle value", "miss it, flagged", "miss it, silently"), shares),
        markdown.table(
            ("network", "repetition", "idle value", "under load", "interval", "flags", "holds"), list(map(_cells, loaded))
        ),
    ]
    silent = [row for row in loaded if row.silent]
    parts.append(
        "Silently wrong: " + ("none." if not silent else ", ".join(f"{row.network} ({row.repetition})" for row in silent) + ".")
    )
    return "\n\n".join(parts)


def _cells(row: Row) -> tuple[str, ...]:
    interval = markdown.MISSING if row.interval is None else " to ".join(map(markdown.ms, row.interval))
    middle = f"{markdown.ms(row.middle)} ({100 * (row.middle / row.idle - 1):+.1f} %)"
    said = ", ".join(row.flags) or "none"
    holds = "yes" if row.holds else ("no, flagged" if row.flagged else "no, silently")
    return row.network, str(row.repetition), markdown.ms(row.idle), middle, interval, said, holds
