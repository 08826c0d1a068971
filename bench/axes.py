"""The values that an axis may have, and what each scenario needs after its colon."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from .errors import UsageError, nearest
from .units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .core import Case

PRECISIONS = ("fp32", "tf32", "bf16", "fp16", "int8")
LAYOUTS = ("nchw", "nhwc")
PHASES = ("infer", "train")

# Each scenario with what must stand after the colon; "" where nothing may.
SCENARIOS = {
    "single-stream": "",
    "offline": "",
    "concurrent": "a whole number of streams of at least 2, for example concurrent:2",
    "sustained": "how long it goes on, for example sustained:60s",
    "server": "the bound on the 99th percentile of its latency, for example server:15ms (--latency-bound 15ms)",
    "end-to-end": "",
}

# One process of these takes as long as many of the others; they are measured once, and say that they have no interval.
LONG = ("sustained", "server")

# What a scenario needs beside vbench itself: the module, what it is called, and the extra that installs it.
PACKAGES = {"server": ("mlperf_loadgen", "MLPerf LoadGen", "loadgen")}


def check_scenario(scenario: str) -> None:
    """Refuse a scenario that does not exist or lacks what it needs. Raises UsageError."""
    name, _, parameter = scenario.partition(":")
    if name not in SCENARIOS:
        message = f"unknown scenario {scenario!r}, {nearest(name, SCENARIOS)}"
        raise UsageError(message)
    allowed = SCENARIOS[name]
    if bool(parameter) != bool(allowed):
        message = f"scenario {scenario!r} " + (f"needs {allowed}" if allowed else "takes nothing after a colon")
        raise UsageError(message)
    if allowed and not (_streams(parameter) if name == "concurrent" else _positive(parameter)):
        message = f"scenario {scenario!r}: {parameter!r} is not {allowed}"
        raise UsageError(message)


def canonical(scenario: str) -> str:
    """One spelling for one scenario, so that one case has one id: `sustained:1m` and `sustained:60` are `sustained:60s`."""
    name, _, parameter = scenario.partition(":")
    if name not in {"sustained", "server"}:
        return f"{name}:{int(parameter)}" if parameter else name
    seconds = parse_duration(parameter)
    return f"{name}:{seconds:g}s" if seconds >= 1 else f"{name}:{seconds * 1000:g}ms"


def absent(scenario: str) -> str | None:
    """The line that says which package a scenario lacks here and how to install it, or None."""
    name = scenario.partition(":")[0]
    if name not in PACKAGES or importlib.util.find_spec(PACKAGES[name][0]) is not None:
        return None
    return f"scenario {name!r} needs {PACKAGES[name][1]}: pip install 'vbench[{PACKAGES[name][2]}]'"


def refuse_absent(named: Iterable[str]) -> None:
    """Refuse scenarios that were named and whose package is absent. Raises UsageError."""
    for scenario in named:
        if reason := absent(scenario):
            raise UsageError(reason)


def lasts(scenario: str) -> float:
    """Seconds that a process of this scenario goes on because its name says so; 0 where the settings decide."""
    name, _, parameter = scenario.partition(":")
    return parse_duration(parameter) if name == "sustained" else 0.0


def unable(case: Case) -> str | None:
    """Why this scenario cannot be played with this case anywhere, or None."""
    name = case.scenario.partition(":")[0]
    if name == "server" and case.virtual:
        return "LoadGen keeps real time, and that of the fake device is virtual: measure another scenario on it"
    if name in {"server", "end-to-end"} and case.phase == "train":
        return f"a training step answers no request: leave out --phase train with --scenario {name}"
    if name == "concurrent" and case.phase == "train":
        return "streams that train at once would change the same weights: leave out --phase train with --streams"
    if name == "end-to-end" and (len(case.input_shape) != 3 or case.input_shape[0] not in {1, 3}):  # noqa: PLR2004 - C, H, W
        shape = "x".join(map(str, case.input_shape))
        return f"end-to-end begins with a picture, and an input of {shape} is none: it takes 1 or 3 channels, height and width"
    return None


def _streams(text: str) -> bool:
    return text.isdigit() and int(text) > 1


def _positive(text: str) -> bool:
    try:
        return parse_duration(text) > 0
    except ValueError:
        return False
