"""`vbench evaluate` from end to end: a network whose accuracy is known, cut short in every way, and what is refused in a line."""

from __future__ import annotations

import json
import os
import runpy
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image

import vbench
from vbench import journal, stats

if TYPE_CHECKING:
    from vbench.accuracies import Evaluated

PLUGIN = Path(__file__).parents[2] / "plugins" / "answering.py"
COLOURS = {"blue": (10, 20, 240), "green": (10, 240, 20), "red": (240, 10, 20)}
NAMES = tuple(COLOURS)
PICTURES, WRONG = 8, 2
TOP1 = 100 * (PICTURES - WRONG) / PICTURES
WORDS = ("--weights", "net.pth", "--data", "folder:val", "--plugin", str(PLUGIN), "--threads", "1", "--workers", "1")
# The shortest run that has a latency.
CONFIG = '[run]\nwarmup = "20ms"\nlatency = "20ms"\nthroughput = "20ms"\nspread = 0\nmin-processes = 1\nmax-processes = 1\n'


def fill(root: Path, names: tuple[str, ...] = NAMES) -> None:
    """Of each class so many pictures, the first two of which show the next colour."""
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for index in range(PICTURES):
            colour = COLOURS[NAMES[(number + (index < WRONG)) % 3]]
            Image.new("RGB", (20, 18), colour).save(root / name / f"{index}.png")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "bench.toml").write_text(CONFIG)
    fill(folder / "val")
    weight = torch.tensor(runpy.run_path(str(PLUGIN), run_name="read")["WEIGHT"])
    torch.save({"last.weight": weight, "last.bias": torch.zeros(3)}, folder / "net.pth")
    torch.save({"last.weight": torch.zeros(5, 3), "last.bias": torch.zeros(5)}, folder / "five.pth")
    torch.save({"first.weight": weight}, folder / "other.pth")
    return folder


@pytest.fixture(scope="module")
def cli(project: Path, commands: Any) -> Any:
    return lambda *words: commands(project, "evaluate", *words)


def evaluated(path: Path) -> Evaluated:
    (found,) = journal.read(path).evaluated
    return found


def test_costs_and_accuracy_of_a_case_are_one_row(cli: Any, project: Path, commands: Any) -> None:
    costs = ("answering/brightest", "--weights", "net.pth", "--plugin", str(PLUGIN), "--threads", "1", "--precision", "fp32,bf16")
    done = commands(project, "run", *costs, "--batch", "4", "-o", "both.jsonl", "--no-report")
    assert done.returncode == 0, done.stderr
    done = cli("answering/brightest", *WORDS, "--precision", "fp32,bf16", "-o", "both.jsonl")
    assert done.returncode == 0, done.stderr
    low, high = stats.wilson(3 * (PICTURES - WRONG), 3 * PICTURES)
    assert f"75.0 % [{100 * low:.0f}, {100 * high:.0f}]" in done.stdout.replace("75 %", "75.0 %"), done.stdout
    assert "24.00 points below the published 99 % (made up), beyond the interval" in done.stdout
    assert "+0.00 [-" in done.stdout  # bf16 against fp32
    assert "2 of 2 cases to evaluate" in done.stderr
    frame = vbench.load(project / "both.jsonl")
    assert len(frame) == 2
    assert frame.latency_s.notna().all()
    assert frame.top1.tolist() == [TOP1] * 2
    assert frame.top1_low.tolist() == pytest.approx([100 * low] * 2)
    assert set(frame.accuracy_kind) == {"measured"}
    assert frame.accuracy_pictures.tolist() == [24] * 2
    done = commands(project, "report", "both.jsonl", "-o", "report", "--chart", "quality-latency", "--format", "svg")
    assert done.returncode == 0, done.stderr
    summary = (project / "report" / "summary.md").read_text()
    assert "## Accuracy, measured here" in summary
    assert "24.00 points below the published 99 % (made up), beyond the interval" in summary
    best = commands(project, "best", "both.jsonl", "--precision", "bf16", "--min-top1", "70", "--json")
    assert best.returncode == 0, best.stderr
    done = commands(project, "run", "--resume", "both.jsonl", "--no-report", "--plugin", str(PLUGIN))
    assert done.returncode == 0, done.stderr


