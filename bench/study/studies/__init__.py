"""The studies, a module each, found by looking; a module that begins with an underscore is a study's own."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from ...errors import UnknownNameError, nearest

if TYPE_CHECKING:
    from ..base import Study


def known() -> list[str]:
    """The studies by name."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def find(name: str) -> Study:
    """The study of this name. Raises UnknownNameError where there is none."""
    if name not in known():
        message = f"unknown study {name!r}: {nearest(name, known())}; `vbench study` lists them"
        raise UnknownNameError(message)
    study: Study = importlib.import_module(f".{name}", __name__).STUDY
    return study
