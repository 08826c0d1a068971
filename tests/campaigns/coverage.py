"""Coverage: how often a 95 % interval holds the long-run value, ours and that of two other tools in the same minutes.

python tests/campaigns/coverage.py --repetitions 60
python tests/campaigns/coverage.py --analyse results/MACHINE/campaigns/coverage.jsonl [--re-derive previous]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from campaign import driver, fresh, ours
from figures import coverage as figures

if TYPE_CHECKING:
    import argparse

    from campaign.log import Log
    from campaign.ours import Task

# A small, a middle and a large network, of which a repetition takes about a minute on two cores.
NETWORKS = ("squeezenet/1.1", "resnet/18", "resnet/50")
KEYS = ("min_processes", "max_processes", "time_limit", "spread", "interval", "warmup", "latency", "throughput")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The settings of one repetition."""
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--tools", nargs="*", default=sorted(fresh.TOOLS), choices=sorted(fresh.TOOLS), help="run beside ours")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds for which each tool times a network")
    parser.add_argument("--min-processes", type=int, default=6)
    parser.add_argument("--max-processes", type=int, default=8)
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--spread", type=float, default=45.0)
    parser.add_argument("--interval", type=float, default=0.02)
    parser.add_argument("--warmup", type=float, default=2.0)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--throughput", type=float, default=0.1)
    parser.add_argument(
        "--re-derive",
        choices=figures.HISTORIES,
        help="with --analyse: our intervals by the vbench that is installed, with the machine's earlier runs as recorded in the "
        "log, with none, or with the repetitions before each as earlier runs",
    )
    parser.add_argument(
        "--first", type=int, default=1, help="with --analyse: judge from this repetition on; those before it are history at most"
    )


def settings(given: argparse.Namespace) -> dict[str, Any]:
    """What has to stay the same for a log to be continued."""
    run = {key: getattr(given, key) for key in KEYS}
    tools = sorted(given.tools)
    return {"networks": ours.networks(given.networks, given.config), "tools": tools, "budget": given.budget, "run": run}


def measure(task: Task) -> dict[str, Any]:
    """One run of ours and one process of each tool per network, the parts of a repetition in a random order."""
    names = task.settings["networks"]
    parts: list[tuple[str, str]] = [(tool, name) for tool in task.settings["tools"] for name in names]
    task.random.shuffle(parts)
    # Ours takes most of a repetition and cannot be parted, so it stands anywhere between the processes of the others.
    parts.insert(task.random.randint(0, len(parts)), ("vbench", ""))
    found: dict[str, Any] = {tool: {} for tool in task.settings["tools"]}
    for tool, name in parts:
        if tool == "vbench":
            found[tool] = ours.run(task, names, "coverage", **task.settings["run"])
        else:
            found[tool][name] = fresh.TOOLS[tool](task, name, task.settings["budget"])
    return found | {"order": [f"{tool} {name}".strip() for tool, name in parts]}


def report(log: Log, given: argparse.Namespace) -> str:
    """The tables."""
    return figures.report(log, given.re_derive, given.first)


CAMPAIGN = driver.Campaign("coverage", __doc__.partition("\n")[0], 60, arguments, settings, measure, report)

if __name__ == "__main__":
    sys.exit(driver.main(CAMPAIGN))
