"""The first count: run a module once without values and write down every operator that it executes.

On the meta device tensors have shapes and no memory, so this costs milliseconds and no arithmetic for any network.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from torch import Tensor, nn
from torch._C import DisableTorchFunction
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from .liveness import Ledger, tensors, without_collector
from .rules import Kind, kind_of, product_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Shape = tuple[int, ...]


class Operator(msgspec.Struct, frozen=True):
    """One executed operator.

    `scope` names the modules that it ran in, outermost first (`""` is the network itself). `macs` is 0 unless the kind is
    `product`; `elements` is the number of elements of its first output.
    """

    name: str
    kind: Kind
    scope: tuple[str, ...]
    signature: str
    output: Shape
    elements: int
    macs: int
    counts: bool


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """What one forward pass executed, at batch 1 unless another was asked for; every number is that of the whole batch.

    `peak_activation_bytes` is the largest sum of live bytes at an operator's end, weights excluded; `bytes_moved` what the
    operators read and wrote. Both are None where a tensor without a plain storage took part.

    `digest` stands for the sequence of operators with their shapes, types and other arguments: equal digests are equal
    work. `modules` maps the path of each module that ran to the shape of its first output, in order of execution.
    """

    macs: int
    other_ops: int
    activations: int
    operators: dict[str, int]
    uncounted_ops: dict[str, int]
    peak_activation_bytes: int | None
    bytes_moved: int | None
    digest: str
    records: tuple[Operator, ...]
    modules: dict[str, Shape]


def walk(module: nn.Module, shape: Shape, *, device: str = "meta", batch: int = 1) -> Walk:
    """Count one forward pass of `module` on an input of shape `(batch, *shape)`, which is alive all the while.

    The module must be on `device`, and is put into eval mode. What a forward pass creates without naming a device is
    created there too. Whatever the forward pass raises is passed on: on the meta device that is the usual fate of a
    network whose shapes depend on values.
    """
    module.eval()
    with torch.no_grad(), torch.device(device), plain_attention(), without_collector():
        recorder, ledger = _forward(module, shape, device, batch)
        # What outlives the forward pass is either the network's own, such as a table that it makes once and keeps, or it
        # hangs on the frame of something that was imported on the way. Neither is so in the passes that follow.
        _, lasting = _forward(module, shape, device, batch) if ledger.left() else (recorder, ledger)
    return _summed(recorder, lasting)


def _forward(module: nn.Module, shape: Shape, device: str, batch: int) -> tuple[_Recorder, Ledger]:
    inputs = torch.zeros(batch, *shape, dtype=dtype_of(module))
    ledger = Ledger(module, inputs)
    recorder = _Recorder({id(child): path for path, child in module.named_modules()}, ledger, meta=device == "meta")
    with recorder.following(), recorder:
        output = module(inputs)
    ledger.starts()
    # Held to the last operator's end, as a caller does; a linter cannot see that.
    del output
    return recorder, ledger


def _summed(recorder: _Recorder, ledger: Ledger) -> Walk:
    records = tuple(recorder.records)
    return Walk(
        macs=sum(record.macs for record in records),
        other_ops=sum(record.elements for record in records if record.kind == "other" and record.counts),
        activations=sum(record.elements for record in records if record.kind == "product"),
        operators=dict(Counter(record.name for record in records)),
        uncounted_ops=dict(Counter(record.name for record in records if record.kind == "unknown")),
        peak_activation_bytes=ledger.peak(),
        bytes_moved=ledger.moved(),
        digest=hashlib.sha256("\n".join(record.signature for record in records).encode()).hexdigest(),
        records=records,
        modules=recorder.modules,
    )


def _batch_norm(x: Tensor, *rest: object) -> object:
    training = rest[4]
    if training:
        return torch.ops.aten.native_batch_norm.default(x, *rest)
    return torch.empty_like(x), x.new_empty(0), x.new_empty(0)


# What these operators give on the meta device, without asking torch, whose answer for one batch norm in Python takes
# milliseconds: half the time of the whole walk. A test holds these to what torch answers.
SHORTCUTS: dict[str, Callable[..., Any]] = {
    "aten.native_batch_norm.default": _batch_norm,
    "aten.relu_.default": lambda x: x,
}


class _Recorder(TorchDispatchMode):
    """Write down each operator on its way to the kernel, and the modules that it runs in."""

    supports_higher_order_operators = True

    def __init__(self, paths: dict[int, str], ledger: Ledger, *, meta: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no types
        self.records: list[Operator] = []
        self.modules: dict[str, Shape] = {}
        self._paths = paths
        self._ledger = ledger
        self._scope: list[str] = []
        self._rules = product_rules()
        self._meta = meta

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow the modules as they are entered and left."""
        handles = (register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._leave))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, _: object) -> None:
        path = self._paths.get(id(module), "")
        self._scope.append(path)
        self.modules.setdefault(path, ())

    def _leave(self, _: nn.Module, __: object, output: object) -> None:
        self.modules[self._scope.pop()] = _first_shape(output)

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> object:
        kwargs = kwargs or {}
        full = str(func)
        name = full.rpartition(".")[0]
        rule = self._rules.get(name)
        kind: Kind = "product" if rule else kind_of(func)
        if kind == "unknown" and isinstance(func, torch._ops.OpOverload):  # noqa: SLF001 - its only home
            # Under inference mode composite operators arrive whole; their parts are what executes, and are recorded instead.
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        # Asking a tensor for its shape goes through the context of the default device, at ten times the cost, unless that is off.
        with DisableTorchFunction():
            # Written down before the call, since an operator in place may change the shapes that it was given.
            signature = f"{full}({_render(args)}, {_render(sorted(kwargs.items()))})"
            read = tensors(args, kwargs)
            self._ledger.starts()
        shortcut = SHORTCUTS.get(full) if self._meta else None
        output = shortcut(*args) if shortcut else func(*args, **kwargs)
        with DisableTorchFunction():
            written = tensors(output)
            first = written[0] if written else None
            self._ledger.ends(func, read, written)
            record = Operator(
                name=name,
                kind=kind,
                scope=tuple(self._scope),
                signature=signature,
                output=() if first is None else tuple(first.shape),
                elements=0 if first is None else first.numel(),
                macs=rule(*args, **kwargs, out_val=output) // 2 if rule else 0,
                # Arithmetic on indices and masks is bookkeeping, not the network's work.
                counts=first is not None and (first.is_floating_point() or first.is_complex()),
            )
        self.records.append(record)
        return output


@contextmanager
def plain_attention() -> Iterator[None]:
    """Keep nn.MultiheadAttention from its fused path: that is one operator, which no counter can see into."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(value=before)


def dtype_of(module: nn.Module) -> torch.dtype:
    """The type of the inputs that a module takes: that of its first parameter with a point."""
    return next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)


def _render(value: object) -> str:
    """Write an argument so that equal work reads equal: no addresses, and no device, since meta stands for all of them."""
    match value:
        case Tensor():
            return f"{value.dtype}{tuple(value.shape)}"
        case list() | tuple():
            return f"[{', '.join(map(_render, value))}]"
        case torch.device():
            return "device"
        case None | bool() | int() | float() | complex() | str() | torch.dtype() | torch.layout() | torch.memory_format():
            return repr(value)
        case _:
            return type(value).__name__


def _first_shape(value: object) -> Shape:
    found = tensors(value)
    return tuple(found[0].shape) if found else ()
