"""Suites of bench.toml: a selection of architectures, and the axes to measure them on.

The table [suites.NAME] is read as the rest of bench.toml is; the same axes are options of the command line, and checked here.
"""

from __future__ import annotations

import re

import msgspec

from . import compression, modes
from .axes import LAYOUTS, PHASES, PRECISIONS, SCENARIOS, check_scenario
from .errors import ConfigError, UsageError, nearest


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A named selection and the axes to measure it on; an axis left out has its default.

    `also` names further suites, whose cases are measured after this one's as far as the time limit allows; `quick` says that one
    process of each case is enough.
    """

    architectures: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    device: tuple[str, ...] = ("cpu",)
    engine: tuple[str, ...] = ("eager",)
    precision: tuple[str, ...] = ("fp32",)
    batch: tuple[int, ...] = (1,)
    threads: tuple[int, ...] = ()
    layout: tuple[str, ...] = ("nchw",)
    phase: tuple[str, ...] = ("infer",)
    scenario: tuple[str, ...] = ("single-stream",)
    compress: tuple[str, ...] = ("none",)
    cold_cache: bool = False
    cuda_graph: bool = False
    also: tuple[str, ...] = ()
    quick: bool = False


# What is allowed, and an example, for every key.
ALLOWED: dict[str, tuple[str, str]] = {
    "suites.*.architectures": ("a list of names or globs", 'architectures = ["resnet/*"]'),
    "suites.*.exclude": ("a list of names or globs", 'exclude = ["*/naive"]'),
    "suites.*.topic": ("a list of topics (vbench list)", 'topic = ["inception"]'),
    "suites.*.device": ("a list of devices, or all", 'device = ["cpu"]'),
    "suites.*.engine": ("a list of engines, each with its options in brackets if any, or all", 'engine = ["eager"]'),
    "suites.*.precision": (f"a list out of {', '.join(PRECISIONS)}, or all", 'precision = ["fp32"]'),
    "suites.*.batch": ("a list of whole numbers of at least 1", "batch = [1, 8]"),
    "suites.*.threads": (
        "a list of whole numbers of at least 1; left out, as many as the process may use",
        "threads = [1, 2]",
    ),
    "suites.*.layout": (f"a list out of {', '.join(LAYOUTS)}", 'layout = ["nchw"]'),
    "suites.*.phase": (f"a list out of {', '.join(PHASES)}", 'phase = ["infer", "train"]'),
    "suites.*.scenario": (f"a list out of {', '.join(SCENARIOS)}", 'scenario = ["single-stream", "server:15ms"]'),
    "suites.*.compress": (
        "a list of compressions, or none for the network as it is",
        'compress = ["none", "l1-filter:0.5", "magnitude:0.9+codebook:5"]',
    ),
    "suites.*.cold-cache": ("true or false: empty a GPU's L2 cache before every sample", "cold-cache = true"),
    "suites.*.cuda-graph": ("true or false: replay a CUDA graph instead of launching each kernel", "cuda-graph = true"),
    "suites.*.also": (
        "a list of suites whose cases are measured after this one's, as far as the time limit allows",
        'also = ["engines"]',
    ),
    "suites.*.quick": ("true or false: one process per case, which gives no interval", "quick = true"),
}


def check_axes(suite: Suite, where: str = "--") -> None:
    """Refuse values that no run could measure; `where` is put before the name of the axis. Raises UsageError."""
    for axis, known in (("precision", PRECISIONS), ("layout", LAYOUTS), ("phase", PHASES)):
        for value in getattr(suite, axis):
            if value not in known and not (value == "all" and axis == "precision"):
                raise _wrong(where, axis, value, f"unknown {axis} {value!r}, {nearest(value, known)}")
    _check_spelling(suite, where)
    for axis in ("batch", "threads"):
        for size in getattr(suite, axis):
            if size < 1:
                raise _wrong(where, axis, size, "less than 1")
    for axis in ("architectures", "device", "engine", "precision", "batch", "layout", "phase", "scenario", "compress"):
        if not getattr(suite, axis):
            raise _wrong(where, axis, [], "an empty list selects nothing")


def _check_spelling(suite: Suite, where: str) -> None:
    """Values with parts of their own: a scenario's behind its colon, an engine's in its brackets, a compression's steps."""
    for axis, check in (("scenario", check_scenario), ("engine", modes.parse), ("compress", compression.split)):
        for value in getattr(suite, axis):
            try:
                check(value)
            except UsageError as error:
                if where == "--":
                    raise
                raise _wrong(where, axis, value, str(error)) from None


def _wrong(where: str, key: str, value: object, problem: str) -> UsageError:
    return impossible(where, key, value, problem, ALLOWED[f"suites.*.{key}"])


def impossible(where: str, key: str, value: object, problem: str, allowed: tuple[str, str]) -> UsageError:
    """The error for a value of the right type: of bench.toml with its example, or of the command line with an option's.

    `allowed` is what the key allows, and an example.
    """
    said, example = allowed
    if where != "--":
        return ConfigError(f"{where}{key} = {value!r}: {problem}; allowed is {said}; for example: {example}")
    option = re.sub(r'[]["]', "", example.partition(" = ")[2]).replace(", ", ",")
    return UsageError(f"--{key} {value}: {problem}; allowed is {said}; for example: --{key} {option}")
