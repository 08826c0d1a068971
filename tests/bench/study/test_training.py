"""One training: a function of its job, and a result even where it diverges."""

from __future__ import annotations

import io
import queue
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from vbench.errors import UsageError
from vbench.study import conduct, studies, trainer, training
from vbench.study.parts import Arm, Job, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Toy


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _job(toy: Toy, folder: Path, arm: str = "toy/wide", seed: int = 0) -> Job:
    budget = toy.budgets["tiny"]
    return Job(study="toy", arm=arm, seed=seed, budget=budget, recipe=toy.recipe, source="", folder=str(folder))


def _run(toy: Toy, job: Job) -> Any:
    return training.run(toy, job, toy.data(job.seed, job.budget, ""))


def test_a_training_is_a_function_of_its_job(toy: Toy, tmp_path: Path) -> None:
    one, again = _run(toy, _job(toy, tmp_path / "a")), _run(toy, _job(toy, tmp_path / "b"))
    assert (one.digest, one.values, one.loss) == (again.digest, again.values, again.loss)
    assert one.digest != _run(toy, _job(toy, tmp_path / "a", seed=1)).digest
    assert (one.params, one.macs) == (4 * 32 + 32 + 32 * 2 + 2, 4 * 32 + 32 * 2)
    assert one.steps == 2 * (96 // 16)


def test_an_arm_may_have_a_rate_of_its_own(toy: Toy, log_of: Any, tmp_path: Path) -> None:
    job = _job(toy, tmp_path)
    other = _run(toy, msgspec.structs.replace(job, recipe=msgspec.structs.replace(toy.recipe, rate=0.02)))
    assert other.digest != _run(toy, job).digest
    log = log_of([], [])
    log.head = msgspec.structs.replace(log.head, arms=(Arm(name="toy/wide", rate=0.02), Arm(name="toy/narrow")))
    jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    conduct._hand_out(log, [("toy/wide", 0), ("toy/narrow", 0)], jobs, "")
    found = [jobs.get_nowait(), jobs.get_nowait()]
    assert [one and one.recipe.rate for one in found] == [0.02, toy.recipe.rate]


def test_it_learns_and_its_weights_are_those_that_were_measured(toy: Toy, tmp_path: Path) -> None:
    job = msgspec.structs.replace(_job(toy, tmp_path), budget=msgspec.structs.replace(toy.budgets["tiny"], epochs=30))
    data = toy.data(0, job.budget, "")
    trial = training.run(toy, job, data)
    assert trial.values["top1"] > 85
    net = toy.network(toy.arm("toy/wide"), data)
    net.load_state_dict(load_file(tmp_path / trial.weights))
    with torch.no_grad():
        assert toy.evaluate(toy.arm("toy/wide"), net.eval(), data) == trial.values
    assert not list(tmp_path.glob("*.part"))


def test_all_arms_of_a_seed_see_the_same_pictures_in_the_same_order(toy: Toy, tmp_path: Path) -> None:
    seen: dict[str, list[torch.Tensor]] = {}
    ready = toy.ready

    for arm in ("toy/wide", "toy/narrow"):
        batches = seen.setdefault(arm, [])

        def kept(inputs: torch.Tensor, batches: list[torch.Tensor] = batches) -> torch.Tensor:
            batches.append(inputs)
            return ready(inputs)

        toy.ready = kept  # type: ignore[method-assign]
        _run(toy, _job(toy, tmp_path, arm))
    assert len(seen["toy/wide"]) == 12
    assert all(torch.equal(a, b) for a, b in zip(seen["toy/wide"], seen["toy/narrow"], strict=True))
    assert not torch.equal(seen["toy/wide"][0], seen["toy/wide"][6]), "each pass has an order of its own"


def test_a_training_that_diverges_is_a_result(toy: Toy, tmp_path: Path) -> None:
    trial = _run(toy, _job(toy, tmp_path, "toy/wild"))
    assert trial.status == "failed"
    assert trial.reason == "the loss was inf after a step of the training: it diverged"
    assert trial.values == {}
    assert not list(tmp_path.iterdir())


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine() -> None:
    recipe = Recipe(rate=1.0, warmup=0.2)
    rates = [training.rate(recipe, step, 100) for step in range(100)]
    assert rates[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert rates[20] == 1.0
    assert rates[60] == pytest.approx(0.5)
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_a_trainer_answers_each_job_whatever_happens(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "find", lambda _: toy)
    made = []
    data = toy.data
    monkeypatch.setattr(toy, "data", lambda *given: made.append(given) or data(*given))
    jobs = [_job(toy, tmp_path), _job(toy, tmp_path, "toy/narrow"), _job(toy, tmp_path, "toy/none"), _job(toy, tmp_path, seed=1)]
    said: list[dict[str, Any]] = []
    trainer.serve(io.BytesIO(b"".join(msgspec.json.encode(job) + b"\n" for job in jobs)), lambda **told: said.append(told))
    trials = [told["trial"] for told in said if "trial" in told]
    assert [trial.get("status", "ok") for trial in trials] == ["ok", "ok", "failed", "ok"]
    assert [given[0] for given in made] == [0, 1], "the pictures of a seed are made once"

    def gone(*_: object) -> None:
        message = "--data cifar10:x: not there"
        raise UsageError(message)

    monkeypatch.setattr(toy, "data", gone)
    trainer.serve(io.BytesIO(msgspec.json.encode(_job(toy, tmp_path, seed=2)) + b"\n"), lambda **told: said.append(told))
    assert said[-1] == {"refused": "--data cifar10:x: not there"}
