"""The study of pruning: every criterion leaves as much as random ranking, and arms begin with the whole network's weights."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch

from vbench import checkpoint, compress, weights
from vbench.compress._building import Smaller
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES
from vbench.study import charts, conduct, studies, text, training
from vbench.study.log import Log, Writer
from vbench.study.parts import SCHEMA, Budget, Head, Job, Trial
from vbench.study.studies import _pruning_words as words
from vbench.study.studies._pruning_contrasts import CONTROL, CRITERIA, NETWORK, RATIOS, TUNED, WHOLE

if TYPE_CHECKING:
    import queue
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("sklearn")
BUDGET = Budget(name="tiny", seeds=1, images=96, tests=50, epochs=1, batch=16, tuning=1.0)
STUDY = studies.find("pruning")


@pytest.fixture(autouse=True, scope="module")
def _ready() -> Iterator[None]:
    load_all()
    compress.load_builtin()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data() -> Any:
    return STUDY.data(0, BUDGET, "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, data: Any) -> Path:
    """A folder in which the whole network's weights lie."""
    found = tmp_path_factory.mktemp("pruning")
    assert _run(WHOLE, found, data).status == "ok"
    return found


def _run(arm: str, folder: Path, data: Any) -> Trial:
    job = Job(study="pruning", arm=arm, seed=0, budget=BUDGET, recipe=STUDY.recipe, source="", folder=str(folder))
    return training.run(STUDY, job, data)


@pytest.mark.parametrize("ratio", ["0.5", "0.85"])
def test_all_criteria_of_a_ratio_cost_the_same_and_rank_differently(folder: Path, data: Any, ratio: str) -> None:
    trials = {criterion: _run(f"{criterion}:{ratio}", folder, data) for criterion in CRITERIA}
    assert {trial.status for trial in trials.values()} == {"ok"}, [trial.reason for trial in trials.values()]
    assert len({(trial.params, trial.macs, trial.weight_bytes) for trial in trials.values()}) == 1
    assert len({trial.digest for trial in trials.values()}) == len(CRITERIA)
    assert all({"top1", "before"} <= trial.values.keys() for trial in trials.values())
    whole = ARCHITECTURES.get(NETWORK).macs
    assert whole is not None
    assert trials["random"].macs is not None
    assert trials["random"].macs < whole * (1 - float(ratio))


def test_in_steps_as_much_is_left_and_nothing_is_measured_in_between(folder: Path, data: Any) -> None:
    once, parted = _run("l1-filter:0.7", folder, data), _run("l1-filter:0.7:steps=4", folder, data)
    assert (parted.status, parted.macs, parted.params) == ("ok", once.macs, once.params)
    assert parted.steps == once.steps == 6
    assert parted.values.keys() == {"top1"}


def test_a_training_is_a_function_of_its_job_and_its_file_is_a_network_for_run(folder: Path, data: Any) -> None:
    one = _run("taylor:0.5", folder, data)
    assert _run("taylor:0.5", folder, data).digest == one.digest
    file = folder / one.weights
    made = checkpoint.read(file).lineage
    assert made is not None
    assert made.compression == one.compression == "taylor:0.5:pictures=64+finetune:1:rate=0.02:batch=16"
    assert made.of.startswith("whole-seed0:")
    assert made.notes["taylor data"] == "64 of the pictures that are trained on"
    architecture = ARCHITECTURES.get(NETWORK)
    fitted = weights.fit(architecture, file)
    build = Smaller(msgspec.structs.replace(architecture, build=fitted), one.compression, seed=0, verify=True)
    net = build.take({})
    assert build.values["removed_channels"] == made.values["removed_channels"] > 0
    assert "encoded_bytes" in build.values
    with torch.no_grad():
        assert STUDY.evaluate(STUDY.arm("taylor:0.5"), net.eval(), data)["top1"] == one.values["top1"]


def test_the_whole_network_trained_alike_begins_where_the_others_do(folder: Path, data: Any) -> None:
    found = _run(TUNED, folder, data)
    whole = _run(WHOLE, folder, data)
    assert found.values["before"] == whole.values["top1"]
    assert (found.macs, found.compression) == (whole.macs, "finetune:1:rate=0.02:batch=16")


def test_without_the_weights_that_it_begins_with_an_arm_is_a_failed_one(tmp_path: Path, data: Any) -> None:
    found = _run("random:0.5", tmp_path, data)
    assert (found.status, found.reason) == ("failed", "whole, which it begins with, has no weights of seed 0")


