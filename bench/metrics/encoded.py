"""What a compressed network takes on disk, and how far its answers are from those of the network as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


def _first(replicates: Sequence[Replicate], name: str) -> float | None:
    return next(iter(values(replicates, name)), None)


@metric(
    "encoded",
    unit="B",
    better="lower",
    kind="counted",
    order=51,
    description="a compressed network as one file: written in the coding of its compression, read again, and equal bit for bit, "
    "or the case fails; the ratio is to all parameters and buffers of the uncompressed network in fp32",
    columns={
        "nonzeros": "weights of convolutions and linear layers that are not zero; empty where no step works on single weights",
        "encoded_bytes": "bytes of the file, names and shapes included",
        "encoded_ratio": "how many times smaller than the uncompressed network in fp32",
    },
)
def encoded(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As the check of the case wrote it."""
    del case
    nonzeros, size, dense = (_first(replicates, name) for name in ("nonzeros", "encoded_bytes", "dense_bytes"))
    return {
        "nonzeros": None if nonzeros is None else int(nonzeros),
        "encoded_bytes": None if size is None else int(size),
        "encoded_ratio": dense / size if size and dense else None,
    }


@metric(
    "fidelity",
    unit="dB",
    better="higher",
    kind="sampled",
    order=81,
    description="outputs of a compressed network against those of the uncompressed one, both in eager fp32, on smooth seeded "
    "images, each minus its mean over the images; no accuracy: trained again, the smaller network may be as good",
    columns={
        "fidelity_sqnr_db": "signal over error, capped at 200 dB",
        "fidelity_cosine": "cosine of the centred outputs",
        "fidelity_top1": "share of equal arg-max, where the uncompressed network itself gives at least 8 classes",
    },
)
def fidelity(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As the check of the case compared them."""
    del case
    return {name: _first(replicates, name) for name in ("fidelity_sqnr_db", "fidelity_cosine", "fidelity_top1")}
