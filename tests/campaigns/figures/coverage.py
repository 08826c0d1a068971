"""How often an interval holds the long-run value.

The long-run value of a network, by a tool, is the median over all process medians of the campaign (for pytest-benchmark,
which reports a mean: the mean over all process means). A repetition is judged by the value without its own processes.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from campaign import chance, host, markdown, ours

from vbench import drift, stats
from vbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from campaign.chance import Interval
    from campaign.log import Log

HALF_HOUR = 1800.0


class Trial(NamedTuple):
    """What one tool said about one network in one repetition: its processes, the number it reports, and its interval."""

    values: list[float]
    middle: float
    interval: Interval | None


class Share(NamedTuple):
    """How often the intervals of a tool held the long-run value, and how wide they were."""

    held: int
    trials: int
    width: float | None
    long_run: float | None


def vbench_trial(row: dict[str, Any], kind: str = "") -> Trial:
    """The interval of a row of ours; `kind` is `run_` for that of the run alone."""
    return Trial(ours.medians(row), row["latency_s"], ours.interval(row, kind))


def torch_trial(found: dict[str, Any]) -> Trial:
    """The median of one process with the distribution-free interval of its blocks, the best that its times allow.

    Fewer than six blocks have none; the interval is then their whole range, in favour of the tool.
    """
    times = _blocks(found)
    return Trial([found["median_s"]], found["median_s"], stats.median_interval(times) or (min(times), max(times)))


def _blocks(found: dict[str, Any]) -> list[float]:
    """The seconds of one call, block by block."""
    return [block / found["per_block"] / 1e9 for block in found["blocks_ns"]]


def torch_quartiles(found: dict[str, Any]) -> Trial:
    """The same with the quartiles that its report prints beside the median, which some read as an interval."""
    quartiles = stats.quantile(_blocks(found), 0.25), stats.quantile(_blocks(found), 0.75)
    return Trial([found["median_s"]], found["median_s"], quartiles)


def pytest_trial(found: dict[str, Any]) -> Trial:
    """The mean of one process, plus and minus 1.96 of its standard error."""
    mean, error = found["mean_s"], found["stddev_s"] / math.sqrt(found["rounds"])
    return Trial([mean], mean, (mean - 1.96 * error, mean + 1.96 * error))


def controlled(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Our process medians with what the sentinel explains inside this run taken away: a control variate, not used by vbench.

    One slope for all networks of the run (Theil and Sen's, on logarithms, of pairs of processes of one network), between 0
    and 1.2; each process's time is brought to where the sentinel stands at the median of its network's processes.
    """
    found: dict[str, tuple[list[float], list[float]]] = {}
    for name in run["networks"]:
        for row in ours.rows([run], name):
            sentinels = [stats.median(process["sentinel_ns"]) for process in row["processes"] if process.get("sentinel_ns")]
            if len(sentinels) == len(row["processes"]) > 0:
                found[name] = [math.log(s) for s in sentinels], [math.log(t) for t in ours.medians(row)]
    slopes = [(y[i] - y[j]) / (x[i] - x[j]) for x, y in found.values() for i in range(len(x)) for j in range(i) if x[i] != x[j]]
    slope = min(max(stats.median(slopes), 0.0), 1.2) if slopes else 0.0
    return {
        name: {"values": [math.exp(b - slope * (a - stats.median(x))) for a, b in zip(x, y, strict=True)]}
        for name, (x, y) in found.items()
    }


def controlled_trial(found: dict[str, Any]) -> Trial:
    """The interval over the values that were brought together."""
    values = found["values"]
    return Trial(values, stats.median(values), stats.median_interval(values))


def share(trials: Sequence[Trial], center: Callable[[Sequence[float]], float] = stats.median) -> Share:
    """Judge each trial by the long-run value of all the others. One trial alone has nobody to be judged by."""
    groups = [trial.values for trial in trials]
    judged = [
        (trial, center(chance.without(groups, index)))
        for index, trial in enumerate(trials)
        if len(trials) > 1 and trial.interval is not None
    ]
    widths = [chance.half_width(trial.interval, trial.middle) for trial in trials if trial.interval is not None]
    return Share(
        held=sum(chance.holds(trial.interval, value) for trial, value in judged),
        trials=len(judged),
        width=stats.median(widths) if widths else None,
        long_run=center([value for group in groups for value in group]) if groups else None,
    )


# By the key of a repetition's entry: what the tool is called, how its entry is read, and what it takes as its middle.
_TOOLS: tuple[tuple[str, str, Callable[[dict[str, Any]], Trial], Callable[[Sequence[float]], float]], ...] = (
    ("vbench", "vbench (drift included)", vbench_trial, stats.median),
    ("vbench", "vbench (run alone)", lambda row: vbench_trial(row, "run_"), stats.median),
    ("controlled", "vbench (run alone, control variate: not used)", controlled_trial, stats.median),
    ("torch", "torch.utils.benchmark (blocked_autorange, order statistics of its blocks)", torch_trial, stats.median),
    ("torch", "torch.utils.benchmark (the quartiles that it prints)", torch_quartiles, stats.median),
    ("pytest", "pytest-benchmark (mean ± 1.96 standard errors)", pytest_trial, fmean),
)


def entries(repetitions: Sequence[dict[str, Any]], key: str, network: str) -> list[dict[str, Any]]:
    """What the repetitions hold of one tool about one network."""
    if key == "vbench":
        return ours.rows([r["vbench"] for r in repetitions], network)
    return [r[key][network] for r in repetitions if network in r.get(key, {})]


