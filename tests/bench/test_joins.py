"""Which rows a measured accuracy belongs to: all that answer the same, and none that answers otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import vbench
from vbench import joins, journal, results
from vbench.accuracies import Answers, Evaluation, Finished
from vbench.core import Accuracy, Case, Facts, Machine

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Record

CASE = Case(architecture="family/variant", input_shape=(3, 32, 32), weights="net:abc")
FACTS = {"family/variant": Facts(family="family", input=(3, 32, 32), accuracy=(Accuracy(source="a", protocol="p", top1=70.0),))}


def other(**axes: Any) -> Case:
    return msgspec.structs.replace(CASE, **axes)


def write(path: Path, make: Any, *cost: Case, evaluated: dict[Case, str] | None = None, **fields: Any) -> Path:
    """A result file: each of `cost` was measured, each of `evaluated` answered these letters; `fields` are of its evaluation."""
    settings = {"interval": 0.02, **fields.pop("settings", {})}
    file = journal.Journal(path)
    file.append("run", make.run(*cost, architectures=FACTS, run_id=path.stem, settings=settings))
    for case in cost:
        for index in range(6):
            file.append("replicate", make.replicate(case, index))
    if evaluated:
        given: dict[str, Any] = {
            "id": path.stem, "started": "2026-01-02T00:00:00+00:00", "versions": {}, "architectures": FACTS, "preprocess": {},
            "machine": Machine(slug="other", fingerprint="beef"), "weights": {}, "data": "folder:/val",
            "targets": tuple(range(10)), "label": "folder:val (12345678)", "pictures": 4, "available": 4,
        }  # fmt: skip
        head = Evaluation(cases=tuple(evaluated), **given | fields)
        file.append("evaluation", head)
        for case, marks in evaluated.items():
            file.append("answers", Answers(evaluation=head.id, case=case.id, first=0, marks=marks, outputs=10, seconds=1.0))
            if len(marks) == head.pictures:
                file.append("accuracy", Finished(evaluation=head.id, case=case.id, status="ok"))
    file.append("end", {"status": "complete"})
    file.close()
    return path


@pytest.mark.parametrize(
    "axes",
    [
        {"batch": 64}, {"threads": 2}, {"layout": "nhwc"}, {"scenario": "offline"}, {"device": "cuda:0"},
        {"weights": "renamed:abc"}, {"engine_options": (("cold-cache", "on"),)}, {"engine_options": (("cuda-graph", "on"),)},
    ],
)  # fmt: skip
def test_what_changes_the_time_only_joins(axes: dict[str, Any]) -> None:
    assert joins.key(other(**axes)) == joins.key(CASE)


@pytest.mark.parametrize(
    "axes",
    [
        {"architecture": "family/other"}, {"compression": "l1:0.5"}, {"weights": "net:abd"}, {"weights": "random:0"},
        {"engine": "openvino"}, {"precision": "int8"}, {"input_shape": (3, 64, 64)}, {"phase": "train"},
        {"engine_options": (("mode", "fast"),)},
    ],
)  # fmt: skip
def test_what_changes_an_answer_does_not(axes: dict[str, Any]) -> None:
    assert joins.key(other(**axes)) != joins.key(CASE)


def test_in_a_narrower_precision_the_kind_of_the_device_counts_and_not_its_number() -> None:
    half = [joins.key(other(precision="fp16", device=device)) for device in ("cpu", "cuda:0", "cuda:1")]
    assert half[0] != half[1] == half[2]


def test_random_weights_of_two_seeds_are_two_networks() -> None:
    assert joins.key(other(weights="random:0")) != joins.key(other(weights="random:1"))


def test_costs_and_accuracy_of_one_file_are_one_row(tmp_path: Path, make: Any) -> None:
    path = write(tmp_path / "a.jsonl", make, CASE, other(threads=2), evaluated={other(batch=16): "000-"})
    frame = vbench.load(path)
    assert len(frame) == 2
    for row in frame.itertuples():
        assert row.latency_s == pytest.approx(0.01)
        assert (row.top1, row.quality, row.top5, row.accuracy_kind, row.accuracy_pictures) == (75.0, 75.0, 75.0, "measured", 4)
        assert row.top1_low < 75.0 < row.top1_high
        assert row.top1_published == 70.0
        assert "within the interval" in row.accuracy_note
        assert row.accuracy_protocol == "folder:val (12345678), 4 pictures, centre crop"


def test_costs_and_accuracy_of_two_files_are_one_row_in_either_order(tmp_path: Path, make: Any) -> None:
    cost = write(tmp_path / "cost.jsonl", make, CASE, other(precision="bf16"))
    accuracy = write(tmp_path / "accuracy.jsonl", make, evaluated={other(batch=16): "000-"})
    for paths in ([cost, accuracy], [accuracy, cost], tmp_path):
        frame = vbench.load(paths)
        assert list(frame.precision) == ["fp32", "bf16"]
        assert list(frame.accuracy_kind) == ["measured", "published"]
        assert list(frame.top1) == [75.0, 70.0]
    (record,) = results.read_all([accuracy, cost])
    assert record.path == str(cost)


def test_an_accuracy_without_costs_is_a_row_by_itself_once(tmp_path: Path, make: Any) -> None:
    one = write(tmp_path / "one.jsonl", make, evaluated={other(batch=16): "000-"})
    two = write(tmp_path / "two.jsonl", make, evaluated={other(batch=8): "00--"}, started="2026-01-03T00:00:00+00:00")
    frame = vbench.load([one, two])
    assert len(frame) == 1
    assert (frame.top1[0], frame.status[0]) == (50.0, "ok")
    assert frame.latency_s.isna().all()
    assert vbench.load(one).top1.tolist() == [75.0]


def test_the_latest_of_a_protocol_counts_and_others_are_kept(tmp_path: Path, make: Any) -> None:
    paths = [
        write(tmp_path / "cost.jsonl", make, CASE),
        write(tmp_path / "new.jsonl", make, evaluated={CASE: "0000"}, started="2026-01-05T00:00:00+00:00"),
        write(tmp_path / "old.jsonl", make, evaluated={CASE: "----"}, started="2026-01-03T00:00:00+00:00"),
        write(
            tmp_path / "data.jsonl", make, evaluated={CASE: "00--"}, started="2026-01-04T00:00:00+00:00", label="cifar10 test (0)"
        ),
    ]
    (record,) = results.read_all(paths)
    found = record.results[0].accuracy
    assert [(a.top1, a.protocol[:6]) for a in found] == [(100.0, "folder"), (50.0, "cifar1")]
    assert record.results[0].values["top1"] == 100.0


def test_two_runs_of_a_case_share_an_accuracy_that_stands_in_the_file_of_one(tmp_path: Path, make: Any) -> None:
    paths = [
        write(tmp_path / "both.jsonl", make, CASE, evaluated={CASE: "000-"}),
        write(tmp_path / "cost.jsonl", make, other(threads=4)),
    ]
    assert vbench.load(paths).top1.tolist() == [75.0, 75.0]


@pytest.mark.parametrize("axes", [{"precision": "int8", "engine": "openvino"}, {"compression": "taylor:0.3"}])
def test_what_was_quantised_or_made_smaller_joins_where_it_was_so_alike(axes: dict[str, str], tmp_path: Path, make: Any) -> None:
    quantised = other(**axes)
    cost = write(tmp_path / "cost.jsonl", make, quantised, settings={"images": "pictures", "seed": 0})
    alike = write(tmp_path / "alike.jsonl", make, evaluated={quantised: "000-"}, images="pictures")
    strange = write(tmp_path / "strange.jsonl", make, evaluated={quantised: "0---"})
    assert vbench.load([cost, alike]).top1.tolist() == [75.0]
    frame = vbench.load([cost, strange])
    assert frame.accuracy_pictures.notna().tolist() == [False, True]
    assert frame.latency_s.notna().tolist() == [True, False]


def test_an_evaluation_that_is_not_whole_leaves_the_published_value_and_says_so(tmp_path: Path, make: Any) -> None:
    path = write(tmp_path / "a.jsonl", make, CASE, evaluated={CASE: "00"})
    frame = vbench.load(path)
    assert (frame.top1[0], frame.accuracy_kind[0], frame.status[0]) == (70.0, "published", "ok")
    assert frame.accuracy_note[0].startswith("not evaluated: skipped: evaluated on 2 of 4 pictures")


def test_files_without_accuracies_are_left_as_they_are(tmp_path: Path, make: Any) -> None:
    given: list[Record] = [results.read(write(tmp_path / f"{name}.jsonl", make, CASE)) for name in "ab"]
    assert joins.of_files(given) == given


def test_the_rows_in_a_file_that_vbench_wrote_earlier_are_what_they_were(tmp_path: Path, make: Any) -> None:
    path = write(tmp_path / "a.jsonl", make, CASE)
    frame = vbench.load(path)
    assert (frame.top1[0], frame.accuracy_kind[0], frame.quality_metric[0]) == (70.0, "published", "top1")
    assert frame[["top1_low", "accuracy_pictures", "top1_published", "accuracy_note"]].isna().all(axis=None)
