"""Whether a number keeps within a budget: exact for what is counted, by its interval for what is timed. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from . import units
from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Word = Literal["within", "over", "inconclusive"]

# What other work, heat or a cold start does to a time: it becomes longer, never shorter.
SLOWER = frozenset({"stolen", "throttled", "warmup_not_settled"})
# What says that a time is too short to be true.
FASTER = frozenset({"too_fast"})
_PREFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A limit on one column, in base units. `least` is a lower limit, as for images per second; `unit` is for people."""

    column: str
    limit: float
    unit: str = ""
    least: bool = False
    timed: bool = False

    def text(self) -> str:
        """The limit, for people."""
        return f"{'at least' if self.least else 'at most'} {shown(self.limit, self.unit)}"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a budget, with the line that says so."""

    word: Word
    line: str


def shown(value: float, unit: str) -> str:
    """A number for people: counted ones in full, as one too many matters."""
    return f"{value:,.0f}{' ' if unit else ''}{unit}" if unit in {"", "B"} else units.quantity(value, unit)


def judge(row: Mapping[str, Any], budget: Budget, fastest: float | None = None) -> Judged:
    """Hold a row of the contract against a budget.

    A timed number is within where its whole 95 % interval is, over where the whole of it is beyond, and inconclusive between
    or without an interval. Where something has slowed the run down (see `flags`), it is over only if even `fastest`, the median
    of its fastest process, is; where a time is too good to be true, it is not within either.
    """
    value = row.get(budget.column)
    if value is None:
        return Judged(
            word="inconclusive", line=f"{budget.column} is not known: {row.get('reason') or 'nothing here measures it'}"
        )
    sign = -1 if budget.least else 1
    limit = sign * budget.limit
    if not budget.timed:
        word: Word = "within" if sign * value <= limit else "over"
        return Judged(word=word, line=f"{budget.column} is {shown(value, budget.unit)}, allowed is {budget.text()}")
    first, last = row.get(f"{budget.column}_low"), row.get(f"{budget.column}_high")
    line = f"{budget.column} is {units.interval(value, first, last, budget.unit)}, allowed is {budget.text()}"
    flags = set(row.get("flags") or ())
    if first is None or last is None:
        return Judged(word="inconclusive", line=f"{line}: one process has no interval")
    low, high = sorted((sign * first, sign * last))
    if high <= limit:
        found = flags & FASTER
        return Judged(word="inconclusive" if found else "within", line=_because(line, found))
    if low > limit:
        found = flags & SLOWER
        excused = bool(found) and not (fastest is not None and sign * fastest > limit)
        return Judged(word="inconclusive" if excused else "over", line=_because(line, found if excused else set()))
    return Judged(word="inconclusive", line=f"{line}: the interval holds the limit")


def _because(line: str, flags: set[str] | frozenset[str]) -> str:
    return f"{line}: {', '.join(sorted(flags))}" if flags else line


def number(given: float | str, unit: str) -> float:
    """A limit in base units: a number as it is, or a text such as "30ms", "200MB", "5M". Raises UsageError."""
    if isinstance(given, str):
        return _parsed(given, unit)
    if isinstance(given, bool) or not math.isfinite(given) or given < 0:
        message = f"{given!r} is no budget: write a number that is not negative, or for example {_EXAMPLES[unit]!r}"
        raise UsageError(message)
    return given


_EXAMPLES = {"": "5M", "s": "30ms", "B": "200MB", "1/s": "100"}


def _parsed(text: str, unit: str) -> float:
    try:
        if unit == "s":
            return units.parse_duration(text)
        if unit == "B":
            return units.parse_bytes(text)
        head = text.strip()
        factor = _PREFIXES.get(head[-1:], 0)
        return float(head[:-1]) * factor if factor else float(head)
    except ValueError as error:
        message = f"{text!r} is no budget here: {error}; write for example {_EXAMPLES[unit]!r}"
        raise UsageError(message) from None
