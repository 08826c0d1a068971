"""Efficiency: what was achieved of what this machine can do at most, by its arithmetic or by its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import sweeps
from ..core import Ceiling
from ..registry import metric
from ..stats import median
from . import ceiling_key, counted, values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core import Case, Counted, Replicate, Run

# Above this share of a ceiling a number wants an explanation; below it, it is the ceiling's own uncertainty.
EXCESS = 1.05
# What is counted as moved is counted in fp32, as networks are built; operators move as many elements in every precision.
NARROWER = {"bf16": 0.5, "fp16": 0.5, "int8": 0.25}


@metric(
    "efficiency",
    unit="",
    better="higher",
    kind="derived",
    order=45,
    description="achieved FLOP/s over the lower of two ceilings measured on this machine: arithmetic, and memory traffic",
    columns={
        "efficiency": "achieved_flops over the lower ceiling",
        "bound": "which ceiling is the lower: compute or memory",
        "achieved_flops": "counted operations (2 x macs, in training with the backward pass) of a request over its latency; of "
        "several streams and of a sweep by the throughput, end to end over forward_s",
        "peak_flops": "operations per second of the fastest matrix product or convolution, same precision and threads",
        "bandwidth_bytes_per_s": "bytes per second of the fastest copy or read of more than the last cache holds",
    },
)
def efficiency(case: Case, replicates: Sequence[Replicate], run: Run | None = None) -> dict[str, Any]:
    """From the counts, the time of the network's own work, and the ceilings in the head of the file."""
    ceilings = {} if run is None else run.ceilings
    ceiling = ceilings.get(ceiling_key(case.device, case.precision, case.threads), Ceiling())
    found, per_second = counted(replicates), _images_per_s(case, replicates)
    operations = None if found is None else _operations(case, found)
    achieved = operations * per_second if operations and per_second else None
    share, bound = None, None
    if found is not None and achieved and ceiling.peak_flops:
        roof, bound = _roof(case, found, ceiling.peak_flops, ceiling.bandwidth_bytes_per_s)
        share = achieved / roof
    return {
        "efficiency": share,
        "bound": bound,
        "achieved_flops": achieved,
        "peak_flops": ceiling.peak_flops,
        "bandwidth_bytes_per_s": ceiling.bandwidth_bytes_per_s,
    }


def _roof(case: Case, found: Counted, peak: float, bandwidth: float | None) -> tuple[float, str]:
    """The lower of the two ceilings, in operations per second, and which it is.

    How much the operators move is counted for one forward pass at one batch; where the case is another, nobody knows, and a
    sweep reports the throughput of whatever batch was best.
    """
    counted_here = case.phase == "infer" and found.batch == case.batch and case.scenario != sweeps.SCENARIO
    moved = found.bytes_moved if counted_here else None
    if moved and bandwidth:
        intensity = 2 * found.macs * case.batch / (moved * NARROWER.get(case.precision, 1.0))
        if intensity * bandwidth < peak:
            return intensity * bandwidth, "memory"
    return peak, "compute"


def ceiling_flags(row: Mapping[str, Any]) -> list[str]:
    """What the columns of a row say against it: `too_fast` above the peak of arithmetic, `cached_traffic` only above memory's."""
    achieved, peak, share = row.get("achieved_flops"), row.get("peak_flops"), row.get("efficiency")
    if achieved and peak and achieved > EXCESS * peak:
        return ["too_fast"]
    return ["cached_traffic"] if share and share > EXCESS else []


def _operations(case: Case, found: Counted) -> float | None:
    """Of one image; None where a training step's backward pass could not be counted."""
    if case.phase == "infer":
        return 2.0 * found.macs
    return None if found.backward_macs is None else 2.0 * (found.macs + found.backward_macs)


def _images_per_s(case: Case, replicates: Sequence[Replicate]) -> float | None:
    """What the network achieves: by the latency of a request where it is alone on the device, else by the throughput.

    Streams wait for each other, so the latency of one is not what the device does; and of a request that begins with a
    picture only the forward pass is the network's.
    """
    scenario, timed = case.scenario.partition(":")[0], [r for r in replicates if r.role == "measure"]
    seconds = [median(r.latency_ns) * 1e-9 for r in timed if r.latency_ns]
    if scenario == "end-to-end":
        seconds = values(timed, "forward_s")
    elif scenario == "concurrent" or not seconds:
        rates = sweeps.rates(case.scenario, timed)
        return median(rates) if rates else None
    return case.batch / median(seconds) if seconds and median(seconds) > 0 else None
