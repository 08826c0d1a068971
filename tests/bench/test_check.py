"""How much a check compares, and that it does not trust what an earlier process kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from vbench import answers, artefacts, check, job
from vbench.check import probed
from vbench.core import Architecture, Case, Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vbench.preparation import Preparation

HERE = Source(kind="module", value="nets")


@pytest.mark.parametrize(
    ("task", "precision", "reference", "batch", "pictures"),
    [
        ("classification", "fp32", True, 1, 4),
        ("classification", "fp32", True, 3, 6),
        ("classification", "bf16", True, 1, 64),
        ("classification", "fp16", True, 1, 64),
        ("classification", "fp32", False, 1, 64),
        ("classification", "fp32", False, 24, 72),
        ("segmentation", "bf16", True, 1, 4),
        ("segmentation", "fp32", False, 1, 4),
        ("keypoints", "fp32", False, 8, 8),
    ],
)
def test_only_classes_need_many_pictures(task: str, precision: str, *, reference: bool, batch: int, pictures: int) -> None:
    case = Case(architecture="toy/net", input_shape=(3, 8, 8), precision=precision, batch=batch)
    assert probed(case, task, reference=reference) == pictures


class Session:
    """Calls the module, and multiplies its answer by what the artefact says."""

    def __init__(self, module: nn.Module, factor: float) -> None:
        self.module, self.factor = module, factor

    def load(self, inputs: list[torch.Tensor]) -> None:
        self.inputs, self.next = inputs, 0

    @torch.inference_mode()
    def step(self) -> None:
        self.answer = self.module(self.inputs[self.next]) * self.factor
        self.next = (self.next + 1) % len(self.inputs)

    def synchronize(self) -> None:
        pass

    def output(self) -> torch.Tensor:
        return self.answer

    def close(self) -> None:
        pass


class Exporting:
    """Keeps a factor, which is 1 where it exports rightly."""

    exports = True

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.made = 0

    def prepare(self, module: nn.Module, case: Case, preparation: Preparation) -> Session:
        def make(folder: Path) -> Mapping[str, str]:
            self.made += 1
            (folder / "factor").write_text(str(self.factor))
            return {"exporter": f"makes {self.factor:g}"}

        kept = preparation.artefact("factor", {}, make)
        return Session(module, float((kept / "factor").read_text()))


def _checked(engine: Exporting, monkeypatch: pytest.MonkeyPatch, verify_s: float = 60.0) -> dict[str, Any]:
    net = Architecture(name="toy/net", build=lambda classes=4: _net(classes), source=HERE, input=(3, 8, 8))
    monkeypatch.setattr(job, "load", lambda _: (net, engine))
    monkeypatch.setattr(job, "settle_threads", lambda *_: None)
    case = Case(architecture="toy/net", input_shape=(3, 8, 8), engine="exporting")
    task = job.Job(case=case, check=True, engine=HERE, architecture=HERE, verify_s=verify_s)
    return check.check(task, job.Phase(lambda _: None))


def _net(classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, classes))


@pytest.fixture
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("_cache")
def test_what_is_kept_is_used_again_and_its_notes_and_its_cold_start_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = Exporting(1.0), Exporting(1.0)
    cold, warm = _checked(first, monkeypatch), _checked(again, monkeypatch)
    assert (first.made, again.made) == (1, 0)
    for found in (cold, warm):
        assert found["notes"]["exporter"] == "makes 1"
        assert "artefact" not in found["notes"]
        assert found["values"]["compile_cold_s"] > 0
        assert "compile_s" not in found["values"], "a warm start is timed where nothing was made"
    assert cold["output"] == warm["output"]


@pytest.mark.usefixtures("_cache")
def test_what_was_kept_and_answers_something_else_is_made_again_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(job.Wrong, match=r"wrong_output: .* dB signal over error"):
        _checked(Exporting(2.0), monkeypatch)
    assert len(list(artefacts.entries())) == 1, "an exporter that was wrong just now would be wrong again"
    mended = Exporting(1.0)
    found = _checked(mended, monkeypatch)
    assert mended.made == 1
    assert found["notes"]["artefact"] == "what an earlier run kept answered something else, and was made again"
    assert found["notes"]["exporter"] == "makes 1"
    assert found["values"]["agreement_cosine"] == pytest.approx(1.0)
    assert "artefact" not in _checked(Exporting(1.0), monkeypatch)["notes"]


@pytest.mark.usefixtures("_cache")
def test_what_is_wrong_once_more_is_a_finding_about_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for made in (1, 1):
        engine = Exporting(2.0)
        with pytest.raises(job.Wrong, match="wrong_output"):
            _checked(engine, monkeypatch)
        assert engine.made == made


@pytest.mark.usefixtures("_cache")
def test_what_takes_long_is_compared_on_fewer_pictures_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _checked(Exporting(1.0), monkeypatch)
    assert "verified" not in whole["notes"]
    short = _checked(Exporting(1.0), monkeypatch, verify_s=0.0)
    assert short["notes"]["verified"] == f"on the first {answers.FEW} pictures, in 0 s"
    assert short["values"]["agreement_cosine"] == pytest.approx(1.0)
    for folder, _ in artefacts.entries():
        artefacts.remove(folder)
    with pytest.raises(job.Wrong, match="wrong_output"):
        _checked(Exporting(2.0), monkeypatch, verify_s=0.0)
