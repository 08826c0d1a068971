"""The architectures of a lecture on advanced vision architectures: one file per paper, and a plugin like any other.

Shared layers stand in `_blocks.py`. The package is callable, so that `vbench.architectures()` lists what can be measured.
"""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING

if __name__ != "vbench.architectures":
    message = f"this catalogue is imported as `vbench.architectures`, never as `{__name__}`: `pip install -e .` first"
    raise ImportError(message)

import vbench

if TYPE_CHECKING:
    from vbench import Architecture


class _Catalogue(types.ModuleType):
    def __call__(self, *patterns: str, exclude: tuple[str, ...] = ()) -> list[Architecture]:
        """All architectures whose names match the patterns (default: all), plugins included."""
        return vbench.catalogue(*patterns, exclude=exclude)


sys.modules[__name__].__class__ = _Catalogue
