"""From pairs to verdicts and words: what is invalid, what is red, and that the file alone decides."""

from __future__ import annotations

import datetime as dt
import gzip
import math
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vbench.core import Machine
from vbench.errors import ResultFileError, UsageError
from vbench.gate import effects, outcome, selftest, show, tables
from vbench.gate import log as logs
from vbench.gate.exact import Difference
from vbench.gate.log import About, Counts, Half, Head, Log, Pair, Writer
from vbench.tolerances import Accepted, Gate
from vbench.verdicts import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

MS = 1_000_000


def half(ms: float = 10.0, **fields: Any) -> Half:
    return Half(**{"batches": ((int(ms * MS),) * 3,) * 4, "output": (1.0, -2.0)} | fields)


def gate_log(
    make: Any, ratios: dict[str, Sequence[float]], confirmed: dict[str, Sequence[float]] | None = None, **fields: Any
) -> Log:
    """A file in which head took so many times as long as base, pair by pair; 1.0 is no change."""
    cases = tuple(make.case(name) for name in ratios)
    head = Head(
        **{
            "schema": logs.SCHEMA, "gate_id": "20260101T000000Z-abcdef", "started": "2026-01-01T00:00:00+00:00",
            "machine": Machine(slug="some-machine", fingerprint="f00d"), "rule": Rule(), "gate": Gate(), "cases": cases,
            "definitions": {}, "sides": {"head": About(name="."), "base": About(name="main")}, "seed": 1,
        }
        | fields
    )  # fmt: skip
    log = Log(head, ended="complete")
    for stage, all_ratios in (("screen", ratios), ("confirm", confirmed or {})):
        for case in cases:
            for index, ratio in enumerate(all_ratios.get(case.architecture, ())):
                pair = Pair(
                    case=case.id, against="base", stage=stage, index=index, round=index, order="bh" * 4,
                    base=half(), head=half(10.0 * ratio),
                )  # fmt: skip
                log.add(pair)
    return log


def altered(log: Log, change: Callable[[Pair], Pair]) -> Log:
    """The same file with other pairs."""
    other = Log(log.head, ended=log.ended)
    for pair in log.pairs:
        other.add(change(pair))
    return other


SLOW = [1.05 + 0.001 * index for index in range(18)]
EVEN = [1 + 0.001 * (-1) ** index * (index + 1) for index in range(8)]


def verdicts_of(log: Log) -> dict[str, tuple[str, str]]:
    return {row.architecture: (row.verdict, row.reason) for row in outcome.outcome(log).rows}


def test_the_words_are_those_of_the_rule_and_the_worst_stands_first(make: Any) -> None:
    log = gate_log(make, {"a/even": EVEN, "a/slow": SLOW[:8], "a/fast": [1 / r for r in SLOW[:8]]}, {
        "a/slow": SLOW, "a/fast": [1 / r for r in SLOW],
    })  # fmt: skip
    assert verdicts_of(log) == {"a/even": ("pass", ""), "a/slow": ("regression", ""), "a/fast": ("improvement", "")}
    text = show.text(outcome.outcome(log))
    assert [line.split()[0] for line in text.splitlines()[1:4]] == ["a/slow", "a/fast", "a/even"]
    assert text.endswith("1 regression, 1 improvement, 1 pass; exit 1")


def test_a_candidate_whose_second_stage_is_missing_was_not_run(make: Any) -> None:
    assert verdicts_of(gate_log(make, {"a/slow": SLOW[:8]})) == {"a/slow": ("not_run", "0 of 18 confirming pairs")}
    found = outcome.outcome(gate_log(make, {"a/slow": SLOW[:8]}, {"a/slow": SLOW[:17]}))
    assert (found.rows[0].reason, found.exit_code) == ("17 of 18 confirming pairs", 4)
    assert verdicts_of(gate_log(make, {"a/even": EVEN[:7]})) == {"a/even": ("not_run", "7 of 8 screening pairs")}


@pytest.mark.parametrize(
    ("changed", "allowed", "reason"),
    [
        ({"status": "oom", "reason": "out of memory"}, False, "head oom: out of memory"),
        ({"output": (1.0, -2.1)}, False, "output changed: if that is meant, --allow-output-change"),
        ({"output": (1.0,)}, False, "output changed: if that is meant, --allow-output-change"),
        ({"output": (1.0, -2.0005)}, False, ""),
        ({"output": (1.0, -2.1)}, True, ""),
        ({"status": "timeout", "reason": "no answer"}, True, "head timeout: no answer"),
    ],
)
def test_what_failed_or_answers_otherwise_is_invalid(make: Any, changed: dict[str, Any], *, allowed: bool, reason: str) -> None:
    log = altered(
        gate_log(make, {"a/even": EVEN}, allow_output_change=allowed),
        lambda pair: msgspec.structs.replace(pair, head=half(10.01, **changed)) if pair.index == 0 else pair,
    )
    assert verdicts_of(log)["a/even"] == (("invalid", reason) if reason else ("pass", ""))


