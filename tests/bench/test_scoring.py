"""The child's half of an evaluation: ranks, the order of pictures, and what a worker answers when it is asked."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vbench import datasets, scoring
from vbench.accuracies import Shown
from vbench.core import Case, Preprocess
from vbench.job import Wrong

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLAIN = Preprocess(resize=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
CASE = Case(architecture="family/variant", input_shape=(3, 4, 4), batch=4)


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(-3, 3), min_size=7, max_size=7), min_size=1, max_size=5), st.data())
def test_the_rank_is_the_place_in_a_sort_that_keeps_equals_in_order(rows: list[list[int]], data: Any) -> None:
    answers = torch.tensor(rows, dtype=torch.float32)
    wanted = torch.tensor([data.draw(st.integers(0, 6)) for _ in rows])
    ordered = torch.sort(answers, dim=1, descending=True, stable=True).indices
    assert scoring.rank(answers, wanted).tolist() == [
        row.tolist().index(int(target)) for row, target in zip(ordered, wanted, strict=True)
    ]
    # The first of the equal largest is what arg-max answers.
    assert ((scoring.rank(answers, wanted) == 0) == (answers.argmax(1) == wanted)).all()


@given(st.integers(1, 500), st.integers(0, 5))
def test_every_picture_comes_once_in_an_order_of_the_seed(pictures: int, seed: int) -> None:
    order = scoring.order(pictures, seed)
    assert sorted(order.tolist()) == list(range(pictures))
    assert np.array_equal(order, scoring.order(pictures, seed))


class Brightest:
    """A session that answers the mean of each channel: the class is the brightest one."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer or (lambda batch: batch.mean((2, 3)))
        self.batches: list[torch.Tensor] = []

    def load(self, inputs: Sequence[torch.Tensor]) -> None:
        self.batches.append(inputs[0])

    def step(self) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def output(self) -> Any:
        return self.answer(self.batches[-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eleven pictures in three classes; in each class the first one shows the colour of another."""
    colours = [(250, 9, 8), (9, 250, 8), (9, 8, 250)]
    for number, name in enumerate(("a-red", "b-green", "c-blue")):
        (tmp_path / name).mkdir()
        for index in range(4 if number < 2 else 3):
            colour = colours[(number + (index == 0)) % 3]
            Image.new("RGB", (6, 5), colour).save(tmp_path / name / f"{index}.png")
    return tmp_path


def asking(session: Brightest, folder: Path, **changes: Any) -> Any:
    pictures = datasets.read(f"folder:{folder}")
    fields = {"targets": (0, 1, 2), "exact": True, "seed": 0, "start": 0, "workers": 2}
    fields |= {"available": len(pictures), "end": len(pictures)}
    shown = Shown(data=f"folder:{folder}", label=pictures.label, **fields | changes)
    pool = scoring.ThreadPoolExecutor(shown.workers)
    parts = scoring._parts(pool, pictures, shown, CASE, PLAIN)
    return scoring._ranks(session, CASE, shown, parts, PLAIN), pictures  # type: ignore[arg-type]


def expected(pictures: datasets.Pictures, order: Sequence[int]) -> list[int]:
    """Of a picture that shows the next class's colour, its own is the last but for the blue ones: 9 before 8."""
    found = []
    for index in order:
        colour = pictures.open(int(index), 3).getpixel((0, 0))
        own = int(pictures.labels[index])
        found.append(sum((value, -place) > (colour[own], -own) for place, value in enumerate(colour)))
    return found


def test_each_picture_is_answered_once_in_the_order_of_the_seed_however_many_are_asked_for(folder: Path) -> None:
    for sizes in ([11], [1] * 11, [3, 5, 3], [4, 100]):
        session = Brightest()
        ranks, pictures = asking(session, folder)
        answers = [ranks(size) for size in sizes]
        assert {outputs for outputs, *_ in answers} == {3}
        found = list(itertools.chain.from_iterable(rest for _, *rest in answers))
        assert found == expected(pictures, scoring.order(11, 0).tolist())
        assert found.count(0) == 8
        assert [len(batch) for batch in session.batches] == [4, 4, 4]
        assert ranks(5)[1:] == ()


def test_a_worker_that_goes_on_shows_what_is_left(folder: Path) -> None:
    ranks, pictures = asking(Brightest(), folder, start=6, end=9)
    assert list(ranks(100)[1:]) == expected(pictures, scoring.order(11, 0)[6:9].tolist())


def test_what_cannot_be_read_has_no_rank_and_takes_no_place_in_a_batch(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        if path.name != "0.png":
            path.write_bytes(b"gone")
    session = Brightest()
    ranks, pictures = asking(session, folder)
    found = list(ranks(11)[1:])
    readable = [pictures.name(int(index)).endswith("0.png") for index in scoring.order(11, 0)]
    assert [rank != scoring.UNREADABLE for rank in found] == readable
    assert all(len(batch) == 4 for batch in session.batches)


def test_a_batch_of_unreadable_pictures_is_not_shown(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    session = Brightest()
    ranks, _ = asking(session, folder)
    assert ranks(100) == (0, *[scoring.UNREADABLE] * 11)
    assert session.batches == []


def test_classes_go_by_the_outputs_that_they_are_given(folder: Path) -> None:
    ranks, _ = asking(
        Brightest(lambda batch: torch.cat([-batch.mean((2, 3)), batch.mean((2, 3))], 1)), folder, targets=(3, 4, 5), exact=False
    )
    outputs, *found = ranks(11)
    assert (outputs, found.count(0)) == (6, 8)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda batch: batch, r"wrong_shape: of 4 pictures the answer is \(4, 3, 4, 4\)"),
        (lambda batch: batch.mean((2, 3))[:2], "wrong_shape: of 4 pictures"),
        (lambda _: [], "wrong_shape"),
        (lambda batch: batch.mean((2, 3))[:, :2], "the network answers 2 classes, and folder:.* has 3: see --classes"),
        (lambda batch: batch.mean((2, 3)) * float("nan"), "NaN or infinity"),
        (lambda batch: {"logits": batch.mean((2, 3)).double(), "aux": batch}, ""),
    ],
)  # fmt: skip
def test_an_answer_of_which_no_class_can_be_read_is_refused(answer: Any, said: str, folder: Path) -> None:
    ranks, _ = asking(Brightest(answer), folder)
    if not said:
        assert ranks(11)[0] == 3  # of several outputs the first
        return
    with pytest.raises(Wrong, match=said):
        ranks(11)


def test_outputs_that_are_more_than_the_classes_need_a_mapping(folder: Path) -> None:
    ranks, _ = asking(Brightest(lambda batch: batch.flatten(1)), folder)
    with pytest.raises(Wrong, match="answers 48 classes"):
        ranks(1)


def test_a_folder_that_has_changed_since_is_not_gone_on_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"targets": (0, 1, 2), "exact": True, "available": 12, "seed": 0, "start": 0, "end": 11, "workers": 1}
    shown = Shown(data=f"folder:{folder}", label="folder:val", **fields)
    nothing: Any = lambda *_: None  # noqa: E731 - stands in for whatever prepares a network
    for name in ("settle_threads", "settle_device", "refuse_nan"):
        monkeypatch.setattr(scoring.jobs, name, nothing)
    monkeypatch.setattr(scoring.jobs, "load", lambda _: (SimpleNamespace(preprocess=PLAIN), None))
    monkeypatch.setattr(scoring.jobs, "build", lambda *_: (None, "loaded"))
    monkeypatch.setattr(scoring.jobs, "prepare", lambda *_: (Brightest(), None))
    job: Any = SimpleNamespace(case=CASE)
    with pytest.raises(Wrong, match="holds 11 pictures now, and held 12 when the evaluation began"):
        scoring.told(job, shown, nothing, nothing)
