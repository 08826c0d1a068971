"""The page: a table of what was compared with which versions, and what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from campaign import markdown

from .compare import LIMIT
from .pairs import OTHER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .compare import Outcome

BEGIN, END = "<!-- made by tests/campaigns/reference.py -->", "<!-- end -->"
HEADER = ("network", "library", "its name", "params", "MACs", "outputs", "input", "tensors", "levelled")


def text(outcomes: Sequence[Outcome], versions: dict[str, str]) -> str:
    """Everything between the marks of docs/reference.md."""
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    equal = sum(outcome.equal for outcome in outcomes)
    kinds = len({outcome.ours for outcome in outcomes})
    rows = [_row(outcome) for outcome in outcomes]
    summary = f"Made with {said}: {equal} of {len(outcomes)} comparisons equal, of {kinds} networks."
    others = [f"- `{glob}`: {why}" for glob, why in OTHER.items()]
    rest = "Not compared, beside what none of the three has:"
    return "\n\n".join([summary, markdown.table(HEADER, rows), rest, "\n".join(others)])


def _row(outcome: Outcome) -> tuple[str, ...]:
    def pair(values: tuple[int, int]) -> str:
        mine, other = values
        return f"{mine:,}" if mine == other else f"**{mine:,}, and {other:,} there**"

    if outcome.error is None:
        outputs = markdown.MISSING
    else:
        outputs = f"{outcome.error:.0e}".replace("0e+00", "0") if outcome.error <= LIMIT else f"**{outcome.error:.0e}**"
    side = str(outcome.side) if outcome.side else markdown.MISSING
    tensors = str(outcome.tensors) if outcome.tensors else markdown.MISSING
    numbers = (pair(outcome.params), pair(outcome.macs), outputs, side, tensors)
    return (f"`{outcome.ours}`", outcome.library, f"`{outcome.theirs}`", *numbers, outcome.note)


def replaced(page: str, new: str) -> str:
    """The page with what stands between its marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"
