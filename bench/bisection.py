"""Which commit made a network slower: the gate judges, and git's own bisection chooses what it judges next."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from . import comparison, machine, modes
from .errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_NOTHING, EXIT_OK, UsageError, VbenchError
from .gate import sides
from .gate.lock import BusyError
from .gate.log import read
from .gate.outcome import outcome
from .machine import git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .api import Prepared
    from .comparison import Asked
    from .core import Case
    from .gate.log import Log
    from .gate.outcome import Row

Word = Literal["good", "bad", "skip"]
# A commit is bad from half of the whole slowdown on, and good where three quarters of it are excluded.
_BAD, _GOOD = 0.5, 0.75


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A commit that was compared with the good one: what the gate said, and what that makes of it."""

    commit: str
    subject: str
    said: Word
    verdict: str
    reason: str = ""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    file: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: `first` has one commit, several where those between could not be judged, or none.

    `ended` is empty, or why there is nothing to say.
    """

    good: str
    bad: str
    case: str = ""
    metric: str = ""
    tried: tuple[Tried, ...] = ()
    first: tuple[str, ...] = ()
    ended: str = ""
    exit_code: int = EXIT_OK


class _Interrupted(Exception):  # noqa: N818 - it is none
    """Ctrl-C in a comparison; its file holds what was measured."""


class Search(NamedTuple):
    """What all comparisons share: the project, the folder of their files, the good commit, and who is told what is next."""

    root: Path
    folder: Path
    good: str
    tell: Callable[[str], None]

    def file(self, commit: str) -> Path:
        """Where the pairs of a comparison are."""
        return self.folder / f"{commit[:12]}.pairs.jsonl"

    def compare(self, prepared: Prepared, asked: Asked, commit: str) -> tuple[Row, ...]:
        """The verdicts of the good commit against this one; a comparison that was cut is gone on with."""
        path = self.file(commit)
        asked = msgspec.structs.replace(asked, base=self.good, head=commit)
        there = path.exists() and path.stat().st_size > 0
        if not (there and _answered(read(path), asked)):
            with comparison.begin(prepared, asked, output=path, resume=there) as gate:
                if gate.run().ended == "interrupted":
                    raise _Interrupted
        return outcome(read(path)).rows


def _answered(log: Log, asked: Asked) -> bool:
    """Whether a file holds the whole answer to this very question, from this machine."""
    same = log.head.asked == msgspec.json.decode(msgspec.json.encode(asked))
    return log.ended == "complete" and same and log.head.machine.fingerprint == machine.describe().fingerprint


def search(here: Search, prepared: Prepared, asked: Asked, bad: str) -> Found:
    """From the good commit to the first bad one; `bad` is a full hash, see `ends`."""
    found = Found(good=here.good, bad=bad)
    tried: list[Tried] = []
    try:
        here.tell(f"{here.good[:12]} against {bad[:12]}")
        rows = [row for row in here.compare(prepared, asked, bad) if row.metric]
        slower = [row for row in rows if row.verdict in {"regression", "accepted"} and row.effect is not None]
        if not slower:
            return _nothing(found, rows)
        worst = max(slower, key=lambda row: row.effect or 0.0)
        case = next(case for case in prepared.plan.cases if case.id == worst.case)
        tried.append(_tried(here, bad, worst, "bad"))
        found = msgspec.structs.replace(found, case=case.id, metric=worst.metric)
        narrow = _narrow(asked, case, worst)
        with _tree(here.root, here.good, bad) as tree:
            left = _search(here, tree, narrow, tried)
    except _Interrupted:
        again = "interrupted: the same command goes on"
        return msgspec.structs.replace(found, tried=tuple(tried), ended=again, exit_code=EXIT_INTERRUPTED)
    return msgspec.structs.replace(found, tried=tuple(tried), first=left)


def ends(root: Path, good: str, bad: str) -> tuple[str, str]:
    """Both as full hashes. Raises UsageError where either is no commit, or they are not in line."""
    found = []
    for option, name in (("--good", good), ("--bad", bad)):
        commit = git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if not commit:
            message = f"{option} {name}: no such revision in {root}; see `git log --oneline`, or git fetch"
            raise UsageError(message)
        found.append(commit)
    first, last = found
    if first == last or git(root, "merge-base", first, last) != first:
        message = f"--good {good} is no ancestor of --bad {bad}: name an older revision as good, one that was fast"
        raise UsageError(message)
    return first, last


def _nothing(found: Found, rows: Sequence[Row]) -> Found:
    """The bad end is not slower, as far as can be told."""
    said = "; ".join(f"{row.architecture} {row.metric}: {row.verdict}{f' ({row.reason})' if row.reason else ''}" for row in rows)
    failed = any(row.verdict in {"invalid", "not_run"} for row in rows)
    ended = f"no regression between the two ends, so there is nothing to look for: {said or 'nothing was compared'}"
    return msgspec.structs.replace(found, ended=ended, exit_code=EXIT_FAILED if failed else EXIT_NOTHING)


def _narrow(asked: Asked, case: Case, row: Row) -> Asked:
    """The same question for this case alone, with limits between nothing and the whole effect."""
    axes = {
        "device": (case.device,), "engine": (modes.written(case),), "precision": (case.precision,), "batch": (case.batch,),
        "threads": (case.threads,), "input": case.input_shape,
    }  # fmt: skip
    whole = row.effect or 0.0
    limits = {"min_effect": round(_BAD * whole, 4), "pass_below": round(_GOOD * whole, 4), "threshold": (), "accept": ()}
    changes = asked.changes | limits | {"metrics": (row.metric,)}
    return msgspec.structs.replace(asked, architectures=(case.architecture,), exclude=(), axes=axes, changes=changes)


def _search(here: Search, tree: Path, asked: Asked, tried: list[Tried]) -> tuple[str, ...]:
    """Judge what git proposes until one commit is left, or only such as cannot be judged."""
    prepared = asked.prepare()
    while len(left := _suspects(tree)) > 1:
        commit = git(tree, "rev-parse", "BISECT_HEAD")
        if not commit or commit in {one.commit for one in tried}:
            break
        here.tell(f"{len(left)} commits are left; {commit[:12]} {_subject(here.root, commit)}")
        one = _judged(here, prepared, asked, commit)
        tried.append(one)
        _git(tree, "bisect", one.said, commit)
    return tuple(left)


def _judged(here: Search, prepared: Prepared, asked: Asked, commit: str) -> Tried:
    """One commit against the good one; what cannot be loaded there cannot be judged either."""
    try:
        rows = [row for row in here.compare(prepared, asked, commit) if row.metric]
    except BusyError:
        raise
    except VbenchError as error:
        return Tried(commit=commit, subject=_subject(here.root, commit), said="skip", verdict="invalid", reason=str(error))
    if not rows:
        return Tried(commit=commit, subject=_subject(here.root, commit), said="skip", verdict="invalid", reason="not compared")
    row = rows[0]
    words: dict[str, Word] = {"regression": "bad", "pass": "good", "improvement": "good"}
    return _tried(here, commit, row, words.get(row.verdict, "skip"))


def _tried(here: Search, commit: str, row: Row, said: Word) -> Tried:
    return Tried(
        commit=commit, subject=_subject(here.root, commit), said=said, verdict=row.verdict, reason=row.reason,
        effect=row.effect, low=row.low, high=row.high, file=str(here.file(commit)),
    )  # fmt: skip


def _subject(root: Path, commit: str) -> str:
    return git(root, "log", "-1", "--format=%s", commit)


def _suspects(tree: Path) -> list[str]:
    """The commits of which one is the first bad one, as far as is known, oldest first; those that were skipped are among them."""
    good = git(tree, "for-each-ref", "--format=%(refname)", "refs/bisect/good-*").split()
    return git(tree, "rev-list", "--reverse", "--topo-order", "refs/bisect/bad", "--not", *good).split()


@contextmanager
def _tree(root: Path, good: str, bad: str) -> Iterator[Path]:
    """A work tree of its own in which git bisects, without any file in it: the user's own bisection is left alone."""
    with sides.workspace() as space:
        target = space.folder / "bisect"
        repository = sides.top(root)
        _git(repository, "worktree", "add", "--detach", "--no-checkout", "--force", str(target), bad)
        space.trees.append((repository, target))
        _git(target, "bisect", "start", "--no-checkout", bad, good)
        yield target


def _git(folder: Path, *words: str) -> str:
    """What git says; its refusal is an error. Raises UsageError."""
    command = ["git", "-C", str(folder), "-c", "core.hooksPath=/dev/null", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - git, as the user has it
    # "Only skipped commits are left" is an answer, and is found out by asking which are left.
    if done.returncode not in {0, 2}:
        message = f"git {' '.join(words[:2])}: {(done.stderr or done.stdout).strip()[:300]}"
        raise UsageError(message)
    return done.stdout
