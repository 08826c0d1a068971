"""`vbench evaluate --finetune` and `--sensitivity` as they are typed: killed, started again, and read by other verbs."""

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
from safetensors.torch import load_file

import vbench
from vbench import checkpoint, journal

if TYPE_CHECKING:
    from collections.abc import Callable

PLUGIN = Path(__file__).parents[2] / "plugins" / "tunable.py"
COLOURS = {"blue": (40, 60, 200), "green": (60, 200, 40), "red": (200, 40, 60)}
TRAIN, TEST = 16, 8
WORDS = ("--weights", "net.pth", "--data", "folder:data", "--plugin", str(PLUGIN), "--threads", "1", "--workers", "1")
TUNED = "l1-filter:0.5+finetune:6:rate=0.1:batch=8"
RECIPE = ("--compress", "l1-filter:0.5", "--finetune", "6:rate=0.1:batch=8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finetune")
    (folder / "bench.toml").write_text('[run]\nwarmup = "20ms"\nlatency = "20ms"\nthroughput = "20ms"\nmin-processes = 1\n'
                                       'max-processes = 1\nspread = 0\n')  # fmt: skip
    for split, many in (("train", TRAIN), ("val", TEST)):
        for name, colour in COLOURS.items():
            (folder / "data" / split / name).mkdir(parents=True)
            for index in range(many):
                shade = tuple(min(255, part + 3 * index) for part in colour)
                Image.new("RGB", (18, 20), shade).save(folder / "data" / split / name / f"{index}.png")
    torch.manual_seed(1)
    torch.save(runpy.run_path(str(PLUGIN), run_name="read")["net"]().state_dict(), folder / "net.pth")
    return folder


@pytest.fixture(scope="module")
def cli(project: Path, commands: Any) -> Any:
    return lambda *words: commands(project, "evaluate", *words)


def _tuned(folder: Path) -> Path:
    (found,) = (folder / "tuned").glob("*.safetensors")
    return found


@pytest.mark.slow
def test_accuracy_before_and_after_are_rows_and_the_trained_weights_join_their_costs(
    cli: Any, project: Path, commands: Any, tmp_path: Path
) -> None:
    out = tmp_path / "a.jsonl"
    done = cli("tunable/small", *WORDS, *RECIPE, "-o", str(out), "--json")
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout)
    assert (before["compression"], after["compression"]) == ("l1-filter:0.5", TUNED)
    assert before["weights"].startswith("net:")
    assert after["top1"] > before["top1"]
    assert after["top1"] > 90
    file = _tuned(tmp_path)
    assert after["weights"] == checkpoint.label(file)
    made = checkpoint.read(file).lineage
    assert made is not None
    assert (made.compression, made.of, made.data) == (TUNED, before["weights"], "folder:train")
    assert load_file(file)["0.weight"].shape == (4, 3, 3, 3)
    again = cli("tunable/small", *WORDS, *RECIPE, "-o", str(out), "--json")
    assert again.returncode == 0, again.stderr
    assert "trained before" in again.stderr
    assert json.loads(again.stdout) == [before, after]
    words = ("tunable/small", "--weights", str(file), "--plugin", str(PLUGIN), "--threads", "1", "--no-report")
    costs = commands(project, "run", *words, "-o", str(tmp_path / "costs.jsonl"))
    assert costs.returncode == 0, costs.stderr
    frame = vbench.load([out, tmp_path / "costs.jsonl"])
    (row,) = [row for _, row in frame.iterrows() if row.latency_s == row.latency_s]
    assert (row.compression, row.top1) == (TUNED, after["top1"])
    assert row.params == sum(v.numel() for n, v in load_file(file).items() if not n.endswith(("mean", "var", "tracked")))
    shown = commands(project, "show", "tunable/small", "--weights", str(file), "--plugin", str(PLUGIN), "--json")
    assert shown.returncode == 0, shown.stderr


@pytest.mark.slow
def test_what_a_kill_left_is_gone_on_with_and_ends_with_the_same_weights(
    project: Path, commands: Any, cli: Any, tmp_path: Path
) -> None:
    words = ("tunable/slow", *WORDS, "--compress", "l1-filter:0.5:steps=2", "--finetune", "4:batch=8")
    pid, errors = commands.start(project, "evaluate", *words, "-o", str(tmp_path / "a" / "r.jsonl"))
    end = time.monotonic() + 60
    while not list((tmp_path / "a" / "tuned").glob("*.checkpoint")):
        assert time.monotonic() < end, errors.read_text()
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    assert commands.wait(pid) == -signal.SIGKILL
    assert not list((tmp_path / "a" / "tuned").glob("*.safetensors"))
    done = cli(*words, "-o", str(tmp_path / "a" / "r.jsonl"), "--json")
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout)
    assert (before["compression"], before["status"]) == ("l1-filter:0.5:steps=2", "ok")
    assert (after["compression"], after["status"]) == ("l1-filter:0.5:steps=2+finetune:4:batch=8", "ok")
    assert after["top1"] is not None
    assert not list((tmp_path / "a" / "tuned").glob("*.checkpoint"))
    whole = cli(*words, "-o", str(tmp_path / "b" / "r.jsonl"))
    assert whole.returncode == 0, whole.stderr
    assert checkpoint.digest(_tuned(tmp_path / "a")) == checkpoint.digest(_tuned(tmp_path / "b"))


