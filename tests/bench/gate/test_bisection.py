"""Which commit made a network slower, over histories in which every commit has times of its own."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks one interpreter for many commands")


def found(done: Any) -> dict[str, Any]:
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_the_first_bad_commit_is_found_and_the_rest_is_left_alone(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    good = models.commit()
    hashes = [models.commit(a=1.0 + 0.0001 * number) for number in range(1, 3)]
    slow = models.commit(a=1.08)
    last = [models.commit(a=1.08 + 0.0001 * number) for number in range(1, 4)][-1]
    models.write(b=1.5)  # the work tree is not what is judged
    done = commands(models.root, "bisect", "--good", good, "-o", "pairs", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    answer = found(done)
    assert answer["first"] == [slow]
    assert (answer["good"], answer["bad"], answer["metric"]) == (good, last, "latency")
    assert answer["case"].startswith("net/a@")
    said = {one["commit"]: (one["said"], one["verdict"]) for one in answer["tried"]}
    assert said[last] == ("bad", "regression")
    assert said[slow] == ("bad", "regression")
    assert said[hashes[-1]] == ("good", "pass")
    assert len(said) <= 4
    assert models.git("worktree", "list").count("\n") == 0
    assert "1.5" in (models.root / "nets.py").read_text()
    assert models.git("for-each-ref", "refs/bisect") == ""
    # The same command again has nothing left to measure, and says the same.
    sizes = {path.name: path.read_bytes().count(b'"type":"pair"') for path in (models.root / "pairs").iterdir()}
    again = commands(models.root, "bisect", "--good", good, "-o", "pairs")
    assert again.returncode == 0, again.stderr
    assert f"the first bad commit for net/a latency is {slow}" in again.stdout
    assert f"vbench gate --base {slow[:12]}~1 --head {slow[:12]} net/a" in again.stdout
    assert sizes == {path.name: path.read_bytes().count(b'"type":"pair"') for path in (models.root / "pairs").iterdir()}


@pytest.mark.slow
def test_commits_that_cannot_be_judged_are_passed_over_and_named(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    good = models.commit()
    without = models.commit(("net/b",))
    slow = models.commit(a=1.1)
    done = commands(models.root, "bisect", "--good", good, "net/a", "-o", "pairs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"is one of {without[:12]}, {slow[:12]}: those between could not be judged" in done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith(without[:12]))
    assert " skip " in line


def test_where_nothing_became_slower_there_is_nothing_to_look_for(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    good = models.commit()
    models.commit(a=0.9)
    done = commands(models.root, "bisect", "--good", "HEAD~1", "-o", "pairs")
    assert (done.returncode, "no regression between the two ends" in done.stdout) == (3, True), done.stderr
    for words, said in (
        ([], "name a revision that was fast"),
        (["--good", "nowhere"], "--good nowhere: no such revision"),
        (["--good", "HEAD"], "is no ancestor of --bad HEAD"),
        (["--good", "HEAD", "--bad", good], "is no ancestor of --bad"),
        (["--good", "HEAD~1", "-o", "nets.py"], "-o nets.py: bisect wants a folder"),
    ):
        done = commands(models.root, "bisect", *words)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