def test_a_base_that_differs_from_itself_takes_the_red_away(make: Any) -> None:
    log = gate_log(make, {"a/slow": SLOW[:8]}, {"a/slow": SLOW})
    null = make.case("null/memory")
    log.head = msgspec.structs.replace(log.head, nulls=(null,))
    for index in range(8):
        pair = Pair(
            case=null.id, against="null", stage="screen", index=index, round=index, order="", base=half(), head=half(11.0)
        )
        log.add(pair)
    ((verdict, reason),) = verdicts_of(log).values()
    assert (verdict, reason.partition(" in ")[0]) == ("inconclusive", "host: base differs from itself by +10.0 %")
    assert "no regression can be told on this machine now" in show.text(outcome.outcome(log))


def test_an_exact_difference_is_red_unless_the_lock_holds_it(make: Any) -> None:
    log = gate_log(make, {"a/even": EVEN})
    difference = Difference("a/even@none 3x32x32 fp32 infer", "changed", {"macs": (100, 120)})
    for accepted, code in ((True, 0), (False, 1)):
        log.counts = [Counts(against="base", differences=(difference,), accepted=accepted)]
        found = outcome.outcome(log)
        assert found.exit_code == code
        assert "macs 100 -> 120" in found.exact[0].text
        assert found.exact[0].red is not accepted
    log.counts = [Counts(against="base", failed={"a/even": "crashed: x"})]
    failed = outcome.outcome(log)
    assert (failed.exit_code, [line.text for line in failed.exact]) == (4, ["exact: a/even: crashed: x"])


@pytest.mark.parametrize(
    ("bound", "expires", "code", "verdict", "said"),
    [
        (0.12, "2026-01-01", 0, "accepted", "known (until 2026-01-01)"),
        (0.05, "2026-01-01", 1, "regression", "accepted up to 5.0 % only: known"),
        (0.12, "2025-12-31", 1, "regression", "expired: a/* (latency): accepted until 2025-12-31: known"),
    ],
)
def test_an_accepted_regression_has_a_bound_and_a_last_day(  # noqa: PLR0913, PLR0917 - a row of a table
    make: Any, bound: float, expires: str, code: int, verdict: str, said: str
) -> None:
    entry = Accepted(case="a/*", bound=bound, reason="known", expires=dt.date.fromisoformat(expires))
    found = outcome.outcome(gate_log(make, {"a/slow": SLOW[:8]}, {"a/slow": SLOW}, gate=Gate(accept=(entry,))))
    assert (found.rows[0].verdict, found.exit_code) == (verdict, code)
    assert said in show.text(found)


def test_a_throttled_device_is_no_judge(make: Any) -> None:
    log = altered(
        gate_log(make, {"a/slow": SLOW[:8]}, {"a/slow": SLOW}),
        lambda pair: msgspec.structs.replace(pair, head=half(10.5, values={"throttle": 0x40})),
    )
    assert verdicts_of(log) == {"a/slow": ("invalid", "throttled")}


def test_the_median_over_the_turns_is_what_a_pair_says() -> None:
    base = Half(batches=((10 * MS,), (20 * MS,), (10 * MS,)))
    head = Half(batches=((11 * MS,), (22 * MS,), (90 * MS,)))
    pair = Pair(case="c", against="base", stage="screen", index=0, round=0, order="bh", base=base, head=head)
    assert effects.effect(pair, "latency") == pytest.approx(math.log(1.1))
    assert effects.effect(pair, "memory") is None
    memory = [msgspec.structs.replace(side, values={"peak_host_bytes": size}) for side, size in ((base, 100.0), (head, 150.0))]
    assert effects.effect(msgspec.structs.replace(pair, base=memory[0], head=memory[1]), "memory") == pytest.approx(math.log(1.5))


def test_what_the_file_holds_is_what_was_written_wherever_it_is_cut(make: Any, tmp_path: Path) -> None:
    log = gate_log(make, {"a/slow": SLOW[:8], "b/even": EVEN}, {"a/slow": SLOW})
    path = tmp_path / "g.pairs.jsonl"
    writer = Writer(path, log.head)
    writer.counts(Counts(against="base"))
    for pair in log.pairs:
        writer.pair(pair)
    writer.log.ended = "complete"
    found = outcome.outcome(writer.log)
    writer.end(found.rows)
    writer.close()
    again = logs.read(path)
    assert (again.pairs, again.ended) == (log.pairs, "complete")
    assert outcome.outcome(again) == found
    data = path.read_bytes()
    first = data.index(b"\n") + 1
    for cut in range(first, len(data), 997):
        path.write_bytes(data[:cut])
        part = logs.read(path)
        assert part.pairs == log.pairs[: len(part.pairs)]
        assert part.size <= cut
    path.write_bytes(data.replace(b'"stage":"screen"', b'"stage":"scream"', 1))
    with pytest.raises(ResultFileError, match="line 3 is not of schema 1"):
        logs.read(path)
    path.write_bytes(data.replace(b'"schema":1', b'"schema":9', 1))
    with pytest.raises(UsageError, match="has schema 9, and this vbench reads up to 1"):
        logs.read(path)


