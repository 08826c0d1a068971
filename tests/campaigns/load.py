"""Load: the suite measured idle, then with a neighbour that comes and goes (stress-ng); is every wrong row flagged?

python tests/campaigns/load.py --repetitions 3
python tests/campaigns/load.py --analyse results/MACHINE/campaigns/load.jsonl
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from campaign import driver, ours
from figures import load as figures

from vbench import neighbour

if TYPE_CHECKING:
    import argparse

    from campaign.log import Log
    from campaign.ours import Task

# Longer than any run: the schedule ends with the run, whichever is longer.
LONGEST_S = 7200.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which networks, and for how long; all else is as `vbench run` does it."""
    parser.add_argument("--networks", nargs="*", default=[], help="left out, the twelve of the default suite")
    parser.add_argument("--time-limit", type=float, help="seconds for a run; left out, that of the configuration")
    parser.add_argument("--max-processes", type=int, help="per network; left out, that of the configuration")


def settings(given: argparse.Namespace) -> dict[str, Any]:
    """What has to stay the same for a log to be continued. Raises UsageError where stress-ng is not installed."""
    neighbour.available()
    kept = {key: getattr(given, key) for key in ("time_limit", "max_processes") if getattr(given, key) is not None}
    return {
        "networks": ours.networks(given.networks, given.config),
        "run": kept,
        "on_s": neighbour.ON_S,
        "off_s": neighbour.OFF_S,
    }


def measure(task: Task) -> dict[str, Any]:
    """An idle run, then one under load."""
    names, run = task.settings["networks"], task.settings["run"]
    idle = ours.run(task, names, "load-idle", **run)
    planned = neighbour.schedule(f"{task.settings['seed']}:{task.number}", LONGEST_S)
    with neighbour.Bursts(planned) as running:
        loaded = ours.run(task, names, "load-busy", **run)
    return {"idle": idle, "loaded": loaded, "bursts": running.ran}


def report(log: Log, given: argparse.Namespace) -> str:
    """The tables."""
    return figures.report(log)


CAMPAIGN = driver.Campaign("load", __doc__.partition("\n")[0], 3, arguments, settings, measure, report)

if __name__ == "__main__":
    sys.exit(driver.main(CAMPAIGN))
