"""The order and the budget of a gate, on a clock that only pairs move: nothing is started, and nothing sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest

from vbench.config import Settings
from vbench.core import Machine, Source
from vbench.gate import log as logs
from vbench.gate import outcome, rounds
from vbench.gate.log import About, Counts, Half, Head, Pair, Writer
from vbench.gate.sides import Place, Side, Survey
from vbench.home import Home
from vbench.tolerances import Gate
from vbench.verdicts import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Case

COST_S, SERVERS_S = 2.0, 3.0


class World:
    """A clock, servers that take time to start, and processes whose times are what the test says."""

    def __init__(self, ratios: dict[str, float]) -> None:
        self.now = 0.0
        self.ratios = ratios

    def lanes(self, *_: Any, **__: Any) -> World:
        self.now += SERVERS_S
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def two(self, _: str) -> None:
        return None

    def meter(self, *_: Any, **__: Any) -> World:
        return self

    def pair(self, _: None, asked: Any) -> Pair:
        self.now += COST_S
        ratio = self.ratios.get(asked.case.architecture, 1.0) + 0.001 * (asked.number % 3 - 1)
        base, head = (Half(batches=((int(1e7 * size),) * 2,) * 8) for size in (1.0, ratio))
        return Pair(
            case=asked.case.id, against=asked.against, stage=asked.stage, index=asked.number, round=asked.round, order="bh" * 8,
            base=base, head=head, seconds=COST_S,
        )  # fmt: skip


@pytest.fixture
def gated(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(limit: float | None, names: str, **ratios: float) -> tuple[outcome.Outcome, logs.Log, float]:
        world = World({f"n/{name}": ratio for name, ratio in ratios.items()})
        monkeypatch.setattr(rounds, "Lanes", world.lanes)
        monkeypatch.setattr(rounds, "Meter", world.meter)
        cases: tuple[Case, ...] = tuple(make.case(f"n/{name}", engine="eager") for name in names)
        head = Head(
            schema=logs.SCHEMA, gate_id="g", started="2026-01-01T00:00:00+00:00", machine=Machine(slug="m", fingerprint="f"),
            rule=Rule(), gate=Gate(time_limit=limit), cases=cases, definitions={}, nulls=(make.case("null/one"),),
            sides={"head": About(name="."), "base": About(name="main")}, seed=1,
        )  # fmt: skip
        there = Survey(
            architectures={case.architecture: Source(kind="module", value="m") for case in cases},
            engines={"eager": Source(kind="module", value="e")},
        )
        side = Side(Place("main", tmp_path, tmp_path), Home(), there)
        writer = Writer(tmp_path / f"{limit}{names}.jsonl", head)
        writer.counts(Counts(against="base"))
        gate = rounds.Gate(writer, {"head": side, "base": side}, Settings(), clock=lambda: world.now)
        found = gate.run()
        writer.close()
        return found, writer.log, world.now

    return run


def test_without_a_limit_every_case_is_screened_and_what_may_have_changed_is_confirmed(gated: Any) -> None:
    found, log, _ = gated(None, "abc", b=1.06)
    assert {row.architecture: row.verdict for row in found.rows} == {"n/a": "pass", "n/b": "regression", "n/c": "pass"}
    for case in log.head.cases:
        assert len(log.of("base", case, "screen")) == 8
        assert len(log.of("base", case, "confirm")) == (18 if case.architecture == "n/b" else 0)
    # In every round, the second stage's among them, base is held against itself.
    assert len(log.of("null", log.head.nulls[0])) == 26


def test_what_has_no_room_is_dropped_from_the_end_and_the_rest_is_whole(gated: Any) -> None:
    """A round takes 5 s and 2 s a case. After the first of all four, 97 of 110 s are left, a quarter of 110 kept to confirm:
    69.5 s for seven rounds, so 34.5 s for cases, of which each takes 14.
    """
    found, log, took = gated(110.0, "abcd")
    assert [row.verdict for row in found.rows] == ["pass", "pass", "not_run", "not_run"]
    assert found.exit_code == 4
    assert found.rows[3].reason == "1 of 8 screening pairs"
    assert [len(log.of("base", case)) for case in log.head.cases[:2]] == [8, 8]
    assert took == 13.0 + 7 * 9.0


def test_what_could_not_be_confirmed_in_time_is_not_called_a_pass(gated: Any) -> None:
    found, _, took = gated(100.0, "a", a=1.06)
    assert found.rows[0].verdict == "not_run"
    assert found.rows[0].reason.endswith("of 18 confirming pairs")
    assert took <= 100.0 + COST_S
