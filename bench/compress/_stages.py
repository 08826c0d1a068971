"""Compression as who trains in between needs it: one step of a compressor at a time, on a network that is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .. import compression, data, weights
from ..errors import UsageError
from ..lineage import Lineage, Written
from ..registry import ARCHITECTURES, COMPRESSORS
from . import _choice, _follow, _kept
from ._check import without_numbers
from ._layers import layers as single
from ._task import Task, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import nn

    from ..compression import Step
    from ..core import Architecture
    from ._container import Coding

put = _kept.put
__all__ = [
    "Layer", "Part", "Stage", "Train", "begin", "done", "layers", "put", "stages", "task", "without_numbers", "written",
]  # fmt: skip


class Part(NamedTuple):
    """A compressor's work: one of its `steps`, `number` of `of`, or all of it, which is 1 of 1."""

    step: Step
    number: int = 1
    of: int = 1


class Train(NamedTuple):
    """Training with these options; `number` of `of` parts that share the passes that they say."""

    options: dict[str, Any]
    number: int = 1
    of: int = 1

    def steps(self, a_pass: int) -> int:
        """How many steps of the optimiser it has, where a pass has so many: together the parts have what all at once would."""
        every = max(1, round(float(self.options["epochs"]) * a_pass))
        return max(1, round(every * self.number / self.of) - round(every * (self.number - 1) / self.of))


Stage = Part | Train


class Layer(NamedTuple):
    """What can be made smaller alone: the layer's path, all that share its channels, and the least ratio that takes something."""

    name: str
    members: tuple[str, ...]
    least: float = 0.0


def stages(steps: list[Step]) -> list[Stage]:
    """What is to be done, in order. A compressor with `steps` right before a training takes turns with it.

    So the passes of the training are shared by the steps evenly, and in all there are as many as without steps.
    """
    found: list[Stage] = []
    for place, step in enumerate(steps):
        if step.name == compression.FINETUNE:
            options = compression.filled(step, ARCHITECTURES.options(step.name))
            before = steps[place - 1] if place else None
            count = 1 if before is None else int(before.options.get("steps", 1))
            if before is None or count == 1 or before.name == compression.FINETUNE:
                found.append(Train(options))
                continue
            found.pop()
            for number in range(1, count + 1):
                found += [Part(before, number, count), Train(options, number, count)]
        else:
            found.append(Part(step))
    return found


def begin(architecture: Architecture, seed: int) -> tuple[nn.Module, nn.Module, Lineage | None]:
    """The network with the weights of its file: whole, in the shapes of the file, and what the file says of itself."""
    make = architecture.build
    if isinstance(make, weights.Fitted) and make.lineage is not None:
        whole, module = _kept.build(make, seed)
        return whole, module, make.lineage
    module, _ = data.build(make, seed, make.load if isinstance(make, weights.Fitted) else None)
    return module, module, None


def done(module: nn.Module, part: Part, whole: nn.Module, task: Task) -> nn.Module:
    """The module after this part, changed in place; `whole` is the network before the compressor's first.

    Raises VbenchError with the compressor's reason where it cannot be done.
    """
    kind = COMPRESSORS.get(part.step.name)()
    options = compression.filled(part.step, kind.options)
    one: Any = kind  # who has the option `steps` has `part` too
    if part.of == 1:
        return checked(part.step.name, lambda: one.apply(module, task, **options))
    return checked(part.step.name, lambda: one.part(module, task, part.number, whole, **options))


def task(
    architecture: Architecture, seed: int, images: str = "", pictures: Callable[[int], torch.Tensor] | None = None,
    *, step: Step | None = None,
) -> Task:  # fmt: skip
    """What a compressor is told; `pictures` gives those that it looks at, where they are at hand. Nothing is kept of it.

    A step that says `data=noise` gets noise, whatever is at hand.
    """
    said = {} if step is None else compression.filled(step, COMPRESSORS.get(step.name).options)
    noise = said.get("data") == compression.NOISE
    found = Task(architecture, seed, images, noise=noise)
    if pictures is not None and not noise:

        def given(count: int) -> torch.Tensor:
            found.note("data", f"{count} of the pictures that are trained on")
            return pictures(count)

        found.pictures = given  # type: ignore[method-assign]  # in place of smooth ones
    return found


def written(given: Mapping[str, Coding]) -> dict[str, Written]:
    """The codings as a file's lineage has them."""
    return {name: Written(one.kind, one.bits, one.index_bits) for name, one in given.items()}


def layers(architecture: Architecture, name: str) -> list[Layer]:
    """The layers that a compressor can be told to work on alone, in the order in which they run.

    Of structured pruning those that share channels count once. Raises UsageError for a compressor without `only`.
    """
    kind = COMPRESSORS.get(name)
    if "only" not in {option.name for option in kind.options}:
        able = [other for other in COMPRESSORS.names() if "only" in {o.name for o in COMPRESSORS.get(other).options}]
        message = f"--sensitivity {name}: it works on all layers at once; those that take one alone: {', '.join(able)}"
        raise UsageError(message)
    whole, module, _ = begin(architecture, 0)
    del whole
    if not hasattr(kind, "scores"):
        paths = [one.name.rpartition(".")[0] for one in single(module)]
        return [Layer(path, (path,)) for path in paths]
    followed = _follow.follow(module, architecture.input)
    order = [layer.makes.tensor.rpartition(".")[0] for layer in followed.layers]
    groups = sorted(_choice.groups(followed), key=lambda group: order.index(group.layers[0]))
    return [Layer(group.layers[0], tuple(group.layers), 1 / len(group.units)) for group in groups if len(group.units) > 1]
