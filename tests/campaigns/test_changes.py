"""The simulation of the history: its answers are those of the rule that is in force, and the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HELD = Path(__file__).with_name("changes.json")


@pytest.fixture(scope="module")
def changes(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("changes")


def test_the_answers_that_the_docs_show_are_those_of_this_rule(changes: ModuleType) -> None:
    held = json.loads(HELD.read_text("utf-8"))
    assert held["rule"] == changes.rule(), "the rule has changed: see CONTRIBUTING, how often the history is wrong"
    asked = [{"part": part} | question for part, (questions, _, _) in changes.PARTS.items() for question in questions]
    assert sorted(json.dumps(answer["question"]) for answer in held["answers"]) == sorted(
        map(json.dumps, json.loads(json.dumps(asked)))
    )


# What docs/history.md says under its tables, as shares: of one series, and of scans of sixty.
SAID = {"alarms": {"independent": 0.01, "spikes": 0.01, "ar 0.3": 0.02, "ar 0.6": 0.04},
        "scans": {"independent": 0.01, "spikes": 0.01, "ar 0.3": 0.07, "ar 0.6": 0.16}}  # fmt: skip


def test_no_false_alarm_rate_is_above_what_the_docs_say() -> None:
    for answer in json.loads(HELD.read_text("utf-8"))["answers"]:
        question = answer["question"]
        if question["part"] in SAID:
            assert answer["false"] <= SAID[question["part"]][question["noise"]] * answer["runs"], answer


def test_a_simulation_goes_on_where_it_was_stopped_with_the_same_answers(
    changes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {part: (questions[:2], runs, answer) for part, (questions, runs, answer) in changes.PARTS.items() if part != "scans"}
    monkeypatch.setattr(changes, "PARTS", few)
    changes.simulate(tmp_path / "whole.json", 0.005)
    whole = json.loads((tmp_path / "whole.json").read_text("utf-8"))
    assert [answer["runs"] for answer in whole["answers"]] == [20, 20, 2, 2, 2, 2, 2, 2]
    half = whole | {"answers": whole["answers"][:3]}
    (tmp_path / "half.json").write_text(json.dumps(half))
    changes.simulate(tmp_path / "half.json", 0.005)
    assert json.loads((tmp_path / "half.json").read_text("utf-8")) == whole


def test_noise_has_the_spread_and_the_likeness_that_it_says(changes: ModuleType) -> None:
    source = np.random.default_rng(1)
    for kind, rho in changes.NOISE.items():
        logs = np.log(changes.noise(kind, 20_000, 0.03, source))
        if kind == "spikes":
            assert np.mean(logs > 0.12) == pytest.approx(0.02 * 0.98, abs=0.004)
            continue
        assert np.std(logs) == pytest.approx(0.03, rel=0.05)
        assert np.corrcoef(logs[1:], logs[:-1])[0, 1] == pytest.approx(rho, abs=0.03)
