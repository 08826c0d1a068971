"""The layers of a module that PyTorch calls: what each operator is from a look at its call, and its time from torch's profiler.

Looking at a call takes longer than many a layer, and so nothing is timed meanwhile. The profiler's events are joined to what was
seen by their order: the same module dispatches the same operators. Elsewhere than on the processor each is timed on its own.
"""

from __future__ import annotations

import statistics
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import profiler
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from .. import agreement, kinds
from ..core import Account, Layer
from . import _account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# A profile is of so many runs at least and at most, and ends after so many seconds.
LEAST, MOST, SECONDS = 3, 15, 3.0
# What only takes memory, or gives a tensor another shape without saying that it does.
_STILL = ("empty", "new_empty", "_unsafe_view", "_reshape_alias", "alias", "detach", "lift_fresh")


class _Looking(_account.Recorder):
    """Writes down of each operator what a profile says of it, and its name as the profiler will call it."""

    def __init__(self, module: Any, wait: Callable[[], None], *, tf32: bool) -> None:
        super().__init__(wait, tf32=tf32)
        self.layers: list[Layer] = []
        self.names: list[str] = []
        self._paths = {id(child): path for path, child in module.named_modules()}
        self._scope: list[str] = []

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow the modules as they are entered and left."""
        handles = (
            register_module_forward_pre_hook(lambda module, _: self._scope.append(self._paths.get(id(module), ""))),
            register_module_forward_hook(lambda *_: (self._scope.pop(), None)[1]),
        )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def note(self, one: _account.Ran, func: Any, given: Any, out: Any) -> None:
        """The operator as a layer."""
        args, _ = given
        name = _account.name_of(func)
        written = agreement.tensors(out)
        self.names.append(f"{func.namespace}::{name}")
        self.layers.append(
            Layer(
                path=self._scope[-1] if self._scope else "",
                operator=name.strip("_"),
                kind=_kind(one, name, args),
                precision=one.precision,
                output=tuple(written[0].shape) if written else (),
                macs=one.macs,
                bytes=0 if name.startswith(_STILL) else _bytes([*agreement.tensors(list(given)), *written]),
            )
        )


def account(
    module: Any, inputs: Sequence[torch.Tensor], *, wait: Callable[[], None] = lambda: None, tf32: bool = False
) -> Account:
    """The layers of the module on one of the inputs, each with the median of its time over some runs."""
    # As for the operators: under inference mode composite operators would arrive whole.
    with torch.inference_mode(mode=False), torch.no_grad():
        module(inputs[0])
        looking = _Looking(module, wait, tf32=tf32)
        with looking.following(), looking:
            module(inputs[0])
        on_host = inputs[0].device.type == "cpu"
        runs = _profiled(module, inputs, looking.names) if on_host else None
        name = "torch.profiler"
        if runs is None:
            runs, name = _each(module, inputs, wait, tf32=tf32), "each operator timed on its own, as PyTorch dispatches it"
    layers = [
        Layer(**{**_fields(layer), "seconds": statistics.median(times)})
        for layer, *times in zip(looking.layers, *(run for _, run in runs), strict=True)
    ]
    return Account(layers=tuple(layers), run_s=statistics.median(took for took, _ in runs), runs=len(runs), profiler=name)


def _fields(layer: Layer) -> dict[str, Any]:
    return {name: getattr(layer, name) for name in layer.__struct_fields__}


def repeated(run: Callable[[int], Any]) -> Iterator[Any]:
    """What each run gives, for as many as a profile is of."""
    began = time.perf_counter()
    for number in range(MOST):
        if number >= LEAST and time.perf_counter() - began > SECONDS:
            return
        yield run(number)


def _profiled(module: Any, inputs: Sequence[torch.Tensor], names: Sequence[str]) -> list[tuple[float, list[float]]] | None:
    """Of each run its seconds and those of the operators; None where the profiler saw others than were seen before."""

    def one(number: int) -> tuple[float, list[float] | None]:
        with profiler.profile(activities=[profiler.ProfilerActivity.CPU]) as profile:
            began = time.perf_counter()
            module(inputs[number % len(inputs)])
            took = time.perf_counter() - began
        return took, matched(profile.events(), names)

    found: list[tuple[float, list[float]]] = []
    for took, times in repeated(one):
        if times is None:
            return None
        found.append((took, times))
    return found


def matched(events: Any, names: Sequence[str]) -> list[float] | None:
    """The seconds of these operators among the profiler's events, in order; None where they are not all there.

    What an operator calls is part of it. Others that enclose one, as `conv2d` does `convolution`, are looked into.
    """
    found: list[float] = []

    def visit(event: Any) -> None:
        if len(found) < len(names) and event.name == names[len(found)]:
            found.append(event.time_range.elapsed_us() / 1e6)
            return
        for child in sorted(event.cpu_children, key=_began):
            visit(child)

    for event in sorted((event for event in events if event.cpu_parent is None), key=_began):
        visit(event)
    return found if len(found) == len(names) else None


def _began(event: Any) -> float:
    return float(event.time_range.start)


def _each(
    module: Any, inputs: Sequence[torch.Tensor], wait: Callable[[], None], *, tf32: bool
) -> list[tuple[float, list[float]]]:
    """Every operator timed as it is dispatched, and waited for."""

    def one(number: int) -> tuple[float, list[float]]:
        recorder = _account.Recorder(wait, tf32=tf32)
        began = time.perf_counter()
        with recorder:
            module(inputs[number % len(inputs)])
        wait()
        return time.perf_counter() - began, [ran.seconds or 0.0 for ran in recorder.ran]

    return list(repeated(one))


def _kind(one: _account.Ran, name: str, args: Sequence[Any]) -> str:
    if one.kind == "convolution":
        groups = args[8] if name == "convolution" else next((a for a in args[::-1] if isinstance(a, int)), 1)
        return kinds.of_convolution(tuple(args[1].shape), int(groups))
    if one.kind == "matmul":
        return kinds.LINEAR
    return kinds.MOVEMENT if one.kind == "conversion" else kinds.of_name(name)


def _bytes(tensors: Sequence[torch.Tensor]) -> int | None:
    """What a pass over these tensors touches: an expanded one has fewer bytes than elements."""
    if any(tensor.layout is not torch.strided for tensor in tensors):
        return None
    return sum(min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()) for tensor in tensors)
