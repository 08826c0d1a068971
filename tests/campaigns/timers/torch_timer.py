"""A fresh process with torch.utils.benchmark: `python torch_timer.py SUBJECT`; one line of JSON on standard output."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import subject
from torch.utils.benchmark import Timer

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Time the subject by `blocked_autorange`."""
    asked = subject.parse(sys.argv[1])
    step = subject.prepare(asked)
    print(json.dumps(timed(step, asked)))


def timed(step: Callable[[], Any], asked: subject.Subject) -> dict[str, Any]:
    """`blocked_autorange` of the call, whose answer is dropped: median, blocks, and page faults per pass with the first ones."""
    passes = 0

    def counted() -> Any:
        nonlocal passes
        passes += 1
        return step()

    # Timer sets its own number of threads, one unless it is told.
    timer = Timer("step()", globals={"step": counted}, num_threads=asked.threads)
    before = faults()
    found = timer.blocked_autorange(min_run_time=asked.budget)
    after = faults()
    raw = [round(seconds * 1e9) for seconds in found.raw_times]
    each = {} if before is None or after is None else {"faults_per_pass": (after - before) / passes}
    return {"median_s": found.median, "per_block": found.number_per_run, "blocks_ns": raw, **each}


def faults() -> int | None:
    """Pages that this process had to be given so far; None where nobody counts them."""
    try:
        import resource  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


if __name__ == "__main__":
    main()
