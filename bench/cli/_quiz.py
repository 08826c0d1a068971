"""The quiz of `vbench claims`: a prediction for each sentence on a terminal, and how they compare with what was found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..claims import text
from ..claims.entry import CONDITION, FAILS, HOLDS
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..claims.entry import Claim, Finding

CHOICES = {"1": HOLDS, "2": CONDITION, "3": FAILS}
_PROMPT = f"  {', '.join(f'{key} {verdict}' for key, verdict in CHOICES.items())}; Enter leaves it out, q asks no more: "


def ask(chosen: Sequence[Claim], read: Callable[[str], str] | None = None) -> dict[str, str]:
    """The predictions by entry, of those that have anything to predict. Raises UsageError where nobody could type one."""
    if read is None:
        if not sys.stdin.isatty():
            message = "--quiz asks on a terminal, and standard input is none: leave it out, or type the command in a terminal"
            raise UsageError(message)
        read = input
    guesses: dict[str, str] = {}
    open_ = [entry for entry in chosen if entry.counts or entry.groups or entry.times or entry.shows]
    for number, entry in enumerate(open_, 1):
        # Not what the source says: that would often be the answer.
        source = "" if entry.source == text.UNNAMED else f"; from {entry.source}"
        print(f"\n{number} of {len(open_)}: “{entry.sentence}”\n  {entry.place}{source}\n  tested by: {entry.formula}")
        answer = _answer(read)
        if answer == "q":
            break
        if answer:
            guesses[entry.id] = CHOICES[answer]
    return guesses


def _answer(read: Callable[[str], str]) -> str:
    """One of the choices, nothing, or q; asked again until it is. The end of the input asks no more."""
    while True:
        try:
            answer = read(_PROMPT).strip().lower()
        except EOFError:
            return "q"
        if answer in {"", "q", *CHOICES}:
            return answer
        print(f"  {answer!r} is none of {', '.join(CHOICES)}, Enter and q")


def told(findings: Sequence[Finding], guesses: dict[str, str]) -> str:
    """Each prediction beside what was found, and how many were right of those that this run decided."""
    lines, right, decided = [""], 0, 0
    for finding in findings:
        guess = guesses.get(finding.claim.id)
        if guess is None:
            continue
        if finding.verdict in CHOICES.values():
            decided += 1
            right += guess == finding.verdict
        mark = (
            "right"
            if guess == finding.verdict
            else f"it {finding.verdict}"
            if finding.verdict in CHOICES.values()
            else finding.verdict
        )
        lines += [f"“{finding.claim.sentence}”", f"  you: {guess}; {mark}", f"  {finding.why}", f"  {finding.claim.remark}"]
    return "\n".join([*lines, f"{right} of {decided} predictions were right"])
