"""A study of two arms that needs no pictures, and logs that say what its trainings measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from vbench.core import Machine
from vbench.study.base import Study
from vbench.study.log import Log
from vbench.study.parts import SCHEMA, Arm, Budget, Contrast, Head, Measure, Recipe, Side, Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

    from vbench.study.training import Data

TINY = Budget(name="tiny", seeds=2, images=96, tests=40, epochs=2, batch=16)


class Toy(Study):
    """Is the sum of four numbers positive? `wide` has more hidden units than `narrow`; `wild` diverges."""

    name = "toy"
    title = "a toy"
    own = "numbers"
    measures = (
        Measure(name="top1", title="top-1", unit="%", better="higher"),
        Measure(name="error", title="error", unit="px", better="lower", digits=2),
    )
    arms = (Arm(name="toy/wide"), Arm(name="toy/narrow"), Arm(name="toy/wild"))
    contrasts = (
        Contrast(
            id="width", question="Does width help?", sentence="Wide is better.", source="nobody", expected="higher",
            of=Side("toy/wide", "top1"), to=Side("toy/narrow", "top1"),
        ),
        Contrast(
            id="sides", question="Do the measures differ?", sentence="They are alike.", source="nobody", expected="similar",
            margin=0.5, of=Side("toy/wide", "error"), to=Side("toy/wide", "top1"),
        ),
    )  # fmt: skip
    budgets: ClassVar[dict[str, Budget]] = {"tiny": TINY, "default": TINY}
    recipe = Recipe(rate=0.1)

    def data(self, seed: int, budget: Budget, source: str) -> Data:
        import torch  # noqa: PLC0415 - as a study does

        from vbench.study.training import Data, Split  # noqa: PLC0415 - as above

        del source
        inputs = torch.randn(budget.images + budget.tests, 4, generator=torch.Generator().manual_seed(seed))
        targets = (inputs.sum(1) > 0).long()
        both = [Split(inputs[part], targets[part]) for part in (slice(0, budget.images), slice(budget.images, None))]
        return Data(both[0], {"test": both[1]})

    def network(self, arm: Arm, data: Data) -> nn.Module:
        from torch import nn  # noqa: PLC0415 - as above

        del data
        width = 32 if arm.name == "toy/wide" else 2
        return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))

    def loss(self, arm: Arm, output: Any, target: Tensor) -> Tensor:
        from torch.nn import functional  # noqa: PLC0415 - as above

        found = functional.cross_entropy(output, target)
        return found * float("inf") if arm.name == "toy/wild" else found

    def evaluate(self, arm: Arm, net: nn.Module, data: Data) -> dict[str, float]:
        del arm
        tests = data.tests["test"]
        share = float((net(tests.inputs).argmax(1) == tests.targets).float().mean())
        return {"top1": 100 * share, "error": 100 * share}


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def head(toy: Toy) -> Head:
    return Head(
        schema=SCHEMA, study_id="20260101T000000Z-abcdef", study="toy", started="2026-01-01T00:00:00+00:00", budget=TINY,
        recipe=toy.recipe, source="", seeds=(0, 1, 2), contrasts=("width", "sides"), arms=toy.arms[:2],
        machine=Machine(slug="some-machine", fingerprint="f00d", processor="a processor"), versions={"torch": "2.6"},
    )  # fmt: skip


@pytest.fixture
def log_of(head: Head, tmp_path: Path) -> Callable[..., Log]:
    """A log from what each arm's seeds measured; None is a training that failed."""

    def make(wide: list[float | None], narrow: list[float | None], errors: list[float] | None = None) -> Log:
        trials = {}
        for arm, values in (("toy/wide", wide), ("toy/narrow", narrow)):
            for seed, value in enumerate(values):
                measured = {} if value is None else {"top1": value, "error": (errors or [0.0] * 9)[seed]}
                trials[arm, seed] = Trial(
                    arm=arm, seed=seed, status="failed" if value is None else "ok", values=measured,
                    reason="diverged" if value is None else "", params=200 if arm == "toy/wide" else 50, macs=1000, seconds=1.0,
                )  # fmt: skip
        return Log(head, trials, 0, tmp_path)

    return make
