"""Agreement with eager fp32: whether what was timed is still the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "agreement",
    unit="dB",
    better="higher",
    kind="sampled",
    order=80,
    description="outputs against eager fp32 on smooth seeded images, each minus its mean over the images: a constant scores 0 dB",
    columns={
        "agreement_sqnr_db": "signal over error, capped at 200 dB",
        "agreement_cosine": "cosine of the centred outputs",
        "agreement_top1": "share of equal arg-max, where the reference itself gives at least 8 classes",
    },
)
def agreement(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As verified once per case."""
    del case
    columns = ("agreement_sqnr_db", "agreement_cosine", "agreement_top1")
    return {name: next(iter(values(replicates, name)), None) for name in columns}
