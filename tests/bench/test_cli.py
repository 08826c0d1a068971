"""The command line: every wrong word is one line that helps, with the exit code of the contract."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

VBENCH = [sys.executable, "-c", "from vbench.cli import main; main()"]
FAKE = ("--engine", "fake", "--device", "fake", "--no-report")
NETS = """
import torch
from vbench import architecture

@architecture("tiny/linear", input=(3, 8, 8), topic="tiny", params=970, macs=960)
def linear(classes=5):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, classes))

@architecture("tiny/conv", input=(3, 8, 8), topic="tiny")
def conv(classes=5):
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, classes))
"""
CONFIG = """
plugins = ["nets.py"]

[run]
spread = 0
warmup = 0.05
latency = 0.02
throughput = 0.02

[suites.default]
architectures = ["tiny/*"]
"""

# Words, the exit code they must give, and what the one line must say.
WRONG: list[tuple[tuple[str, ...], int, tuple[str, ...]]] = [
    (("run", "tiny/linaer"), 2, ("'tiny/linaer'", "tiny/linear")),
    (("run", "--engine", "eagre"), 2, ("engine 'eagre'", "eager")),
    (("run", "--device", "cuda:0"), 2, ("device 'cuda:0'", "cpu")),
    (("run", "--precision", "fp31"), 2, ("precision 'fp31'", "--precision")),
    (("run", "--suite", "defualt"), 2, ("suite 'defualt'", "default")),
    (("run", "--layout", "nhwcc"), 2, ("layout 'nhwcc'", "nhwc")),
    (("run", "--topic", "tinny"), 2, ("topic 'tinny'", "tiny")),
    (("run", "--batch", "1,two"), 2, ("--batch", "'two'")),
    (("run", "--batch", "0"), 2, ("batch", "at least 1")),
    (("run", "--input", "3xlots"), 2, ("--input", "3x224x224")),
    (("run", "--interval", "2"), 2, ("interval", "between 0 and 1")),
    (("run", "--time-limit", "soon"), 2, ("--time-limit", "'soon'")),
    (("run", "--memory-limit", "much"), 2, ("--memory-limit", "'much'")),
    (("run", "--images", "empty"), 2, ("--images", "no pictures")),
    (("run", "--images", "nowhere"), 2, ("--images", "no such folder")),
    (("run", "--config", "wrong.toml"), 2, ("wrong.toml", "suites.default.batch", "[1, 8]")),
    (("run", "--config", "none.toml"), 2, ("none.toml", "--config")),
    (("run", "--bacth", "1"), 2, ("--bacth",)),
    (("run", "json:dumps"), 2, ("json:dumps", "--input 3x224x224")),
    (("run", "nowhere.models:net", "--input", "3x8x8"), 2, ("nowhere",)),
    (("run", "json:dump_all", "--input", "3x8x8"), 2, ("dump_all", "dumps")),
    (("run", "--resume", "none.jsonl"), 2, ("none.jsonl",)),
    (("run", "--resume", "notes.jsonl"), 2, ("notes.jsonl", "not a vbench result file")),
    (("run", "-o", "nets.py/r.jsonl", *FAKE), 2, ("nets.py", "-o FILE")),
    (("run", "tiny/x*"), 3, ("nothing selected", "tiny/x*", "vbench list")),
    (("run", "--exclude", "tiny/*"), 3, ("nothing selected",)),
    (("report", "none.jsonl"), 2, ("none.jsonl",)),
    (("report", "notes.jsonl"), 2, ("notes.jsonl",)),
    (("show", "tiny/none"), 2, ("tiny/none", "tiny/")),
    (("show", "tiny/conv", "--input", "1x8x8"), 4, ("tiny/conv cannot be counted at 1x8x8: RuntimeError: ", "channels")),
    (("list", "none/at-all"), 2, ("none/at-all",)),
    (("gate",), 2, ("vbench gate --exact",)),
    (("gate", "--exact"), 2, ("vbench.lock.json", "--update-lock")),
    (("runn",), 2, ("runn",)),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "nets.py").write_text(NETS)
    (folder / "bench.toml").write_text(CONFIG)
    (folder / "broken.py").write_text("from vbench import architecture\n\nraise RuntimeError('half way')\n")
    (folder / "notes.jsonl").write_text('{"not": "ours"}\n')
    (folder / "wrong.toml").write_text("[suites.default]\narchitectures = ['tiny/*']\nbatch = ['one']\n")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture(scope="module")
def cli(project: Path, commands: Any) -> Any:
    return lambda *words: commands(project, *words)


@pytest.mark.parametrize(("words", "code", "said"), WRONG, ids=[" ".join(words) for words, _, _ in WRONG])
def test_a_wrong_word_is_one_line_that_helps(cli: Any, words: tuple[str, ...], code: int, said: tuple[str, ...]) -> None:
    returned, out, err = cli(*words)
    assert returned == code, err
    assert err.count("\n") == 1, err
    assert err.startswith("vbench: ")
    for word in said:
        assert word in err
    assert out == ""


def test_a_precision_that_the_engine_lacks_is_skipped_with_its_reason(cli: Any) -> None:
    done = cli("run", "tiny/linear", "--precision", "int8", "--no-report", "--json", "-o", "skip.jsonl")
    assert done.returncode == 3, done.stderr
    row = json.loads(done.stdout)[0]
    assert row["status"] == "skipped"
    assert "int8" in row["reason"]


def test_more_threads_than_there_are_cores_are_skipped_and_the_rest_is_measured(cli: Any) -> None:
    done = cli("run", "tiny/linear", *FAKE, "--threads", "1,4096", "--json", "-o", "threads.jsonl")
    assert done.returncode == 0, done.stderr
    one, many = json.loads(done.stdout)
    assert (one["threads"], one["status"]) == (1, "ok")
    assert (many["threads"], many["status"]) == (4096, "skipped")
    assert "4096 threads are more than" in many["reason"]
    assert "\n" not in many["reason"]
    assert cli("run", "tiny/linear", *FAKE, "--threads", "4096", "-o", "none.jsonl").returncode == 3


def test_a_broken_plugin_is_one_line_and_the_rest_still_runs(cli: Any) -> None:
    done = cli("run", *FAKE, "--plugin", "broken.py", "--json", "-o", "b.jsonl")
    assert done.returncode == 4
    assert {row["status"] for row in json.loads(done.stdout)} == {"ok"}
    line = next(line for line in done.stderr.splitlines() if "plugin" in line)
    assert "broken.py:3: RuntimeError: half way" in line


def test_a_network_of_a_broken_plugin_names_the_plugin(cli: Any) -> None:
    done = cli("run", *FAKE, "broken/net", "--plugin", "broken.py")
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "broken.py:3: RuntimeError: half way" in done.stderr
    assert "broken/net" in done.stderr
    some = cli("run", *FAKE, "broken/net", "tiny/conv", "--plugin", "broken.py", "--json", "-o", "some.jsonl")
    assert some.returncode == 4
    assert [row["architecture"] for row in json.loads(some.stdout)] == ["tiny/conv"]
    assert "broken/net is not measured" in some.stderr


def test_an_input_shape_holds_for_a_suite_too(cli: Any) -> None:
    done = cli("run", *FAKE, "--list", "--json", "--input", "3x16x16")
    assert all(",3x16x16," in entry["case_id"] for entry in json.loads(done.stdout))


def test_axes_may_be_repeated_or_written_with_commas(project: Path, cli: Any) -> None:
    done = cli("run", *FAKE, "--list", "--json", "--batch", "1,8", "--batch", "16", "--layout", "nchw,nhwc")
    assert done.returncode == 0, done.stderr
    cases = [entry["case_id"] for entry in json.loads(done.stdout)]
    assert len(set(cases)) == len(cases) == 2 * 3 * 2
    assert not (project / "results").exists()


def test_list_and_show_say_of_which_metric_an_accuracy_is(cli: Any) -> None:
    lines = [line.split() for line in cli("list", "espnet/full", "nin/imagenet", "vgg/16").stdout.splitlines()]
    assert {line[0]: line[-2:] for line in lines[1:]} == {
        "espnet/full": ["60.3", "mIoU"], "nin/imagenet": ["59.4", "top-1"], "vgg/16": ["71.6", "top-1"],
    }  # fmt: skip
    shown = cli("show", "espnet/full", "--depth", "0").stdout
    assert "published: mIoU 60.336 % (1 model, 1 scale, 512x1024, Cityscapes test, authors' release; " in shown


def test_list_and_show_count_what_is_there(cli: Any) -> None:
    listed = json.loads(cli("list", "tiny/*", "--json").stdout)
    assert [entry["name"] for entry in listed] == ["tiny/linear", "tiny/conv"]
    shown = json.loads(cli("show", "tiny/conv", "--json").stdout)
    assert shown["counted"]["macs"] == 6 * 6 * 4 * 27 + 144 * 5
    assert shown["counted"]["params"] == 4 * 27 + 4 + 144 * 5 + 5
    by_path = {module["path"]: module for module in shown["modules"]}
    assert by_path["0"]["macs"] == 6 * 6 * 4 * 27
    text = cli("show", "tiny/conv").stdout
    assert "Conv2d" in text
    assert "4x6x6" in text


def test_show_counts_no_list_of_modules_as_a_level(project: Path, cli: Any) -> None:
    lines = """
