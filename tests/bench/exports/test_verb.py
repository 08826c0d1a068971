"""`vbench export`: every format from a file, what it says on which stream, and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vbench import exports
from vbench.cli import export

OF_GATE = {"bencher", "github-action-benchmark", "junit", "openmetrics"}


def test_the_docs_have_a_line_for_each_format() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "exports.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == set(exports.formats())


def test_the_help_names_every_format_and_those_of_the_gate() -> None:
    named = export.HELP.partition("FORMAT is ")[2].partition(".")[0].replace(" or ", ", ").replace("\n", " ")
    assert named.split(", ") == list(exports.formats())
    of_gate = export.HELP.partition("`vbench gate` (")[2].partition(")")[0]
    assert of_gate.split(", ") == [name for name, form in exports.formats().items() if form.of_gate]
    assert set(of_gate.split(", ")) == OF_GATE


@pytest.mark.parametrize("name", [name for name, form in exports.formats().items() if form.to == "text"])
def test_data_goes_to_standard_output_and_what_is_left_out_is_said(
    name: str, commands: Any, written: Path, tmp_path: Path
) -> None:
    done = commands(tmp_path, "export", name, str(written))
    assert done.returncode == 0, done.stderr
    table = name in {"csv", "json", "latex", "markdown"}
    whole = table or name in {"junit", "openmetrics"}
    said = [line for line in done.stderr.splitlines() if line.startswith("vbench: left out: ")]
    assert bool(said) is not whole
    for case in ("a/odd", "c/skipped"):
        assert any(line.startswith(f"vbench: left out: {case}@") for line in said) == (not whole and case == "c/skipped")


@pytest.mark.parametrize("name", ["bencher", "junit"])
def test_a_file_holds_what_would_be_printed(name: str, commands: Any, written: Path, tmp_path: Path) -> None:
    done = commands(tmp_path, "export", name, str(written))
    again = commands(tmp_path, "export", name, str(written), "-o", "deep/out.txt")
    assert (again.returncode, again.stdout) == (0, "deep/out.txt\n")
    assert (tmp_path / "deep" / "out.txt").read_bytes().decode() == done.stdout
    assert again.stderr == done.stderr


@pytest.mark.parametrize("name", sorted(OF_GATE))
def test_a_file_of_the_gate_goes_where_it_can(name: str, commands: Any, gated: Any, tmp_path: Path) -> None:
    done = commands(tmp_path, "export", name, str(gated.path))
    assert done.returncode == 0, done.stderr
    assert "a/slow" in done.stdout
    assert ("left out: a/wrong@" in done.stderr) == (name != "junit")


def test_asv_writes_a_folder(commands: Any, written: Path, tmp_path: Path) -> None:
    done = commands(tmp_path, "export", "asv", str(written), "-o", "out")
    assert done.returncode == 0, done.stderr
    listed = done.stdout.splitlines()
    assert listed[0] == "out/benchmarks.json"
    assert all(json.loads((tmp_path / path).read_text())["version"] for path in listed)
    (tmp_path / "out" / "benchmarks.json").write_text("[]")
    again = commands(tmp_path, "export", "asv", str(written), "-o", "out")
    assert again.returncode == 2
    assert "benchmarks.json in the folder of -o is no file of asv" in again.stderr
    (tmp_path / "out" / "benchmarks.json").write_bytes(b"\xff")
    assert "cannot be read" in commands(tmp_path, "export", "asv", str(written), "-o", "out").stderr


WRONG: list[tuple[tuple[str, ...], int, str]] = [
    (("pyprf", "RUN"), 2, "unknown format 'pyprf': did you mean pyperf?"),
    (("csv", "none.jsonl"), 2, "none.jsonl"),
    (("csv", "notes.jsonl"), 2, "notes.jsonl is not a vbench result file"),
    (("csv", "empty"), 3, "nothing to export: empty holds no result file"),
    (("csv", "GATE"), 2, "is a file of the gate, and csv is made of those of `vbench run`; of the gate's: bencher, "),
    (("junit", "GATE", "RUN"), 2, "is a file of the gate, which is exported alone, and these are 2 files: name it only"),
    (("csv", "RUN", "--metric", "latency"), 2, "--metric means nothing to csv: leave it out; it is for asv, bencher, "),
    (("pyperf", "RUN", "--columns", "macs"), 2, "--columns means nothing to pyperf: leave it out; it is for csv, json, latex, "),
    (("asv", "RUN"), 2, "asv is a folder: say where it goes with -o DIR"),
    (("parquet", "RUN"), 2, "parquet is no text: say where it goes with -o FILE"),
    (("csv", "RUN", "-o", "notes.jsonl/x"), 2, "-o notes.jsonl/x: "),
    (("csv", "RUN", "-o", "RUN"), 2, "that is a file of measurements, which would be overwritten"),
    (("junit", "RUN", "-o", "GATE"), 2, "that is a file of measurements, which would be overwritten"),
    (("csv",), 2, "FILES"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "said"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_a_wrong_word_is_one_line_that_helps(  # noqa: PLR0913, PLR0917 - a row of a table
    words: tuple[str, ...], code: int, said: str, commands: Any, written: Path, gated: Any, tmp_path: Path
) -> None:
    (tmp_path / "notes.jsonl").write_text('{"not": "ours"}\n')
    (tmp_path / "empty").mkdir()
    files = {"RUN": str(written), "GATE": str(gated.path)}
    done = commands(tmp_path, "export", *(files.get(word, word) for word in words))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert said in done.stderr


@pytest.mark.parametrize("name", ["junit", "csv"])
def test_torch_is_not_imported(name: str, written: Path, gated: Any) -> None:
    file = written if name == "csv" else gated.path
    code = "import sys; from vbench.cli import app; app(sys.argv[1:], standalone_mode=False); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, "export", name, str(file)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "a/even" in done.stdout
