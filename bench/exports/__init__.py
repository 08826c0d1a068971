"""What others read: one file for each foreign format. Pure: from what was found to text.

A module of this package that holds a `FORMAT` is one; its name, with dashes, is what `vbench export` calls it.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from ..errors import UnknownNameError, nearest

if TYPE_CHECKING:
    from .format import Format


def formats() -> dict[str, Format]:
    """Every format by its name, in alphabetical order."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {
        module.__name__.rpartition(".")[2].replace("_", "-"): module.FORMAT for module in modules if hasattr(module, "FORMAT")
    }


def find(name: str) -> Format:
    """The format of that name. Raises UnknownNameError with the nearest names."""
    known = formats()
    if name not in known:
        message = f"unknown format {name!r}: {nearest(name, known)}"
        raise UnknownNameError(message)
    return known[name]
