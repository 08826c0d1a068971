"""A training step: its parts, and how closely it was verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate

COLUMNS = {
    "train_forward_s": "forward pass and loss",
    "train_backward_s": "backward pass",
    "train_optimizer_s": "freeing the last gradients, and the update of the weights",
    "train_gradient_sqnr_db": "gradients against those of steps taken by hand: signal over error, capped at 200 dB",
    "train_update_sqnr_db": "changes of the weights against those of steps taken by hand, likewise",
}


@metric(
    "training",
    unit="s",
    better="lower",
    kind="sampled",
    order=16,
    description="the parts of a training step (SGD with momentum 0.9 and weight decay 1e-4), in a pass of their own that waits "
    "after each part: medians over processes of each one's median; on a GPU they may add up to more than the step",
    columns=COLUMNS,
)
def training(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The medians over processes; empty for a case that only infers."""
    if case.phase != "train":
        return dict.fromkeys(COLUMNS)
    return {name: value for column in COLUMNS for name, value in middle(replicates, column).items()}
