"""Which rows are asked for: by the columns that say what a row is of, with values or globs."""

from __future__ import annotations

import fnmatch
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import results
from ..errors import UnknownNameError, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..core import Case, Record, Result, Run

# What a row is selected by: who measured, what, and how it ended.
KEYS = tuple(name for name in results.IDENTITY if name not in {"reason", "flags"})
# Those of them that a case says as it is.
_AXES = (
    "architecture",
    "compression",
    "weights",
    "phase",
    "scenario",
    "engine",
    "precision",
    "device",
    "batch",
    "threads",
    "layout",
)
_MARKS = "*?["


class Asked(NamedTuple):
    """By column the values that a row may have there, as text; globs among them. Nothing asks for every row."""

    where: dict[str, tuple[str, ...]]

    def row(self, head: Run, result: Result) -> bool:
        """Whether the row is asked for."""
        return self.told(results.row(head, result)) if self.where else True

    def told(self, row: Mapping[str, Any]) -> bool:
        """The same of a row's columns."""
        return all(_matches(row.get(column), values) for column, values in self.where.items())

    def case(self, case: Case) -> bool:
        """Whether a row of this case may be asked for, as far as its own axes say."""
        return all(_text_matches(str(getattr(case, name)), self.where[name]) for name in _AXES if name in self.where)

    @property
    def exact(self) -> tuple[str, ...]:
        """The architectures, where they are asked for by their names: a file that names none of them is not looked into."""
        named = self.where.get("architecture", ())
        return () if any(_is_glob(value) for value in named) else named

    @property
    def globs(self) -> bool:
        """Whether a value is one."""
        return any(_is_glob(value) for values in self.where.values() for value in values)

    def without(self, *columns: str) -> Asked:
        """The same with these columns left open."""
        return Asked({name: values for name, values in self.where.items() if name not in columns})

    def only(self, *columns: str) -> Asked:
        """The same with all others left open."""
        return Asked({name: values for name, values in self.where.items() if name in columns})

    def sql(self) -> tuple[str, list[str]]:
        """A condition that every row asked for meets, with its parameters. `told` decides where a glob has more than `*`."""
        parts, given = ["true"], []
        for column, values in self.where.items():
            some = []
            for value in values:
                if not _is_glob(value):
                    some.append(f"coalesce(CAST(\"{column}\" AS VARCHAR), '') = ?" if column in _NUMBERS else f'"{column}" = ?')
                    given.append(value)
                else:
                    some.append(f"starts_with(coalesce(CAST(\"{column}\" AS VARCHAR), ''), ?)")
                    given.append(value[: min(value.find(mark) % (len(value) + 1) for mark in _MARKS)])
            parts.append(f"({' OR '.join(some)})")
        return " AND ".join(parts), given


_NUMBERS = ("year", "batch", "threads")


def _is_glob(value: str) -> bool:
    return any(mark in value for mark in _MARKS)


def _matches(value: Any, values: tuple[str, ...]) -> bool:
    return _text_matches("" if value is None else str(value), values)


@lru_cache(maxsize=10_000)
def _text_matches(text: str, values: tuple[str, ...]) -> bool:
    return any(text == one or (_is_glob(one) and fnmatch.fnmatchcase(text, one)) for one in values)


def asked(where: Mapping[str, Any] | None) -> Asked:
    """`{"architecture": "resnet/*", "batch": [1, 8]}`, checked. Raises UnknownNameError for a column, UsageError for a value."""
    found = {}
    for column, given in (where or {}).items():
        if column not in KEYS:
            message = f"where: {column!r} is no column that rows are selected by: {nearest(column, KEYS)}"
            raise UnknownNameError(message)
        values = [given] if isinstance(given, str | int) else list(given)
        if not values or not all(isinstance(value, str | int) for value in values):
            message = f"where: {column} is {given!r}: write names, globs or numbers: {{'architecture': 'resnet/*'}}"
            raise UsageError(message)
        found[column] = tuple(str(value) for value in values)
    return Asked(found)


def parse(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`architecture=resnet/*,vgg/16` as `asked` takes it. Raises UsageError naming the option."""
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        column, mark, values = word.partition("=")
        if not mark or not values:
            message = f"--where {word}: write COLUMN=VALUES, for example --where 'architecture=resnet/*'"
            raise UsageError(message)
        found[column.strip()] = found.get(column.strip(), ()) + tuple(v.strip() for v in values.split(",") if v.strip())
    return found


def narrowed(record: Record, wanted: Asked, *, keep: bool = True) -> Record | None:
    """A record with the rows that are asked for, and with a head that speaks of no others; None where there is none.

    With `keep`, rows that carry a measured accuracy of such an architecture stay: other rows may be waiting for it.
    """
    run, cases = record.run, len(record.run.cases)
    wide = wanted.only("architecture")
    kept = [
        (index < cases, result)
        for index, result in enumerate(record.results)
        if wanted.row(run, result) or (keep and result.accuracy and wide.row(run, result))
    ]
    if not kept:
        return None
    return msgspec.structs.replace(record, run=slim(run, [r for of, r in kept if of]), results=tuple(r for _, r in kept))


def slim(run: Run, rows: Sequence[Result]) -> Run:
    """The head as it concerns these rows of its cases; what it says of architectures stays as a whole where it is small."""
    cases = tuple(row.case for row in rows)
    names = {case.architecture for case in cases}
    return msgspec.structs.replace(
        run, cases=cases, definitions={case.id: run.definitions.get(case.id, "") for case in cases},
        architectures={name: facts for name, facts in run.architectures.items() if name in names} if cases else run.architectures,
        skipped={}, further=(), quick=(),
    )  # fmt: skip
