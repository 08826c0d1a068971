"""What a study is made of, and the lines of its log. Without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from ..core import Direction, Machine

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = 1

Expected = Literal["higher", "lower", "similar"]


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A number that is read off a trained network. It describes itself, so that no printer knows its name.

    `unit` stands behind the number, "%" or "px"; `digits` is how many decimals it is shown with.
    """

    name: str
    title: str
    unit: str
    better: Direction
    digits: int = 1


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is trained. `architecture` names the catalogue's network where it is one, so that it can be timed too.

    `options` are the study's own words: which data this arm is trained on, or which head it has. `after` names the arm whose
    weights of the same seed it begins with, and `compression` what is done to these before it is trained. `rate` is its own
    highest learning rate, for what would not learn at the recipe's.
    """

    name: str
    architecture: str = ""
    options: dict[str, str] = {}
    after: str = ""
    compression: str = "none"
    rate: float = 0.0


class Side(msgspec.Struct, frozen=True):
    """A measure of an arm."""

    arm: str
    measure: str


class Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """A question with two sides: the difference `of` minus `to` is what the seeds answer.

    `expected` is what the source says of that difference, and `margin` how large one is still called similar, in the measure's
    unit. `equal` are the counts that both sides have alike by design ("params", "macs"), and tests hold them to it.
    """

    id: str
    question: str
    sentence: str
    source: str
    of: Side
    to: Side
    expected: Expected
    margin: float = 0.0
    equal: tuple[str, ...] = ()


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How much is trained: seeds, pictures to train and to test on, passes over them, and how many make a step.

    `tuning` are the passes of arms that begin with the weights of another.
    """

    name: str
    seeds: int
    images: int
    tests: int
    epochs: int
    batch: int = 64
    tuning: float = 0.0


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How every arm is trained: the rate rises in a line over a share of the steps, then falls as a cosine to nothing.

    A gradient whose norm is above `clip` is scaled down to that, where `clip` is not 0.
    """

    optimizer: Literal["sgd", "adamw"] = "sgd"
    rate: float = 0.1
    momentum: float = 0.9
    decay: float = 5e-4
    warmup: float = 0.15
    clip: float = 0.0


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of the log: all that was decided before anything was trained. `source` is "" for the study's own data."""

    schema: int
    study_id: str
    study: str
    started: str
    budget: Budget
    recipe: Recipe
    source: str
    seeds: tuple[int, ...]
    contrasts: tuple[str, ...]
    arms: tuple[Arm, ...]
    machine: Machine
    versions: dict[str, str] = {}
    commit: str = ""
    command: str = ""


class Seeds(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log: the study was gone on with, with these seeds besides."""

    seeds: tuple[int, ...]


class Trial(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One training of one arm with one seed: its measures, and the file of its weights, in the log's folder `weights`.

    `loss` is the mean over the last pass; `params`, `weight_bytes` and `macs` are counted, of one picture; `digest` is of the
    weights. `compression` is all that was done to the network, training included, as the file of the weights says it.
    """

    arm: str
    seed: int
    status: Literal["ok", "failed"] = "ok"
    reason: str = ""
    values: dict[str, float] = {}
    params: int | None = None
    macs: int | None = None
    weight_bytes: int | None = None
    compression: str = "none"
    loss: float | None = None
    seconds: float = 0.0
    steps: int = 0
    weights: str = ""
    digest: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a training process is asked for; `folder` is where the weights go, `config` whose plugins are loaded."""

    study: str
    arm: str
    seed: int
    budget: Budget
    recipe: Recipe
    source: str
    folder: str
    config: str = ""


def needed(contrasts: Iterable[Contrast]) -> list[str]:
    """The arms that these contrasts compare, each once, in order."""
    return list(dict.fromkeys(side.arm for contrast in contrasts for side in (contrast.to, contrast.of)))
