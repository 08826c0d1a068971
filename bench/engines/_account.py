"""What a module runs, operator by operator, as PyTorch dispatches it: for engines that call modules.

The operators are those that reach the device, below autograd: a call of the module is watched, and each is timed on its own. Its
MACs are by the formulas of torch's own flop counter.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils import flop_counter
from torch.utils._python_dispatch import TorchDispatchMode  # the documented name of a mode; it has no public path

from ..core import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NAMES = {
    torch.float32: "fp32", torch.float64: "fp64", torch.bfloat16: "bf16", torch.float16: "fp16", torch.int8: "int8",
    torch.uint8: "int8",
}  # fmt: skip
# What moves values into another format and computes nothing, where the format does change.
_MOVES = frozenset({"_to_copy", "copy_", "clone", "contiguous", "to_mkldnn", "mkldnn_reorder_conv2d_weight"})


class Ran(NamedTuple):
    """One operator of one run of the whole batch, in the order in which it ran."""

    kind: str
    precision: str
    macs: int
    seconds: float | None


def grouped(ran: Iterable[Ran], batch: int) -> tuple[Operator, ...]:
    """Operators that are alike together; the first and the last that has MACs stand alone."""
    found = list(ran)
    products = [index for index, one in enumerate(found) if one.macs]
    groups: dict[tuple[str, str, str], list[Ran]] = {}
    for index, one in enumerate(found):
        place = "" if index not in (products[:1] + products[-1:]) else "first" if index == products[0] else "last"
        groups.setdefault((one.kind, one.precision, place), []).append(one)
    return tuple(
        Operator(
            kind=kind, precision=precision, place=place,  # type: ignore[arg-type]  # one of the literals by construction
            count=len(same), macs=sum(one.macs for one in same) // batch, seconds=_together(one.seconds for one in same),
        )
        for (kind, precision, place), same in groups.items()
    )  # fmt: skip


def of_module(
    module: Callable[[Any], Any], images: torch.Tensor, *, wait: Callable[[], None] = lambda: None, tf32: bool = False
) -> tuple[Operator, ...]:
    """The operators of one call of the module on `images`; `wait` waits for the device, and `tf32` says that it multiplies so."""
    # Under inference mode composite operators would arrive whole, and not as what they are made of.
    with torch.inference_mode(mode=False), torch.no_grad():
        module(images)  # what the first call alone does is no part of the account
        recorder = Recorder(wait, tf32=tf32)
        with recorder:
            module(images)
    return grouped(recorder.ran, len(images))


class Recorder(TorchDispatchMode):
    """Writes down every operator that computes or moves something."""

    def __init__(self, wait: Callable[[], None], *, tf32: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # of PyTorch
        self.ran: list[Ran] = []
        self._wait = wait
        self._tf32 = tf32

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        kwargs = kwargs or {}
        self._wait()
        began = time.perf_counter()
        out = func(*args, **kwargs)
        self._wait()
        seconds = time.perf_counter() - began
        if not func.is_view:
            macs = macs_of(func, args, kwargs, out)
            precision = _precision(args, out)
            if macs and self._tf32 and precision == "fp32":
                precision = "tf32"
            one = Ran(_kind(name_of(func), args, out, macs), precision, macs, seconds)
            self.ran.append(one)
            self.note(one, func, (args, kwargs), out)
        return out

    def note(self, one: Ran, func: Any, given: Any, out: Any) -> None:
        """For those who write down more of an operator: the call itself."""


def macs_of(func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> int:
    """Multiply-accumulates of a product; 0 for everything else."""
    rule = flop_counter.flop_registry.get(func.overloadpacket)
    if rule is not None:
        return int(rule(*args, **kwargs, out_val=out)) // 2
    name = name_of(func)
    if name in {"mv", "dot", "addmv", "addr"}:  # for which torch has no formula: a matrix or a vector with a vector
        return int(args[-2].numel())
    if name == "linear":
        return int(args[0].numel() * args[1].shape[0])
    if name == "_scaled_dot_product_flash_attention_for_cpu":
        return int(flop_counter.sdpa_flop_count(*(tensor.shape for tensor in args[:3]))) // 2
    return 0


def name_of(func: Any) -> str:
    """An operator's name without its namespace and its overload."""
    return str(func.overloadpacket.__name__)


def _kind(name: str, args: Sequence[Any], out: Any, macs: int) -> str:
    if macs:
        return "convolution" if "conv" in name else "matmul"
    if name in _MOVES and isinstance(out, torch.Tensor):
        source = args[1] if name == "copy_" else args[0]
        if (source.dtype, source.device) != (out.dtype, out.device) or _order(source) != _order(out):
            return "conversion"
    return name.strip("_").lower()


def _order(tensor: torch.Tensor) -> Sequence[int]:
    """The dimensions from the one that is farthest apart in memory to the nearest; those of one element say nothing."""
    if tensor.layout is not torch.strided:
        return ()
    strides = [
        (stride, index) for index, (stride, size) in enumerate(zip(tensor.stride(), tensor.shape, strict=True)) if size > 1
    ]
    return [index for _, index in sorted(strides, reverse=True)]


def _precision(args: Sequence[Any], out: Any) -> str:
    """In which type it computes: that of its first floating-point operand, else of its first tensor, of its result at last."""
    nested = (arg if isinstance(arg, list | tuple) else (arg,) for arg in (*args, out))
    tensors = [value for value in chain.from_iterable(nested) if isinstance(value, torch.Tensor)]
    dtype = next((t.dtype for t in tensors if t.is_floating_point()), tensors[0].dtype if tensors else torch.float32)
    return NAMES.get(dtype, str(dtype).removeprefix("torch."))


def _together(seconds: Iterable[float | None]) -> float | None:
    """The sum, where every part is known."""
    known = list(seconds)
    return None if any(second is None for second in known) else sum(second for second in known if second is not None)
