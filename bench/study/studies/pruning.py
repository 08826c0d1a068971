"""Pruning: what each criterion leaves of a small network's accuracy, before and after training, against random ranking.

The same share of each layer's channels goes by every criterion, so that all of one ratio have the same parameters and the same
multiply-accumulates, and only which channels went differs. The whole network is trained once for each seed, and every arm goes
on from there with the same pictures in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..parts import Arm, Budget, Recipe
from ._pruning_contrasts import ARMS, BEFORE, CONTRASTS, TOP1
from .classification import Classification

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...reports.charts._points import Drawing
    from ..joining import Costs
    from ..log import Log
    from ..parts import Job
    from ..training import Data, Trained


class Pruning(Classification):
    """See the module. Its pictures and its network are those of the study of classification."""

    name = "pruning"
    title = "criteria of pruning against random ranking, with training behind"
    measures = (TOP1, BEFORE)
    arms = ARMS
    contrasts = CONTRASTS
    against = False
    recipe = Recipe(optimizer="sgd", rate=0.05, momentum=0.9, decay=5e-4)
    budgets: ClassVar[dict[str, Budget]] = {
        "tiny": Budget(name="tiny", seeds=2, images=512, tests=500, epochs=2, batch=32, tuning=0.5),
        "default": Budget(name="default", seeds=5, images=12000, tests=2000, epochs=4, batch=32, tuning=1.0),
        "larger": Budget(name="larger", seeds=8, images=24000, tests=4000, epochs=8, batch=32, tuning=3.0),
    }

    def train(self, arm: Arm, data: Data, job: Job, told: Callable[[float], None]) -> Trained:
        """The whole network from fresh weights, every other arm from its weights."""
        if not arm.after:
            return super().train(arm, data, job, told)
        from . import _pruned  # noqa: PLC0415 - torch is for those who train

        return _pruned.train(self, arm, data, job, told)

    def drawings(self, log: Log, costs: Costs | None = None) -> Sequence[Drawing]:
        """Accuracy against what each arm costs, by criterion, after training and before."""
        from . import _pruning_charts as charts  # matplotlib takes a second  # noqa: PLC0415

        return charts.draw(self, log, costs)

    def words(self, log: Log) -> str:
        """For each criterion and ratio, whether it beats random ranking."""
        from . import _pruning_words as words  # noqa: PLC0415 - only for who reads

        return words.table(self, log)


STUDY = Pruning()
