"""The study of keypoints: what it declares fits together, and a training of a few pictures goes through every question."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest
import torch

from vbench.core import Machine
from vbench.errors import UsageError
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES
from vbench.study import judging, text, training
from vbench.study.log import WEIGHTS, Log
from vbench.study.parts import SCHEMA, Budget, Head, Job, Trial
from vbench.study.studies import _examples as examples
from vbench.study.studies import find
from vbench.study.studies import keypoints as module

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.study.training import Data

load_all()
STUDY = find("keypoints")
FEW = Budget(name="few", seeds=1, images=32, tests=16, epochs=1, batch=16)
MAPS = ("heatmap", "integral", "paf")


@pytest.fixture(scope="module")
def data() -> Data:
    return STUDY.data(0, FEW, "")


def trained(arm: str, data: Data, folder: Path) -> Trial:
    job = Job(study="keypoints", arm=arm, seed=0, budget=FEW, recipe=STUDY.recipe, source="", folder=str(folder / WEIGHTS))
    return training.run(STUDY, job, data)


def logged(folder: Path, trials: dict[tuple[str, int], Trial]) -> Log:
    head = Head(
        schema=SCHEMA, study_id="1", study="keypoints", started="2026-01-01T00:00:00", budget=FEW, recipe=STUDY.recipe, source="",
        seeds=tuple(sorted({seed for _, seed in trials})), contrasts=tuple(c.id for c in STUDY.contrasts),
        arms=tuple(arm for arm in STUDY.arms if (arm.name, 0) in trials),
        machine=Machine(slug="some-cpu-2c-0000aa", fingerprint="0000aa", processor="Some CPU"),
    )  # fmt: skip
    return Log(head, trials, 0, folder)


def test_every_contrast_is_of_arms_and_measures_that_there_are() -> None:
    arms, measures = {arm.name for arm in STUDY.arms}, {measure.name for measure in STUDY.measures}
    sides = [side for contrast in STUDY.contrasts for side in (contrast.of, contrast.to)]
    assert {side.arm for side in sides} == arms
    assert {side.measure for side in sides} <= measures
    ids = [contrast.id for contrast in STUDY.contrasts]
    assert len(ids) == len(set(ids))
    assert all((contrast.expected == "similar") == (contrast.margin > 0) for contrast in STUDY.contrasts)
    assert {measure.name for measure in STUDY.shown()} < measures
    # Both sides are measured in the same unit.
    assert all(STUDY.measure(c.of.measure).unit == STUDY.measure(c.to.measure).unit for c in STUDY.contrasts)


def test_arms_are_networks_of_the_catalogue_and_the_three_heads_with_maps_differ_in_little_else() -> None:
    for arm in STUDY.arms:
        assert ARCHITECTURES.get(arm.architecture).input == (3, module.SIDE, module.SIDE)
    macs = [ARCHITECTURES.get(f"small/pose-{head}").macs or 0 for head in MAPS]
    assert max(macs) < 1.1 * min(macs)


def test_the_right_half_shows_the_same_people_half_a_picture_away(data: Data) -> None:
    left, right = data.tests["left"], data.tests["right"]
    assert right.inputs[:, :, :, 32:].equal(left.inputs[:, :, :, :32])
    assert (right.targets - left.targets)[..., 0].allclose(torch.tensor(32.0))
    assert data.tests["left only"].targets[..., 0].max() < 32 < data.train.targets[..., 0].max()


def test_all_that_is_drawn_is_a_function_of_the_seed(data: Data) -> None:
    again, other = STUDY.data(0, FEW, ""), STUDY.data(1, FEW, "")
    assert again.train.inputs.equal(data.train.inputs)
    assert all(again.tests[name].inputs.equal(split.inputs) for name, split in data.tests.items())
    assert not other.train.inputs.equal(data.train.inputs)
    # And no picture of a test is one of training.
    assert not data.train.inputs[:16].equal(data.tests["alone"].inputs)


@pytest.mark.parametrize("arm", ["connected", "integral-s8", "paf-left"])
def test_an_arm_measures_what_it_is_asked(arm: str, data: Data, tmp_path: Path) -> None:
    trial = trained(arm, data, tmp_path)
    asked = STUDY.arm(arm).options["asked"]
    wanted = {
        "all": {m.name for m in STUDY.measures} - {"left", "right", "median_cell", "median_taylor"},
        "size": {"error", "median", "correct"},
        "halves": {"left", "right"},
    }[asked]
    # A head without maps cannot average them, and one that found nobody yet has no error.
    wanted -= {m for m in wanted if m.startswith("scales_")} if arm == "connected" else set()
    assert trial.status == "ok"
    assert set(trial.values) == wanted or (arm == "paf-left" and set(trial.values) < wanted)
    assert (trial.params, trial.macs) == tuple(
        getattr(ARCHITECTURES.get(STUDY.arm(arm).architecture), count) for count in ("params", "macs")
    )
    assert trained(arm, data, tmp_path).digest == trial.digest


def test_what_heads_answer_is_kept_as_examples_which_charts_show(data: Data, tmp_path: Path) -> None:
    trials = {(arm, 0): trained(arm, data, tmp_path) for arm in ("heatmap", "connected-left")}
    log = logged(tmp_path, trials)
    STUDY.finished(log)
    found = {example.title: example for example in examples.read(tmp_path)}
    assert set(found) == {title for title, _ in module.SHOWN.values()}
    assert set(found["one person"].answers) == {"heatmap"}
    assert set(found["right half, trained\nin the left half"].answers) == {"connected"}
    assert len(found["two people, trained\non one"].people) == 2
    drawings = {drawing.name: drawing for drawing in STUDY.drawings(log)}
    assert drawings["keypoints-examples"].figure is not None
    (tmp_path / examples.NAME).write_text("[", "utf-8")
    assert examples.read(tmp_path) == ()
    assert STUDY.drawings(log)[-1].reason


def test_measures_of_one_head_are_compared_seed_by_seed_and_told(tmp_path: Path) -> None:
    trials = {
        ("connected-left", seed): Trial(arm="connected-left", seed=seed, values={"left": 1.0 + seed / 10, "right": 9.0 + seed})
        for seed in range(3)
    }
    log = logged(tmp_path, trials)
    log.head = msgspec.structs.replace(log.head, contrasts=("moved-connected",))
    (finding,) = judging.judge(STUDY, log)
    assert finding.verdict == "holds"
    assert "8.90 px higher in error in the right half" in text.sentence(finding)


def test_other_data_than_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes coco:PATH"):
        STUDY.check("cifar10:somewhere")
    STUDY.check(f"coco:{tmp_path}")


def test_listing_the_study_needs_no_torch() -> None:
    code = "import sys; from vbench.study.studies import find; find('keypoints').contrasts; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
