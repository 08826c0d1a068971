"""Weights that are no numbers and pictures that are none: a line in the row that names them, and the run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from PIL import Image
from torch import nn

import vbench
from vbench import api, errors
from vbench.job import Wrong, refuse_nan

if TYPE_CHECKING:
    from vbench.core import Record

PLUGIN = str(Path(__file__).parents[1] / "plugins" / "quantisers.py")
SETTINGS = {"min_processes": 1, "max_processes": 1, "spread": 0.0, "warmup": 0.01, "latency": 0.01, "throughput": 0.01}
# Of so many pictures the first 64 are compared on, and the last 64 calibrate.
MANY = 66


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of which the last cannot be read."""
    found = tmp_path_factory.mktemp("pictures")
    for number in range(MANY):
        Image.effect_noise((8, 8), 80 + number).convert("RGB").save(found / f"{number:03}.png")
    (found / f"{MANY:03}.png").write_bytes((found / "000.png").read_bytes()[:60])
    return found


def run(path: Path, images: Path, *names: str, **axes: object) -> Record:
    return vbench.run(*names, plugin=[PLUGIN], output=path, threads=[1], settings=SETTINGS | {"images": str(images)}, **axes)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Record:
    path = tmp_path_factory.mktemp("runs") / "r.jsonl"
    return run(path, folder, "odd/nan", "odd/outlier", engine=["eager", "mimic"], precision=["fp32", "int8"])


def test_weights_with_nan_are_named_for_every_engine(record: Record) -> None:
    rows = [r for r in record.results if r.case.architecture == "odd/nan" and r.status != "skipped"]
    assert {(r.case.engine, r.status) for r in rows} == {("eager", "failed"), ("mimic", "failed")}
    said = "the weights hold NaN: 1 of the 32 values of odd.weight; give sound ones with --weights FILE"
    assert {r.reason for r in rows} == {said}


def test_a_picture_of_the_calibration_that_cannot_be_read_is_named_and_takes_no_other_case_along(
    record: Record, folder: Path
) -> None:
    rows = {(r.case.engine, r.case.precision): r for r in record.results if r.case.architecture == "odd/outlier"}
    assert rows["eager", "fp32"].status == "ok", rows["eager", "fp32"].reason
    failed = rows["mimic", "int8"]
    assert failed.status == "failed"
    assert failed.reason.startswith(f"--images: {folder / f'{MANY:03}.png'} cannot be read: ")
    assert "\n" not in failed.reason
    assert record.ended == "complete"
    assert record.exit_code == 4


def test_a_picture_that_is_an_input_and_cannot_be_read_is_named(tmp_path: Path, folder: Path) -> None:
    images = tmp_path / "pictures"
    images.mkdir()
    (images / "000.png").write_text("no picture")
    (images / "001.png").write_bytes((folder / "000.png").read_bytes())
    (row,) = run(tmp_path / "r.jsonl", images, "odd/outlier", engine=["eager"]).results
    assert row.status == "failed"
    assert row.reason.startswith(f"--images: {images / '000.png'} cannot be read: ")


@pytest.mark.parametrize("file", [None, "notes.txt"])
def test_a_folder_without_pictures_is_refused_before_anything_is_measured(tmp_path: Path, file: str | None) -> None:
    if file:
        (tmp_path / file).write_text("no picture")
    with pytest.raises(errors.UsageError, match=r"^--images .*: no pictures in it; read are \.bmp"):
        api.prepare(("odd/outlier",), plugin=[PLUGIN], settings={"images": str(tmp_path)})


def test_the_tensor_with_most_nan_is_named_and_others_are_counted() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Embedding(2, 2))
    refuse_nan(network)
    network[0].weight.data[1, 2] = torch.inf  # is a number that an engine may meet
    network[2].weight = nn.Parameter(torch.empty(0, 2))
    refuse_nan(network)
    network[0].weight.data[0, 0] = torch.nan
    network[1].running_var[:] = torch.nan  # type: ignore[index]  # a buffer
    network.half()
    with pytest.raises(Wrong, match=r"^the weights hold NaN: 4 of the 4 values of 1.running_var, and 1 more tensor; give"):
        refuse_nan(network)
