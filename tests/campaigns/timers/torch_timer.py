"""A fresh process with torch.utils.benchmark: `python torch_timer.py SUBJECT`; one line of JSON on standard output."""

from __future__ import annotations

import json
import sys

import subject
from torch.utils.benchmark import Timer


def main() -> None:
    """Time the subject by `blocked_autorange`."""
    asked = subject.parse(sys.argv[1])
    step = subject.prepare(asked)
    # Timer sets its own number of threads, one unless it is told.
    timer = Timer("step()", globals={"step": step}, num_threads=asked.threads)
    found = timer.blocked_autorange(min_run_time=asked.budget)
    raw = [round(seconds * 1e9) for seconds in found.raw_times]
    print(json.dumps({"median_s": found.median, "per_block": found.number_per_run, "blocks_ns": raw}))


if __name__ == "__main__":
    main()
