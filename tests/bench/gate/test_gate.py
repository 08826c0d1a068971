"""The gate from end to end, between commits of a repository: what is slower is red, what is not stays green, and why is said."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from vbench.gate import log as logs
from vbench.gate.lock import machine_lock

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks one interpreter for many commands")


def rows(done: Any) -> dict[str, str]:
    """The verdict on each architecture, from --json."""
    return {row["architecture"]: row["verdict"] for row in json.loads(done.stdout)["rows"]}


THREE = ("net/a", "net/b", "net/c")


def test_a_network_that_became_slower_is_red_and_its_neighbours_are_not(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit(THREE)
    models.write(THREE, a=1.08, c=0.9)  # not committed: head is the work tree as it is
    done = commands(models.root, "gate", "--base", "HEAD", "-o", "g.jsonl")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert " regression" in lines["net/a"]
    assert " pass" in lines["net/b"]
    assert " improvement" in lines["net/c"]
    assert "1 regression, 1 improvement, 1 pass; exit 1" in done.stdout
    log = logs.read(models.root / "g.jsonl")
    assert (log.head.sides["base"].commit, log.head.sides["head"].dirty) == (models.git("rev-parse", "HEAD"), True)
    by_case = {case.architecture: log.of("base", case) for case in log.head.cases}
    assert [(p.stage, p.index) for p in by_case["net/b"]] == [("screen", index) for index in range(5)]
    assert len([p for p in by_case["net/a"] if p.stage == "confirm"]) == 9
    assert all(len(log.of("null", case, "screen")) == 5 for case in log.head.nulls)
    # What was checked out is gone, and git knows of no other tree.
    assert models.git("worktree", "list").count("\n") == 0


def test_a_network_in_a_wrapper_is_compared_like_any_other(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    models.commit(**{"a@upsample:1": 1.08})
    done = commands(models.root, "gate", "--base", "HEAD~1", "--json", "net/*@upsample:1.0", "net/a")
    found = {"net/a@upsample:1": "regression", "net/b@upsample:1": "pass", "net/a": "pass"}
    assert (done.returncode, rows(done)) == (1, found), done.stdout + done.stderr


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
bound = 0.12
reason = "a bias was added"
expires = 2999-01-01
"""