import torch
from vbench import architecture

class Listed(torch.nn.Module):
    def __init__(self):
        super().__init__()
        pairs = [torch.nn.ModuleList([torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1))]) for _ in range(2)]
        self.stages = torch.nn.ModuleList(pairs)

    def forward(self, x):
        for stage in self.stages:
            x = stage[0](x)
        return x

@architecture("tiny/listed", input=(3, 8, 8))
def listed(classes=5):
    return Listed()
"""
    (project / "listed.py").write_text(lines, encoding="utf-8")
    shown = cli("show", "tiny/listed", "--depth", "2", "--plugin", "listed.py").stdout
    rows = [line.split("  ")[:3] for line in shown.splitlines()]
    assert [row for row in rows if row[:2] == ["", "stages.0.0"]]
    assert [row for row in rows if row[:2] == ["", "stages.1.0"]]
    assert [row for row in rows if row == ["", "", "0"]]


def test_a_real_run_and_its_report(project: Path, cli: Any) -> None:
    done = cli("run", "--quick", "-o", "real.jsonl")
    assert done.returncode == 0, done.stderr
    assert "tiny/conv" in done.stdout
    assert "no_interval" in done.stdout
    assert (project / "real.report" / "summary.md").exists()
    again = cli("report", "real.jsonl", "-o", "out")
    assert again.returncode == 0, again.stderr
    assert "tiny/conv" in (project / "out" / "summary.md").read_text()


def test_the_exact_gate_is_red_when_a_number_differs(project: Path, cli: Any) -> None:
    assert cli("gate", "--update-lock").returncode == 0
    assert cli("gate", "--exact").returncode == 0
    source = (project / "nets.py").read_text()
    try:
        (project / "nets.py").write_text(source.replace("Conv2d(3, 4, 3)", "Conv2d(3, 4, 3, bias=False)"))
        better = cli("gate", "--exact")
        assert better.returncode == 1
        line = better.stdout.splitlines()[0]
        assert line.startswith("improved: tiny/conv")
        assert line.endswith("; if that is meant: vbench gate --update-lock")
        (project / "nets.py").write_text(source.replace("torch.nn.ReLU()", "torch.nn.ReLU(), torch.nn.Conv2d(4, 4, 1)"))
        worse = cli("gate", "--exact")
        assert worse.returncode == 1
        assert "differs: tiny/conv" in worse.stdout
        assert "macs 4,608 -> 5,184" in worse.stdout
        assert "tiny/linear" not in worse.stdout
    finally:
        (project / "nets.py").write_text(source)


def test_import_path_on_the_command_line(cli: Any) -> None:
    done = cli("run", "nets:conv", "--input", "3x8x8", "--quick", "--no-report", "--json", "-o", "import.jsonl")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)[0]
    assert row["architecture"] == "nets:conv"
    assert row["status"] == "ok"
    assert row["macs"] == 6 * 6 * 4 * 27 + 144 * 5


def test_disk_full_is_said_once_and_damages_nothing(project: Path, cli: Any) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("limits the size of files with RLIMIT_FSIZE")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
        "sys.argv = ['vbench', *sys.argv[1:]]; from vbench.cli import main; main()"
    )
    words = [sys.executable, "-c", code, "run", *FAKE, "-o", "full.jsonl"]
    done = subprocess.run(words, cwd=project, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 4
    said = [line for line in done.stderr.splitlines() if "full.jsonl" in line and "cannot write" in line]
    assert len(said) == 1
    assert "--resume" in said[0]
    lines = (project / "full.jsonl").read_text().splitlines()
    assert len(lines) > 2
    assert all(json.loads(line) for line in lines)
    again = cli("run", "--no-report", "--resume", "full.jsonl")
    assert again.returncode == 0, again.stderr
