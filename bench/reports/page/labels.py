"""What the columns of the page are called, and in which units they are: from the contract's names, which carry the unit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ...registry import METRICS
from ...results import load_metrics

if TYPE_CHECKING:
    from ...core import Direction

# Names end in their unit; the first that fits counts. A share is written in percent, and is below or near 1 in the file.
_UNITS = (
    (re.compile(r"bytes_per_s$"), "B/s"),
    (re.compile(r"(_per_s|_qps)$"), "1/s"),
    (re.compile(r"^(achieved|peak)_flops$"), "FLOP/s"),
    (re.compile(r"_bytes$|^bytes_moved$"), "B"),
    (re.compile(r"_s$|_s_p\d+$"), "s"),
    (re.compile(r"_j$"), "J"),
    (re.compile(r"_w$"), " W"),
    (re.compile(r"_db$"), "dB"),
    (re.compile(r"_mhz$"), "MHz"),
    (re.compile(r"_c$"), "°C"),
    (re.compile(r"(_share|_ratio)$|^(efficiency|drift_offset|stream_balance|agreement_top1)$"), "share"),
    (re.compile(r"^arithmetic_intensity$"), "FLOP/B"),
    (re.compile(r"^(receptive_field|output_stride)$"), "px"),
    (re.compile(r"^speedup_"), "times"),
    (re.compile(r"^quality$|^top[15](_published)?$"), "%"),
)
_ENDS = re.compile(r"_(low|high|run_low|run_high)$")
# Names that say more than the column's own without its unit.
_LABELS = {
    "latency_s": "request latency", "throughput_per_s": "throughput (images)", "params": "parameters", "macs": "MACs",
    "peak_host_bytes": "peak memory of the process", "peak_device_bytes": "peak memory of the device",
    "flops": "FLOPs (2 × MACs)", "weight_bytes": "size of the weights", "peak_activation_bytes": "peak of the activations",
    "energy_j": "energy per image", "year": "year of the paper", "bytes_moved": "bytes moved",
    "speedup_over_fp32": "speed-up over fp32", "agreement_sqnr_db": "agreement with fp32", "case_id": "case",
    "efficiency": "share of the machine's ceiling", "achieved_flops": "achieved FLOP/s", "peak_flops": "ceiling of arithmetic",
    "bandwidth_bytes_per_s": "ceiling of memory traffic", "server_qps": "queries within the bound",
}  # fmt: skip
# Columns of which neither end is better, and those of which the other end is, whatever the metric that they belong to says.
_NEITHER = frozenset({
    "batch", "threads", "year", "latency_processes", "latency_samples", "throughput_processes", "server_queries", "server_trials",
    "bandwidth_bytes_per_s", "peak_flops", "arithmetic_intensity", "base_host_bytes", "idle_power_w", "drift_offset", "buffers",
    "clock_mhz", "temperature_c", "executed_share", "accuracy_pictures",
})  # fmt: skip
_HIGHER = frozenset(
    {
        "quality",
        "top1",
        "top5",
        "top1_published",
        "top5_published",
        "achieved_flops",
        "train_gradient_sqnr_db",
        "train_update_sqnr_db",
    }
)


class Told(NamedTuple):
    """What is known of a column without its values: `better` says which end of it people want."""

    label: str
    unit: str
    better: Direction
    about: str
    group: str


def unit(column: str) -> str:
    """The unit of a column by its name; "" for a count."""
    base = _ENDS.sub("", column)
    return next((found for pattern, found in _UNITS if pattern.search(base)), "")


def label(column: str) -> str:
    """How people call it."""
    if column in _LABELS:
        return _LABELS[column]
    base = re.sub(r"(_per_s|_s|_bytes|_j|_w|_db|_mhz|_c)(?=$|_low|_high|_run|_p\d)", "", column)
    return base.replace("_", " ")


def told() -> dict[str, Told]:
    """Every column that a metric fills, those of plugins included, in the words of the metric itself."""
    load_metrics()
    found = {}
    for metric in sorted(METRICS, key=lambda metric: metric.order):
        for column, about in metric.columns.items():
            better: Direction = "none" if column in _NEITHER else "higher" if column in _HIGHER else metric.better
            text = f"{about} ({metric.description})" if column == next(iter(metric.columns)) else about
            # A plugin's metric states its unit, which its column's name need not carry.
            own = unit(column) or (metric.unit if column == next(iter(metric.columns)) else "")
            found[column] = Told(label(column), own, better, text, metric.kind)
    return found
