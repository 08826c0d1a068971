"""`vbench history` as it is typed: exit codes, JSON, the default folder, and that torch stays out of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import case

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cli(commands: Any, tmp_path: Path) -> Any:
    return lambda *words: commands(tmp_path, "history", *words)


def test_without_arguments_it_reads_the_results_of_the_project(cli: Any, runs: Any, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("")
    runs.stepped(20, 8)
    done = cli()
    assert done.returncode == 0, done.stderr
    assert "net/one latency" in done.stdout
    assert "net/one throughput" in done.stdout
    assert done.stderr == ""
    assert cli("results", "--metric", "latency").stdout.count("worse") == 1


def test_a_jump_is_told_and_gates_nothing(cli: Any, runs: Any) -> None:
    runs.stepped(20, 8)
    done = cli("results", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert [len(one["segments"][0]["changes"]) for one in told["series"]] == [1, 1]
    assert cli("results", "--min-effect", "50%").returncode == 0
    assert "none changed" in cli("results", "--min-effect", "50%").stdout
    assert cli("results", "--derive").stdout.count("worse") == 2


def test_a_page_is_written_where_it_was_asked_for(cli: Any, runs: Any, tmp_path: Path) -> None:
    runs.stepped(20, 8)
    done = cli("results", "-o", "out", "--metric", "latency")
    assert done.returncode == 0, done.stderr
    assert "out/index.html" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "history.md", "index.html", "net-one-latency.png", "net-one-latency.svg",
    ]  # fmt: skip
    (tmp_path / "file").write_text("")
    assert cli("results", "-o", "file").returncode == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("results", "--metric", "latencyy"), 2, "did you mean latency"),
        (("results", "--metric", "energy_j"), 3, "holds no energy_j"),
        (("results", "--only", "other/*"), 3, "nothing matches --only other/*"),
        (("results", "--alpha", "much"), 2, "--alpha much"),
        (("results", "--alpha", "0"), 2, "--alpha 0"),
        (("none.jsonl",), 2, "none.jsonl"),
        (("results", "--exclude", "net/*"), 3, "nothing is left without --exclude net/*; results has net/one"),
        (("empty",), 3, "holds no result file that can be read; `vbench run` makes them"),
        (("none*.jsonl",), 3, "holds no result file"),
        (("results", "-o", "file/sub"), 2, "cannot write the history to file/sub"),
    ],
)
def test_a_wrong_word_is_one_line_that_helps(cli: Any, runs: Any, words: Any, code: int, said: str) -> None:
    runs.add({case(): 10.0})
    (runs.folder.parent / "empty").mkdir()
    (runs.folder.parent / "file").touch()
    done = cli(*words)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert said in done.stderr


def test_without_results_it_says_who_makes_them(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("")
    done = cli()
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (3, 1, "")
    assert "there is no " in done.stderr
    assert "vbench run" in done.stderr


def test_what_is_left_out_is_said(cli: Any, runs: Any) -> None:
    path = runs.add({case(): 10.0})
    path.with_name("copy.jsonl").write_bytes(path.read_bytes())
    done = cli("results")
    assert done.returncode == 0
    assert "is the same run as" in done.stderr


def test_torch_is_not_imported(runs: Any, tmp_path: Path) -> None:
    runs.stepped(20, 8)
    script = (
        "import sys; from vbench.cli import app\n"
        f"app(['history', {str(runs.folder)!r}, '-o', {str(tmp_path / 'out')!r}], standalone_mode=False)\n"
        "print('torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "False False"
