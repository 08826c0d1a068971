"""What the gate tolerates: the table [gate] of bench.toml, the least effect that matters, and regressions that were accepted."""

from __future__ import annotations

import datetime as dt
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from .errors import ConfigError, UsageError

if TYPE_CHECKING:
    from .core import Case

# What can be gated, and what each number is; every one is better when it is lower, but for throughput.
METRICS = {
    "latency": "the median time of a request",
    "throughput": "images per second, submitted without waiting",
    "memory": "the measured peak of a process, on the host or the device",
    "compile": "the time to make a network ready",
}
MODES = ("pingpong", "abba", "duet")


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What matters of a metric of the cases whose architecture matches; the last that matches counts."""

    case: str
    metric: str = "latency"
    min_effect: float | None = None
    pass_below: float | None = None


class Accepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A regression that is known and allowed up to `bound`, with its reason, until the day it expires."""

    case: str
    metric: str = "latency"
    bound: float
    reason: str
    expires: dt.date


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How the gate judges; effects are relative, times in seconds. `alpha` is the chance of any false red in a run."""

    alpha: float = 0.01
    min_effect: float = 0.03
    pass_below: float = 0.05
    screen_pairs: int = 8
    confirm_pairs: int = 18
    time_limit: float | None = 900.0
    mode: str = "pingpong"
    metrics: tuple[str, ...] = ("latency",)
    threshold: tuple[Threshold, ...] = ()
    accept: tuple[Accepted, ...] = ()

    def limits(self, case: Case, metric: str) -> tuple[float, float]:
        """The least effect that matters for a case, and what must be excluded for a pass."""
        least, below = self.min_effect, self.pass_below
        for entry in self.threshold:
            if entry.metric == metric and _meant(case, entry.case):
                least = least if entry.min_effect is None else entry.min_effect
                below = below if entry.pass_below is None else entry.pass_below
        return least, below

    def accepted(self, case: Case, metric: str) -> Accepted | None:
        """The entry that allows a regression of this case, expired or not."""
        found = [e for e in self.accept if e.metric == metric and _meant(case, e.case)]
        return found[-1] if found else None


def _meant(case: Case, pattern: str) -> bool:
    """Whether a network is meant by a name or a glob; a smaller one is by its own name, and by that of the whole."""
    return any(fnmatchcase(name, pattern) for name in {case.label, case.architecture})


# What is allowed, and an example, for every key; of the tables within, the keys are those of the entry.
ALLOWED: dict[str, tuple[str, str]] = {
    "gate.alpha": ("the chance of any false regression in a run, a number between 0 and 0.5", "alpha = 0.01"),
    "gate.min-effect": ("the least relative change that matters, a number between 0 and 1", "min-effect = 0.03"),
    "gate.pass-below": ("the relative slowdown that a pass must exclude, at least min-effect", "pass-below = 0.05"),
    "gate.screen-pairs": ("a whole number of pairs for every case, at least 5", "screen-pairs = 8"),
    "gate.confirm-pairs": ("a whole number of further pairs for what may have changed, at least 7", "confirm-pairs = 18"),
    "gate.time-limit": ("a duration, or 0 for none", 'time-limit = "15m"'),
    "gate.mode": (f"one of {', '.join(MODES)}", 'mode = "pingpong"'),
    "gate.metrics": (f"a list out of {', '.join(METRICS)}", 'metrics = ["latency"]'),
    "gate.threshold": (
        "a list of tables with case, metric, min-effect and pass-below",
        'threshold = [{ case = "vgg/*", metric = "latency", min-effect = 0.05, pass-below = 0.08 }]',
    ),
    "gate.accept": (
        "a list of tables with case, metric, bound, reason and expires",
        'accept = [{ case = "vgg/16", bound = 0.08, reason = "a bias was added", expires = 2027-01-31 }]',
    ),
}
_FEWEST = {"screen-pairs": 5, "confirm-pairs": 7}


def check(gate: Gate, where: str = "--") -> None:
    """Refuse what could not be judged by. Raises UsageError; `where` is put before the key."""
    problems: dict[str, str | bool] = {
        "alpha": not 0 < gate.alpha < 0.5 and "not between 0 and 0.5",  # noqa: PLR2004 - as it says
        "min-effect": not 0 < gate.min_effect < 1 and "not between 0 and 1",
        "pass-below": not gate.min_effect <= gate.pass_below < 1 and f"less than min-effect ({gate.min_effect}), or not under 1",
        "time-limit": gate.time_limit is not None and not gate.time_limit > 0 and "no time to measure in",
        "mode": gate.mode not in MODES and "unknown",
        "metrics": (not gate.metrics or not set(gate.metrics) <= set(METRICS)) and "unknown, or none",
    }
    for key, fewest in _FEWEST.items():
        problems[key] = getattr(gate, key.replace("-", "_")) < fewest and f"fewer than {fewest}"
    for key, problem in problems.items():
        if problem:
            raise _wrong(where, key, getattr(gate, key.replace("-", "_")), problem)
    for table in ("threshold", "accept"):
        for entry in getattr(gate, table):
            if entry.metric not in METRICS:
                raise _wrong(where, table, entry.metric, f"the metric of {entry.case} is none of {', '.join(METRICS)}")


def _wrong(where: str, key: str, value: object, problem: str | bool) -> UsageError:  # noqa: FBT001 - a text where it is one
    """The error for a value of the right type: of bench.toml, or of an option."""
    allowed, example = ALLOWED[f"gate.{key}"]
    if where == "--":
        option = "metric" if key == "metrics" else key
        shown = ",".join(value) if isinstance(value, tuple) else value
        return UsageError(f"--{option} {shown}: {problem}; allowed is {allowed}")
    value = list(value) if isinstance(value, tuple) else value
    return ConfigError(f"{where}{key} = {value!r}: {problem}; allowed is {allowed}; for example: {example}")
