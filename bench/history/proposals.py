"""The commands that would confirm a change: base against head in one job, and a search between them. Or why there are none."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from .. import wrappers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .jumps import Far, Jump
    from .series import Point, Series

_DIGITS = 12
_DIRTY = "-dirty"
# What the gate calls the columns that it measures.
_METRICS = {
    "latency_s": "latency", "throughput_per_s": "throughput", "peak_host_bytes": "memory", "peak_device_bytes": "memory",
    "compile_s": "compile",
}  # fmt: skip
# What the gate can be asked for, with what it measures when it is not asked; and what it always measures.
_ASKED = {"engine": "eager", "device": "cpu", "precision": "fp32", "batch": 1}
_ALWAYS = {"compression": "none", "phase": "infer", "scenario": "single-stream", "layout": "nchw", "engine_options": ()}


class Proposal(NamedTuple):
    """Commands for some architectures that share everything else; without commands, the reason why there are none."""

    commands: tuple[str, ...]
    reason: str = ""


class _Question(NamedTuple):
    """What is asked of the gate but for the architectures and the metrics."""

    base: str
    head: str
    options: tuple[str, ...]
    search: bool


def revision(commit: str) -> str:
    """A commit as it is typed, "-dirty" included; empty where it is not known."""
    clean = commit.removesuffix(_DIRTY)
    return clean[:_DIGITS] + commit[len(clean) :]


def of_jump(jump: Jump) -> Proposal:
    """What would confirm this change: the gate, and a bisection where the network became worse."""
    return _proposal(jump.series, jump.good, jump.bad, search=jump.word == "worse")


def of_far(off: Far) -> Proposal:
    """What would tell whether the newest runs are far off for their code; nothing for those that later runs came after."""
    if not off.latest or off.before is None:
        return Proposal((), "")
    return _proposal(off.series, off.before, off.points[-1], search=False)


def _proposal(series: Series, good: Point, bad: Point, *, search: bool) -> Proposal:
    found = _question(series, good, bad, search=search)
    return Proposal((), found) if isinstance(found, str) else Proposal(_commands(found, [series]))


def together(jumps: Iterable[Jump], offs: Iterable[Far]) -> list[str]:
    """The commands for all of them, those that differ in architecture and metric alone as one; in the order given."""
    asked: dict[_Question, list[Series]] = {}
    questions = [(j.series, _question(j.series, j.good, j.bad, search=j.word == "worse")) for j in jumps]
    newest = [(o, o.before) for o in offs if o.latest]
    questions += [
        (o.series, _question(o.series, before, o.points[-1], search=False)) for o, before in newest if before is not None
    ]
    for series, question in questions:
        if not isinstance(question, str):
            asked.setdefault(question, []).append(series)
    return [line for question, found in asked.items() for line in _commands(question, found)]


def _commands(question: _Question, series: Sequence[Series]) -> tuple[str, ...]:
    metrics = list(dict.fromkeys(_METRICS[one.measure.column] for one in series))
    options = [*question.options, *([] if metrics == ["latency"] else ["--metric", ",".join(metrics)])]
    rest = [*options, *dict.fromkeys(one.case.architecture for one in series)]
    lines = [["vbench", "gate", "--base", question.base, "--head", question.head, *rest]]
    if question.search:
        lines.append(["vbench", "bisect", "--good", question.base, "--bad", question.head, *rest])
    return tuple(map(shlex.join, lines))


def _question(series: Series, good: Point, bad: Point, *, search: bool) -> _Question | str:
    """What to ask, or why nothing can be asked."""
    refused = _commits(good.run.commit, bad.run.commit) or _unknown(series)
    if refused:
        return refused
    case, options = series.case, []
    for axis, usual in _ASKED.items():
        if getattr(case, axis) != usual:
            options += [f"--{axis}", str(getattr(case, axis))]
    if case.threads != bad.run.machine.usable_cores:
        options += ["--threads", str(case.threads)]
    facts = bad.run.architectures.get(case.architecture)
    if facts is None or facts.input != case.input_shape or wrappers.imported(case.architecture):
        options += ["--input", "x".join(map(str, case.input_shape))]
    return _Question(revision(good.run.commit), revision(bad.run.commit), tuple(options), search)


def _commits(good: str, bad: str) -> str:
    if not good or not bad:
        return "which commits were measured is not known: run vbench inside a git checkout"
    dirty = [revision(commit) for commit in dict.fromkeys((good, bad)) if commit.endswith(_DIRTY)]
    if dirty:
        return f"uncommitted changes were measured ({', '.join(dirty)}), which no revision holds: commit, then run"
    if good == bad:
        return f"both sides are commit {revision(good)}: it was not a commit here that changed it"
    return ""


def _unknown(series: Series) -> str:
    """What of a series the gate does not measure."""
    if series.measure.column not in _METRICS:
        return f"vbench gate does not measure {series.measure.column}"
    for axis, only in _ALWAYS.items():
        value = getattr(series.case, axis)
        if value != only:
            said = " ".join(f"{key}={option}" for key, option in value) if axis == "engine_options" else value
            return f"vbench gate does not measure {axis.replace('_', ' ')} {said}"
    return ""
