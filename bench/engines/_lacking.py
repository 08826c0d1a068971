"""Layers for which PyTorch has no kernel in the precision of a case: they compute in fp32, between two casts.

As one deploys such a network by hand: it is cast whole, and what then raises "not implemented for 'BFloat16'" stays in fp32. Only
layers without layers of their own are kept so. Where the call stands in a larger module's forward, the case fails with
PyTorch's own words, since all that the module holds would have to stay too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules import module as hooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

_SAID = re.compile(r'"(\w+)" not implemented for')


def kept(network: nn.Module, call: Callable[[], Any], error: RuntimeError, dtype: torch.dtype) -> dict[str, str]:
    """Keep in fp32 whatever stops `call` for want of a kernel; the paths of those layers, each with the kernel's name.

    `error` is what the call raised. Raises it again where it is another one, or where more than a layer would have to stay.
    """
    found: dict[str, str] = {}
    while True:
        said = _SAID.search(str(error))
        part = None if said is None else _innermost(call)
        if said is None or part is None or next(part.children(), None) is not None:
            raise error
        path = next(name for name, module in network.named_modules() if module is part)
        if path in found:
            raise error
        found[path] = said[1]
        _in_fp32(part, dtype)
        try:
            call()
        except RuntimeError as again:
            error = again
        else:
            return found


def _innermost(call: Callable[[], Any]) -> nn.Module | None:
    """The module that is being called when `call` raises."""
    inside: list[nn.Module] = []

    def leave(*_: object) -> None:
        inside.pop()

    entering = hooks.register_module_forward_pre_hook(lambda part, _: inside.append(part))
    leaving = hooks.register_module_forward_hook(leave)
    try:
        call()
    except RuntimeError:
        return inside[-1] if inside else None
    finally:
        entering.remove()
        leaving.remove()
    return None


def _in_fp32(part: nn.Module, dtype: torch.dtype) -> None:
    part.float()
    part.register_forward_pre_hook(
        lambda _, args, kwargs: (_cast(args, torch.float32), _cast(kwargs, torch.float32)), with_kwargs=True
    )
    part.register_forward_hook(lambda _, __, output: _cast(output, dtype))


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _cast(inner, dtype) for key, inner in value.items()}
    return type(value)(_cast(inner, dtype) for inner in value) if type(value) in {list, tuple} else value
