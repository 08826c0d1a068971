"""Goes through the stages of a compression, training included, and can be stopped and taken up at any step."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec
import torch
from safetensors.torch import save_file

from .. import lineage
from ..compress import _stages as stages
from ..errors import VbenchError
from ..lineage import Lineage, Written
from . import held
from .loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from ..compress._stages import Stage
    from ..core import Architecture


class Feed(Protocol):
    """The pictures to train on, and their classes."""

    def steps(self, batch: int) -> int:
        """How many steps of so many pictures a pass over them has, one at least."""

    def batches(self, options: dict[str, Any], number: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches without end, from the step `start` of the training that is the `number`th of the stages.

        They are a function of these alone.
        """


class Begin(NamedTuple):
    """What a tuner starts from: the network as it was before its compressors, and as it is now, with what is known of it."""

    whole: nn.Module
    net: nn.Module
    written: dict[str, Written]
    values: dict[str, float]
    notes: dict[str, str]


def begin(architecture: Architecture, seed: int) -> Begin:
    """The architecture with the weights of its file, or of the seed."""
    whole, net, known = stages.begin(architecture, seed)
    if known is None:
        return Begin(whole, net, {}, {}, {})
    return Begin(whole, net, dict(known.written), dict(known.values), dict(known.notes))


