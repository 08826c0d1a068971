"""The recap: backpropagation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import spans
from ..entry import Part, Point, claim
from ..evidence import Evidence, counted, measured
from ..spans import ratio, rounds_to

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "training"
NETWORK = "resnet/18"
THREE = rounds_to(3, 1)


@claim(
    "backpropagation",
    "Backwards pass [a training step costs three times an inference]",
    topic=TOPIC,
    place="Recap: Automatic differentiation and backpropagation",
    source="the rule of thumb that follows from the slide's two products per layer",
    says="each layer's backward pass takes one product for its input and one for its weights, each as large as the forward one",
    formula="(MACs forward + backward) / MACs forward; time of a step / time of an inference",
    counts=[NETWORK],
    times=[NETWORK, Point(NETWORK, "train")],
    remark="The first layer needs no gradient of its input, so the count stays under the rule. A step's time also holds the"
    " optimiser, batch norm in training, and maps that are kept for the way back.",
)
def backpropagation(seen: Evidence) -> Sequence[Part]:
    """Two more products per layer."""
    forward, backward = seen.value("macs", NETWORK), seen.value("backward_macs", NETWORK, "train")
    both = backward
    if forward.value is not None and backward.value is not None:
        both = spans.exact(forward.value + backward.value)
    return [
        counted("a step over an inference, MACs", ratio(both, forward), THREE),
        measured("a step over an inference, time", seen.time(Point(NETWORK, "train"), NETWORK), THREE),
    ]
