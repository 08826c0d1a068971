"""The engines that come with vbench: one file each, registered like a plugin's.

An engine class may set `builds = False` when it needs no network (the fake one), `reference = True` when it is what the
others are compared with, and `trains = True` when it also prepares cases of the phase `train`. Such a session's step is a
whole training step that changes the module that it was given, in place; `training` defines it, and has one for engines
that call the module. `options` are the flags that it has (`cold-cache`, `cuda-graph`), and `modes` its options, each with the
values that it takes, the default first: `--engine 'NAME[key=value]'`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from ..core import Source
from ..registry import ENGINES, loading

if TYPE_CHECKING:
    from ..interfaces import Engine


@cache
def load_builtin() -> None:
    """Import every engine of this folder, so that it registers itself."""
    for module in pkgutil.iter_modules(__path__):
        name = f"{__name__}.{module.name}"
        with loading(Source(kind="module", value=name)):
            importlib.import_module(name)


def builtin() -> dict[str, Source]:
    """Where the engines that come with vbench are loaded from; the same for every environment that runs this harness."""
    load_builtin()
    sources = {name: ENGINES.source(name) for name in ENGINES.names()}
    return {name: source for name, source in sources.items() if source.value.startswith(f"{__name__}.")}


def known() -> dict[str, Engine | str]:
    """Every registered engine: an instance, or the line that says why it cannot run here."""
    load_builtin()
    found: dict[str, Engine | str] = {}
    for name in ENGINES.names():
        try:
            engine = ENGINES.get(name)()
            engine.version()
        except Exception as error:  # noqa: BLE001 - one engine, perhaps a plugin's, must not take the others along
            text = " ".join(str(error).split()) or f"{name} is not installed"
            found[name] = text if isinstance(error, ImportError) else f"{type(error).__name__}: {text}"
        else:
            found[name] = engine
    return found
