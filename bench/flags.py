"""Every validity flag in one list, each with advice in one line. A flagged number is shown flagged, never discarded."""

from __future__ import annotations

FLAGS: dict[str, str] = {
    "imprecise": "the interval is wider than asked for: raise --time-limit, or measure on an idle machine (vbench doctor)",
    "machine_drift": "the interval is wide for the machine's drift: an idle machine and fixed clocks help, more processes do not",
    "no_interval": "fewer than six processes measured it: leave out --quick, or --resume; sustained and server have one each",
    "stolen": "other work took the processor while it was measured: stop it (vbench doctor), or pin the run to free cores",
    "noisy": "samples inside a process spread by more than 10 % (quartiles over median): look for other work on this machine",
    "process_variance": "processes of the same code differ by more than 5 %: it takes more processes, and not more samples",
    "drifting": "times rise or fall steadily while it is measured: look for heat, a changing clock, or a leak in the network",
    "bimodal": "times fall into two groups, so the median may jump from one to the other: look at the samples in the file",
    "warmup_not_settled": "times were still changing when the warm-up ended: raise warmup in bench.toml, or look for throttling",
    "throttled": "the device ran slower at the end than at the start, or says that it throttled: cool it, or fix its clocks",
    "host_bound": "handing work to the device takes longer than the work: raise the batch, compile, or try --cuda-graph",
    "clock_limited": "a sample is too short for the clock that timed it: raise the batch",
    "page_faults": "over 5 % of a pass fetches memory that the allocator gave back: MALLOC_TRIM_THRESHOLD_=-1 MALLOC_MMAP_MAX_=0",
    "too_fast": "above the peak measured here: vbench doctor --ceilings; padding and Winograd leave out MACs that are counted",
    "cached_traffic": "faster than the measured bandwidth allows: its data stays in caches, which bandwidth says nothing of",
    "mostly_other_precision": "most of its MACs ran in another precision than asked: see executed_precision, try another engine",
    "account_disagrees": "the engine accounts for over 1 % more or fewer MACs than were counted: read its operators in the file",
    "bound_not_met": "one request alone takes longer than the bound, so no rate of queries meets it: raise --latency-bound",
    "too_short": "trials of load ended before a rate was sure: raise --timeout and --time-limit, or use an idle machine",
    "not_counted": "the network could not be counted, see the notes in the file: vbench show NAME tries again",
    "counted_once": "only one of the two MAC counters could follow the network: compare its MACs with those of its paper",
    "macs_disagree": "the two MAC counters differ: an operator is counted by one only; see uncounted_ops and vbench show",
    "metric_failed": "a metric of a plugin raised while it derived its columns, which are empty: test its function on a Record",
}

# What says that a number may be off, and not only wide or unexplained: `--strict` turns these into exit 4.
BIAS = frozenset(
    {"stolen", "noisy", "process_variance", "drifting", "bimodal", "warmup_not_settled", "throttled", "clock_limited", "too_fast"}
)

# Of a pair of base and head, which one minute and one machine measured by turns: what makes it void, and what could still
# favour one side. Noise, steal and differences between processes meet both sides alike; the test on pairs counts them in.
VOID = frozenset({"throttled"})
BIAS_OF_PAIRS = frozenset({"warmup_not_settled", "clock_limited"})
