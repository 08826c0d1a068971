"""`vbench compare` as it is typed: what stands above the tables, what is left out and why, JSON, Markdown, and no torch."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from .conftest import ELSEWHERE, TIMES

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Case

SLOWER = tuple(1.2 * ms for ms in TIMES)


@pytest.fixture
def cli(commands: Any, tmp_path: Path) -> Any:
    return lambda *words: commands(tmp_path, "compare", *map(str, words))


def test_both_sides_what_differs_and_the_ratios_from_worst_to_best(cli: Any, files: Any, one: Case, two: Case) -> None:
    before = files.write({one: TIMES, two: TIMES}, commit="0" * 40, settings={"interval": 0.02, "time-limit": 270.0})
    after = files.write(
        {one: TIMES, two: SLOWER},
        versions={"python": "3.11.7", "torch": "2.14.0"},
        settings={"interval": 0.05, "time-limit": 60.0},
    )
    done = cli(before, after)
    assert (done.returncode, done.stderr) == (0, "")
    head, differs, latency, throughput, memory, *rest = done.stdout.split("\n\n")
    assert head.splitlines()[0] == f"A  {before}: 2 cases, 2026-01-01 03:04, some-cpu-2c-0000aa, commit 000000000"
    assert differs.splitlines() == [
        "what else differs",
        "  version torch: 2.13.0 -> 2.14.0",
        "  setting interval: ± 2.0 % -> ± 5.0 %",
        "  setting time-limit: 270 s -> 60.0 s",
        f"  code commit: {'0' * 9} -> none",
    ]
    assert [line.split()[0] for line in latency.splitlines()] == ["latency,", "case", "net/two", "net/one"]
    assert latency.splitlines()[2].split()[:8] == ["net/two", "10.0", "ms", "12.0", "ms", "1.20", "[1.19,", "1.21]"]
    assert " worse " in latency
    assert [line.split()[0] for line in throughput.splitlines()[2:]] == ["net/two", "net/one"]
    assert memory.startswith("host memory, lower is better")
    assert "latency: 1 worse, 1 open" in rest[0]
    assert "how the machine drifted between the runs is not known" in rest[0]
    assert rest[1] == "counts: 2 of 2 counted cases are equal in every count\n"


def test_counts_are_exact_and_a_column_that_one_side_lacks_is_no_difference(cli: Any, files: Any, one: Case) -> None:
    before, after = (
        files.write({one: TIMES}, counts={"params": params, "macs": 500, "bytes_moved": moved})
        for params, moved in ((1_000_000, None), (1_000_001, 4096))
    )
    done = cli(before, after, "--metric", "latency").stdout
    assert "counts: 0 of 1 counted cases are equal in every count" in done
    row = next(line for line in done.splitlines() if " params " in line)
    assert row.split() == ["net/one", "params", "1,000,000", "1,000,001", "+0.0", "%"]
    assert "counted on one side only\n  bytes_moved: not in A, 1 case" in done
    told = json.loads(cli(before, after, "--json").stdout)
    assert {"case": one.id, "column": "params", "a": 1_000_000, "b": 1_000_001} in told["counts"]


def test_two_machines_have_counts_and_times_only_on_demand(cli: Any, files: Any, one: Case) -> None:
    before, after = files.write({one: TIMES}), files.write({one: SLOWER}, machine=ELSEWHERE)
    done = cli(before, after)
    assert done.returncode == 0
    assert "latency" not in done.stdout
    said = next(line for line in done.stdout.splitlines() if line.startswith("times of two machines"))
    assert "(0000aa)" in said
    assert said.endswith("which differ in slug, processor, cores; only counts are compared (--mix-machines shows both)")
    assert "counts: 1 of 1 counted cases are equal" in done.stdout
    mixed = cli(before, after, "--mix-machines").stdout
    row = next(line for line in mixed.splitlines() if line.startswith("net/one"))
    assert row.split() == ["net/one", "10.0", "ms", "12.0", "ms", "1.20", "6+6", "other", "machine"]
    assert "no verdict is given" in mixed
    told = json.loads(cli(before, after, "--mix-machines", "--json").stdout)
    assert {ratio["word"] for ratio in told["ratios"]} == {None}


def test_of_a_folder_the_newest_of_each_case_counts_on_a_machine_that_both_have(
    cli: Any, files: Any, one: Case, two: Case
) -> None:
    files.write({one: SLOWER, two: TIMES}, "old/1.jsonl")
    files.write({one: TIMES}, "old/2.jsonl")
    files.write({one: SLOWER}, "old/3.jsonl", machine=ELSEWHERE)
    after = files.write({one: TIMES, two: TIMES})
    told = json.loads(cli("old", after, "--json").stdout)
    assert {told["cases"][case.id]["a"]["run"] for case in (one, two)} == {"run-1", "run-2"}
    assert told["cases"][one.id]["a"]["run"] == "run-2"
    assert [run["run"] for run in told["a"]["runs"]] == ["run-2", "run-1"]
    # The folder has the other machine too, for whoever comes with it.
    there = files.write({one: TIMES}, machine=ELSEWHERE)
    assert json.loads(cli("old/*.jsonl", there, "--json").stdout)["cases"][one.id]["a"]["run"] == "run-3"


def test_what_has_no_ratio_is_named(cli: Any, files: Any, one: Case, two: Case, make: Any) -> None:
    third, skipped = make.case("net/three"), make.case("net/skipped")
    before = files.write({one: TIMES, two: TIMES}, definitions={one.id: "seed 1"})
    after = files.write(
        {one: SLOWER, third: TIMES, skipped: ()}, wrong={two: ("oom", "out of memory")}, definitions={one.id: "seed 2"},
        skipped={skipped.id: "no such engine"},
    )  # fmt: skip
    done = cli(before, after).stdout
    assert "other definition" in done
    assert "the same id means other work (seed or pictures) in net/one: no verdict on these" in done
    assert "did not end alike\n  net/two: ok -> oom: out of memory" in done
    assert "only in B\n  net/three\n" in done
    assert "net/skipped" not in done
    assert "only in A" not in done


def test_markdown_is_markdown_and_nothing_in_it_is_markup(cli: Any, files: Any, make: Any) -> None:
    nasty = make.case("net/<b>a|b*c*</b>")
    before, after = files.write({nasty: TIMES}), files.write({nasty: SLOWER})
    done = cli(before, after, "--markdown")
    assert done.returncode == 0
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(done.stdout)
    inside = [one.children or [] for one, after in itertools.pairwise(tokens) if after.type == "td_close"]
    cells = {"".join(child.content for child in children) for children in inside}
    assert sum(token.type == "table_open" for token in tokens) == 3
    assert "net/<b>a|b*c*</b>" in cells
    assert "1.20 [1.19, 1.21]" in cells
    assert not any(child.type == "html_inline" for token in tokens for child in token.children or ())


def test_the_same_run_is_said_to_be_the_same(cli: Any, files: Any, one: Case) -> None:
    path = files.write({one: TIMES})
    done = cli(path, path).stdout
    assert "A and B are the same run" in done
    assert "1.00 [0.99, 1.01]" in done
    assert "what else differs" not in done


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run-1.jsonl",), 2, "Missing argument"),
        (("run-1.jsonl", "none.jsonl"), 2, "none.jsonl"),
        (("run-1.jsonl", "empty"), 3, "empty holds no result file"),
        (("run-1.jsonl", "run-2.jsonl"), 3, "no case in common: they have no network in common"),
        (("run-1.jsonl", "run-3.jsonl"), 3, "no case in common: family/variant differs in batch (1 and 8)"),
        (("run-1.jsonl", "run-1.jsonl", "--only", "x/*"), 3, "is left by --only x/*"),
        (("run-1.jsonl", "run-1.jsonl", "--metric", "latencyy"), 2, "did you mean latency"),
        (("run-1.jsonl", "run-1.jsonl", "--json", "--markdown"), 2, "leave one out"),
    ],
)
def test_a_wrong_word_is_one_line_that_helps(cli: Any, files: Any, words: Any, code: int, said: str) -> None:
    for case in (files.make.case(), files.make.case("net/two"), files.make.case(batch=8)):
        files.write({case: TIMES})
    (files.folder / "empty").mkdir()
    done = cli(*words)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (code, 1, "")
    assert said in done.stderr


def test_a_file_of_the_gate_is_refused(cli: Any, files: Any, one: Case, tmp_path: Path) -> None:
    path = files.write({one: TIMES})
    (tmp_path / "g.pairs.jsonl").write_text('{"type":"gate"}\n')
    done = cli(path, "g.pairs.jsonl")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is a file of the gate" in done.stderr


def test_torch_is_not_imported(files: Any, one: Case) -> None:
    paths = [str(files.write({one: times})) for times in (TIMES, SLOWER)]
    script = (
        "import sys; from vbench.cli import app\n"
        f"app(['compare', *{paths!r}], standalone_mode=False)\n"
        "print('torch' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
