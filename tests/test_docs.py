"""The docs against the code: what they show is made again and compared, what they must name is there, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from vbench import accuracies, config, core, errors, flags, results
from vbench.cli import app
from vbench.gate import log, outcome, show
from vbench.registry import METRICS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
ACCURACY = {
    "quality", "quality_metric", "top1", "top5", "accuracy_source", "accuracy_protocol", "accuracy_kind", "top1_low", "top1_high",
    "top5_low", "top5_high", "accuracy_pictures", "top1_published", "top5_published", "accuracy_note",
}  # fmt: skip


def _text(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def _section(page: str, heading: str) -> str:
    return page.partition(f"\n{heading}\n")[2].partition("\n## ")[0]


def _first_cells(section: str) -> list[str]:
    """The names in backticks of the first column of the tables in a section."""
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")]
    return [name for cell in rows for name in re.findall(r"`([^`]+)`", cell)]


def _fields(*kinds: type[msgspec.Struct]) -> set[str]:
    return {field.name for kind in kinds for field in msgspec.structs.fields(kind)}


@pytest.mark.skipif(sys.platform != "linux", reason="pages are run in forks of one process, as only Linux does safely")
def test_everything_that_the_pages_show_is_what_comes_out() -> None:
    command = [sys.executable, str(ROOT / "tests" / "docs" / "regenerate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), f"python tests/docs/regenerate.py\n{done.stdout}{done.stderr}"


def test_the_lines_of_the_readme() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert "pip install -c constraints.txt '.[engines]' && vbench run" in lines
    assert "pip install -c constraints.txt . && vbench run" in lines
    assert "pip install -c constraints.txt '.[test]' && pytest" in lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text("utf-8"))
    for target in LINK.findall(text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", FENCED.sub("", file.read_text("utf-8")), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, target


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text("utf-8")))
    assert {f"docs/{page.name}" for page in PAGES if page.parent == DOCS} <= linked


def test_every_verb_has_a_section_with_its_help() -> None:
    names = {command.name for command in app.registered_commands}
    text = _text("verbs.md")
    assert names == set(re.findall(r"^## (\w+)$", text, re.MULTILINE))
    assert names == set(re.findall(r"^\$ vbench (\w+) --help$", text, re.MULTILINE))
    for name in names:
        assert re.search(rf"\bvbench {name}\b(?! --help)", _section(text, f"## {name}")), f"no example of {name}"


def test_every_key_of_bench_toml_is_explained_and_the_example_holds_them_all(tmp_path: Path) -> None:
    text = _text("configuration.md")
    assert set(config.ALLOWED) <= set(_first_cells(text))
    example = re.search(r"```toml file=bench.toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    file = tmp_path / "bench.toml"
    file.write_text(example[1], encoding="utf-8")
    loaded = config.load(file)
    assert loaded.suites["batches"].batch == (1, 8)
    for key in config.ALLOWED:
        assert re.search(rf"^{re.escape(key.rpartition('.')[2])} = ", example[1], re.MULTILINE), key


@pytest.mark.parametrize("key", config.ALLOWED)
def test_the_example_of_a_key_is_accepted(key: str, tmp_path: Path) -> None:
    table = key.rpartition(".")[0].replace("*", "mine")
    kind = table.partition(".")[0]
    needed = {"suites": ("architectures",), "groups": ("title", "prose", "members")}.get(kind, ())
    lines = [config.ALLOWED[f"{kind}.*.{name}"][1] for name in needed if not key.endswith(f".{name}")]
    file = tmp_path / "bench.toml"
    file.write_text("\n".join([f"[{table}]" if table else "", *lines, config.ALLOWED[key][1]]), encoding="utf-8")
    config.load(file)


def test_every_column_is_in_the_contract_in_its_place() -> None:
    section = _section(_text("contract.md"), "## Columns")
    filled, _, empty = section.partition("Present and empty in this version")
    results.load_metrics()
    own = {column for metric in METRICS if metric.derive.__module__.startswith("vbench.") for column in metric.columns}
    filled_now = own | set(results.IDENTITY) | ACCURACY
    assert _first_cells(filled) == [column for column in results.COLUMNS if column in filled_now]
    assert _first_cells(empty) == [column for column in results.COLUMNS if column not in filled_now]


def test_every_status_exit_code_and_flag_is_in_the_contract() -> None:
    text = _text("contract.md")
    assert _first_cells(_section(text, "## Statuses")) == list(get_args(core.Status))
    codes = {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    listed = re.findall(r"^\| (\d+) \| `(EXIT_\w+)` \|", _section(text, "## Exit codes"), re.MULTILINE)
    assert {name: int(code) for code, name in listed} == codes
    assert _first_cells(_section(text, "## Flags")) == list(flags.FLAGS)


def test_every_field_of_the_result_file_is_in_the_contract() -> None:
    named = set(re.findall(r"`(\w+)`", _section(_text("contract.md"), "## Result file")))
    # What a profile asks for never reaches a file.
    fields = _fields(core.Run, core.Replicate, core.Result, core.Machine, core.Counted, *accuracies.LINES.values()) - {"account"}
    assert fields <= named, sorted(fields - named)


def test_every_metric_is_in_the_methodology() -> None:
    results.load_metrics()
    own = {metric.name for metric in METRICS if metric.derive.__module__.startswith("vbench.")}
    assert own == set(_first_cells(_section(_text("methodology.md"), "## What each metric says of itself")))


def test_the_engine_of_the_page_on_plugins_is_short_and_runs_warm_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = dict(re.findall(r"```python file=(\S+)\n(.*?)```", _text("plugins.md"), re.DOTALL))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    code = [line for line in files["mine.py"].splitlines() if line.strip()]
    assert len(code) < 40
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))
    words = [
        "run",
        "mine/net",
        "--engine",
        "mine",
        "--quick",
        "--threads",
        "1",
        "--no-report",
        "--plugin",
        "nets.py",
        "--plugin",
        "mine.py",
    ]
    main = [sys.executable, "-c", "from vbench.cli import main; main()"]
    made = set()
    for name in ("first.jsonl", "second.jsonl"):
        done = subprocess.run([*main, *words, "-o", name], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (row,) = results.read(tmp_path / name).results
        assert row.status == "ok"
        assert row.values["agreement_sqnr_db"] > 60
        assert {"compile_s", "compile_cold_s"} <= set(row.values)
        made |= {path.stat().st_ctime_ns for path in tmp_path.rglob("network.pt2")}
    assert len(made) == 1, "exported once, in the first check"


def test_the_demonstrations_of_the_gate_are_what_their_files_say() -> None:
    shown = re.findall(r"```text\n\$ vbench gate --replay (\S+)\n(.*?)```", _text("gate.md"), re.DOTALL)
    assert len(shown) == 2
    for file, text in shown:
        assert show.text(outcome.outcome(log.read(ROOT / file))) == text.rstrip("\n")
