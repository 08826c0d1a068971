"""Cost: seconds to an interval of 2 %, one run of ours against fresh processes of torch.utils.benchmark.

Both time each network for the same seconds per process, and stop by the same rule.

python tests/campaigns/cost.py --repetitions 3
python tests/campaigns/cost.py --analyse results/MACHINE/campaigns/cost.jsonl
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from campaign import driver, fresh, ours
from figures import cost as figures

from vbench import stats

if TYPE_CHECKING:
    import argparse

    from campaign.log import Log
    from campaign.ours import Task


def arguments(parser: argparse.ArgumentParser) -> None:
    """The interval to reach, and when to give up."""
    parser.add_argument("--networks", nargs="*", default=[], help="left out, the twelve of the default suite")
    parser.add_argument("--interval", type=float, default=0.02, help="the relative half-width to reach")
    parser.add_argument("--budget", type=float, default=0.2, help="seconds that a process times (0.2 is blocked_autorange's own)")
    parser.add_argument("--warmup", type=float, default=0.5, help="at most; torch.utils.benchmark has its own")
    parser.add_argument("--max-processes", type=int, default=100, help="per network")
    parser.add_argument("--time-limit", type=float, default=1800.0, help="seconds for each of the two")


def settings(given: argparse.Namespace) -> dict[str, Any]:
    """What has to stay the same for a log to be continued."""
    kept = {key: getattr(given, key) for key in ("interval", "budget", "warmup", "max_processes", "time_limit")}
    return {"networks": ours.networks(given.networks, given.config)} | kept


def measure(task: Task) -> dict[str, Any]:
    """Ours and theirs one after the other; which goes first changes from repetition to repetition."""
    sides = {"vbench": _ours, "torch": _theirs}
    order = sorted(sides, reverse=task.number % 2 == 0)
    return {"order": order, "interval": task.settings["interval"]} | {side: sides[side](task) for side in order}


def _ours(task: Task) -> dict[str, Any]:
    given = task.settings
    run = {key: given[key] for key in ("interval", "max_processes", "time_limit", "warmup")}
    # Neither tool waits between its processes: what is compared is work.
    run |= {"min_processes": stats.MIN_PROCESSES, "spread": 0.0, "latency": given["budget"], "throughput": 0.0}
    return ours.run(task, given["networks"], "cost", **run)


def _theirs(task: Task) -> dict[str, Any]:
    """Rounds of one fresh process for every network that still wants one."""
    given = task.settings
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in given["networks"]}
    began = time.perf_counter()
    while time.perf_counter() - began < given["time_limit"]:
        wanted = [name for name in found if _wanted(found[name], given)]
        if not wanted:
            break
        for name in task.random.sample(wanted, len(wanted)):
            found[name].append(fresh.torch_timer(task, name, given["budget"]))
    return {"networks": found, "seconds": time.perf_counter() - began}


def _wanted(processes: list[dict[str, Any]], given: dict[str, Any]) -> bool:
    medians = figures.theirs(processes)
    return len(medians) < given["max_processes"] and not figures.reached(medians, given["interval"])


def report(log: Log, given: argparse.Namespace) -> str:
    """The tables."""
    return figures.report(log)


CAMPAIGN = driver.Campaign("cost", __doc__.partition("\n")[0], 3, arguments, settings, measure, report)

if __name__ == "__main__":
    sys.exit(driver.main(CAMPAIGN))
