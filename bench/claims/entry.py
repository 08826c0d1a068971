"""A sentence of the lecture as an entry: who said it, what would decide it, and the rule that does.

An entry registers itself, in the order of the lecture, by `@claim` over its rule. The rule sees an `Evidence` and returns Parts;
it holds no result. A bound that it holds its numbers against is the lecture's, its source's, or a matter of language that the
entry explains ("approximately" is a tenth, and so on).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .evidence import Evidence
    from .spans import Band, Span

    Rule = Callable[[Evidence], Sequence["Part"]]

HOLDS = "holds"
CONDITION = "holds under a condition"
FAILS = "does not hold"
OPEN = "undecided on this run"
UNABLE = "cannot be measured here"
VERDICTS = (HOLDS, CONDITION, FAILS, OPEN, UNABLE)

COUNTED, MEASURED, SHOWN, PUBLISHED = "counted", "measured", "shown", "published"
"""How a number came about: by counting, by timing, by a demonstration in a worker, or from a paper by way of the catalogue."""


class Part(NamedTuple):
    """One number of a finding: what it is of, how it came about, and what the sentence leads one to expect of it.

    Without `expected` it is shown beside the others and decides nothing.
    """

    label: str
    kind: str
    span: Span
    expected: Band | None = None

    @property
    def answer(self) -> bool | None:
        """Whether it is as expected; None where the interval leaves it open, or there is no number."""
        return None if self.expected is None else self.expected.holds(self.span)


class Point(NamedTuple):
    """What is timed for a claim: an architecture as `vbench run` names it, for inference or for a training step."""

    architecture: str
    phase: str = "infer"


class Show(NamedTuple):
    """What is demonstrated for a claim: a demonstration, and the architecture that it is given."""

    demonstration: str
    architecture: str


class Claim(NamedTuple):
    """A sentence, its source, and what decides it.

    `sentence` is the lecture's, with what is ours in square brackets; `place` is the slide. `source` is where the lecture has
    it from, and `says` what stands there. `formula` is how the numbers are made. `remark` explains what decides, and has no
    results of its own. `counts`, `times` and `shows` are what the rule needs; of `groups` it needs the networks that a ratio is
    stated of. `pictures` are the drawings that belong beside it.
    """

    id: str
    topic: str
    sentence: str
    place: str
    source: str
    says: str
    formula: str
    remark: str
    rule: Rule
    counts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    times: tuple[Point, ...] = ()
    shows: tuple[Show, ...] = ()
    pictures: tuple[str, ...] = ()


class Finding(NamedTuple):
    """What came of a claim."""

    claim: Claim
    verdict: str
    parts: tuple[Part, ...]
    why: str

    def of(self, *kinds: str) -> list[Part]:
        """The parts that came about in one of these ways."""
        return [part for part in self.parts if part.kind in kinds]


CLAIMS: dict[str, Claim] = {}


def claim(  # noqa: PLR0913 - each is a field of the entry
    id: str,  # noqa: A002 - the field's own word
    sentence: str,
    *,
    topic: str,
    place: str,
    source: str,
    says: str,
    formula: str,
    remark: str,
    counts: Sequence[str] = (),
    groups: Sequence[str] = (),
    times: Sequence[str | Point] = (),
    shows: Sequence[tuple[str, str]] = (),
    pictures: Sequence[str] = (),
) -> Callable[[Rule], Rule]:
    """Register the decorated rule as the entry `id`. A second of that name is a mistake of ours, and raises ValueError."""

    def register(rule: Rule) -> Rule:
        if id in CLAIMS:
            message = f"the claim {id!r} stands in two places"
            raise ValueError(message)
        points = tuple(Point(point) if isinstance(point, str) else point for point in times)
        CLAIMS[id] = Claim(
            id=id, topic=topic, sentence=sentence, place=place, source=source, says=says, formula=formula, remark=remark,
            counts=tuple(counts), groups=tuple(groups), times=points, shows=tuple(Show(*show) for show in shows),
            pictures=tuple(pictures), rule=rule,
        )  # fmt: skip
        return rule

    return register


def unable(  # noqa: PLR0913 - as above
    id: str,  # noqa: A002 - as above
    sentence: str,
    *,
    topic: str,
    place: str,
    source: str,
    says: str,
    why: str,
) -> None:
    """Register a sentence that nothing here can decide, and why."""
    claim(
        id, sentence, topic=topic, place=place, source=source, says=says, formula="none", remark=why,
    )(lambda _: ())  # fmt: skip


def judge(entry: Claim, seen: Evidence) -> Finding:
    """Apply the rule, and put its parts together: one that is as expected and one that is not make a condition."""
    parts = tuple(entry.rule(seen))
    decided = any(part.expected is not None for part in parts)
    return Finding(entry, verdict(parts), parts, why(parts) if decided else entry.remark)


def verdict(parts: Sequence[Part]) -> str:
    """What the parts say together. One that is open leaves the whole open, unless the others disagree already."""
    judged = [part for part in parts if part.expected is not None]
    if not judged:
        return UNABLE
    answers = {part.answer for part in judged}
    if {True, False} <= answers:
        return CONDITION
    if None in answers:
        return OPEN
    return HOLDS if answers == {True} else FAILS


def why(parts: Sequence[Part], *, numbers: bool = True) -> str:
    """For what it holds, for what it does not, what is open and what is missing: the condition in words, or with the numbers."""
    said = []
    for words, answer in (("It holds for", True), ("It does not hold for", False), ("Undecided for", None)):
        found = [part for part in parts if part.expected is not None and part.span.known and part.answer is answer]
        if found:
            names = (f"{part.label} ({part.span.text()}{_asked(part)})" if numbers else part.label for part in found)
            said.append(f"{words} {'; '.join(names)}")
    gone = dict.fromkeys(part.span.missing for part in parts if part.expected is not None and not part.span.known)
    return ". ".join([*said, *(["Missing: " + "; ".join(gone)] if gone else [])]) + "."


def _asked(part: Part) -> str:
    if part.expected is None or part.answer is True:
        return ""
    if part.answer is False:
        return f", not {part.expected.text()}"
    if part.span.low is None:
        return f", to be {part.expected.text()}: one process has no interval"
    return f", only partly {part.expected.text()}"
