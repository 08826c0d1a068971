"""The gate from end to end, between commits of a repository: what is slower is red, what is not stays green, and why is said."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from vbench.gate import log as logs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks one interpreter for many commands")


def rows(done: Any) -> dict[str, str]:
    """The verdict on each architecture, from --json."""
    return {row["architecture"]: row["verdict"] for row in json.loads(done.stdout)["rows"]}


def test_a_network_that_became_slower_is_red_and_its_neighbour_is_not(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    models.write(a=1.08)  # not committed: head is the work tree as it is
    done = commands(models.root, "gate", "--base", "HEAD", "-o", "g.jsonl")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert " regression" in lines["net/a"]
    assert " pass" in lines["net/b"]
    assert "1 regression, 1 pass; exit 1" in done.stdout
    log = logs.read(models.root / "g.jsonl")
    assert log.head is not None
    assert (log.head.sides["base"].commit, log.head.sides["head"].dirty) == (models.git("rev-parse", "HEAD"), True)
    by_case = {case.architecture: log.of("base", case) for case in log.head.cases}
    assert [(p.stage, p.index) for p in by_case["net/b"]] == [("screen", index) for index in range(5)]
    assert len([p for p in by_case["net/a"] if p.stage == "confirm"]) == 9
    assert all(len(log.of("null", case, "screen")) == 5 for case in log.head.nulls)
    # What was checked out is gone, and git knows of no other tree.
    assert models.git("worktree", "list").count("\n") == 0


def test_identical_code_passes_and_the_file_says_so_again(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    done = commands(models.root, "gate", "--base", "HEAD", "-o", "g.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    again = commands(models.root, "gate", "--replay", "g.jsonl")
    assert (again.returncode, again.stdout) == (0, done.stdout)
    one, two = (json.loads(commands(models.root, "gate", "--replay", "g.jsonl", "--json").stdout) for _ in range(2))
    assert one == two
    assert {row["verdict"] for row in one["rows"]} == {"pass"}


def test_faster_is_an_improvement_and_never_red(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    models.commit(a=0.9)
    done = commands(models.root, "gate", "--base", "HEAD~1", "--json")
    assert (done.returncode, rows(done)) == (0, {"net/a": "improvement", "net/b": "pass"})


def test_what_is_new_and_what_is_gone_are_both_said(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit(("net/a", "net/old"))
    models.commit(("net/a", "net/new"))
    done = commands(models.root, "gate", "--base", "HEAD~1", "--json")
    assert (done.returncode, rows(done)) == (0, {"net/a": "pass", "net/new": "new", "net/old": "removed"})


def test_creep_that_no_step_shows_is_seen_from_further_back(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    models.git("tag", "v1")
    models.commit(a=1.07)
    models.commit(a=1.08)
    done = commands(models.root, "gate", "--base", "HEAD~1", "--base-far", "v1", "--json", "net/a")
    found = {row["against"]: row["verdict"] for row in json.loads(done.stdout)["rows"]}
    assert (done.returncode, found) == (1, {"base": "pass", "far": "regression"}), done.stdout


ACCEPTED = """
[[gate.accept]]
case = "net/a"
bound = {bound}
reason = "a bias was added"
expires = {expires}
"""


@pytest.mark.parametrize(
    ("bound", "expires", "code", "verdict", "said"),
    [
        (0.12, "2999-01-01", 0, "accepted", "a bias was added (until 2999-01-01)"),
        (0.05, "2999-01-01", 1, "regression", "accepted up to 5.0% only"),
        (0.12, "2020-01-01", 1, "regression", "expired: net/a (latency): accepted until 2020-01-01: a bias was added"),
    ],
)
def test_an_accepted_regression_has_a_bound_and_a_last_day(  # noqa: PLR0913, PLR0917 - a row of a table
    commands: Any, repository_of_models: Any, bound: float, expires: str, code: int, verdict: str, said: str
) -> None:
    models = repository_of_models
    models.commit()
    models.config(ACCEPTED.format(bound=bound, expires=expires))
    models.write(a=1.08)
    done = commands(models.root, "gate", "--base", "HEAD", "net/a")
    assert done.returncode == code
    assert f" {verdict}" in done.stdout.splitlines()[1]
    assert said in done.stdout


def test_a_limit_that_leaves_no_time_names_what_was_not_run(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    done = commands(models.root, "gate", "--base", "HEAD", "--time-limit", "1ms", "--json")
    assert (done.returncode, rows(done)) == (4, {"net/a": "not_run", "net/b": "not_run"})


def test_a_folder_is_a_base_as_well_and_needs_no_git(commands: Any, repository_of_models: Any, tmp_path: Path) -> None:
    models = repository_of_models
    models.write()
    shutil.copytree(models.root, tmp_path / "before", ignore=shutil.ignore_patterns(".git"))
    models.write(b=1.1)
    done = commands(models.root, "gate", "--base", str(tmp_path / "before"), "--json")
    assert (done.returncode, rows(done)) == (1, {"net/a": "pass", "net/b": "regression"})


@pytest.mark.parametrize("mode", ["abba", "pingpong"])
def test_every_mode_that_takes_turns_finds_the_same(commands: Any, repository_of_models: Any, mode: str) -> None:
    models = repository_of_models
    models.commit()
    models.write(a=1.08)
    done = commands(models.root, "gate", "--base", "HEAD", "--mode", mode, "--json", "--metric", "latency,throughput")
    found = {(row["architecture"], row["metric"]): row["verdict"] for row in json.loads(done.stdout)["rows"]}
    assert found == {
        ("net/a", "latency"): "regression", ("net/a", "throughput"): "regression",
        ("net/b", "latency"): "pass", ("net/b", "throughput"): "pass",
    }  # fmt: skip


BROKEN = "raise RuntimeError('this commit is broken')\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--base", "nowhere"], 2, "--base nowhere: no revision, folder or wheel of that name; see `git log --oneline`"),
        (["--base", "HEAD", "--mode", "tennis"], 2, "--mode tennis: unknown; allowed is one of pingpong, abba, duet"),
        (["--base", "HEAD", "--metric", "beauty"], 2, "--metric beauty: unknown, or none; allowed is a list out of latency"),
        (["--base", "HEAD", "--exact"], 2, "--exact and --update-lock compare with the lock file"),
        (["--base", "HEAD", "--base-python", "nowhere/python"], 2, "there is no such interpreter"),
        ([], 2, "nothing to compare with: name a base, for example `vbench gate --base origin/main`"),
        (["--replay", "bench.toml"], 2, "bench.toml is no file of the gate"),
        (["--replay", "absent.jsonl"], 2, "cannot read absent.jsonl"),
        (["--base", "HEAD", "no/such"], 2, "no/such"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    commands: Any, repository_of_models: Any, words: list[str], code: int, said: str
) -> None:
    models = repository_of_models
    models.commit()
    done = commands(models.root, "gate", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_a_base_that_cannot_be_loaded_is_invalid_and_not_new(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.write()
    (models.root / "nets.py").write_text(BROKEN)
    models.git("add", ".")
    models.git("commit", "-q", "-m", "broken")
    models.write()
    done = commands(models.root, "gate", "--base", "HEAD", "--json")
    assert done.returncode == 4
    found = json.loads(done.stdout)["rows"]
    assert {row["verdict"] for row in found} == {"invalid"}
    assert all("this commit is broken" in row["reason"] for row in found)


def test_one_gate_at_a_time_on_a_machine(commands: Any, repository_of_models: Any, tmp_path: Path) -> None:
    from vbench.comparison import machine_lock  # noqa: PLC0415 - it imports torch

    models = repository_of_models
    models.commit()
    with machine_lock(models.root, tmp_path):
        pid, errors = commands.start(models.root, "gate", "--base", "HEAD", TMPDIR=str(tmp_path))
        assert commands.wait(pid) == 2
    said = errors.read_text()
    assert "another gate measures on this machine: process " in said
    assert str(models.root) in said