class Tuner:
    """The network on its way through the stages.

    `net` is as far as it came, in evaluation mode when it is done; `done` of `total` steps of trainings are, and `loss` is that
    of the last one. `pictures` gives compressors those that they look at, where these are not `images` or smooth ones.
    """

    def __init__(  # noqa: PLR0913 - what is trained, on what, and how
        self, architecture: Architecture, given: Begin, todo: Sequence[Stage], feed: Feed, *, seed: int = 0, images: str = "",
        device: str = "cpu", pictures: Callable[[int], Tensor] | None = None,
    ) -> None:  # fmt: skip
        self.net, self.at, self.total, self.done = given.net, 0, 0, 0
        self.written, self.values, self.notes = dict(given.written), dict(given.values), dict(given.notes)
        self._architecture, self._todo, self._feed, self._seed, self._images = architecture, list(todo), feed, seed, images
        self._device, self._pictures = torch.device(device), pictures
        self._whole = stages.without_numbers(given.whole)
        self._loop: Loop | None = None
        self.loss: float | None = None
        self._batches: Iterator[tuple[Tensor, Tensor]] = iter(())
        self._steps = [self._count(stage) for stage in self._todo]
        self.total = sum(self._steps)

    def _count(self, stage: Stage) -> int:
        return 0 if isinstance(stage, stages.Part) else stage.steps(self._feed.steps(stage.options["batch"]))

    @property
    def trainings(self) -> int:
        """How many of its stages are trainings."""
        return sum(isinstance(stage, stages.Train) for stage in self._todo)

    @property
    def training(self) -> bool:
        """Whether what comes next is a step of a training."""
        return not self.finished and isinstance(self._todo[self.at], stages.Train)

    @property
    def finished(self) -> bool:
        """Whether all stages are done."""
        return self.at == len(self._todo)

    def advance(self) -> None:
        """Do what a compressor does next, or one step of a training. Raises VbenchError where that cannot be done."""
        stage = self._todo[self.at]
        if isinstance(stage, stages.Part):
            self._compress(stage)
            self.at += 1
            return
        if self._loop is None:
            self._train(stage)
        loop = self._loop
        assert loop is not None  # noqa: S101 - made above
        inputs, targets = next(self._batches)
        loop.one(inputs.to(self._device), targets.to(self._device))
        self.done, self.loss = self.done + 1, loop.loss
        if loop.step == loop.steps:
            self.net, self._loop = self.net.eval().to("cpu"), None
            self.at += 1

    def _compress(self, part: stages.Part) -> None:
        task = stages.task(self._architecture, self._seed, self._images, self._pictures, step=part.step)
        whole = self.net if part.number == 1 else self._whole
        if part.number == 1 and part.of > 1:
            self._whole = stages.without_numbers(self.net)
        later = any(isinstance(stage, stages.Train) for stage in self._todo[self.at :])
        before = {name: p.detach().clone() for name, p in self.net.named_parameters()} if later else {}
        self.net = stages.done(self.net.eval(), part, whole, task)
        _refuse_undone(self.net, part.step.name, before, task.codings)
        self.written.update(stages.written(task.codings))
        for name, number in task.values.items():
            self.values[name] = self.values.get(name, 0.0) + number
        self.notes.update({f"{part.step.name} {key}": text for key, text in task.notes.items()})

    def _train(self, stage: stages.Train, state: dict[str, Any] | None = None) -> None:
        self.net = self.net.to(self._device)
        hold = held.begin(self.net, self.written, None if state is None else state["held"])
        if state is None:
            # What a network draws in training, as in dropout, is a function of the recipe too.
            torch.manual_seed(stage.options["seed"] + self.at)
        self._loop = Loop(self.net, hold, stage.options, self._steps[self.at])
        if state is not None:
            self._loop.load(state)
        self._batches = self._feed.batches(stage.options, self.at, self._loop.step)

    def save(self, path: Path, key: str) -> None:
        """Put all of it on disk, whole or not at all; `key` says of what it is the state. May raise OSError."""
        state = {
            "key": key, "at": self.at, "done": self.done, "net": self.net.state_dict(), "whole": self._shapes(),
            "known": msgspec.json.encode((self.written, self.values, self.notes)).decode(),
            "loop": None if self._loop is None else self._loop.state(), "rng": torch.get_rng_state(),
        }  # fmt: skip
        part = path.with_name(f"{path.name}.part")
        torch.save(state, part)
        part.replace(path)

    def _shapes(self) -> dict[str, list[int]]:
        return {name: list(tensor.shape) for name, tensor in self._whole.state_dict().items()}

    def restore(self, path: Path, key: str) -> bool:
        """Go on from what is on disk; False where nothing is, or what is there is of something else or damaged."""
        if not path.is_file():
            return False
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            if state["key"] != key:
                return False
        except Exception:  # noqa: BLE001 - torch raises a dozen kinds for a file that is cut; then it begins anew
            return False
        self.net = stages.put(self.net, state["net"])
        self._whole = stages.put(self._whole, {n: torch.empty(shape, device="meta") for n, shape in state["whole"].items()})
        self.at, self.done = int(state["at"]), int(state["done"])
        known = msgspec.json.decode(state["known"], type=tuple[dict[str, Written], dict[str, float], dict[str, str]])
        self.written, self.values, self.notes = known
        if state["loop"] is not None:
            stage = self._todo[self.at]
            assert isinstance(stage, stages.Train)  # noqa: S101 - nothing else has a loop
            self._train(stage, state["loop"])
        torch.set_rng_state(state["rng"])
        return True

    def lineage(self, compression: str, of: str, data: str) -> Lineage:
        """What a file of the network's weights says of itself."""
        return Lineage(
            architecture=self._architecture.name.partition("@")[0], compression=compression, of=of, data=data,
            written=self.written, values=self.values, notes=self.notes,
        )  # fmt: skip


def _refuse_undone(net: nn.Module, name: str, before: Mapping[str, Tensor], said: Collection[str]) -> None:
    """Raise VbenchError where a compressor has changed weights in their places and says nothing of what they are now.

    Training would undo that, and the row would name a compression that is none.
    """
    for path, now in net.named_parameters():
        was = before.get(path)
        if was is not None and path not in said and was.shape == now.shape and not torch.equal(was, now.detach()):
            message = (
                f"finetune: {name} changed {path} and does not say how it is written, so training would undo it: leave out "
                "--finetune, or let it say so with work.written"
            )
            raise VbenchError(message)


def write(net: nn.Module, path: Path, known: Lineage) -> str:
    """Write the network's weights as safetensors, whole or not at all, and give the digest of what they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Tied tensors are written under each of their names, which the format allows for copies only.
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in net.state_dict().items()}
    part = path.with_name(f"{path.name}.part")
    save_file(state, part, metadata=lineage.metadata(known))
    part.replace(path)
    return digest(state)


def digest(state: dict[str, Tensor]) -> str:
    """What the numbers are, by name."""
    found = hashlib.sha256()
    for name in sorted(state):
        found.update(name.encode())
        found.update(state[name].detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
