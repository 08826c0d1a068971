"""The null control: two small networks, measured base against base through the same code as everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..core import Source

if TYPE_CHECKING:
    from ..core import Case

# Registered in the gate's workers only, and in no catalogue.
NULLS = Source(kind="module", value=f"{__package__}.null_networks")
SHAPES = {"null/arithmetic": (64, 28, 28), "null/memory": (64, 224, 224)}


def cases(like: Case) -> tuple[Case, ...]:
    """Both, on the device and the threads of a case that is gated."""
    engine = like.engine if like.virtual else "eager"
    plain = msgspec.structs.replace(
        like, engine=engine, engine_options=(), precision="fp32", batch=1, layout="nchw", phase="infer"
    )
    return tuple(
        msgspec.structs.replace(plain, architecture=name, input_shape=shape, compression="none", scenario="single-stream")
        for name, shape in SHAPES.items()
    )