def test_a_compressed_network_has_an_accuracy_of_its_own(cli: Any, project: Path) -> None:
    done = cli("answering/brightest", *WORDS, "--compress", "none,magnitude:0.5,magnitude:0.99", "-o", "small.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    found = {row["compression"]: row["top1"] for row in json.loads(done.stdout)}
    # Half of the weights are zeros anyhow. With one of nine left the network tells blue (six right) from the rest, which it calls
    # green (eight pictures of that class, two of which show red).
    assert found == {"none": TOP1, "magnitude:0.5": TOP1, "magnitude:0.99": pytest.approx(100 * 14 / 24)}
    assert set(vbench.load(project / "small.jsonl").accuracy_kind) == {"measured"}


def test_the_same_again_finds_everything_there_and_more_precisions_only_what_is_new(cli: Any, project: Path) -> None:
    first = cli("answering/brightest", *WORDS, "-o", "again.jsonl", "--json")
    assert first.returncode == 0, first.stderr
    (row,) = json.loads(first.stdout)
    assert (row["top1"], row["accuracy_kind"], row["status"], row.get("latency_s")) == (TOP1, "measured", "ok", None)
    before = (project / "again.jsonl").read_bytes()
    again = cli("answering/brightest", *WORDS, "-o", "again.jsonl", "--json")
    assert again.returncode == 0, again.stderr
    assert "0 of 1 cases to evaluate" in again.stderr
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert (project / "again.jsonl").read_bytes() == before
    more = cli("answering/brightest", *WORDS, "-o", "again.jsonl", "--precision", "fp32,bf16", "--json")
    assert "1 of 2 cases to evaluate" in more.stderr
    assert [row["precision"] for row in json.loads(more.stdout)] == ["fp32", "bf16"]
    done = cli("--resume", "again.jsonl", "--plugin", str(PLUGIN))
    assert done.returncode == 0, done.stderr


def test_what_a_kill_left_is_gone_on_with(project: Path, commands: Any, cli: Any) -> None:
    path = project / "killed.jsonl"
    words = ("answering/slow", *WORDS, "--batch", "2", "-o", path.name)
    pid, errors = commands.start(project, "evaluate", *words)
    end = time.monotonic() + 60
    while not (path.exists() and b'"answers"' in path.read_bytes()):
        assert time.monotonic() < end, errors.read_text()
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    assert commands.wait(pid) == -signal.SIGKILL
    (case,) = evaluated(path).head.cases
    assert 0 < len(kept := evaluated(path).marks(case)) < 24
    text = path.read_bytes()
    done = cli("--resume", path.name, "--plugin", str(PLUGIN), "--json")
    assert done.returncode == 0, done.stderr
    assert f"{len(kept)} of 24 pictures are there" in done.stderr
    assert path.read_bytes().startswith(text[: text.rfind(b"\n") + 1])
    marks = evaluated(path).marks(case)
    assert marks.startswith(kept)
    assert (len(marks), marks.count("0")) == (24, 18)
    assert json.loads(done.stdout)[0]["top1"] == TOP1


def test_ctrl_c_leaves_what_there_is_and_says_how_to_go_on(project: Path, commands: Any, cli: Any) -> None:
    path = project / "interrupted.jsonl"
    pid, errors = commands.start(project, "evaluate", "answering/slow", *WORDS, "--batch", "2", "-o", path.name)
    end = time.monotonic() + 60
    while not (path.exists() and b'"answers"' in path.read_bytes()):
        assert time.monotonic() < end, errors.read_text()
        time.sleep(0.01)
    os.kill(pid, signal.SIGINT)
    assert commands.wait(pid) == 130
    assert "to go on: vbench evaluate --resume interrupted.jsonl" in errors.read_text()
    assert journal.read(path).ended == "interrupted"
    refused = commands(project, "run", "--resume", path.name, "--plugin", str(PLUGIN))
    assert refused.returncode == 2
    assert "`vbench evaluate --resume interrupted.jsonl` goes on with it" in refused.stderr
    assert cli("--resume", path.name, "--plugin", str(PLUGIN)).returncode == 0
    assert journal.read(path).ended == "complete"


def test_a_worker_that_dies_is_the_status_of_its_row_and_takes_no_other_along(
    project: Path, cli: Any, commands: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = str(tmp_path / "died")
    words = ("answering/dies", "answering/brightest", *WORDS, "--batch", "4", "-o", "dies.jsonl", "--json")
    pid, errors = commands.start(project, "evaluate", *words, DIED=died)
    assert commands.wait(pid) == 4
    rows = {row["architecture"]: row for row in json.loads(errors.with_suffix(".out").read_text())}
    assert rows["answering/dies"]["status"] == "crashed"
    assert "died by SIGKILL while in evaluate" in rows["answering/dies"]["reason"]
    assert rows["answering/brightest"]["top1"] == TOP1
    pid, errors = commands.start(project, "evaluate", "--resume", "dies.jsonl", "--plugin", str(PLUGIN), "--json", DIED=died)
    assert commands.wait(pid) == 0, errors.read_text()
    assert "1 of 2 cases" in errors.read_text()
    assert [row["top1"] for row in json.loads(errors.with_suffix(".out").read_text())] == [TOP1] * 2


def test_unreadable_pictures_are_named_and_left_out_only_when_that_is_asked_for(project: Path, cli: Any) -> None:
    fill(project / "torn" / "val")
    for name, index in (("blue", 0), ("red", 7)):
        (project / "torn" / "val" / name / f"{index}.png").write_bytes(b"torn")
    words = ("answering/brightest", "--weights", "net.pth", "--plugin", str(PLUGIN), "--threads", "1", "--data", "folder:torn")
    done = cli(*words, "--batch", "24", "-o", "torn.jsonl")
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert line.startswith("vbench: 2 pictures of the first 24 cannot be read: ")
    assert "val/blue/0.png" in line
    assert "val/red/7.png" in line
    assert "--skip-broken" in line
    done = cli("--resume", "torn.jsonl", "--skip-broken", "--plugin", str(PLUGIN), "--json")
    assert done.returncode == 0, done.stderr
    assert ", 2 unreadable left out" in done.stderr
    (row,) = json.loads(done.stdout)
    assert row["accuracy_pictures"] == 22
    assert row["top1"] == pytest.approx(100 * 17 / 22)  # one right and one wrong are gone
    assert row["accuracy_note"].startswith("2 unreadable pictures were left out; ")
    (found,) = evaluated(project / "torn.jsonl").finished.values()
    assert {Path(name).name for name in found.unreadable} == {"0.png", "7.png"}


def test_a_mapping_says_which_output_a_class_is_and_a_sample_is_a_protocol_of_its_own(project: Path, cli: Any) -> None:
    fill(project / "two", ("green", "blue"))
    (project / "classes.txt").write_text("blue 0\ngreen 1\nred 2\n")
    words = ("answering/brightest", "--weights", "net.pth", "--plugin", str(PLUGIN), "--threads", "1", "--data", "folder:two")
    done = cli(*words, "--classes", "classes.txt", "--pictures", "10", "--json", "-o", "two.jsonl")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["accuracy_pictures"] == 10
    assert ", a random 10 of 16 pictures, centre crop" in row["accuracy_protocol"]


@pytest.mark.slow
def test_another_engine_and_eager_are_compared_on_the_same_pictures(project: Path, cli: Any) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    done = cli("answering/brightest", *WORDS, "--engine", "eager,onnxruntime", "-o", "engines.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("75") >= 2
    assert "+0.00 [" in done.stdout


WRONG_WORDS = [
    ((), ("say which network",)),
    (("answering/brightest", "--data", "folder:val"), ("--weights is missing", "random weights know nothing")),
    (("answering/brightest", "--weights", "net.pth"), ("--data is missing", "folder:PATH")),
    (("answering/none", *WORDS), ("answering/none",)),
    (("answering/task", *WORDS), ("is for keypoints",)),
    (("answering/brightest", *WORDS, "--engine", "fake", "--device", "fake"), ("fake engine builds no network",)),
    (("answering/brightest", *WORDS, "--weights", "other.pth"), ("other.pth does not fit",)),
    (("answering/brightest", *WORDS, "--weights", "none.pth"), ("none.pth",)),
    (("answering/brightest", *WORDS, "--weights", "five.pth"), ("3 classes (blue, green, red)", "answers 5", "--classes FILE")),
    (("answering/brightest@taylor:0.5", *WORDS), ("taylor looks at pictures", "--images FOLDER", "taylor:0.5:data=noise")),
    (("answering/brightest", *WORDS, "--compress", "random:1"), ("ratio '1' is not allowed", "both excluded")),
    (("answering/brightest", *WORDS, "--data", "val"), ("--data val", "folder:PATH")),
    (("answering/brightest", *WORDS, "--data", "folder:none"), ("there is no folder none",)),
    (("answering/brightest", *WORDS, "--data", "folder:val/red"), ("no folders of classes (8 pictures lie in it directly)",)),
    (("answering/brightest", *WORDS, "--data", "cifar10:val"), ("test_batch.bin: not there", "cifar-10-binary.tar.gz")),
    (("answering/brightest", *WORDS, "--classes", "bench.toml"), ("classes are not in --classes: blue, green, red",)),
    (("answering/brightest", *WORDS, "--classes", "none.txt"), ("none.txt", "cannot be read")),
    (("answering/brightest", *WORDS, "--pictures", "25"), ("the data has 24",)),
    (("answering/brightest", *WORDS, "--workers", "0"), ("--workers 0", "at least 1")),
    (("answering/brightest", *WORDS, "--input", "2x8x8"), ("takes 2x8x8", "1 or 3 channels")),
    (("answering/brightest", *WORDS, "-o", "bench.toml"), ("bench.toml", "not a vbench result file")),
    (("--resume", "none.jsonl"), ("none.jsonl",)),
    (("--resume", "none.jsonl", "--data", "folder:val"), ("leave out --data",)),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG_WORDS, ids=[" ".join(words[-2:]) for words, _ in WRONG_WORDS])
def test_what_does_not_go_together_is_one_line(cli: Any, words: tuple[str, ...], said: tuple[str, ...]) -> None:
    done = cli(*words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("vbench: ")
    for word in said:
        assert word in done.stderr
    assert done.stdout == ""


def test_a_file_goes_on_only_with_the_data_and_the_weights_that_it_began_with(
    project: Path, commands: Any, tmp_path: Path
) -> None:
    for name in ("net.pth", "bench.toml"):
        (tmp_path / name).write_bytes((project / name).read_bytes())
    fill(tmp_path / "val")
    assert commands(tmp_path, "evaluate", "answering/brightest", *WORDS, "-o", "a.jsonl").returncode == 0
    (tmp_path / "val" / "red" / "7.png").unlink()
    done = commands(tmp_path, "evaluate", "--resume", "a.jsonl", "--plugin", str(PLUGIN))
    assert done.returncode == 2
    assert "was evaluated on folder:val (" in done.stderr
    Image.new("RGB", (20, 18), COLOURS["red"]).save(tmp_path / "val" / "red" / "7.png")
    torch.save({"last.weight": torch.ones(3, 3), "last.bias": torch.zeros(3)}, tmp_path / "net.pth")
    done = commands(tmp_path, "evaluate", "--resume", "a.jsonl", "--plugin", str(PLUGIN))
    assert done.returncode == 2
    assert "with other weights than " in done.stderr
    done = commands(tmp_path, "evaluate", "--resume", "a.jsonl")
    assert done.returncode == 2
    assert "unknown architecture 'answering/brightest'" in done.stderr
