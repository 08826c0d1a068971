"""Every entry, and both outcomes of its rule: a count, a sample or a demonstration that is changed changes the verdict."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vbench import claims, config, contrasts, results
from vbench.claims import drawings, lines
from vbench.claims.entry import CONDITION, HOLDS, OPEN, UNABLE, judge
from vbench.claims.evidence import Evidence
from vbench.core import Accuracy, Facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Maker

GROUPS = contrasts.known(config.load())
ENTRIES = {entry.id: entry for entry in claims.select()}


class World:
    """A result file as it could be: every count, time and demonstration is a number that a test chooses."""

    def __init__(self, make: Maker) -> None:
        self._make = make
        self.counts: dict[str, dict[str, Any]] = {}
        self.ms: dict[tuple[str, str], float] = {}
        self.values: dict[tuple[str, str], dict[str, float]] = {}
        self.states: dict[tuple[str, str], dict[str, tuple[float, ...]]] = {}
        self.accuracy: dict[str, tuple[Accuracy, ...]] = {}
        self.processes = 6

    def evidence(self, noise: Callable[[], float] = lambda: 1.0) -> Evidence:
        cases = {key: self._make.case(key[0], phase=key[1]) for key in self.ms}
        facts = {name: Facts(accuracy=accuracy) for name, accuracy in self.accuracy.items()}
        replicates = [
            self._make.replicate(case, index, ms=self.ms[key] * (1 + index / 1000) * noise())
            for key, case in cases.items()
            for index in range(self.processes)
        ]
        run = self._make.run(*cases.values(), architectures=facts)
        shown = [
            lines.Shown(demonstration=lines.COUNT, architecture=name, counted=self._make.counted(**counts))
            for name, counts in self.counts.items()
        ]
        shown += [
            lines.Shown(
                demonstration=name, architecture=architecture, values=values, states=self.states.get((name, architecture), {})
            )
            for (name, architecture), values in self.values.items()
        ]
        return Evidence([results.record(run, replicates, "complete")], shown, GROUPS)

    def verdict(self, name: str) -> str:
        return judge(ENTRIES[name], self.evidence()).verdict


@pytest.fixture
def world(make: Maker) -> World:
    return World(make)


def test_entries_are_complete_and_in_the_order_of_the_topics() -> None:
    assert len(ENTRIES) >= 50
    for entry in ENTRIES.values():
        written = (entry.sentence, entry.place, entry.source, entry.says, entry.formula, entry.remark, entry.topic)
        assert all(text.strip() and "\n" not in text for text in written), entry.id
        assert len(entry.sentence) < 130
        assert entry.sentence.count("[") == entry.sentence.count("]")
        assert len(entry.remark.split()) >= 5


def test_every_entry_says_without_evidence_what_is_missing_or_that_nothing_can_be_measured(world: World) -> None:
    for name, entry in ENTRIES.items():
        found = judge(entry, world.evidence())
        decides = [part for part in found.parts if part.expected is not None]
        if not (entry.counts or entry.groups or entry.times or entry.shows):
            assert found.verdict == UNABLE, name
            continue
        assert found.verdict == OPEN, name
        unknown = [part for part in decides if not part.span.known]
        assert unknown, name
        assert all(part.span.missing for part in unknown)
        assert "Missing: " in found.why


def test_names_globs_and_topics_select_in_the_lectures_order() -> None:
    assert [entry.id for entry in claims.select(["saves-60*", "five-million"])] == ["five-million", "saves-60", "saves-60-time"]
    assert {entry.topic for entry in claims.select(["dilated"])} == {"dilated"}
    with pytest.raises(claims.UnknownNameError, match=r"unknown claim 'save-60': did you mean saves-60"):
        claims.select(["save-60"])


def outcomes() -> list[dict[str, Any]]:
    """Worlds in which a claim has a verdict: at least two for each claim that a file decides, with different verdicts."""
    found: list[dict[str, Any]] = json.loads(Path(__file__).with_name("outcomes.json").read_text("utf-8"))
    return found


def fill(world: World, given: dict[str, Any]) -> World:
    world.counts = given.get("counts", {})
    world.ms = {
        (name, phase or "infer"): ms for key, ms in given.get("ms", {}).items() for name, _, phase in [key.partition("|")]
    }
    for kind in ("values", "states"):
        setattr(world, kind, {tuple(key.split(" of ")): numbers for key, numbers in given.get(kind, {}).items()})
    world.accuracy = {name: tuple(Accuracy(**a) for a in given_) for name, given_ in given.get("accuracy", {}).items()}
    return world


@pytest.mark.parametrize("given", outcomes(), ids=lambda given: f"{given['claim']}: {given['verdict']}")
def test_a_rule_has_the_verdict_that_the_numbers_give(world: World, given: dict[str, Any]) -> None:
    found = judge(ENTRIES[given["claim"]], fill(world, given).evidence())
    assert found.verdict == given["verdict"], found.why


def test_every_entry_that_a_file_decides_has_two_outcomes() -> None:
    verdicts: dict[str, set[str]] = {}
    for given in outcomes():
        verdicts.setdefault(given["claim"], set()).add(given["verdict"])
    decided = {entry.id for entry in ENTRIES.values() if entry.counts or entry.groups or entry.times or entry.shows}
    assert {name for name, found in verdicts.items() if len(found) > 1} == decided


TIMED = [given for given in outcomes() if given["verdict"] == HOLDS and "ms" in given and "counts" not in given]


@pytest.mark.parametrize("given", TIMED, ids=lambda given: str(given["claim"]))
def test_one_process_has_no_interval_and_decides_nothing_that_rests_on_time(world: World, given: dict[str, Any]) -> None:
    fill(world, given).processes = 1
    found = judge(ENTRIES[given["claim"]], world.evidence())
    assert found.verdict == OPEN
    assert "one process has no interval" in found.why


def test_an_interval_on_both_sides_of_the_threshold_is_undecided(world: World) -> None:
    fill(world, {"ms": {"pose/decode-soft-argmax": 2.0, "pose/decode-argmax": 1.0, "pose/simple-baseline-50": 100.0}})
    draw = random.Random(0)  # noqa: S311 - noise, not a secret
    seen = world.evidence(noise=lambda: draw.uniform(0.8, 1.25))
    found = judge(ENTRIES["efficient-soft-max"], seen)
    part, share = found.parts
    assert part.span.low is not None
    assert part.span.high is not None
    assert part.span.low < 2 < part.span.high
    assert (part.answer, share.answer) == (None, True)
    assert found.verdict == OPEN
    assert "Undecided for time of the soft-argmax over the arg-max" in found.why
    assert ", only partly at most 2)" in found.why


@pytest.mark.parametrize("given", outcomes(), ids=lambda given: f"{given['claim']}: {given['verdict']}")
def test_every_number_that_decides_is_named_in_full_beside_its_bar(world: World, given: dict[str, Any]) -> None:
    found = judge(ENTRIES[given["claim"]], fill(world, given).evidence())
    labels = [part.label for part in found.parts if part.expected is not None]
    assert all(drawings.fitted(label) == label for label in labels)
    assert len(set(labels)) == len(labels)


def test_a_condition_names_for_what_the_sentence_holds_and_for_what_not(world: World) -> None:
    (given,) = [given for given in outcomes() if (given["claim"], given["verdict"]) == ("saves-60", CONDITION)]
    found = judge(ENTRIES["saves-60"], fill(world, given).evidence())
    assert found.why == (
        "It holds for the paper's module 3b (64.4 %). It does not hold for the slide's layers (68.2 %, not 55.0 % to 65.0 %)."
    )
