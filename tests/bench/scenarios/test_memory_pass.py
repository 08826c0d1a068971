"""The pass that looks at the memory finds one input in it: a rotation is the harness's doing, and not the network's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef

from vbench import job as jobs
from vbench import worker
from vbench.core import Architecture, Source
from vbench.engines.eager import Eager
from vbench.scenarios import single_stream

if TYPE_CHECKING:
    from collections.abc import Callable

NET = Architecture(
    name="toy/net", build=lambda: None, source=Source(kind="module", value="vbench.engines.eager"), input=(3, 4, 4)
)


class Storages:
    """Which of the storages that were shown to it are alive; a tensor that is a view or an alias of one is the same to it."""

    def __init__(self) -> None:
        self._known: dict[int, StorageWeakRef] = {}

    def show(self, tensor: torch.Tensor) -> None:
        reference = StorageWeakRef(tensor.untyped_storage())
        self._known[reference.cdata] = reference

    def alive(self) -> int:
        return sum(not reference.expired() for reference in self._known.values())


class Shown(torch.nn.Module):
    """Shows its inputs, and keeps what the last one was without keeping its storage."""

    def __init__(self, storages: Storages) -> None:
        super().__init__()
        self._storages = storages
        self.last: list[float] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._storages.show(x)
        self.last = x.flatten().tolist()
        return x.flatten(1)[:, :5] * 2.0


class Watching:
    """A device that writes down how many inputs are alive when its marks are reset and when they are read."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages
        self.seen: list[int] = []

    def reset_peak(self) -> bool:
        self.seen.append(self._storages.alive())
        return True

    def memory(self) -> dict[str, float]:
        self.seen.append(self._storages.alive())
        return {"peak_host_bytes": 1.0}


def _made(bench: Callable[..., Any], workshop: Any, storages: Storages, inputs: list[torch.Tensor], layout: str) -> Any:
    """A bench on the eager engine after a few requests, with nobody else holding its inputs."""
    made = bench(workshop(lambda _: 1), "single-stream", batch=2)
    made.case = msgspec.structs.replace(made.case, layout=layout)
    made.architecture, made.inputs, made.device = NET, inputs, Watching(storages)
    module = Shown(storages)
    made.session = Eager().prepare(module, made.case)
    made.session.load(inputs)
    for tensor in inputs:
        storages.show(tensor)
    for _ in range(3):
        made.session.step()
    return made, module


def _rotation(bench: Callable[..., Any], workshop: Any, *, pictures: bool) -> list[torch.Tensor]:
    inputs = jobs.inputs(bench(workshop(lambda _: 1), "single-stream", batch=2).job, NET)
    # Pictures are decoded into one tensor, of which the inputs are views.
    return list(torch.cat(inputs).split(2)) if pictures else inputs


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("pictures", [False, True])
def test_one_input_is_alive_while_the_peak_is_looked_at(bench: Any, workshop: Any, layout: str, *, pictures: bool) -> None:
    storages = Storages()
    made, module = _made(bench, workshop, storages, _rotation(bench, workshop, pictures=pictures), layout)
    assert storages.alive() == (1 if pictures else 8) + (3 if layout == "nhwc" else 0)  # three of the copies were shown
    assert single_stream.memory(made) == {"peak_host_bytes": 1.0}
    before, after = made.device.seen
    # Before its step nobody has shown the copy that is left; of what was there, nothing is.
    assert (before, after) == (0, 1)
    assert len(module.last) == 2 * 3 * 4 * 4
    made.session.close()


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_the_answer_is_compared_again_on_the_first_input_of_the_rotation(bench: Any, workshop: Any, layout: str) -> None:
    inputs = _rotation(bench, workshop, pictures=False)
    made, module = _made(bench, workshop, Storages(), inputs, layout)
    made.session.load(inputs)
    made.session.step()
    first = list(module.last)
    del inputs
    single_stream.memory(made)
    assert module.last == first, "the one that is left is the first"
    module.last = []
    worker._same_again(made)
    assert module.last == first
    made.session.close()
