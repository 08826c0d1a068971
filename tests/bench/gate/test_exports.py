"""What the gate tells GitHub, GitLab and whoever reads JUnit: escaped, bounded, and the templates do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from vbench.exports import github, junit
from vbench.gate import show
from vbench.gate.outcome import Exact, Outcome, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[3]
NASTY = st.text(st.characters(), max_size=40)


def row(verdict: str, name: str = "a/net", reason: str = "", **fields: Any) -> Row:
    return Row(case=f"{name}@none", architecture=name, metric="latency", verdict=verdict, reason=reason, **fields)  # type: ignore[arg-type]


def found(*rows: Row, exact: tuple[Exact, ...] = (), code: int = 0) -> Outcome:
    return Outcome(gate_id="g", rule_version=1, rows=rows, exact=exact, exit_code=code)


WORDS = ("regression", "invalid", "not_run", "inconclusive", "accepted", "improvement", "pass", "new", "removed", "skipped")


def test_junit_has_a_test_case_for_everything_and_counts_them() -> None:
    locked = Exact(text="exact, against base, as locked: differs", red=False)
    outcome = found(*map(row, WORDS), exact=(Exact(text="exact, against base: differs", red=True), locked))
    suite = ET.fromstring(junit.text(outcome, "2026-01-01T00:00:00+00:00"))[0]  # noqa: S314 - our own document
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "11", "failures": "2", "errors": "1", "skipped": "5",
    }  # fmt: skip
    kinds = {word: case[0].tag for word, case in zip(WORDS, suite, strict=False)}
    assert kinds["regression"] == "failure"
    assert kinds["invalid"] == "error"
    assert kinds["inconclusive"] == kinds["not_run"] == "skipped"
    assert {kinds[word] for word in ("pass", "improvement")} == {"system-out"}


@example("", "\ud800")
@given(NASTY, NASTY)
def test_whatever_a_reason_holds_the_document_is_xml_and_the_table_keeps_its_shape(name: str, reason: str) -> None:
    outcome = found(row("invalid", name, reason), exact=(Exact(text=reason, red=True),), code=4)
    ET.fromstring(junit.text(outcome, "2026-01-01T00:00:00"))  # noqa: S314 - our own document
    (line,) = github.marks(outcome, {name: (f"{name}.py", 3)})
    assert "\n" not in line
    assert "\r" not in line
    properties = line.removeprefix("::error ").partition("::")[0]
    assert len(properties.split(",")) == 3
    text = github.summary(outcome, show.HEADER, [(name, "latency", "", "", "", "", "invalid", reason)])
    table = [part for part in text.split("\n") if part.startswith("|")]
    assert all(part.replace("\\\\", "").replace("\\|", "").count("|") == 9 for part in table)


def test_annotations_are_ten_at_most_and_the_worst_come_first() -> None:
    rows = [row("inconclusive", f"a/{index}") for index in range(12)] + [
        row("regression", "z/slow", effect=0.06, low=0.04, high=0.08)
    ]
    lines = github.marks(found(*rows), {"z/slow": ("models/z.py", 7)})
    said = "regression: z/slow latency +6.0 %25 (+4.0 to +8.0 %25) against base"
    assert lines[0] == f"::error file=models/z.py,line=7,title=vbench gate::{said}"
    assert len(lines) == 10
    assert lines[-1].endswith("and 4 more, see the summary")


def test_a_summary_is_cut_before_github_refuses_it() -> None:
    long = [("a" * 1000, *[""] * 7)] * 2000
    text = github.summary(found(), show.HEADER, long)
    assert len(text.encode()) <= 2**20
    assert text.endswith("(cut: the summary of a step may be 1 MiB)\n")


def _shell(step: Mapping[str, Any], inputs: Mapping[str, str], folder: Path, environment: Mapping[str, str]) -> Any:
    """Run a step of the action as the runner would: its inputs filled in, bash with -e and pipefail."""
    filled = {
        key: next((value for name, value in inputs.items() if text == f"${{{{ inputs.{name} }}}}"), text)
        for key, text in step.get("env", {}).items()
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder, env={**os.environ, **environment, **filled}, check=False, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="runs bash")
def test_the_steps_of_the_action_gate_a_repository(repository_of_models: Any, tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / ".github" / "actions" / "gate" / "action.yml").read_text("utf-8"))
    steps = {step["id"]: step for step in action["runs"]["steps"] if "id" in step}
    models = repository_of_models
    base = models.commit()
    models.commit(a=1.1)
    # As the runner checks out: one commit, and the rest to be fetched from where it came.
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{models.root}", str(clone)], check=True)
    models.git("config", "uploadpack.allowAnySHA1InWant", "true")
    inputs = {name: str(entry["default"]) for name, entry in action["inputs"].items()} | {"base": base, "arguments": "net/*"}
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    environment = {
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_OUTPUT": str(output),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    fetched = _shell(steps["base"], inputs, clone, environment)
    assert fetched.returncode == 0, fetched.stderr
    done = _shell(steps["gate"], inputs, clone, environment)
    assert done.returncode == 1, done.stderr
    assert "::error file=nets.py,line=" in done.stdout
    assert "regression: net/a latency" in done.stdout
    assert "| net/a | latency |" in summary.read_text()
    assert output.read_text() == "verdict=regression\npairs=vbench-gate.pairs.jsonl\n"
    suite = ET.parse(clone / "vbench-gate.xml").getroot()[0]  # noqa: S314 - our own document
    assert (suite.get("failures"), suite.get("tests")) == ("1", "2")


def test_the_gitlab_template_calls_what_there_is(commands: Any, tmp_path: Path) -> None:
    job = yaml.safe_load((ROOT / "ci" / "gitlab-gate.yml").read_text("utf-8"))["vbench-gate"]
    line = next(line for line in job["script"] if line.startswith("vbench gate"))
    used = {word for word in line.split() if word.startswith("-")}
    assert used == {"--base", "--time-limit", "--junit", "-o"}
    known = commands(tmp_path, "gate", "--help").stdout
    assert all(f"{word} " in known or f"{word}," in known for word in used)
    assert job["artifacts"]["reports"]["junit"] in line
    assert job["artifacts"]["paths"][0] in line