def shares(repetitions: Sequence[dict[str, Any]], networks: Sequence[str]) -> dict[tuple[str, str], Share]:
    """The share of every tool that was run, by tool and network; under the network `all` those of all networks together."""
    found: dict[tuple[str, str], Share] = {}
    for key, name, read, center in _TOOLS:
        of_tool = {}
        for network in networks:
            trials = [read(entry) for entry in entries(repetitions, key, network)]
            if trials:
                of_tool[network] = share(trials, center)
        if of_tool:
            widths = [one.width for one in of_tool.values() if one.width is not None]
            held, trials_ = sum(one.held for one in of_tool.values()), sum(one.trials for one in of_tool.values())
            of_tool["all"] = Share(held, trials_, stats.median(widths) if widths else None, None)
        found |= {(name, network): one for network, one in of_tool.items()}
    return found


def half_hours(repetitions: Sequence[dict[str, Any]], networks: Sequence[str]) -> list[tuple[int, dict[str, tuple[int, float]]]]:
    """Per half hour since the first process of ours, and network: how many processes, and the median of their medians."""
    found: dict[int, dict[str, list[float]]] = {}
    processes = [(n, p) for n in networks for row in entries(repetitions, "vbench", n) for p in row["processes"]]
    first = min((process["started_s"] for _, process in processes), default=0.0)
    for network, process in processes:
        slot = found.setdefault(int((process["started_s"] - first) // HALF_HOUR), {})
        slot.setdefault(network, []).append(process["median_ns"] / 1e9)
    return [(slot, {n: (len(v), stats.median(v)) for n, v in found[slot].items()}) for slot in sorted(found)]


# Which earlier runs of the machine a run is derived with again: those that it knew of when it was measured, none, or the
# repetitions of the campaign before it, as if they had been ordinary runs in the machine's folder.
HISTORIES = ("recorded", "none", "previous")


def derived(repetitions: Sequence[dict[str, Any]], history: str) -> list[dict[str, Any]]:
    """The repetitions with our intervals derived again from the process medians and sentinels of the log."""
    found = []
    seen: dict[str, list[float]] = {}
    for repetition in sorted(repetitions, key=lambda r: r["started_s"]):
        run = repetition["vbench"]
        previous = {key: medians[-drift.HISTORY :] for key, medians in seen.items()}
        earlier = {"recorded": None, "none": {}, "previous": previous}[history]
        found.append(repetition | {"vbench": run | {"networks": ours.derive(run, earlier)}})
        for key, middle in ours.sentinels(run).items():
            seen.setdefault(key, []).append(middle)
    return found


def report(log: Log, history: str | None = None, first: int = 1) -> str:
    """All tables, of the repetitions from `first` (counted from 1) on; with a `history`, of intervals derived again with it."""
    repetitions = log.ordered() if history is None else derived(log.ordered(), history)
    repetitions = [r | {"controlled": controlled(r["vbench"])} for r in repetitions if r["repetition"] + 1 >= first]
    if not repetitions:
        message = f"--first {first}: the log holds no repetition from there on"
        raise UsageError(message)
    networks = list(dict.fromkeys(name for r in repetitions for name in r["vbench"]["networks"]))
    calm = [r for r in repetitions if not host.spoiled(r["conditions"])]
    origin = "as each run gave them" if history is None else f"derived again from the log (earlier runs: {history})"
    judged = "" if first == 1 else f" Judged are the {len(repetitions)} from repetition {first} on."
    parts = [
        f"{host.summary(log)} The intervals of vbench {origin}.{judged}",
        _shares(repetitions, networks),
    ]
    if len(calm) < len(repetitions):
        others = f"The machine was not idle in {len(repetitions) - len(calm)} repetitions; the {len(calm)} others alone:"
        parts += [others, _shares(calm, networks)] if calm else ["The machine was idle in none of them."]
    return "\n\n".join([*parts, "Medians of our processes per half hour, and their distance to the long-run value:", _drift(log)])


def _shares(repetitions: Sequence[dict[str, Any]], networks: Sequence[str]) -> str:
    header = ("network", "tool", "long-run value", "intervals", "hold it", "95 % interval of the share", "median half-width")
    found = shares(repetitions, networks)
    rows = [
        (
            network,
            tool,
            markdown.ms(one.long_run),
            str(one.trials),
            markdown.percent(one.held / one.trials) if one.trials else markdown.MISSING,
            markdown.between(chance.wilson(one.held, one.trials)) if one.trials else markdown.MISSING,
            markdown.percent(one.width, 2),
        )
        for network in (*networks, "all")
        for (tool, of), one in found.items()
        if of == network
    ]
    return markdown.table(header, rows)


def _drift(log: Log) -> str:
    repetitions = log.ordered()
    networks = list(dict.fromkeys(name for r in repetitions for name in r["vbench"]["networks"]))
    slots = half_hours(repetitions, networks)
    every = {n: [m for row in entries(repetitions, "vbench", n) for m in ours.medians(row)] for n in networks}
    rows = []
    for slot, values in slots:
        cells = [f"{slot / 2:g} to {(slot + 1) / 2:g} h"]
        for network in networks:
            if network not in values:
                cells.append(markdown.MISSING)
                continue
            count, middle = values[network]
            away = middle / stats.median(every[network]) - 1
            cells.append(f"{markdown.ms(middle)} ({100 * away:+.1f} %, {count} processes)")
        rows.append(cells)
    return markdown.table(["since the first process", *networks], rows)