@pytest.mark.slow
def test_ctrl_c_says_what_to_type(project: Path, commands: Any, tmp_path: Path) -> None:
    words = ("tunable/slow", *WORDS, "--finetune", "9:batch=8", "-o", str(tmp_path / "r.jsonl"))
    pid, errors = commands.start(project, "evaluate", *words)
    end = time.monotonic() + 60
    while not list((tmp_path / "tuned").glob("*.checkpoint")):
        assert time.monotonic() < end, errors.read_text()
        time.sleep(0.01)
    os.kill(pid, signal.SIGINT)
    assert commands.wait(pid) == 130
    assert "the same command goes on with it" in errors.read_text()
    assert not (tmp_path / "r.jsonl").exists()


@pytest.mark.slow
def test_zeros_and_codebooks_are_there_after_training_and_what_cannot_be_trained_is_a_row(cli: Any, tmp_path: Path) -> None:
    words = ("--compress", "magnitude:0.8,random:0.01", "--finetune", "2:batch=8")
    done = cli("tunable/small", *WORDS, *words, "-o", str(tmp_path / "r.jsonl"), "--json")
    assert done.returncode == 4, done.stderr
    rows = {row["compression"]: row for row in json.loads(done.stdout)}
    assert rows["magnitude:0.8+finetune:2:batch=8"]["status"] == "ok"
    failed = rows["random:0.01+finetune:2:batch=8"]
    assert failed["status"] == "skipped"
    assert failed["reason"].startswith("not trained: random: no channel goes: at most 8 can be told apart")
    weight = load_file(_tuned(tmp_path))["3.weight"]
    assert int((weight == 0).sum()) == weight.numel() - round(0.2 * weight.numel())


@pytest.mark.slow
def test_a_layer_at_a_time_is_a_table_a_chart_and_rows_that_are_gone_on_with(cli: Any, project: Path, tmp_path: Path) -> None:
    words = ("tunable/small", *WORDS, "--sensitivity", "l1-filter", "--ratios", "0.25,0.75", "-o", str(tmp_path / "r.jsonl"))
    done = cli(*words, "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert [line["layer"] for line in found["layers"]] == ["0", "3"]
    assert [[cell["ratio"] for cell in line["ratios"]] for line in found["layers"]] == [[0.25, 0.75]] * 2
    rows = {row.compression: row.top1 for row in vbench.load(tmp_path / "r.jsonl").itertuples()}
    assert found["top1"] == rows["none"]
    assert found["layers"][1]["ratios"][1]["top1"] == rows["l1-filter:0.75:only=3"]
    assert {"sensitivity-tunable-small-l1-filter.png", "sensitivity-tunable-small-l1-filter.svg"} <= {
        path.name for path in tmp_path.iterdir()
    }
    again = cli(*words)
    assert again.returncode == 0, again.stderr
    assert "0 of 5 cases to evaluate" in again.stderr
    assert again.stdout.splitlines()[1].split() == ["layer", "alone", "0.25", "0.75"]
    assert journal.read(tmp_path / "r.jsonl").ended == "complete"


WRONG: list[tuple[tuple[str, ...], str]] = [
    (("--finetune", "0"), "finetune: epochs '0' is not allowed: it is a number from 0.001 to 10000; for example finetune:1"),
    (("--finetune", "3:rat=1"), "finetune has no option 'rat=1'"),
    (("--finetune", "3", "--data", "folder:data/val"), "it has no halves to train and to test on: name a folder that"),
    (("--compress", "l1-filter:0.5+finetune:3"), "tunable/small: finetune:3 is training, which a file of weights must hold"),
    (("--compress", "l1-filter:1.5", "--finetune", "3"), "l1-filter: ratio '1.5' is not allowed: it is a number between 0 and 1"),
    (("--sensitivity", "codebook"), "--sensitivity codebook: it works on all layers at once; those that take one alone: "),
    (("--sensitivity", "l1-fliter"), "unknown compressor 'l1-fliter'"),
    (("--sensitivity", "l1-filter", "--ratios", "0.5,2"), "--ratios 2: write numbers between 0 and 1"),
    (("--sensitivity", "l1-filter", "--finetune", "1"), "--sensitivity asks what single layers bear without training"),
    (("--ratios", "0.5"), "--ratios are those of --sensitivity"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_what_a_user_gets_wrong_is_one_line(cli: Callable[..., Any], words: tuple[str, ...], said: str) -> None:
    done = cli("tunable/small", *WORDS, *words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_weights_of_a_smaller_network_fit_that_network_alone(cli: Any, project: Path, commands: Any, tmp_path: Path) -> None:
    done = cli("tunable/small", *WORDS, *RECIPE, "-o", str(tmp_path / "a.jsonl"))
    assert done.returncode == 0, done.stderr
    file = _tuned(tmp_path)
    words = ("--weights", str(file), "--plugin", str(PLUGIN), "--threads", "1", "--list")
    other = commands(project, "run", "tunable/slow", *words)
    assert other.returncode == 2
    assert f"is of tunable/small@{TUNED}, and not of tunable/slow" in other.stderr
    listed = commands(project, "run", "tunable/small", *words, "--compress", "none,codebook:4", "--json")
    assert listed.returncode == 0, listed.stderr
    assert f"{TUNED}+codebook:4" in listed.stdout
