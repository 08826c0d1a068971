"""Names and what they stand for, found by name or by glob; behind an @ architectures have wrappers and compressors."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import compression, wrappers
from .core import Architecture
from .errors import PluginError, UnknownNameError, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
    """Architectures, each also under its name with wrappers and compressors: `resnet/50@upsample:2`, `resnet/*@l1-filter:0.5`."""

    def __init__(self, noun: str, compressors: Registry[Any]) -> None:
        super().__init__(noun)
        self._compressors = compressors

    def get(self, name: str) -> Architecture:
        """As in every registry; with wrappers, the architecture inside of them; with compressors, the smaller network.

        Raises UsageError for what is neither.
        """
        if "@" not in name:
            return super().get(name)
        inside, smaller = wrappers.parted(name)
        found = super().get(wrappers.bare(name))
        if "@" in inside:
            found = wrappers.derive(found, wrappers.canonical(inside))
        return self._compressed(found, "+".join(smaller), name) if smaller else found

    def options(self, name: str) -> Sequence[compression.Option]:
        """What the compressor of that name takes. Raises UnknownNameError with the nearest names."""
        from . import compress  # what comes with vbench registers itself when a name asks for it  # noqa: PLC0415

        compress.load_builtin()
        found: Sequence[compression.Option] = self._compressors.get(name).options
        return found

    def _compressed(self, found: Architecture, text: str, name: str) -> Architecture:
        try:
            written = compression.canonical(text, self.options)
        except UnknownNameError:
            words = [word for word, _ in compression.split(text) if word not in self._compressors]
            known = [*wrappers.WRAPPERS, *self._compressors.names()]
            message = f"{name}: {words[0]!r} is neither a wrapper nor a compressor: {nearest(words[0], known)}"
            raise UsageError(message) from None
        except UsageError as error:
            message = f"{name}: {error}"
            raise UsageError(message) from None
        from . import compress  # as above  # noqa: PLC0415

        return compress.derive(found, written)

    def source(self, name: str) -> Source:
        """Where the architecture was registered, whatever it is wrapped in or made into."""
        return super().source(wrappers.bare(name))

    def match(self, patterns: Iterable[str], exclude: Iterable[str] = ()) -> list[Architecture]:
        """As in every registry; the wrappers and compressors of a pattern apply to all that it matches."""
        gone = tuple(exclude)
        chosen: dict[str, Architecture] = {}
        for pattern in patterns:
            base, at, rest = pattern.partition("@")
            for item in super().match([base]):
                found = self.get(f"{item.name}@{rest}") if at else item
                chosen[found.label] = found
        return [item for label, item in chosen.items() if not any(fnmatch.fnmatchcase(label, e) for e in gone)]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(wrappers.bare(name) if isinstance(name, str) else name)
