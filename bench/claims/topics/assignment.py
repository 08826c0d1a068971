"""What the assignment says of loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim
from ..evidence import Evidence, measured
from ..spans import more_than

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOPS = {
    "the arg-max of maps": "pose/decode-argmax",
    "the peaks of maps": "pose/decode-peaks",
    "people from peaks and fields": "pose/decode-paf",
}


@claim(
    "tensor-operations",
    "parallelization (tensor operations instead of for loop)",
    topic="assignment",
    place="Assignment I & II",
    source="none is named",
    says="nothing",
    formula="time of the loop / time in tensor operations, for the same answer",
    times=[name for base in LOOPS.values() for name in (base, f"{base}-looped")],
    remark="Tested on the decoders of pose networks, which exist in both forms. A loop in Python pays for every value it visits;"
    " tensor operations visit all that could matter, in few launches. Where little matters, the loop has less to do.",
)
def tensors(seen: Evidence) -> Sequence[Part]:
    """Quicker, each of them."""
    return [measured(name, seen.time(f"{base}-looped", base), more_than(1)) for name, base in LOOPS.items()]