def test_an_accepted_regression_is_shown_and_not_red(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    models.config(ACCEPTED)
    models.write(a=1.08)
    done = commands(models.root, "gate", "--base", "HEAD", "net/a")
    assert done.returncode == 0
    assert " accepted" in done.stdout.splitlines()[1]
    assert "a bias was added (until 2999-01-01)" in done.stdout


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


def test_one_network_in_memory_at_a_time_and_throughput_find_the_same(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    models.write(a=1.08)
    done = commands(models.root, "gate", "--base", "HEAD", "--mode", "abba", "--json", "--metric", "latency,throughput")
    found = {(row["architecture"], row["metric"]): row["verdict"] for row in json.loads(done.stdout)["rows"]}
    assert found == {
        ("net/a", "latency"): "regression", ("net/a", "throughput"): "regression",
        ("net/b", "latency"): "pass", ("net/b", "throughput"): "pass",
    }  # fmt: skip


def test_head_is_another_folder_and_files_stay_where_they_were_named(
    commands: Any, repository_of_models: Any, tmp_path: Path
) -> None:
    models = repository_of_models
    models.commit()
    done = commands(tmp_path, "gate", "--head", "models", "--base", "HEAD", "-o", "g.jsonl", "--junit", "g.xml", "net/a")
    assert done.returncode == 0, done.stderr
    assert logs.read(tmp_path / "g.jsonl").head.sides["base"].commit == models.git("rev-parse", "HEAD")
    assert (tmp_path / "g.xml").exists()


def test_two_at_once_on_a_core_each(commands: Any, repository_of_models: Any) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("wants two cores")
    models = repository_of_models
    models.commit()
    models.write(a=1.08)
    done = commands(models.root, "gate", "--base", "HEAD", "--mode", "duet", "--threads", "1", "--json", "net/a", "-o", "g.jsonl")
    assert (done.returncode, rows(done)) == (1, {"net/a": "regression"}), done.stderr
    assert {set(pair.order) == {"d"} for pair in logs.read(models.root / "g.jsonl").pairs} == {True}


def test_ctrl_c_keeps_every_pair_and_resume_goes_on_with_the_same_base(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    base = models.commit()
    models.commit(a=1.08)
    file = models.root / "g.jsonl"
    pid, errors = commands.start(models.root, "gate", "--base", "HEAD~1", "-o", "g.jsonl")
    while not errors.exists() or "screen 2 of 5" not in errors.read_text():
        time.sleep(0.02)
    os.kill(pid, signal.SIGINT)
    assert commands.wait(pid) == 130
    assert "interrupted; vbench gate --resume g.jsonl goes on" in errors.read_text()
    assert "exit 130" in errors.with_suffix(".out").read_text()
    held = logs.read(file).pairs
    assert len(held) >= 4
    # The branch moves on, and the gate does not.
    models.git("commit", "-q", "--allow-empty", "-m", "later")
    models.git("checkout", "-q", "HEAD~1")
    done = commands(models.root, "gate", "--resume", "g.jsonl")
    assert done.returncode == 1, done.stderr
    log = logs.read(file)
    assert all(pair in log.pairs for pair in held)
    assert log.head.sides["base"].commit == base
    models.write(b=2.0)
    other = commands(models.root, "gate", "--resume", "g.jsonl")
    assert (other.returncode, "was begun with another head" in other.stderr) == (2, True)


BROKEN = "raise RuntimeError('this commit is broken')\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--base", "nowhere"], 2, "--base nowhere: no revision, folder or wheel of that name; see `git log --oneline`"),
        (["--base", "HEAD", "--mode", "tennis"], 2, "--mode tennis: unknown; allowed is one of pingpong, abba, duet"),
        (["--base", "HEAD", "--metric", "beauty"], 2, "--metric beauty: unknown, or none; allowed is a list out of latency"),
        (["--base", "HEAD", "--exact"], 2, "--exact compares with the lock file: leave out --base"),
        (["--update-lock", "--metric", "memory"], 2, "--update-lock writes the lock file, and times nothing: leave out --metric"),
        (["--resume", "g.jsonl", "--base", "HEAD"], 2, "--resume has all of it in its file: leave out --base"),
        (["--replay", "g.jsonl", "--suite", "other"], 2, "--replay has all of it in its file: leave out --suite"),
        (["--base", "HEAD", "--inject", "5%"], 2, "only --self-test repeats itself: leave out --inject"),
        (["--self-test", "--inject", "5", "-o", "own"], 2, "--inject 5.0: write a share between 0 and 1"),
        (["--self-test", "-o", "bench.toml"], 2, "bench.toml: --self-test wants a folder, and this is a file"),
        (["--base", "HEAD", "--github"], 2, "--github: GITHUB_STEP_SUMMARY is not set"),
        (["--base", "HEAD", "--mode", "duet", "--threads", "2"], 2, "--mode duet gives each side a core, and net/a is to use 2"),
        (["--base", "HEAD", "--mode", "duet", "--threads", "1", "--metric", "throughput"], 2, "duet times requests only"),
        (["--base", "HEAD", "--head", "nowhere"], 2, "--head nowhere: no revision, folder or wheel"),
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
    models = repository_of_models
    models.commit()
    with machine_lock(models.root, tmp_path):
        words = ["gate", "--base", "HEAD", "--device", "cpu", "--engine", "eager", "net/a"]
        pid, errors = commands.start(models.root, *words, TMPDIR=str(tmp_path))
        assert commands.wait(pid) == 2
    said = errors.read_text()
    assert "another gate measures on this machine: process " in said
    assert str(models.root) in said


def test_head_may_be_a_revision_too(commands: Any, repository_of_models: Any) -> None:
    models = repository_of_models
    models.commit()
    models.commit(a=1.08)
    models.commit(a=1.2)
    models.write(b=1.3)  # the work tree only says what is selected
    done = commands(models.root, "gate", "--base", "HEAD~2", "--head", "HEAD~1", "-o", "g.jsonl", "--json")
    assert (done.returncode, rows(done)) == (1, {"net/a": "regression", "net/b": "pass"}), done.stderr
    effect = next(row["effect"] for row in json.loads(done.stdout)["rows"] if row["architecture"] == "net/a")
    assert 0.07 < effect < 0.09
    log = logs.read(models.root / "g.jsonl")
    assert (log.head.sides["head"].commit, log.head.sides["head"].dirty) == (models.git("rev-parse", "HEAD~1"), False)
    for words, said in (
        (["--head", "nowhere"], "--head nowhere: no revision"),
        (["--head", "HEAD~1", "-o", "g.jsonl"], "g.jsonl exists"),
    ):
        done = commands(models.root, "gate", "--base", "HEAD", *words)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    # A network that the revision does not have cannot be head's.
    models.write(("net/a", "net/b", "net/new"))
    done = commands(models.root, "gate", "--base", "HEAD~1", "--head", "HEAD", "net/new")
    assert (done.returncode, "head (HEAD) has no net/new" in done.stderr) == (2, True), done.stderr
