"""What the device says of itself while it works: a device that waits for work lowers its clock, and says so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..measure import NS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..interfaces import Session
    from . import Bench

# So much work lies in the queue while the device is asked, which takes it a few milliseconds; and so many steps at least.
LOAD_S, FEWEST = 0.02, 3


def look(bench: Bench, step_ns: float, session: Session | None = None) -> dict[str, float]:
    """What the device says under load, which is also put into the values beside what it said before.

    `step_ns` is about what a step of the session (the bench's own where none is given) takes.
    """
    found = under_load(bench, step_ns, session or bench.session)
    bench.values |= merged(bench.values, found)
    return found


def under_load(bench: Bench, step_ns: float, session: Session) -> dict[str, float]:
    """The state with work submitted and not yet waited for.

    Where a call returns when its work is done there is no such moment, and where the device says nothing it is asked for no
    work: neither costs a step.
    """
    found = bench.device.state()
    if not found or bench.device.timer() is None:
        return found
    for _ in range(max(FEWEST, math.ceil(LOAD_S * NS / max(step_ns, 1.0)))):
        session.step()
    found = bench.device.state()
    session.synchronize()
    return found


def merged(values: Mapping[str, float], found: Mapping[str, float]) -> dict[str, float]:
    """One look after those before it: the first clock stays, every reason to throttle counts, the rest is as it is now.

    Not the power, which is a mean over a second or more on some GPUs: that is the energy pass's to measure.
    """
    out = {name: found[name] for name in ("clock_mhz", "temperature_c") if name in found}
    if "clock_mhz" in found:
        out["clock_mhz_start"] = values.get("clock_mhz_start", found["clock_mhz"])
    if "throttle" in found:
        out["throttle"] = float(int(values.get("throttle", 0)) | int(found["throttle"]))
    return out
