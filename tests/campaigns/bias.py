"""Bias: our median against torch.utils.benchmark in fresh processes, in rounds of one process each per network.

python tests/campaigns/bias.py --repetitions 60
python tests/campaigns/bias.py --analyse results/MACHINE/campaigns/bias.jsonl
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from campaign import driver, fresh, ours
from figures import bias as figures

if TYPE_CHECKING:
    import argparse

    from campaign.log import Log
    from campaign.ours import Task


# With these glibc keeps what it has: no pass pays for pages. Otherwise the same network does or does not, by what its process
# freed before (mallopt(3)).
KEEP = {"MALLOC_TRIM_THRESHOLD_": "-1", "MALLOC_MMAP_MAX_": "0"}
ALLOCATORS: dict[str, dict[str, str]] = {"keep": KEEP, "system": {}}


def arguments(parser: argparse.ArgumentParser) -> None:
    """How long each process times."""
    parser.add_argument("--networks", nargs="*", default=[], help="left out, the twelve of the default suite")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds for which either tool times a network")
    parser.add_argument("--warmup", type=float, default=2.0, help="at most; torch.utils.benchmark has its own")


def settings(given: argparse.Namespace) -> dict[str, Any]:
    """What has to stay the same for a log to be continued."""
    return {"networks": ours.networks(given.networks, given.config), "budget": given.budget, "warmup": given.warmup}


def measure(task: Task) -> dict[str, Any]:
    """A round: for either state of the allocator one process of ours and one of theirs per network; who goes first is drawn."""
    found: dict[str, Any] = {}
    for allocator in task.random.sample(sorted(ALLOCATORS), len(ALLOCATORS)):
        before = {name: os.environ.pop(name, None) for name in KEEP}
        try:
            os.environ.update(ALLOCATORS[allocator])
            found[allocator] = _both(task, f"bias-{allocator}")
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
    return found


def _both(task: Task, label: str) -> dict[str, Any]:
    """One process of each tool per network. Theirs drops the answer of a pass, as its statements do; ours keeps it."""
    names, budget = task.settings["networks"], task.settings["budget"]
    one = {"min_processes": 1, "max_processes": 1, "time_limit": None, "spread": 0.0, "throughput": 0.0}
    first = task.random.random() < 0.5  # a coin
    found: dict[str, Any] = {"first": "vbench" if first else "torch"}
    if first:
        found["vbench"] = ours.run(task, names, label, latency=budget, warmup=task.settings["warmup"], **one)
    found["torch"] = {name: fresh.torch_timer(task, name, budget) for name in task.random.sample(names, len(names))}
    if not first:
        found["vbench"] = ours.run(task, names, label, latency=budget, warmup=task.settings["warmup"], **one)
    return found


def report(log: Log, given: argparse.Namespace) -> str:
    """The table."""
    return figures.report(log)


CAMPAIGN = driver.Campaign("bias", __doc__.partition("\n")[0], 60, arguments, settings, measure, report)

if __name__ == "__main__":
    sys.exit(driver.main(CAMPAIGN))
