"""`vbench evaluate`: the accuracy of networks with given weights, on labelled pictures, measured as their costs are."""

from __future__ import annotations

from .planning import Asked, Begun, begin, continued
from .showing import How, Watcher, execute

__all__ = ["Asked", "Begun", "How", "Watcher", "begin", "continued", "execute"]
