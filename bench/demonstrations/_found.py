"""What every demonstration is given, and what it returns."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core import Architecture


class Subject(NamedTuple):
    """The architecture that something is shown of, and the seed of its weights and inputs."""

    architecture: Architecture
    seed: int


class Found(NamedTuple):
    """What a demonstration found."""

    values: Mapping[str, float]
    states: Mapping[str, tuple[float, ...]] = MappingProxyType({})
