"""One caller, one request at a time: latency, then throughput, then memory, each pass apart so that none disturbs another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import measure as passes
from .. import pages
from ..stats import median
from . import _state, _transfer

if TYPE_CHECKING:
    from . import Bench


def measure(bench: Bench) -> dict[str, Any]:
    """Warm up, then sample requests, then submit without waiting, then look at the memory."""
    session, clock, phase, budget = bench.session, bench.clock, bench.phase, bench.job.budget
    found: dict[str, Any] = {"warmup_ns": warm_up(bench)}
    _state.look(bench, median(found["warmup_ns"][-passes.GROUP :]))
    phase("latency")
    before = pages.faults()
    found["latency_ns"] = passes.latency(session, clock, budget)
    after = pages.faults()
    if before is not None and after is not None and not bench.case.virtual:
        bench.values["page_faults"] = (after - before) / len(found["latency_ns"])
    step_ns = median(found["latency_ns"])
    timer = bench.device.timer()
    if timer is not None:
        phase("device time")
        found["device_ns"], found["enqueue_ns"] = passes.device_time(session, clock, timer, len(found["latency_ns"]))
    if getattr(session, "flush", None) is None:
        phase("throughput")
        began = clock()
        bench.values["throughput_per_s"] = passes.throughput(
            session, clock, budget, bench.case.batch, None if timer is None else step_ns
        )
        bench.values["throughput_s"] = (clock() - began) / passes.NS
    else:
        bench.notes["throughput_per_s"] = "left empty: between requests that do not wait no cache can be emptied"
    _state.look(bench, step_ns)
    if bench.device.target() != "cpu":
        phase("transfer")
        bench.values |= _transfer.measure(bench)
    if bench.case.phase == "train":
        phase("parts")
        bench.values |= parts(bench, len(found["latency_ns"]))
    phase("memory")
    bench.values |= memory(bench)
    return found


def warm_up(bench: Bench) -> list[int]:
    """The samples that are discarded, and a note where the times had not settled when the time for it was over."""
    bench.phase("warm-up")
    discarded, settled = passes.warm_up(bench.session, bench.clock, bench.job.budget)
    if not settled:
        bench.notes["warmup_not_settled"] = f"after {len(discarded)} samples"
    return discarded


def memory(bench: Bench) -> dict[str, float]:
    """The peaks of one more step, with the marks reset before it and a single input alive: rotation is ours.

    It empties `bench.inputs`. The one that is left is a copy, since pictures are views of one storage.
    """
    if bench.inputs is not None:
        bench.session.load([bench.inputs[0].clone()])
        bench.inputs.clear()
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