def test_a_rule_of_another_version_is_not_guessed_at(make: Any) -> None:
    with pytest.raises(UsageError, match="judged by rule 7"):
        outcome.outcome(gate_log(make, {"a/even": EVEN}, rule=Rule(version=7)))


@example([1.25] + [0.8] * 7, [1.0] * 11 + [0.875] * 7)
@given(st.lists(st.floats(0.8, 1.25), min_size=8, max_size=8), st.lists(st.floats(0.8, 1.25), min_size=18, max_size=18))
def test_swapped_labels_swap_the_verdicts(make: Any, screen: list[float], confirm: list[float]) -> None:
    assert selftest.asymmetric(gate_log(make, {"a/net": screen}, {"a/net": confirm})) == []


def test_the_self_test_counts_reds_and_what_other_rules_would_have_said(make: Any) -> None:
    quiet = [1 + 0.004 * math.sin(index) for index in range(26)]
    same = [gate_log(make, {"a/net": quiet[:8]}, {"a/net": quiet[8:]}) for _ in range(3)]
    # The first pair of this run is what a tool that measures each side once would have seen.
    unlucky = gate_log(make, {"a/net": [1.2, *quiet[1:8]]}, {"a/net": quiet[8:]})
    planted = gate_log(make, {"a/net": SLOW[:8]}, {"a/net": SLOW}, inject=0.05)
    said = tables.report([*same, unlucky, planted], count=200)
    assert "4 runs: red in 0 of 4 (0.0 %" in said
    assert "200 replays with labels drawn anew, 0 of 200" in said
    assert "mirrored in 4 of 4" in said
    assert "| pytest-benchmark, mean:5% | 1 of 4 (25.0 %" in said
    assert "| github-action-benchmark, 200 % | 0 of 4" in said
    assert "| +5.0 % | 1 of 1 (100.0 %" in said
    assert selftest.red(planted)
    asv = "asv, 1.1 and p < 0.002"
    assert [list(selftest.others(log)[asv].values()) for log in (same[0], unlucky)] == [[False], [True]]


def test_the_power_of_the_rule_on_pairs_of_identical_code_grows_with_the_slowdown(make: Any) -> None:
    chance = random.Random(5)  # noqa: S311 - noise, not secrets
    same = [gate_log(make, {"a/net": [math.exp(chance.gauss(0, 0.02)) for _ in range(8)]}) for _ in range(20)]
    found = [selftest.shifted(same, size, count=100) for size in (0.0, 0.03, 0.05, 0.2)]
    shares = [next(iter(rates.values())).found for rates in found]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[2] >= 90
    assert shares[3] == 100
    # Few pairs are no pool to draw a whole gate from.
    assert selftest.shifted(same[:2], 0.05) == selftest.power(same[:2]) == {}
    (rate,) = selftest.power(same, count=200).values()
    assert rate.of == 200
    assert 0.80 <= rate.found / rate.of <= 0.99


def test_runs_beside_a_neighbour_are_told_apart(make: Any, tmp_path: Path) -> None:
    quiet = gate_log(make, {"a/net": EVEN})
    busy = gate_log(make, {"a/net": EVEN}, neighbour=True)
    with_bursts = Writer(tmp_path / "busy.jsonl", busy.head)
    for pair in busy.pairs:
        with_bursts.pair(msgspec.structs.replace(pair, started_s=100.0 + pair.index, seconds=1.0))
    with_bursts.neighbour([(101.0, 103.0)])
    with_bursts.log.ended = "complete"
    with_bursts.end([])
    with_bursts.close()
    read = logs.read(tmp_path / "busy.jsonl")
    assert read.bursts == [(101.0, 103.0)]
    said = tables.report([quiet, read], count=10)
    first, _, second = said.partition("With a neighbour: 1 bursts of `stress-ng --cpu 1`, 25.0 % of the time.")
    assert "1 runs: red in 0 of 1" in first
    assert "1 runs: red in 0 of 1" in second


def test_a_file_that_was_packed_to_be_kept_reads_the_same(make: Any, tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.pairs.jsonl", tmp_path / "a.pairs.jsonl.gz"
    log = gate_log(make, {"a/slow": SLOW[:8]}, {"a/slow": SLOW})
    writer = Writer(plain, log.head)
    for pair in log.pairs:
        writer.pair(pair)
    writer.close()
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert outcome.outcome(logs.read(packed)) == outcome.outcome(logs.read(plain))
    for damaged in (packed.read_bytes()[:40], b"no archive"):
        packed.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"cannot read .*a\.pairs\.jsonl\.gz"):
            logs.read(packed)
