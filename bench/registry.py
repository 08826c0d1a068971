"""One registry for everything that a plugin can add: architectures, engines, metrics.

Nothing is special-cased: the lecture catalogue is loaded by the same entry point as a stranger's package. A name that
is registered twice is an error that names both places.
"""

from __future__ import annotations

import fnmatch
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .core import Accuracy, Architecture, Metric, Paper, Preprocess, Source
from .errors import PluginError, UnknownNameError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .interfaces import Engine

T = TypeVar("T")
E = TypeVar("E", bound=type)
F = TypeVar("F", bound="Callable[..., Any]")

# The plugin that is being loaded right now, so that what it registers can be loaded again in a worker.
_loading: ContextVar[Source | None] = ContextVar("vbench_loading", default=None)


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


ARCHITECTURES: Registry[Architecture] = Registry("architecture")
ENGINES: Registry[type[Engine]] = Registry("engine")
METRICS: Registry[Metric] = Registry("metric")


@contextmanager
def loading(source: Source) -> Iterator[None]:
    """Everything registered inside the block came from `source`; what a failed block registered is forgotten."""
    before = [(registry, set(registry.names())) for registry in _all()]
    token = _loading.set(source)
    try:
        yield
    except BaseException:
        for registry, names in before:
            for name in registry.names():
                if name not in names:
                    registry.discard(name)
        raise
    finally:
        _loading.reset(token)


def _all() -> tuple[Registry[Any], ...]:
    return ARCHITECTURES, ENGINES, METRICS


def _where() -> Source:
    """The file and line of the decorator's caller, in the form in which a worker loads it again."""
    frame = sys._getframe(2)  # noqa: SLF001 - the documented way to name the caller without building a whole stack
    while frame.f_back is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    file, line, module = frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__", "")
    current = _loading.get()
    if current is not None:
        return Source(kind=current.kind, value=current.value, part=current.part, file=file, line=line)
    if module in {"__main__", "__vbench_worker__"}:
        return Source(kind="script", value=file, file=file, line=line)
    return Source(kind="module", value=module, file=file, line=line)


def architecture(  # noqa: PLR0913 - each is a fact of the network, and all but three are optional
    name: str,
    *,
    input: tuple[int, ...],  # noqa: A002 - the field's own word
    topic: str = "",
    paper: Paper | None = None,
    params: int | None = None,
    macs: int | None = None,
    accuracy: Sequence[Accuracy] = (),
    task: str = "classification",
    preprocess: Preprocess | None = None,
    deviation: str = "",
) -> Callable[[F], F]:
    """Register the decorated function as the builder of the architecture `name` (`family/variant`).

    `input` is the shape of one image, channels first, for example `(3, 224, 224)`. `params` and `macs` are facts to be
    checked, not used. `deviation` says in a sentence where the network departs from its paper. Raises PluginError when
    the name is taken.
    """

    def register(build: F) -> F:
        source = _where()
        item = Architecture(
            name=name,
            build=build,
            source=source,
            input=tuple(input),
            topic=topic,
            paper=paper,
            params=params,
            macs=macs,
            accuracy=tuple(accuracy),
            task=task,
            preprocess=preprocess or Preprocess(),
            deviation=deviation,
        )
        ARCHITECTURES.add(name, item, source)
        return build

    return register


def engine(name: str) -> Callable[[E], E]:
    """Register the decorated class as the engine `name`; it is created without arguments in each worker."""

    def register(kind: E) -> E:
        ENGINES.add(name, kind, _where())
        return kind

    return register


def metric(  # noqa: PLR0913 - a metric describes itself completely
    name: str,
    *,
    unit: str,
    better: Any,
    description: str,
    kind: Any,
    columns: dict[str, str],
    order: int = 1000,
) -> Callable[[F], F]:
    """Register the decorated function as the derivation of the metric `name` from a case's replicates."""

    def register(derive: F) -> F:
        item = Metric(
            name=name, unit=unit, better=better, description=description, kind=kind, columns=columns, derive=derive, order=order
        )
        METRICS.add(name, item, _where())
        return derive

    return register
