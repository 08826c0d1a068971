"""Every validity flag in one list, each with advice in one line. A flagged number is shown flagged, never discarded."""

from __future__ import annotations

FLAGS: dict[str, str] = {
    "imprecise": "the interval is wider than asked for: raise --time-limit, or measure on an idle machine (vbench doctor)",
    "no_interval": "fewer than six processes measured it, so it carries no interval: leave out --quick, or go on with --resume",
    "not_counted": "the network could not be counted, see the notes in the file: vbench show NAME tries again",
    "counted_once": "only one of the two MAC counters could follow the network: compare its MACs with those of its paper",
    "macs_disagree": "the two MAC counters differ: an operator is counted by one only; see uncounted_ops and vbench show",
    "metric_failed": "a metric of a plugin raised while it derived its columns, which are empty: test its function on a Record",
    "warmup_not_settled": "times were still changing when the warm-up ended: look for throttling or a busy machine",
}