def test_an_arm_is_handed_out_once_the_one_before_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    lock, open_ = threading.Lock(), set[tuple[str, int]]()

    class Child:
        def __init__(self, config: str) -> None:
            self.config = config

        def work(self, jobs: queue.SimpleQueue[Any], said: queue.SimpleQueue[Any]) -> None:
            while (job := jobs.get()) is not None:
                with lock:
                    assert job.arm == WHOLE or (WHOLE, job.seed) in open_
                    asked.append((job.arm, job.seed))
                    open_.add((job.arm, job.seed))
                said.put((job, {"trial": {"arm": job.arm, "seed": job.seed, "values": {"top1": 50.0}}}))

        def end(self) -> None:
            """Nothing to end."""

    monkeypatch.setattr(conduct, "_Child", Child)
    asks = conduct.Asked(BUDGET, STUDY.select(("taylor-0.5",)), 3)
    writer = conduct.begin(STUDY, asks, tmp_path / "out", tmp_path)
    conduct.conduct(writer, _Silent(), workers=2)
    writer.close()
    assert {arm for arm, _ in asked} == {WHOLE, "taylor:0.5", "random:0.5"}
    assert len(asked) == 9
    assert writer.log.missing() == []


class _Silent:
    began = share = ended = staticmethod(lambda *_: None)


def _log(folder: Path, better: dict[str, float]) -> Log:
    """A log whose accuracies are made up: random falls with the ratio, a criterion is better by so much."""
    from vbench.machine import describe  # noqa: PLC0415 - only here

    head = Head(
        schema=SCHEMA, study_id="x", study=STUDY.name, started="2026-01-01T00:00:00+00:00", budget=STUDY.budget("default"),
        recipe=STUDY.recipe, source="", seeds=(0, 1, 2), contrasts=tuple(c.id for c in STUDY.contrasts), arms=STUDY.arms,
        machine=describe(),
    )  # fmt: skip
    writer = Writer(folder, head)
    for arm in STUDY.arms:
        ratio = float(arm.options.get("ratio", 0))
        for seed in range(3):
            base = 80.0 - 60 * ratio + seed + better.get(arm.options.get("criterion", ""), 0.0) * (1 + 0.01 * seed)
            values = {"top1": base} if arm.name == WHOLE or "steps" in arm.options else {"top1": base, "before": base / 2}
            writer.trial(Trial(arm=arm.name, seed=seed, values=values, params=1000, macs=round(1e6 * (1 - ratio) ** 2),
                               weight_bytes=round(4000 * (1 - ratio)), seconds=1.0))  # fmt: skip
    writer.close()
    return writer.log


def test_whether_a_criterion_beats_random_is_said_in_words(tmp_path: Path) -> None:
    log = _log(tmp_path, {"taylor": 5.0, "apoz": -4.0, "l2-filter": 0.0})
    every = words.found(STUDY, log)
    assert len(every) == 5 * len(RATIOS) * 2
    table = words.table(STUDY, log).splitlines()
    assert table[0] == f"| against random, trained | {' | '.join(RATIOS)} |"
    cells = {line.split(" | ")[0].removeprefix("| "): line for line in table[2:7]}
    assert cells["taylor"].count("beats random, +5.") == len(RATIOS)
    assert cells["apoz"].count("does not: random is better, -4.") == len(RATIOS)
    assert cells["l2-filter"].count("undecided, +0.0") == len(RATIOS)
    assert words.told(every, "top1")[0] == f"Beats random: taylor at {', '.join(RATIOS)}."
    assert "comparisons are decided" in text.table(STUDY, log)


def test_the_trade_off_has_a_line_for_each_criterion_and_a_panel_for_each_cost(tmp_path: Path) -> None:
    log = _log(tmp_path, {"taylor": 5.0})
    drawings = {drawing.name: drawing for drawing in (*charts.draw(STUDY, log), *STUDY.drawings(log))}
    assert {"pruning-top1-contrasts", "pruning-before-contrasts", "pruning-top1-tradeoff", "pruning-before-tradeoff"} == set(
        drawings
    )
    figure = drawings["pruning-top1-tradeoff"].figure
    assert figure is not None
    assert [axes.get_xlabel() for axes in figure.axes] == ["MACs of one picture (M)", "Size of the weights (KiB)"]
    tagged = [artist for artist in figure.axes[0].get_children() if artist.get_gid() == "line"]
    assert len(tagged) == len(CRITERIA) + 2
    taylor = [81.0 + 5.05 - 60 * float(ratio) for ratio in RATIOS]
    assert any(list(line.get_ydata()) == pytest.approx(taylor) for line in tagged if len(line.get_ydata()) == len(RATIOS))  # type: ignore[attr-defined]  # a Line2D
    assert sum(artist.get_gid() == "uncompressed" for artist in figure.axes[0].get_children()) == 2
    assert "Beats random: taylor at" in " ".join(note.get_text() for note in figure.texts)


def test_every_contrast_names_arms_that_there_are_and_random_is_in_each_comparison() -> None:
    names = {arm.name for arm in STUDY.arms}
    assert all({c.of.arm, c.to.arm} <= names for c in STUDY.contrasts)
    assert {arm.after for arm in STUDY.arms} == {"", WHOLE}
    beating = [c for c in STUDY.contrasts if c.to.arm.startswith(CONTROL)]
    assert len(beating) == (len(CRITERIA) - 1) * len(RATIOS) * 2
    assert len({c.id for c in STUDY.contrasts}) == len(STUDY.contrasts)
