"""The abstract study: what is declared, and the four methods that each study answers itself."""

from __future__ import annotations

import abc
import fnmatch
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import UnknownNameError, UsageError, nearest
from .parts import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from ..reports.charts._points import Drawing
    from .joining import Costs
    from .log import Log
    from .parts import Arm, Budget, Contrast, Job, Measure
    from .training import Data, Trained


class Study(abc.ABC):
    """A set of arms that are trained alike, and what is asked of them.

    Class attributes: `name`, which is its module's; `title`, for people; `measures`, the first being the headline; `arms`;
    `contrasts`; `budgets`, of which "tiny" and "default" must exist; `recipe`; `sources`, the kinds of data it takes besides
    its own, as `cifar10:PATH`; `own`, what its own data is, in a sentence; `columns`, the measures that the table of arms
    shows, all where there are none; and `against`, whether the headline is drawn against what each arm costs.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    own: ClassVar[str]
    measures: ClassVar[tuple[Measure, ...]]
    arms: ClassVar[tuple[Arm, ...]]
    contrasts: ClassVar[tuple[Contrast, ...]]
    budgets: ClassVar[dict[str, Budget]]
    recipe: ClassVar[Recipe] = Recipe()
    sources: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = ()
    against: ClassVar[bool] = True

    @abc.abstractmethod
    def data(self, seed: int, budget: Budget, source: str) -> Data:
        """All pictures of one seed, made anew or read: the same for every arm. `source` is "" for the study's own data.

        Everything about them is a function of the arguments. Raises UsageError for a source that cannot be read.
        """

    @abc.abstractmethod
    def network(self, arm: Arm, data: Data) -> nn.Module:
        """The arm's network for this data, freshly initialised; torch's seed was set just before."""

    @abc.abstractmethod
    def loss(self, arm: Arm, output: Any, target: Tensor) -> Tensor:
        """What a training step makes smaller, a scalar; `target` is a batch of `data.train.targets`."""

    @abc.abstractmethod
    def evaluate(self, arm: Arm, net: nn.Module, data: Data) -> dict[str, float]:
        """The measures of the trained network, which is in evaluation mode, without gradients."""

    def chosen(self, arm: Arm, data: Data) -> Data:
        """The data that this arm is trained on, where arms differ in that; all of it if not overridden."""
        del arm
        return data

    def train(self, arm: Arm, data: Data, job: Job, told: Callable[[float], None]) -> Trained:
        """The arm's trained network: from fresh weights, by the loop that all arms share, if not overridden.

        `told` is given the share that is done.
        """
        from . import training  # noqa: PLC0415 - imports torch

        net = self.network(arm, data)
        return training.fit(self, arm, net, self.chosen(arm, data), job, told)

    def ready(self, inputs: Tensor) -> Tensor:
        """A batch of pictures as networks read it, where `data` keeps them otherwise (as bytes, in a fourth of the memory)."""
        return inputs

    def finished(self, log: Log) -> None:  # noqa: B027 - most have nothing to make
        """Make what the study shows beside its numbers, from the weights, in the log's folder; nothing if not overridden."""

    def drawings(self, log: Log, costs: Costs | None = None) -> Sequence[Drawing]:
        """The study's own charts, from the log, what `finished` made, and costs; none if not overridden. Without torch."""
        del log, costs
        return ()

    def words(self, log: Log) -> str:
        """What the study says besides its tables and sentences, as Markdown; nothing if not overridden. Without torch."""
        del log
        return ""

    def shown(self) -> tuple[Measure, ...]:
        """The measures that the table of arms shows."""
        return tuple(self.measure(name) for name in self.columns) or self.measures

    def check(self, source: str) -> None:
        """Refuse a source of data that this study does not take. Raises UsageError."""
        kind, _, path = source.partition(":")
        if source and (kind not in self.sources or not path):
            takes = ", ".join(f"{name}:PATH" for name in self.sources) or "none but its own"
            message = f"--data {source}: study {self.name} takes {takes}; left out, {self.own}"
            raise UsageError(message)

    def arm(self, name: str) -> Arm:
        """The arm of this name."""
        return next(arm for arm in self.arms if arm.name == name)

    def measure(self, name: str) -> Measure:
        """The measure of this name."""
        return next(measure for measure in self.measures if measure.name == name)

    def select(self, patterns: Sequence[str]) -> tuple[Contrast, ...]:
        """The contrasts that match, all where no pattern is given. Raises UnknownNameError for one that matches none."""
        ids = [contrast.id for contrast in self.contrasts]
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in ids):
                message = f"study {self.name} has no contrast {pattern!r}: {nearest(pattern, ids)}"
                raise UnknownNameError(message)
        return tuple(c for c in self.contrasts if not patterns or any(fnmatch.fnmatchcase(c.id, p) for p in patterns))

    def budget(self, name: str) -> Budget:
        """The budget of this name. Raises UnknownNameError."""
        if name not in self.budgets:
            message = f"--budget {name}: study {self.name} has {', '.join(self.budgets)}"
            raise UnknownNameError(message)
        return self.budgets[name]
