"""Loop: our sampling against torch.utils.benchmark on the same call in the same process, which leaves the timing alone to differ.

python tests/campaigns/loop.py --repetitions 8
python tests/campaigns/loop.py --analyse results/MACHINE/campaigns/loop.jsonl
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from campaign import driver, fresh, ours
from figures import loop as figures

if TYPE_CHECKING:
    import argparse

    from campaign.log import Log
    from campaign.ours import Task


def arguments(parser: argparse.ArgumentParser) -> None:
    """How long each process times."""
    parser.add_argument("--networks", nargs="*", default=[], help="left out, the twelve of the default suite")
    parser.add_argument("--budget", type=float, default=0.3, help="seconds for which either tool times in a round")
    parser.add_argument("--rounds", type=int, choices=range(1, 101), metavar="1..100", default=6, help="of both, in a process")


def settings(given: argparse.Namespace) -> dict[str, Any]:
    """What has to stay the same for a log to be continued."""
    return {"networks": ours.networks(given.networks, given.config), "budget": given.budget, "rounds": given.rounds}


def measure(task: Task) -> dict[str, Any]:
    """One fresh process per network, in a drawn order."""
    given = task.settings
    names = task.random.sample(given["networks"], len(given["networks"]))
    return {"networks": {name: fresh.loop_timer(task, name, given["budget"], given["rounds"]) for name in names}}


def report(log: Log, given: argparse.Namespace) -> str:
    """The table."""
    return figures.report(log)


CAMPAIGN = driver.Campaign("loop", __doc__.partition("\n")[0], 8, arguments, settings, measure, report)

if __name__ == "__main__":
    sys.exit(driver.main(CAMPAIGN))
