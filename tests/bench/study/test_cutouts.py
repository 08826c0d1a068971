"""Annotations in COCO's format, with pictures made here: what is read, and what is said where they cannot be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image, ImageDraw

from vbench.errors import UsageError
from vbench.plugins import load_all
from vbench.study.parts import Budget
from vbench.study.studies import _cutouts, find
from vbench.study.studies._scenes import SIDE, UNKNOWN, Scene, drawn

if TYPE_CHECKING:
    from pathlib import Path

load_all()
JOINTS = ["nose", "hand", "hip", "foot", "tail"]
SKELETON = [[1, 3], [3, 2], [3, 4], [4, 5], [1, 2]]  # with a loop


def made(folder: Path, pictures: int = 10, **changes: Any) -> Path:
    """A file of annotations, and black pictures of 100 x 80 px with a white dot for each joint of one person."""
    (folder / "val").mkdir(parents=True)
    annotations, images = [], []
    for number in range(pictures):
        image = Image.new("RGB", (100, 80))
        draw = ImageDraw.Draw(image)
        points = [(30 + number, 20), (50 + number, 30), (40, 45), (45, 70), (60, 70)]
        for x, y in points:
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], fill="white")
        image.save(folder / "val" / f"{number:03}.png")
        images.append({"id": number, "file_name": f"{number:03}.png", "width": 100, "height": 80})
        flat = [value for x, y in points for value in (x + 0.5, y + 0.5, 2)]
        flat[-3:] = [0, 0, 0]  # the tail is not annotated
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": [25, 15, 45, 60], "iscrowd": 0,
                            "keypoints": flat, "num_keypoints": 4})  # fmt: skip
    content = {
        "info": {}, "images": images, "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": JOINTS, "skeleton": SKELETON}], **changes,
    }  # fmt: skip
    path = folder / "annotations" / "person_keypoints_val.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_a_person_is_pasted_with_its_joints_where_they_are(tmp_path: Path) -> None:
    source = _cutouts.CutOuts(made(tmp_path), 100)
    assert source.joints == tuple(JOINTS)
    assert source.limbs == ((2, 0), (2, 1), (2, 3), (3, 4))
    pictures, people = drawn(source, Scene(scale=2.0), 40, 0, testing=False)
    assert pictures.shape == (40, 3, SIDE, SIDE)
    assert people[:, 0, 4].tolist() == [[UNKNOWN, UNKNOWN, 0.0]] * 40
    bright = [
        float(picture[:, round(y), round(x)].mean())
        for picture, person in zip(pictures, people[:, 0, :4], strict=True)
        for x, y, seen in person.tolist()
        if seen
    ]
    assert len(bright) > 100
    assert min(bright) > 0.6


def test_pictures_of_tests_are_never_trained_on(tmp_path: Path) -> None:
    source = _cutouts.CutOuts(made(tmp_path), 100)
    chosen = [source.cast(200, torch.Generator().manual_seed(0), testing=testing).joints for testing in (False, True)]
    # Every picture has its own place for the nose.
    train, test = ({round(x, 4) for x in joints[:, 0, 0].tolist()} for joints in chosen)
    assert (len(train), len(test)) == (8, 2)
    assert not train & test


def test_the_study_trains_on_photographs_as_on_figures(tmp_path: Path) -> None:
    study = find("keypoints")
    data = study.data(0, Budget(name="few", seeds=1, images=8, tests=4, epochs=1), f"coco:{made(tmp_path)}")
    arm = study.arm("paf")
    net: Any = study.network(arm, data)
    assert net.limbs == ((2, 0), (2, 1), (2, 3), (3, 4))
    # An unknown joint is no number of the loss, and neither it nor its limb has a map to be drawn on.
    assert torch.isfinite(study.loss(arm, net(data.train.inputs), data.train.targets))
    assert not data.tests["right"].inputs.equal(data.tests["left"].inputs)


def test_no_more_people_are_read_than_asked_for(tmp_path: Path) -> None:
    source = _cutouts.CutOuts(made(tmp_path), 6)
    joints = source.cast(200, torch.Generator().manual_seed(0), testing=False).joints
    assert len(joints[:, 0, 0].unique()) == 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"categories": [{"id": 1, "name": "cat"}]}, "no category has 4 keypoints"),
        ({"categories": [{"id": 1, "keypoints": JOINTS, "skeleton": SKELETON[:2]}]}, "does not reach foot"),
        ({"annotations": []}, "0 pictures have a person"),
        ({"annotations": [{"image_id": "one"}]}, "no file of keypoints in COCO's format"),
    ],
)
def test_a_file_that_is_not_of_people_is_refused_in_a_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        _cutouts.CutOuts(made(tmp_path, **changes), 100)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_pictures_that_are_missing_are_counted_and_broken_ones_named(tmp_path: Path) -> None:
    path = made(tmp_path)
    for number in (3, 7):
        (tmp_path / "val" / f"{number:03}.png").unlink()
    with pytest.raises(UsageError, match=r"2 of its pictures are not in .*val, the first 003\.png"):
        _cutouts.CutOuts(path, 100)
    for number in (3, 7):
        (tmp_path / "val" / f"{number:03}.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"003\.png cannot be read as a picture"):
        _cutouts.CutOuts(path, 100)


def test_where_pictures_are_looked_for_is_said(tmp_path: Path) -> None:
    path = made(tmp_path)
    (tmp_path / "val").rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"no picture 000\.png in .*annotations.*put them into one of these"):
        _cutouts.CutOuts(path, 100)
    with pytest.raises(UsageError, match="name a file of annotations"):
        _cutouts.CutOuts(tmp_path / "none.json", 100)
