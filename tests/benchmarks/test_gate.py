"""How long the gate takes to judge a suite of a thousand cases; `--benchmark-enable` times it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from vbench.core import Case, Machine
from vbench.gate import log as logs
from vbench.gate import outcome
from vbench.gate.log import About, Half, Head, Log, Pair
from vbench.tolerances import Gate
from vbench.verdicts import Rule

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

CASES, SLOWER = 1000, 20


def suite() -> Log:
    """A thousand cases of eight pairs, of sixteen turns of three samples each; every fiftieth was slower and was confirmed."""
    chance = random.Random(0)  # noqa: S311 - noise, not secrets
    cases = tuple(Case(architecture=f"family/{number}", input_shape=(3, 32, 32)) for number in range(CASES))
    rule = Rule()
    head = Head(
        schema=logs.SCHEMA, gate_id="g", started="2026-01-01T00:00:00+00:00", machine=Machine(slug="m", fingerprint="f"),
        rule=rule, gate=Gate(), cases=cases, definitions={}, sides={"head": About(name="."), "base": About(name="main")}, seed=1,
    )  # fmt: skip
    log = Log(head, ended="complete")
    for number, case in enumerate(cases):
        slower = 1.08 if number % (CASES // SLOWER) == 0 else 1.0
        for stage, count in (("screen", rule.screen_pairs), ("confirm", rule.confirm_pairs if slower > 1 else 0)):
            for index in range(count):
                base, side = (
                    Half(batches=tuple(tuple(int(chance.gauss(1e7, 2e5) * size) for _ in range(3)) for _ in range(16)))
                    for size in (1.0, slower * chance.gauss(1, 0.01))
                )
                pair = Pair(
                    case=case.id, against="base", stage=stage, index=index, round=index, order="bh" * 16, base=base, head=side
                )  # type: ignore[arg-type]  # one of the two words
                log.add(pair)
    return log


def test_a_thousand_cases_are_judged(benchmark: BenchmarkFixture) -> None:
    log = suite()
    found = benchmark.pedantic(outcome.outcome, (log,), rounds=1 if benchmark.disabled else 5)
    assert sum(row.verdict == "regression" for row in found.rows) == SLOWER
