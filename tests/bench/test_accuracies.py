"""Measured accuracies: what follows from the letters of pictures, what is said of published ones, and lines read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import accuracies, journal, stats
from vbench.accuracies import Answers, Evaluated, Evaluation, Finished
from vbench.core import Accuracy, Case, Facts, Machine, Measured

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Result

CASE = Case(architecture="family/variant", input_shape=(3, 32, 32), weights="net:abc", batch=16)
PUBLISHED = Accuracy(source="a paper", protocol="1 model, 1 crop", top1=70.0, top5=90.0)


def evaluation(*cases: Case, **fields: Any) -> Evaluation:
    given_: dict[str, Any] = {
        "id": "e1", "started": "2026-01-02T00:00:00+00:00", "machine": Machine(slug="some-machine", fingerprint="f00d"),
        "versions": {"vbench": "0.1"}, "architectures": {"family/variant": Facts(input=(3, 32, 32), accuracy=(PUBLISHED,))},
        "preprocess": {}, "weights": {"net:abc": "/net.pth"}, "data": "folder:/val", "label": "folder:val (12345678)",
        "targets": tuple(range(10)), "pictures": 10, "available": 10,
    }  # fmt: skip
    return Evaluation(cases=cases or (CASE,), **given_ | fields)


def evaluated(marks: str = "0000000-12", status: str = "ok", reason: str = "", **fields: Any) -> Evaluated:
    head = evaluation(**{"pictures": len(marks), "available": len(marks)} | fields)
    answers = Answers(evaluation=head.id, case=CASE.id, first=0, marks=marks, outputs=10, seconds=1.0)
    done = Finished(evaluation=head.id, case=CASE.id, status=status, reason=reason)  # type: ignore[arg-type]
    return Evaluated(head).adding(answers).adding(done)


def only(found: Evaluated) -> Result:
    (row,) = accuracies.results([found])
    return row


def test_shares_and_intervals_follow_from_the_letters() -> None:
    row = only(evaluated("0000000-12"))
    (found,) = row.accuracy
    assert (row.status, found.top1, found.top5, found.pictures, found.kind) == ("ok", 70.0, 90.0, 10, "measured")
    assert (found.low, found.high) == pytest.approx([100 * end for end in stats.wilson(7, 10)])
    assert (found.low5, found.high5) == pytest.approx([100 * end for end in stats.wilson(9, 10)])
    assert found.protocol == "folder:val (12345678), 10 pictures, centre crop"
    assert found.source == "measured on some-machine, cpu, 2026-01-02, vbench 0.1"
    assert row.values["accuracy_note"] == "the published 70 % (1 model, 1 crop) lies within the interval"
    assert (row.values["top1_published"], row.values["quality"], row.values["accuracy_kind"]) == (70.0, 70.0, "measured")


@given(st.text(alphabet="01234-x", min_size=1, max_size=300))
def test_what_could_not_be_read_counts_nowhere(marks: str) -> None:
    row = only(evaluated(marks))
    readable = [mark for mark in marks if mark != "x"]
    if not readable:
        assert (row.status, row.reason, row.accuracy) == ("failed", "none of the pictures could be read", ())
        return
    (found,) = row.accuracy
    assert found.pictures == len(readable)
    assert found.top1 == pytest.approx(100 * readable.count("0") / len(readable))
    assert found.top5 is not None
    assert 0 <= found.low <= found.top1 <= found.top5 <= 100
    left = len(marks) - len(readable)
    assert (f"{left} unreadable picture" in found.note) == (left > 0)


def test_of_five_classes_there_is_no_top_5() -> None:
    head = evaluation()
    found = accuracies.measured(head, CASE, "0" * 10, 5)
    assert found is not None
    assert (found.top1, found.top5, found.low5) == (100.0, None, None)
    assert "top5" not in accuracies.columns(found)


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.2, "50.00 points below the published 70 % (1 model, 1 crop), beyond the interval"), (0.7, "lies within"), (0.9, "above")],
)
def test_a_difference_beyond_the_interval_is_said(share: float, said: str) -> None:
    right = round(1000 * share)
    assert said in only(evaluated("0" * right + "-" * (1000 - right))).values["accuracy_note"]


def test_nothing_is_published_of_a_compressed_network_nor_at_another_resolution() -> None:
    for other in (
        CASE,
        msgspec.structs.replace(CASE, compression="l1:0.5"),
        msgspec.structs.replace(CASE, input_shape=(3, 64, 64)),
    ):
        found = accuracies.measured(evaluation(), other, "0" * 10, 10)
        assert found is not None
        assert (found.reference == PUBLISHED) == (other == CASE)


def test_a_sample_is_another_protocol_than_all() -> None:
    assert evaluation(pictures=5).protocol == "folder:val (12345678), a random 5 of 10 pictures, centre crop"


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        (evaluated(status="crashed", reason="the worker died"), "crashed", "the worker died"),
        (Evaluated(evaluation()), "skipped", "evaluated on 0 of 10 pictures: `vbench evaluate --resume FILE` goes on"),
        (Evaluated(evaluation(skipped={CASE.id: "no such engine"})), "skipped", "no such engine"),
    ],
)
def test_what_came_to_nothing_has_its_status_and_reason(found: Evaluated, status: str, said: str) -> None:
    row = only(found)
    assert (row.status, row.reason, row.accuracy) == (status, said, ())
    assert found.open(CASE) == (CASE.id not in found.head.skipped)


def test_answers_count_as_far_as_they_follow_each_other() -> None:
    found = Evaluated(evaluation())
    for first, marks in ((4, "1111"), (0, "0000"), (9, "2"), (0, "----")):
        found = found.adding(Answers(evaluation="e1", case=CASE.id, first=first, marks=marks, outputs=10, seconds=1.0))
    assert found.marks(CASE) == "00001111"
    assert found.outputs(CASE) == 10
    assert found.open(CASE)


def test_a_case_that_died_is_tried_again_and_then_whole() -> None:
    died = evaluated(status="oom", reason="out of memory")
    assert died.open(CASE)
    again = died.adding(Finished(evaluation="e1", case=CASE.id, status="ok"))
    assert not again.open(CASE)
    assert only(again).accuracy


def test_a_change_is_judged_by_the_pictures_on_which_both_differ() -> None:
    before, after = (only(evaluated(marks)).accuracy[0] for marks in ("0" * 900 + "1" * 100, "0" * 880 + "1" * 120))
    found = accuracies.change(before, after)
    assert found is not None
    middle, low, high = found
    assert middle == pytest.approx(-2.0)
    assert -3.1 < low < -2.0 < high < -1.0
    assert after.high > before.low  # which their own intervals cannot tell apart


def test_pictures_that_are_not_the_same_are_not_compared() -> None:
    one, other = only(evaluated("00")).accuracy[0], only(evaluated("00", label="another")).accuracy[0]
    assert accuracies.change(one, other) is None
    unread = msgspec.structs.replace(one, marks="xx")
    assert accuracies.change(one, unread) is None


def test_lines_are_read_again_as_they_were_written_and_strange_ones_are_damage(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "a.jsonl"
    found = evaluated()
    file = journal.Journal(path)
    file.append("run", make.run())
    file.append("evaluation", found.head)
    file.append("answers", found.answers[CASE.id][0])
    file.append("answers", msgspec.structs.replace(found.answers[CASE.id][0], evaluation="of another file"))
    file.append("accuracy", found.finished[CASE.id])
    file.close()
    lines = journal.read(path)
    assert list(lines.evaluated) == [found]
    with path.open("ab") as stream:
        stream.write(b'{"type":"answers","case":1}\n{"type":"end","status":"complete"}\n')
    with pytest.raises(journal.ResultFileError, match="line 6 is not of schema 1"):
        journal.read(path)


def test_a_measured_accuracy_says_what_it_is() -> None:
    found = only(evaluated()).accuracy[0]
    assert isinstance(found, Measured)
    assert found.headline == ("top1", 70.0)
    assert found.recipe == "weights net:abc"
