"""Whether each criterion beats random ranking, in words: a row for each criterion, a column for each ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import units
from ..judging import judge
from ..text import shown
from ._pruning_contrasts import BEFORE, CONTROL, CRITERIA, RATIOS, TOP1

if TYPE_CHECKING:
    from ..base import Study
    from ..judging import Finding, Verdict
    from ..log import Log

WORDS: dict[Verdict, str] = {
    "holds": "beats random", "does not hold": "does not: random is better", "undecided": "undecided", "no result": "no result",
}  # fmt: skip
_WRONG = 0.05


def found(study: Study, log: Log) -> dict[tuple[str, str, str], Finding]:
    """What was found of each criterion at each ratio, by measure."""
    own = {(f.contrast.of.arm, f.measure.name): f for f in judge(study, log) if f.contrast.to.arm.startswith(f"{CONTROL}:")}
    places = [(c, r, m.name) for c in CRITERIA if c != CONTROL for r in RATIOS for m in (TOP1, BEFORE)]
    return {(c, r, m): own[f"{c}:{r}", m] for c, r, m in places if (f"{c}:{r}", m) in own}


def table(study: Study, log: Log) -> str:
    """Two tables of Markdown, after training and before, and how much of it chance alone would decide; "" without any."""
    every = found(study, log)
    parts = [
        _grid(every, measure.name, f"against random, {when}")
        for measure, when in ((TOP1, "trained"), (BEFORE, "before training"))
        if any(key[2] == measure.name for key in every)
    ]
    if not parts:
        return ""
    decided = sum(f.verdict in {"holds", "does not hold"} for f in every.values())
    wrong = _WRONG * len(every)
    parts.append(
        f"{decided} of {len(every)} comparisons are decided, each by an interval of 95 %; if no criterion differed from random, "
        f"{wrong:.1f} of them would be on average."
    )
    return "\n\n".join(parts)


def _grid(every: dict[tuple[str, str, str], Finding], measure: str, title: str) -> str:
    ratios = [ratio for ratio in RATIOS if any(key[1:] == (ratio, measure) for key in every)]
    lines = [[title, *ratios], ["---"] * (1 + len(ratios))]
    lines += [
        [criterion, *(_cell(every.get((criterion, ratio, measure))) for ratio in ratios)]
        for criterion in CRITERIA
        if any(key[0] == criterion and key[2] == measure for key in every)
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(finding: Finding | None) -> str:
    if finding is None:
        return units.MISSING
    return f"{WORDS[finding.verdict]}, {shown(finding.difference, finding.measure, sign=True)}"


def told(every: dict[tuple[str, str, str], Finding], measure: str) -> list[str]:
    """A sentence for each verdict, criteria with the ratios at which it is theirs: for the foot of a chart."""
    said = []
    for verdict, word in WORDS.items():
        places = [
            f"{criterion} at {', '.join(at)}"
            for criterion in CRITERIA
            if (at := [r for r in RATIOS if (f := every.get((criterion, r, measure))) is not None and f.verdict == verdict])
        ]
        if places:
            said.append(f"{word.capitalize()}: {'; '.join(places)}.")
    return said
