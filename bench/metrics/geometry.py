"""Geometry: how much of the picture a unit of the last map sees, and how far apart its neighbours look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "geometry",
    unit="px",
    better="none",
    kind="counted",
    order=75,
    description="receptive field and stride of the last map, along its longer side",
    columns={
        "receptive_field": "side of what a unit of the last map sees; may be larger than the picture",
        "output_stride": "how far apart neighbouring units of it look",
    },
)
def geometry(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As counted."""
    del case
    found = counted(replicates)
    return {} if found is None else {"receptive_field": found.receptive_field, "output_stride": found.output_stride}
