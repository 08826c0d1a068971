"""The nouns, frozen. Every other module speaks in these and defines none of its own.

All are msgspec structs, so the same definition validates bench.toml, writes the result file and reads it back.
Units are SI base units with the unit in the field's name; a value that is not known is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from .evidence import Account, Accuracy, Ceiling, Counted, Layer, Measured, Operator, Replicate, Status
from .naming import Naming

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Account", "Accuracy", "Architecture", "Case", "Ceiling", "Counted", "Direction", "Facts", "Kind", "Layer", "Machine",
    "Measured", "Metric", "Naming", "Operator", "Paper", "Preprocess", "Record", "Replicate", "Result", "Run", "Source", "Status",
]  # fmt: skip

Direction = Literal["lower", "higher", "none"]
Kind = Literal["counted", "sampled", "derived"]

# Scenarios that submit the case's own batch without a pause, as the pass that reads an energy counter does.
STEADY = ("single-stream", "sustained")


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """Where an architecture was published."""

    title: str
    authors: str
    year: int
    link: str = ""


class Preprocess(msgspec.Struct, frozen=True, kw_only=True):
    """How a picture becomes an input: resize the short side, crop the centre, scale to [0, 1], normalise per channel."""

    resize: float = 256 / 224
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where something was registered, in a form that a worker process can load again by name; nothing is pickled.

    `kind` is `module` (an importable module), `path` (a file or a folder, `part` being the module in the folder),
    `import` (`package.module:function`, `part` being its input shape) or `script` (the file that called `vbench.run`).
    """

    kind: Literal["module", "path", "import", "script"]
    value: str
    part: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file or self.value}:{self.line}" if self.line else (self.file or self.value)


