"""One registry for everything that a plugin can add: architectures, engines, metrics, compressors.

Nothing is special-cased: the lecture catalogue is loaded by the same entry point as a stranger's package. A name that
is registered twice is an error that names both places.
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from .core import Accuracy, Architecture, Metric, Naming, Paper, Preprocess, Source
from .errors import PluginError
from .names import Architectures, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .interfaces import Compressor, Engine

E = TypeVar("E", bound=type)
F = TypeVar("F", bound="Callable[..., Any]")

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]*")
_PATH = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)+")

# The plugin that is being loaded right now, so that what it registers can be loaded again in a worker.
_loading: ContextVar[Source | None] = ContextVar("vbench_loading", default=None)


COMPRESSORS: Registry[type[Compressor]] = Registry("compressor")
ARCHITECTURES = Architectures("architecture", COMPRESSORS)
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
                if name not in names and not _built_in(registry.source(name)):
                    registry.discard(name)
        raise
    finally:
        _loading.reset(token)


def _all() -> tuple[Registry[Any], ...]:
    return ARCHITECTURES, ENGINES, METRICS, COMPRESSORS


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


def _named(noun: str, name: object, source: Source) -> None:
    """Refuse a name that could not stand in a case id, a file name or a command without quotes."""
    pattern, example = (_PATH, "'family/variant'") if noun == "architecture" else (_WORD, "'my-name'")
    if not isinstance(name, str) or not pattern.fullmatch(name):
        more = ", . _ -, at least two parts joined by /" if noun == "architecture" else ", _ -"
        message = f"{source}: {noun} {name!r}: a name is made of lower-case letters, digits{more}, for example {example}"
        raise PluginError(message)


def _false(facts: msgspec.Struct) -> Iterator[str]:
    """The fields that a result file would not give back as they are, and why."""
    for name in facts.__struct_fields__:
        value, allowed = getattr(facts, name), facts.__class__.__annotations__[name]
        try:
            back = getattr(msgspec.json.decode(msgspec.json.encode({name: value}), type=type(facts)), name)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            yield f"{name}: {str(error).replace('`$.', '`')}"
        else:
            if back != value:
                yield f"{name}={value!r}: write {allowed}, numbers finite"


def _unnamed(accuracies: Iterable[Accuracy]) -> Iterator[str]:
    """The accuracies whose number nobody could name."""
    for index, a in enumerate(accuracies):
        if (a.value is None) != (a.metric == "top1"):
            given = f"accuracy[{index}]: metric={a.metric!r} and value={a.value!r}"
            yield f"{given}: write top1= or top5=, or value= with the metric that it is of, for example metric='mIoU'"


def _checked(item: Architecture) -> Architecture:
    """The same architecture, once its facts are known to come back from a result file as they were declared."""
    problem, shape = "", cast("Any", item.input)
    if not isinstance(shape, tuple) or not shape or not all(type(size) is int and size >= 1 for size in shape):
        problem = f"input={shape!r}: write whole numbers from 1, channels first, for example (3, 224, 224)"
    for name, value in (("params", item.params), ("macs", item.macs)):
        if value is not None and (type(value) is not int or value < 0):
            problem = problem or f"{name}={value!r}: write a whole number, for example 1_500_000_000"
    problem = problem or next(_false(item.facts()), "") or next(_false(item.preprocess), "")
    problem = problem or next(_unnamed(item.accuracy), "")
    if problem:
        message = f"{item.source}: architecture {item.name!r}: {problem}"
        raise PluginError(message)
    return item


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
    weights: Sequence[Naming] = (),
) -> Callable[[F], F]:
    """Register the decorated function as the builder of the architecture `name` (`family/variant`).

    `input` is the shape of one image, channels first, for example `(3, 224, 224)`. `params` and `macs` are facts to be
    checked, not used. `deviation` says in a sentence where the network departs from its paper, `weights` whose files fit it and
    how they name its tensors. Raises PluginError when the name is taken or malformed, or a fact is not of its type.
    """

    def register(build: F) -> F:
        source = _where()
        _named("architecture", name, source)
        shape: Any = input  # whatever a plugin wrote
        item = Architecture(
            name=name,
            build=build,
            source=source,
            input=tuple(shape) if isinstance(shape, list | tuple) else shape,
            topic=topic,
            paper=paper,
            params=params,
            macs=macs,
            accuracy=tuple(accuracy),
            task=task,
            preprocess=preprocess or Preprocess(),
            deviation=deviation,
            weights=tuple(weights),
        )
        ARCHITECTURES.add(name, _checked(item), source)
        return build

    return register


def engine(name: str) -> Callable[[E], E]:
    """Register the decorated class as the engine `name`; it is created without arguments in each worker."""

    def register(kind: E) -> E:
        source = _where()
        _named("engine", name, source)
        ENGINES.add(name, kind, source)
        return kind

    return register


def compressor(name: str) -> Callable[[E], E]:
    """Register the decorated class as the compressor `name`; it is created without arguments in each worker."""

    def register(kind: E) -> E:
        source = _where()
        _named("compressor", name, source)
        COMPRESSORS.add(name, kind, source)
        return kind

    return register


def _built_in(source: Source) -> bool:
    return source.kind == "module" and source.value.startswith(f"{__package__}.metrics.")


def _free(name: str, columns: dict[str, str], source: Source) -> None:
    """Refuse columns that are taken. The metrics of vbench come first, so that a clash is always the plugin's."""
    taken: dict[str, str] = {}
    if not _built_in(source):
        token = _loading.set(None)
        try:
            from .results import IDENTITY, load_metrics  # they and the metrics import the registry  # noqa: PLC0415

            load_metrics()
        finally:
            _loading.reset(token)
        taken = dict.fromkeys(IDENTITY, "identifies the row")
    taken |= {column: f"is filled by metric {other.name!r}" for other in METRICS for column in other.columns}
    for column in columns:
        # A second metric of this name is said to be one, whatever its columns are.
        if column in taken and name not in METRICS:
            message = f"{source}: metric {name!r}: column {column!r} {taken[column]}; give yours another name"
            raise PluginError(message)


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
    """Register the decorated function as the derivation of the metric `name` from a case's replicates.

    Raises PluginError when the name is taken or malformed, or when one of the columns is another's.
    """

    def register(derive: F) -> F:
        source = _where()
        _named("metric", name, source)
        _free(name, columns, source)
        item = Metric(
            name=name, unit=unit, better=better, description=description, kind=kind, columns=columns, derive=derive, order=order
        )
        METRICS.add(name, item, source)
        return derive

    return register
