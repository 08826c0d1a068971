"""The command line and the loop of every campaign: refuse a busy machine, do what is missing, write each repetition down."""

from __future__ import annotations

import argparse
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vbench import machine
from vbench.errors import EXIT_FAILED, EXIT_INTERRUPTED, UsageError, VbenchError

from . import host
from . import log as logs
from .ours import Task, without_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .log import Log

# A repetition that fails is written down and the next begins; this many in a row will not get better by themselves.
FAILURES = 3


class Campaign(NamedTuple):
    """What makes one campaign differ from another."""

    name: str
    about: str
    repetitions: int
    arguments: Callable[[argparse.ArgumentParser], None]
    settings: Callable[[argparse.Namespace], dict[str, Any]]
    measure: Callable[[Task], dict[str, Any]]
    figures: Callable[[Log, argparse.Namespace], str]


def parser(campaign: Campaign) -> argparse.ArgumentParser:
    """The arguments that all campaigns share, and the campaign's own."""
    made = argparse.ArgumentParser(prog=campaign.name, description=campaign.about)
    made.add_argument("--repetitions", type=int, default=campaign.repetitions, help="how many in all, those of the log included")
    made.add_argument("-o", "--out", type=Path, help=f"the log; left out, results/<machine>/campaigns/{campaign.name}.jsonl")
    made.add_argument("--analyse", type=Path, metavar="FILE", help="measure nothing: print the tables of a log")
    made.add_argument("--anyway", action="store_true", help="start on a machine that is not idle")
    made.add_argument("--device", default="cpu")
    made.add_argument("--engine", default="eager", help="the other tools time eager PyTorch, whatever this says")
    made.add_argument("--threads", type=int, default=machine.usable_cores())
    made.add_argument("--seed", type=int, default=0, help="of weights, inputs and every order")
    made.add_argument("--config", type=Path, help="another bench.toml")
    campaign.arguments(made)
    return made


def main(campaign: Campaign, words: Sequence[str] | None = None) -> int:
    """Run the campaign or analyse its log; the exit code. What a user can cause is one line."""
    given = parser(campaign).parse_args(words)
    try:
        if given.analyse is not None:
            print(campaign.figures(logs.filled(given.analyse), given))
            return 0
        return _run(campaign, given)
    except VbenchError as error:
        print(f"{campaign.name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{campaign.name}: interrupted; the same command goes on", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(campaign: Campaign, given: argparse.Namespace) -> int:
    shared = {name: getattr(given, name) for name in ("device", "engine", "threads", "seed")}
    head = _head(campaign.name, shared | campaign.settings(given))
    path = given.out or Path("results") / head.machine / "campaigns" / f"{campaign.name}.jsonl"
    log = logs.read(path)
    if not log.missing(given.repetitions):
        _say(campaign, f"nothing is missing in {path}: all {given.repetitions} repetitions are there")
        return 0
    if not given.anyway and (trouble := host.busy()) is not None:
        raise UsageError(trouble)
    file, log = logs.begin(path, head)
    folder = path.parent / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    try:
        for number in log.missing(given.repetitions):
            # Seeded by the repetition, so that one which is done again later draws the same orders.
            chance = random.Random(f"{campaign.name}:{given.seed}:{number}")  # noqa: S311 - an order, not a secret
            task = Task(number, head.settings, folder, chance, given.config)
            kind, line = _repetition(campaign, task, anyway=given.anyway)
            file.append(kind, line)
            failed = failed + 1 if kind == "failure" else 0
            _say(campaign, f"{number + 1} of {given.repetitions}: {_told(kind, line)}")
            if failed == FAILURES:
                _say(campaign, f"{FAILURES} repetitions in a row failed, the last with: {line['reason']}")
                return EXIT_FAILED
    finally:
        file.close()
    return 0


def _repetition(campaign: Campaign, task: Task, *, anyway: bool) -> tuple[str, dict[str, Any]]:
    """One repetition with the state of the machine around it; what went wrong is a line of the log as well."""
    before, started = host.counters(), time.time()
    line: dict[str, Any] = {
        "repetition": task.number,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "started_s": started,
        "commit": machine.git_commit(Path.cwd()),
        "anyway": anyway,
    }
    try:
        found = campaign.measure(task)
    except VbenchError as error:
        return "failure", line | {"reason": without_paths(str(error)), "conditions": host.since(before)}
    return "repetition", line | {"conditions": host.since(before)} | found


def _head(name: str, settings: dict[str, Any]) -> logs.Head:
    here = machine.describe()
    return logs.Head(
        campaign=name, settings=settings, machine=here.slug, fingerprint=here.fingerprint, versions=machine.versions()
    )


def _told(kind: str, line: dict[str, Any]) -> str:
    conditions = line["conditions"]
    state = f"{conditions['seconds']:.0f} s, others {conditions['others_cores']:.2f} cores, steal {conditions['steal_share']:.1%}"
    return f"failed ({line['reason']}), {state}" if kind == "failure" else state


def _say(campaign: Campaign, text: str) -> None:
    print(f"{campaign.name}: {text}", file=sys.stderr, flush=True)
