"""Groups with the networks behind them: those of the catalogue and of bench.toml, their members, and their counted ratios."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from . import config as configs
from . import sources
from .errors import UnknownNameError, UsageError, nearest
from .registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .config import Config
    from .core import Architecture
    from .groups import Group, Ratio

FILE = "groups.toml"


def known(config: Config) -> dict[str, Group]:
    """Every group by name: those that come with the catalogue, and those of bench.toml, which take the place of namesakes."""
    folder = _catalogue(config)
    file = folder / FILE if folder is not None else None
    shipped = configs.read(file).groups if file is not None and file.is_file() else {}
    return shipped | config.groups


def _catalogue(config: Config) -> Path | None:
    """The folder of the catalogue that is in use, or would be: finding it imports neither it nor torch."""
    own = next((config.root / plugin for plugin in config.plugins if sources.is_catalogue(config.root / plugin)), None)
    if own is not None:
        return own
    spec = importlib.util.find_spec(sources.CATALOGUE)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(places[0]) if places else None


def find(config: Config, name: str) -> Group:
    """The group of that name. Raises UnknownNameError with the nearest names."""
    groups = known(config)
    if name not in groups:
        message = f"unknown group {name!r}: {nearest(name, groups)} Groups are tables [groups.NAME] in {configs.FILE}"
        raise UnknownNameError(message)
    return groups[name]


def names(config: Config, groups: Iterable[str]) -> tuple[str, ...]:
    """The members of these groups, each once and in order. Raises UnknownNameError for a group or a member that is not there."""
    found = dict.fromkeys(member.label for name in groups for member in members(name, find(config, name)))
    return tuple(found)


def members(name: str, group: Group) -> list[Architecture]:
    """The architectures of a group, in its order.

    Raises UnknownNameError with the nearest names, and UsageError for a compression or a wrapper that is not written as rows show
    it: a report, which knows no compressor, would not find the member's rows.
    """
    found = []
    for member in group.members:
        try:
            found.append(ARCHITECTURES.get(member))
        except UsageError as error:  # of a name that is not there too
            message = f"group {name!r}: {error}"
            raise type(error)(message) from None
        if (label := found[-1].label) != member:
            message = f"group {name!r}: the member {member} is called {label} wherever it is shown: write it so"
            raise UsageError(message)
    return found


def counted(ratios: Iterable[Ratio], count: Callable[[Architecture], object]) -> list[float | None]:
    """Each ratio as it is counted; None where the divisor is 0 or a count is missing. Each network is counted once."""
    counts: dict[str, object] = {}
    found: list[float | None] = []
    for ratio in ratios:
        for name in (ratio.of, ratio.to):
            if name not in counts:
                counts[name] = count(ARCHITECTURES.get(name))
        of, to = (getattr(counts[name], ratio.metric) for name in (ratio.of, ratio.to))
        found.append(of / to if of is not None and to else None)
    return found
