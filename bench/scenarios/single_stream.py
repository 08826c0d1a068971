"""One caller, one request at a time: latency, then throughput, then memory, each pass apart so that none disturbs another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import measure as passes
from ..stats import median
from . import _transfer

if TYPE_CHECKING:
    from . import Bench


def measure(bench: Bench) -> dict[str, Any]:
    """Warm up, then sample requests, then submit without waiting, then look at the memory."""
    session, clock, phase, budget = bench.session, bench.clock, bench.phase, bench.job.budget
    found: dict[str, Any] = {}
    phase("warm-up")
    found["warmup_ns"], settled = passes.warm_up(session, clock, budget)
    if not settled:
        bench.notes["warmup_not_settled"] = f"after {len(found['warmup_ns'])} samples"
    phase("latency")
    before = bench.device.state()
    found["latency_ns"] = passes.latency(session, clock, budget)
    bench.values |= _state(before, bench.device.state())
    timer = bench.device.timer()
    if timer is not None:
        phase("device time")
        found["device_ns"], found["enqueue_ns"] = passes.device_time(session, clock, timer, len(found["latency_ns"]))
    if getattr(session, "flush", None) is None:
        phase("throughput")
        began = clock()
        bench.values["throughput_per_s"] = passes.throughput(session, clock, budget, bench.case.batch)
        bench.values["throughput_s"] = (clock() - began) / passes.NS
    else:
        bench.notes["throughput_per_s"] = "left empty: between requests that do not wait no cache can be emptied"
    if bench.device.target() != "cpu":
        phase("transfer")
        bench.values |= _transfer.measure(bench)
    if bench.case.phase == "train":
        phase("parts")
        bench.values |= parts(bench, len(found["latency_ns"]))
    phase("memory")
    bench.values |= memory(bench)
    return found


def memory(bench: Bench) -> dict[str, float]:
    """The peaks of one more step, with the marks reset before it and a single input on the device: rotation is ours."""
    if bench.inputs is not None:
        bench.session.load(bench.inputs[:1])
    if not bench.device.reset_peak():
        bench.notes["peak_host_bytes"] = "the peak could not be reset: it is that of the whole process"
    bench.session.step()
    bench.session.synchronize()
    return bench.device.memory()


def parts(bench: Bench, count: int) -> dict[str, float]:
    """The median times of the parts of a training step, where the session can take it in parts."""
    named = getattr(bench.session, "parts", None)
    if named is None:
        return {}
    found = passes.parts(bench.session, bench.clock, named(), count)
    return {f"train_{name}_s": median(times) / passes.NS for name, times in found.items()}


def _state(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """The device while it was measured: as it ended, with the clock that it began with beside it."""
    found = dict(after)
    if "clock_mhz" in before:
        found["clock_mhz_start"] = before["clock_mhz"]
    if "throttle" in before or "throttle" in after:
        found["throttle"] = float(int(before.get("throttle", 0)) | int(after.get("throttle", 0)))
    return found
