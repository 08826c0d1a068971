"""From a picture to an answer: the same tensor as everywhere else, every part timed, and pictures that cannot be read."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image

from vbench import axes, data
from vbench.core import Architecture, Preprocess
from vbench.metrics.end_to_end import end_to_end as derive
from vbench.registry import Source
from vbench.scenarios import end_to_end

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ["decode_s", "resize_s", "normalise_s", "transfer_s", "forward_s", "postprocess_s"]


def architecture(**fields: Any) -> Architecture:
    return Architecture(
        **{"name": "a/b", "build": lambda: None, "source": Source(kind="module", value="x"), "input": (3, 32, 32)} | fields
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four photographs, no two of a size."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index in range(4):
        (pictures / f"{index}.jpg").write_bytes(end_to_end.photographs(1, index, (40 + 10 * index, 90 - 7 * index))[0])
    return pictures


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 24, 40)])
def test_the_prepared_tensor_is_that_of_the_pictures_themselves(folder: Path, shape: Any, interpolation: Any) -> None:
    preprocess = Preprocess(interpolation=interpolation, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))
    value: Any = [path.read_bytes() for path in data.pictures(folder)]
    for _, function in end_to_end.preparation(architecture(preprocess=preprocess), shape):
        value = function(value)
    assert value.shape == (4, *shape)
    assert torch.equal(value, data.images(folder, shape, 4, preprocess))


def test_made_up_photographs_are_seeded_pictures_of_their_size() -> None:
    first, second = end_to_end.photographs(2, 7)
    assert [first, second] == end_to_end.photographs(2, 7)
    assert first != second
    assert first != end_to_end.photographs(1, 8)[0]
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (500, 375)
        assert len(picture.getcolors(500 * 375) or []) > 1000


def test_answers_are_the_likeliest_classes_with_their_probabilities() -> None:
    scores = torch.tensor([[0.0, 3.0, 1.0, 2.0, -1.0, 5.0], [9.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    found = end_to_end.answers(scores)
    assert [number for number, _ in found[0]] == [5, 1, 3, 2, 0]
    assert [share for _, share in found[0]] == pytest.approx(scores[0].softmax(0)[[5, 1, 3, 2, 0]].tolist())
    assert found[1][0][0] == 0
    assert len(end_to_end.answers(scores[:, :2])[0]) == 2
    kept = end_to_end.on_host({"a": scores, "b": [scores, (scores, None)]})
    assert torch.equal(kept["b"][1][0], scores)
    assert kept["b"][1][1] is None


class Log:
    """A session and a device that write down what they are asked, on a clock that each question moves by what it costs."""

    def __init__(self, target: str = "cpu") -> None:
        self.calls: list[str] = []
        self.now = 0
        self.on = target

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self.now += {"load": 3, "step": 5, "output": 7, "wait": 0}[name]

    def clock(self) -> int:
        return self.now

    def target(self) -> str:
        return self.on

    def load(self, inputs: Any) -> None:
        assert [tuple(tensor.shape) for tensor in inputs] == [(2, 3, 32, 32)]
        self._call("load")

    def step(self) -> None:
        self._call("step")

    def output(self) -> Any:
        self._call("output")
        return torch.zeros(2, 10)

    def synchronize(self) -> None:
        self._call("wait")

    def close(self) -> None: ...


class Given:
    """As much of a Bench as the parts look at."""

    def __init__(self, log: Log, case: Any, network: Architecture | None) -> None:
        self.session = self.device = log
        self.case, self.architecture = case, network


@pytest.mark.parametrize(("target", "waits"), [("cpu", 5), ("cuda:0", 6)])
def test_every_part_is_timed_alone_and_the_whole_without_waiting(make: Any, target: str, waits: int) -> None:
    log = Log(target)
    given: Any = Given(log, make.case(batch=2), architecture())
    parts = end_to_end._parts(given)
    requests = [end_to_end.photographs(2, seed, (40, 50)) for seed in (0, 1)]
    times = end_to_end.time_parts(parts, requests, log.synchronize, log.clock, 3)
    transfer = {"transfer": [3, 3, 3], "normalise": [0, 0, 0]} if target == "cuda:0" else {"normalise": [3, 3, 3]}
    assert times == {"decode": [0] * 3, "resize": [0] * 3, "forward": [5] * 3, "postprocess": [7] * 3} | transfer
    assert log.calls.count("wait") == 3 * (1 + waits)  # before each request, and after each part
    assert [name + "_s" for name, _ in parts] == [name for name in PARTS if target != "cpu" or name != "transfer_s"]
    log.calls.clear()
    whole = end_to_end.Whole(log, parts, requests)  # type: ignore[arg-type]  # a session as far as it is used
    for _ in range(3):
        whole.step()
    assert log.calls == ["load", "step", "output"] * 3


def test_the_columns_are_medians_over_processes(make: Any) -> None:
    case = make.case(scenario="end-to-end")
    processes = [make.replicate(case, i, values={"decode_s": s, "forward_s": 2 * s}) for i, s in enumerate((0.3, 0.1, 0.2))]
    row = derive(case, processes)
    assert list(row) == PARTS
    assert (row["decode_s"], row["forward_s"], row["transfer_s"]) == (0.2, 0.4, None)


def test_what_has_no_picture_or_no_answer_is_skipped_with_the_reason(make: Any) -> None:
    given = {"scenario": "end-to-end"}
    assert axes.unable(make.case(**given)) is None
    assert axes.unable(make.case(**given, input_shape=(1, 28, 28))) is None
    assert "3 channels" in str(axes.unable(make.case(**given, input_shape=(4, 32, 32))))
    assert "channels" in str(axes.unable(make.case(**given, input_shape=(512,))))
    assert "training" in str(axes.unable(make.case(**given, phase="train")))


def run(commands: Any, project: Path, *words: str) -> tuple[Any, list[dict[str, Any]]]:
    done = commands(project, "run", "life/0", "--end-to-end", "--quick", "--threads", "1", "--no-report", "--json", *words)
    return done, json.loads(done.stdout) if done.stdout else []


def test_without_a_network_there_is_the_forward_pass_only(commands: Any, project: Path) -> None:
    done, (row,) = run(commands, project)
    assert (done.returncode, row["status"], row["scenario"]) == (0, "ok", "end-to-end")
    assert {name for name in PARTS if row.get(name) is not None} == {"forward_s"}
    assert row["forward_s"] == pytest.approx(row["latency_s"], rel=0.01)


def test_a_network_is_measured_from_the_pictures_of_a_folder(commands: Any, project: Path, folder: Path) -> None:
    done, (row,) = run(
        commands, project, "--engine", "eager", "--device", "cpu", "--batch", "2", "--images", str(folder), "-o", "r.jsonl"
    )
    assert (done.returncode, row["status"], row["reason"]) == (0, "ok", "")
    assert {name for name in PARTS if row.get(name) is not None} == {*PARTS} - {"transfer_s"}
    assert all(row[name] > 0 for name in (*PARTS, "latency_s", "throughput_per_s") if name != "transfer_s")
    lines = [json.loads(line) for line in (project / "r.jsonl").read_text().splitlines()]
    assert any("4 of the folder" in line.get("notes", {}).get("pictures", "") for line in lines)


def test_pictures_that_cannot_be_read_are_one_line(commands: Any, project: Path, tmp_path: Path) -> None:
    eager = ("--engine", "eager", "--device", "cpu", "--images")
    empty = tmp_path / "empty"
    empty.mkdir()
    for place, said in ((empty, "no pictures in it"), (tmp_path / "nowhere", "there is no such folder")):
        done, rows = run(commands, project, *eager, str(place))
        assert (done.returncode, rows) == (2, [])
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    (empty / "broken.jpg").write_bytes(b"\xff\xd8 no more than a beginning")
    done, (row,) = run(commands, project, *eager, str(empty))
    assert (done.returncode, row["status"]) == (4, "failed")
    assert row["reason"].startswith("--images: ")
    assert "broken.jpg cannot be read" in row["reason"]
    assert "\n" not in row["reason"]
