"""The commands that would confirm a change: they can be typed, and where there are none the reason is said."""

from __future__ import annotations

from typing import Any

import pytest

from vbench.core import Facts
from vbench.history import proposals
from vbench.history.look import Asked, look
from vbench.scan import Rule

from .conftest import case, commit, wander

GOOD, BAD = commit(19)[:12], commit(20)[:12]


def commands(runs: Any, *metrics: str) -> list[str]:
    return look([runs.folder], Asked(metrics=metrics or ("latency",)), Rule()).commands()


def reason(runs: Any, *metrics: str) -> str:
    (jump,) = look([runs.folder], Asked(metrics=metrics or ("latency",)), Rule()).jumps
    proposal = proposals.of_jump(jump)
    assert proposal.commands == ()
    return proposal.reason


def slower(runs: Any, one: Any, by: float = 0.1, **fields: Any) -> None:
    for number in range(28):
        wiggle = 1 + 0.001 * wander(number)
        own = {key: value(number) if callable(value) else value for key, value in fields.items()}
        runs.add({one: 10.0 * wiggle * (1 + by if number >= 20 else 1)}, **own)


def test_what_became_worse_is_compared_and_searched_for(runs: Any) -> None:
    runs.stepped(20, 8)
    assert commands(runs) == [
        f"vbench gate --base {GOOD} --head {BAD} net/one",
        f"vbench bisect --good {GOOD} --bad {BAD} net/one",
    ]


def test_what_became_better_is_only_compared(runs: Any) -> None:
    runs.stepped(20, 8, by=-0.1)
    assert commands(runs) == [f"vbench gate --base {GOOD} --head {BAD} net/one"]


def test_what_differs_from_the_defaults_is_said(runs: Any) -> None:
    one = case(engine="fake", device="fake", precision="bf16", batch=8, threads=1, input_shape=(3, 64, 64))
    slower(runs, one)
    options = "--engine fake --device fake --precision bf16 --batch 8 --threads 1 --input 3x64x64"
    assert commands(runs)[0] == f"vbench gate --base {GOOD} --head {BAD} {options} net/one"


def test_an_import_path_needs_its_input(runs: Any) -> None:
    slower(runs, case("package.module:net"), architectures={"package.module:net": Facts(input=(3, 32, 32))})
    assert commands(runs)[0].endswith("--input 3x32x32 package.module:net")


def test_metrics_and_architectures_of_the_same_commits_share_a_command(runs: Any) -> None:
    for number in range(28):
        wiggle = 1 + 0.001 * wander(number)
        runs.add({case(f"net/{i}"): 10.0 * wiggle * (1.1 if number >= 20 else 1) for i in range(2)})
    assert commands(runs, "latency", "throughput") == [
        f"vbench gate --base {GOOD} --head {BAD} --metric latency,throughput net/0 net/1",
        f"vbench bisect --good {GOOD} --bad {BAD} --metric latency,throughput net/0 net/1",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"commit": ""}, "is not known: run vbench inside a git checkout"),
        ({"commit": "c" * 40}, "both sides are commit cccccccccccc"),
        ({"commit": lambda n: commit(n) + "-dirty"}, f"uncommitted changes were measured ({GOOD}-dirty, {BAD}-dirty)"),
    ],
    ids=["unknown", "equal", "dirty"],
)
def test_without_two_commits_the_reason_is_said_instead(runs: Any, fields: Any, said: str) -> None:
    slower(runs, case(), **fields)
    assert said in reason(runs)
    assert commands(runs) == []


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"phase": "train"}, "phase train"),
        ({"scenario": "concurrent:2"}, "scenario concurrent:2"),
        ({"layout": "nhwc"}, "layout nhwc"),
        ({"engine_options": (("cuda-graph", "on"),)}, "engine options cuda-graph=on"),
    ],
)
def test_what_the_gate_does_not_measure_is_said(runs: Any, axes: Any, said: str) -> None:
    slower(runs, case(**axes))
    assert reason(runs) == f"vbench gate does not measure {said}"


def test_a_column_that_the_gate_does_not_measure_is_said(runs: Any) -> None:
    runs.stepped(20, 8)
    assert reason(runs, "latency_s_p90") == "vbench gate does not measure latency_s_p90"


def test_the_newest_run_that_is_far_off_is_compared_with_the_one_before(runs: Any) -> None:
    runs.stepped(20, 0)
    runs.add({case(): 13.0})
    assert commands(runs) == [f"vbench gate --base {GOOD} --head {BAD} net/one"]
    runs.add({case(): 10.0})
    assert commands(runs) == []
