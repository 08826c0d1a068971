"""The other tools' command lines, run for real: each imports torch in a fresh process, so they are marked slow."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest
from campaign import fresh, ours
from figures import coverage

from vbench import stats

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def task(tmp_path: Path) -> ours.Task:
    return ours.Task(0, {"threads": 1, "seed": 0}, tmp_path, random.Random(0))  # noqa: S311 - an order, not a secret


@pytest.mark.slow
def test_torch_timer_answers_with_its_blocks(task: ours.Task) -> None:
    found = fresh.torch_timer(task, "squeezenet/1.1", 0.2)
    times = [block / found["per_block"] / 1e9 for block in found["blocks_ns"]]
    assert sum(found["blocks_ns"]) >= 0.2e9
    assert found["median_s"] == pytest.approx(stats.median(times), rel=1e-6)
    trial = coverage.torch_trial(found)
    assert trial.interval is not None
    assert trial.interval[0] <= trial.middle <= trial.interval[1]
    assert found["seconds"] > 0.2
    assert found["faults_per_pass"] >= 0


@pytest.mark.slow
def test_both_loops_time_the_same_call_by_turns(task: ours.Task) -> None:
    found = fresh.loop_timer(task, "squeezenet/1.1", 0.05, 3)
    assert len(found["pairs"]) == 3
    assert all(value > 0 for pair in found["pairs"] for value in pair)


@pytest.mark.slow
def test_pytest_timer_answers_with_its_rounds(task: ours.Task) -> None:
    found = fresh.pytest_timer(task, "squeezenet/1.1", 0.2)
    assert len(found["rounds_ns"]) == found["rounds"] >= 5
    assert found["mean_s"] == pytest.approx(sum(found["rounds_ns"]) / found["rounds"] / 1e9, rel=1e-6)
    assert found["stddev_s"] > 0


@pytest.mark.slow
def test_all_tools_time_the_same_work(task: ours.Task) -> None:
    """The subject answers as vbench's own worker does: same weights, same inputs, same rotation."""
    code = """
import sys, json, torch
sys.path.insert(0, sys.argv[1])
import subject
from vbench import data
from vbench.core import Case
from vbench.engines.eager import Eager
from vbench.registry import ARCHITECTURES
step = subject.prepare(subject.parse(sys.argv[2]))
cells = dict(zip(step.__code__.co_freevars, (cell.cell_contents for cell in step.__closure__)))
own, _ = data.build(ARCHITECTURES.get("squeezenet/1.1").build, 0)
session = Eager().prepare(own, Case(architecture="squeezenet/1.1", input_shape=(3, 224, 224)))
session.load(data.noise((3, 224, 224), 1, 0))
same = []
for _ in range(9):
    session.step()
    same.append(bool(torch.equal(session.output(), cells["module"](next(cells["inputs"])))))
print(json.dumps([same, torch.get_num_threads(), torch.is_inference_mode_enabled()]))
"""
    text, _ = fresh.command([sys.executable, "-c", code, str(fresh.TIMERS), fresh.subject(task, "squeezenet/1.1", 0.1)])
    same, threads, inference = msgspec.json.decode(text)
    assert same == [True] * 9
    assert threads == 1
    assert inference


def test_a_tool_that_fails_is_one_line_without_folders() -> None:
    code = "import sys; print('one', file=sys.stderr); sys.exit('cannot read /some/where/x.py')"
    with pytest.raises(fresh.FreshError, match=r"left with 1: cannot read x\.py$"):
        fresh.command([sys.executable, "-c", code])


def test_a_tool_that_hangs_is_ended() -> None:
    with pytest.raises(fresh.FreshError, match=r"not done after 0\.1 s"):
        fresh.command([sys.executable, "-c", "import time; time.sleep(60)"], limit_s=0.1)


def test_what_a_tool_says_is_handed_on_with_its_whole_time() -> None:
    text, seconds = fresh.command([sys.executable, "-c", "import os; print(os.environ['GIVEN'])"], {"GIVEN": "here"})
    assert text == "here\n"
    assert seconds > 0
