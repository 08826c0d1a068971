"""Networks that are named by what builds them: `package.module:function`, and the names of other packages."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from . import libraries
from .core import Architecture
from .errors import UsageError
from .registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from .core import Source


def register(source: Source) -> None:
    """Register the network that a source of the kind `import` names. Raises UsageError where there is none."""
    shape = tuple(int(size) for size in source.part.split("x"))
    if libraries.has(source.value):
        found = libraries.architecture(source, shape)
        ARCHITECTURES.add(source.value, found, found.source)
        return
    build = _resolve(source.value)
    code = getattr(build, "__code__", None) or getattr(build.__init__, "__code__", None)
    if code is not None:
        source = msgspec.structs.replace(source, file=code.co_filename, line=code.co_firstlineno)
    ARCHITECTURES.add(source.value, Architecture(name=source.value, build=build, source=source, input=shape), source)


def _already(name: str) -> ModuleType | None:
    """The module of that name where it is loaded as a plugin file: executed again, it would register everything twice."""
    spec = importlib.util.find_spec(name)
    origin = spec.origin if spec is not None else None
    loaded = [m for key, m in list(sys.modules.items()) if key.startswith("vbench_plugin_")]
    return next((m for m in loaded if origin and getattr(m, "__file__", None) == origin), None)


def _resolve(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    found: Any = _already(module) or importlib.import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            known = [n for n in vars(found) if callable(getattr(found, n)) and not n.startswith("_")]
            message = f"{path}: {module} has no {part!r}; it has {', '.join(sorted(known)) or 'nothing callable'}"
            raise UsageError(message)
        found = getattr(found, part)
    if not callable(found):
        message = f"{path} is not callable; name a function or a class that returns a torch.nn.Module"
        raise UsageError(message)
    function: Callable[..., Any] = found
    return function
