"""Repeatability: the default suite measured twice or more, as a user would, and the runs compared.

python tests/campaigns/repeatability.py --repetitions 2
python tests/campaigns/repeatability.py --analyse results/MACHINE/campaigns/repeatability.jsonl
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from campaign import driver, ours
from figures import repeatability as figures

if TYPE_CHECKING:
    import argparse

    from campaign.log import Log
    from campaign.ours import Task


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which networks, and for how long; all else is as `vbench run` does it."""
    parser.add_argument("--networks", nargs="*", default=[], help="left out, the twelve of the default suite")
    parser.add_argument("--time-limit", type=float, help="seconds for a run; left out, that of the configuration")
    parser.add_argument("--max-processes", type=int, help="per network; left out, that of the configuration")


def settings(given: argparse.Namespace) -> dict[str, Any]:
    """What has to stay the same for a log to be continued."""
    kept = {key: getattr(given, key) for key in ("time_limit", "max_processes") if getattr(given, key) is not None}
    return {"networks": ours.networks(given.networks, given.config), "run": kept}


def measure(task: Task) -> dict[str, Any]:
    """One run."""
    return {"vbench": ours.run(task, task.settings["networks"], "repeatability", **task.settings["run"])}


def report(log: Log, given: argparse.Namespace) -> str:
    """The tables."""
    return figures.report(log)


CAMPAIGN = driver.Campaign("repeatability", __doc__.partition("\n")[0], 2, arguments, settings, measure, report)

if __name__ == "__main__":
    sys.exit(driver.main(CAMPAIGN))
