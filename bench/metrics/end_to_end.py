"""The parts of a request that begins with a compressed picture and ends with an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "end_to_end",
    unit="s",
    better="lower",
    kind="sampled",
    order=15,
    description="parts of a request from a compressed picture to an answer, each waited for; the whole is the latency",
    columns={
        "decode_s": "from the compressed bytes in memory to pixels",
        "resize_s": "to the network's size, and the crop of the centre",
        "normalise_s": "to a tensor in the layout of the case, scaled and normalised",
        "transfer_s": "to the device; empty on the processor",
        "forward_s": "the network",
        "postprocess_s": "to the host, and the five likeliest classes where it classifies",
    },
)
def end_to_end(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The medians over processes of each one's median."""
    del case
    names = ("decode_s", "resize_s", "normalise_s", "transfer_s", "forward_s", "postprocess_s")
    return {name: middle(replicates, name)[name] for name in names}
