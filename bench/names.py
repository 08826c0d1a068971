"""Names and what they stand for, found by name or by glob; those of architectures may have wrappers behind an @."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Generic, TypeVar

from . import wrappers
from .core import Architecture
from .errors import PluginError, UnknownNameError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .core import Source

T = TypeVar("T")


class Registry(Generic[T]):
    """Names and what they stand for, in order of registration."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._items: dict[str, T] = {}
        self._sources: dict[str, Source] = {}

    def add(self, name: str, item: T, source: Source) -> None:
        """Register `item`; a second registration of a name is a PluginError that names both files."""
        if name in self._items:
            message = f"{self.noun} {name!r} is registered twice: in {self._sources[name]} and in {source}; rename one of them"
            raise PluginError(message)
        self._items[name] = item
        self._sources[name] = source

    def discard(self, name: str) -> None:
        """Forget a name; for tests and for plugins that failed half-way."""
        self._items.pop(name, None)
        self._sources.pop(name, None)

    def get(self, name: str) -> T:
        """The item of that name, or an UnknownNameError with the nearest names."""
        try:
            return self._items[name]
        except KeyError:
            message = f"unknown {self.noun} {name!r}: {nearest(name, self._items)}"
            raise UnknownNameError(message) from None

    def source(self, name: str) -> Source:
        """Where that name was registered."""
        return self._sources[name]

    def match(self, patterns: Iterable[str], exclude: Iterable[str] = ()) -> list[T]:
        """The items whose names match any of the patterns (names or globs), in order, without those excluded.

        A pattern without a wildcard must exist; one with a wildcard may match nothing.
        """
        chosen: dict[str, T] = {}
        for pattern in patterns:
            if any(mark in pattern for mark in "*?["):
                chosen.update({n: i for n, i in self._items.items() if fnmatch.fnmatchcase(n, pattern)})
            else:
                chosen[pattern] = self.get(pattern)
        gone = tuple(exclude)
        return [item for name, item in chosen.items() if not any(fnmatch.fnmatchcase(name, e) for e in gone)]

    def names(self) -> list[str]:
        """All names, in order of registration."""
        return list(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._items.values()))

    def __len__(self) -> int:
        return len(self._items)


class Architectures(Registry[Architecture]):
    """Architectures, each also under its name with wrappers: `resnet/50@upsample:2`, or the glob `resnet/*@upsample:2`."""

    def get(self, name: str) -> Architecture:
        """As in every registry; with wrappers, the architecture inside of them. Raises UsageError for a false wrapper."""
        if "@" not in name:
            return super().get(name)
        return wrappers.derive(super().get(wrappers.bare(name)), wrappers.canonical(name))

    def source(self, name: str) -> Source:
        """Where the architecture was registered, whatever it is wrapped in."""
        return super().source(wrappers.bare(name))

    def match(self, patterns: Iterable[str], exclude: Iterable[str] = ()) -> list[Architecture]:
        """As in every registry; the wrappers of a pattern apply to all that it matches."""
        gone = tuple(exclude)
        chosen: dict[str, Architecture] = {}
        for pattern in patterns:
            base, at, rest = pattern.partition("@")
            for item in super().match([base]):
                found = self.get(f"{item.name}@{rest}") if at else item
                chosen[found.name] = found
        return [item for name, item in chosen.items() if not any(fnmatch.fnmatchcase(name, e) for e in gone)]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(wrappers.bare(name) if isinstance(name, str) else name)
