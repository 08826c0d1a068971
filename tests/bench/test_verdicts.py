"""Pairs to verdicts: the test is exact, the estimate follows its data, and the rule keeps what it promises."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from vbench import verdicts
from vbench.errors import UsageError
from vbench.verdicts import Pairs, Rule

RULE = Rule()
sizes = st.floats(-0.5, 0.5).filter(lambda value: value == 0 or abs(value) > 1e-6)
some = st.lists(sizes, min_size=1, max_size=14)
several = st.lists(sizes, min_size=6, max_size=14)


def noise(chance: random.Random, count: int, centre: float, spread: float) -> tuple[float, ...]:
    return tuple(chance.gauss(centre, spread) for _ in range(count))


def suite(chance: random.Random, cases: int, centre: float, spread: float) -> dict[str, Pairs]:
    return {
        str(i): Pairs(
            screen=noise(chance, RULE.screen_pairs, centre, spread), confirm=noise(chance, RULE.confirm_pairs, centre, spread)
        )
        for i in range(cases)
    }


@given(st.lists(sizes.filter(bool), min_size=1, max_size=20, unique_by=abs))
def test_the_test_is_that_of_scipy(pairs: list[float]) -> None:
    assert verdicts.p_value(pairs) == pytest.approx(wilcoxon(pairs, alternative="greater", method="exact").pvalue)


@given(some)
def test_either_direction_is_at_least_as_likely_as_a_coin(pairs: list[float]) -> None:
    up, down = verdicts.p_value(pairs), verdicts.p_value([-value for value in pairs])
    assert 0.5 ** len(pairs) <= up <= 1
    assert up + down >= 1 - 1e-12


@given(st.lists(st.sampled_from([0.01, 0.02, 0.03]), min_size=4, max_size=8))
def test_under_coin_flips_the_chance_of_a_p_is_no_larger_than_it(pairs: list[float]) -> None:
    """All signs of the same sizes, shared ranks among them: the level is exact."""
    every = [
        verdicts.p_value([size if sign >> index & 1 else -size for index, size in enumerate(pairs)])
        for sign in range(2 ** len(pairs))
    ]
    for level in (0.01, 0.05, 0.1, 0.5):
        assert sum(p <= level for p in every) <= level * len(every)


@given(several, st.floats(-1, 1), st.floats(0.1, 10))
def test_the_effect_moves_and_scales_with_its_pairs(pairs: list[float], shift: float, factor: float) -> None:
    effect = verdicts.effect(pairs)
    assert verdicts.effect([value + shift for value in pairs]) == pytest.approx(effect + shift)
    assert verdicts.effect([value * factor for value in pairs]) == pytest.approx(effect * factor)
    assert verdicts.effect([-value for value in pairs]) == pytest.approx(-effect)
    ends, turned = verdicts.bounds(pairs, 0.05), verdicts.bounds([-value for value in pairs], 0.05)
    assert ends is not None
    assert turned is not None
    assert ends[0] - 1e-12 <= effect <= ends[1] + 1e-12
    assert turned == pytest.approx((-ends[1], -ends[0]))


def test_one_neighbour_moves_the_effect_little() -> None:
    quiet = [0.001 * value for value in range(-4, 5)]
    assert abs(verdicts.effect([*quiet, 0.9])) < 0.002


def test_too_few_pairs_have_no_bounds() -> None:
    assert verdicts.bounds([0.01] * 4, 0.05) is None
    assert verdicts.bounds([0.01, 0.02, 0.03, 0.04, 0.05], 0.05) == (0.01, 0.05)
    assert verdicts.detectable([0.01] * 4, RULE) is None


def test_bounds_are_missed_as_often_as_they_say() -> None:
    chance = random.Random(1)  # noqa: S311 - noise, not secrets
    ends = [verdicts.bounds(noise(chance, 18, 0.02, 0.03), 0.05) for _ in range(2000)]
    missed = sum(end is not None and end[1] < 0.02 for end in ends)
    assert 0.03 < missed / len(ends) <= 0.06


def test_a_rule_that_could_never_find_anything_is_refused() -> None:
    verdicts.check(RULE, 60)
    with pytest.raises(UsageError, match=r"3 pairs in the screen stage cannot reach p = 0.1: .* at least 4 pairs"):
        verdicts.check(Rule(screen_pairs=3), 1)
    with pytest.raises(UsageError, match="10 pairs in the confirm stage"):
        verdicts.check(Rule(confirm_pairs=10), 60)


def test_identical_code_is_red_in_at_most_one_run_in_a_hundred() -> None:
    chance = random.Random(2)  # noqa: S311 - noise, not secrets
    red = 0
    for _ in range(300):
        found = verdicts.judge(suite(chance, 60, 0.0, 0.03), RULE)
        red += any(one.verdict == "regression" for one in found.values())
    assert red <= 3


@pytest.mark.parametrize("spread", [0.01, 0.02, 0.03])
def test_what_is_printed_as_detectable_is_detected(spread: float) -> None:
    chance = random.Random(3)  # noqa: S311 - noise, not secrets
    printed = sorted(verdicts.detectable(noise(chance, 18, 0.0, spread), RULE) or 0.0 for _ in range(200))[100]
    found = [verdicts.judge(suite(chance, 1, math.log1p(printed), spread), RULE)["0"].verdict for _ in range(600)]
    assert 0.85 <= found.count("regression") / len(found) <= 0.97


def test_labels_swapped_swap_the_verdicts() -> None:
    chance = random.Random(4)  # noqa: S311 - noise, not secrets
    one = suite(chance, 12, 0.06, 0.02) | {"even": next(iter(suite(chance, 1, 0.0, 0.01).values()))}
    other = {
        name: Pairs(screen=tuple(-v for v in pairs.screen), confirm=tuple(-v for v in pairs.confirm))
        for name, pairs in one.items()
    }
    forth, back = verdicts.judge(one, RULE), verdicts.judge(other, RULE)
    assert {name: v.verdict for name, v in forth.items()} == dict.fromkeys([str(i) for i in range(12)], "regression") | {
        "even": "pass"
    }
    for name, verdict in forth.items():
        assert back[name].verdict == {"regression": "improvement", "pass": "pass"}[verdict.verdict]
        assert math.log1p(back[name].effect or 0.0) == pytest.approx(-math.log1p(verdict.effect or 0.0))


SLOW = Pairs(screen=(0.06,) * 8, confirm=(0.05, 0.06) * 9)
EVEN = Pairs(screen=(0.001, -0.001, 0.002, -0.002, 0.0, 0.001, -0.001, 0.0))


def with_flags(pairs: Pairs, *flags: str) -> Pairs:
    return Pairs(screen=pairs.screen, confirm=pairs.confirm, flags=flags)


@pytest.mark.parametrize(
    ("pairs", "host", "verdict", "reason"),
    [
        (SLOW, "", "regression", ""),
        (EVEN, "", "pass", ""),
        (SLOW, "base against base differs", "inconclusive", "host: base against base differs"),
        (EVEN, "base against base differs", "pass", ""),
        (with_flags(SLOW, "throttled"), "", "invalid", "throttled"),
        (with_flags(EVEN, "throttled"), "", "invalid", "throttled"),
        (with_flags(SLOW, "clock_limited"), "", "inconclusive", "clock_limited"),
        (with_flags(EVEN, "clock_limited"), "", "inconclusive", "clock_limited"),
        (with_flags(SLOW, "stolen"), "", "regression", ""),
        (with_flags(EVEN, "stolen"), "", "pass", ""),
        (msgspec.structs.replace(SLOW, min_effect=0.1), "", "inconclusive", "up to +5.7 % cannot be excluded"),
        (msgspec.structs.replace(SLOW, min_effect=0.1, pass_below=0.2), "", "pass", ""),
        (Pairs(screen=SLOW.screen), "", "inconclusive", "up to +6.2 % cannot be excluded"),
        (Pairs(screen=(0.0, 0.0, 0.0)), "", "inconclusive", "too few pairs"),
        (Pairs(invalid="the output changed"), "", "invalid", "the output changed"),
        (Pairs(), "", "invalid", "no pair was measured"),
    ],
)
def test_what_else_is_known_decides_with_the_pairs(pairs: Pairs, host: str, verdict: str, reason: str) -> None:
    found = verdicts.judge({"case": pairs}, RULE, host)["case"]
    assert (found.verdict, found.reason) == (verdict, reason)