class Architecture(msgspec.Struct, frozen=True, kw_only=True):
    """A network that can be built and measured, with the facts that are declared about it.

    `build(classes=1000)` returns a `torch.nn.Module` whose forward takes one tensor of shape `(batch, *input)`.
    `params` and `macs` are declared, and recomputed by the tests: a false one fails them. `weights` are the libraries that have
    the network in the same form, with their names for its tensors. `compression` is what is done to what `build` makes, and is
    an axis of the case and no part of its name.
    """

    name: str
    build: Callable[..., Any]
    source: Source
    input: tuple[int, ...]
    topic: str = ""
    paper: Paper | None = None
    params: int | None = None
    macs: int | None = None
    accuracy: tuple[Accuracy, ...] = ()
    task: str = "classification"
    preprocess: Preprocess = Preprocess()
    deviation: str = ""
    weights: tuple[Naming, ...] = ()
    compression: str = "none"

    @property
    def label(self) -> str:
        """The name, with what was done to make the network smaller behind an @."""
        return self.name if self.compression == "none" else f"{self.name}@{self.compression}"

    @property
    def family(self) -> str:
        """What stands before the slash."""
        return self.name.partition("/")[0]

    def facts(self) -> Facts:
        """Everything but the code: what a result file keeps about an architecture."""
        return Facts(
            family=self.family, topic=self.topic, task=self.task, paper=self.paper, accuracy=self.accuracy, input=self.input,
            declared_params=self.params, declared_macs=self.macs, deviation=self.deviation,
        )  # fmt: skip


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a result file keeps about an architecture, so that a report needs neither the plugin nor torch."""

    family: str = ""
    topic: str = ""
    task: str = "classification"
    paper: Paper | None = None
    accuracy: tuple[Accuracy, ...] = ()
    input: tuple[int, ...] = ()
    declared_params: int | None = None
    declared_macs: int | None = None
    deviation: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to measure: a point on every axis. Its `id` is the key for resume, comparison and history."""

    architecture: str
    input_shape: tuple[int, ...]
    compression: str = "none"
    weights: str = "random:0"
    phase: str = "infer"
    scenario: str = "single-stream"
    engine: str = "eager"
    engine_options: tuple[tuple[str, str], ...] = ()
    precision: str = "fp32"
    device: str = "cpu"
    batch: int = 1
    threads: int = 1
    layout: str = "nchw"

    @property
    def id(self) -> str:
        """A canonical, readable string of all axes."""
        options = "".join(f"[{key}={value}]" for key, value in sorted(self.engine_options))
        shape = "x".join(map(str, self.input_shape))
        axes = (
            f"{self.architecture}@{self.compression}", shape, f"b{self.batch}", f"{self.engine}{options}", self.precision,
            self.device, f"t{self.threads}", self.layout, self.phase, self.scenario, self.weights,
        )  # fmt: skip
        return ",".join(axes)

    @property
    def label(self) -> str:
        """The network as it was named: `vgg/16@l1-filter:0.5`."""
        return self.architecture if self.compression == "none" else f"{self.architecture}@{self.compression}"

    @property
    def virtual(self) -> bool:
        """Whether its time is that of a fake device, which passes without anybody waiting."""
        return self.device.partition(":")[0] == "fake"

    @property
    def seed(self) -> int:
        """The seed of random weights; loaded weights still need one for the inputs, which is 0."""
        kind, _, seed = self.weights.partition(":")
        return int(seed) if kind == "random" and seed.isdigit() else 0


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that measured. Two records compare in absolute time only where `fingerprint` is equal."""

    slug: str
    fingerprint: str
    system: str = ""
    processor: str = ""
    cores: int = 0
    usable_cores: int = 0
    cpu_quota: float | None = None
    memory_bytes: int | None = None
    features: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    driver: str = ""
    virtual: str = ""
    governor: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One case, derived from its replicates: a row of the table; `accuracy` is what was measured of it, the latest first."""

    case: Case
    status: Status
    reason: str = ""
    flags: tuple[str, ...] = ()
    values: dict[str, Any] = {}
    accuracy: tuple[Measured, ...] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a result file: who measured, what was planned, and with what.

    `further` are the ids of cases that come after the others, as far as the time limit allows; those in `quick` have one process.
    `weights` has the path of each file that was loaded, and `tuned`, where vbench trained it, the weights that it began with.
    """

    schema: int
    run_id: str
    started: str
    machine: Machine
    versions: dict[str, str]
    settings: dict[str, Any]
    cases: tuple[Case, ...]
    definitions: dict[str, str]
    architectures: dict[str, Facts]
    skipped: dict[str, str] = {}
    further: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    sources: dict[str, str] = {}
    ceilings: dict[str, Ceiling] = {}
    weights: dict[str, str] = {}
    tuned: dict[str, str] = {}
    sentinels: dict[str, tuple[float, ...]] = {}
    environment: dict[str, str] = {}
    commit: str = ""
    catalogue: str = ""
    command: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as read from its file: `results` has a row per case, `frame()` the columns of the contract."""

    run: Run
    replicates: tuple[Replicate, ...] = ()
    results: tuple[Result, ...] = ()
    ended: str = ""
    path: str = ""
    plugin_errors: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The contract's exit code for this run (see docs/contract)."""
        from .results import exit_code  # the rule stands beside the derivation of the rows  # noqa: PLC0415

        return exit_code(self)

    def frame(self) -> pd.DataFrame:
        """One row per case, base SI units with the unit in the column's name."""
        from .results import frame  # pandas is imported only by those who want a frame  # noqa: PLC0415

        return frame([self])

    def _repr_html_(self) -> str:
        from .results import html  # as above  # noqa: PLC0415

        return html(self)


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A number that a run produces. It describes itself, so that no printer holds a list of names.

    `columns` maps each column it fills to a one-line description; the first is the headline. `derive(case, replicates)`
    gives their values from the replicates that are `ok`, never by measuring again; one with a third parameter `run` is also
    given the head of the file.
    """

    name: str
    unit: str
    better: Direction
    description: str
    kind: Kind
    columns: dict[str, str]
    derive: Callable[..., dict[str, Any]]
    order: int = 1000
