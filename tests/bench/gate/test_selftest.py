"""The gate's test of itself: runs that can be interrupted, slowdowns of known size, and a report over all of them."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from vbench.gate import log as logs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks one interpreter for many commands")


def test_a_revision_against_itself_and_with_a_slowdown_of_known_size(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    words = ["gate", "--self-test", "-o", "own"]
    done = commands(models.root, *words, "--runs", "2")
    assert done.returncode == 0, done.stderr
    assert "Identical code on both sides, 2 runs: red in 0 of 2" in done.stdout
    same = [logs.read(models.root / "own" / f"same-00{number}.pairs.jsonl") for number in range(2)]
    assert all(log.ended == "complete" for log in same)
    first, second = (log.head for log in same)
    assert first.seed != second.seed
    assert first.sides["base"].commit == first.sides["head"].commit == models.git("rev-parse", "HEAD")
    # What is complete is not measured again.
    planted = commands(models.root, *words, "--inject", "8%")
    assert planted.returncode == 0, planted.stderr
    assert planted.stderr.count("plus8 1 of 1") == 1
    assert "| +8.0 % | 2 of 2 (100.0 %" in planted.stdout
    refused = commands(models.root, "gate", "--base", "HEAD", "--neighbour")
    assert (refused.returncode, "only --self-test repeats itself: leave out --neighbour" in refused.stderr) == (2, True)
    log = logs.read(models.root / "own" / "plus8-000.pairs.jsonl")
    assert log.head.inject == 0.08
