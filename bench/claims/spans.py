"""What was found, with what is known of its error, and what was expected of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from .. import units
from ..stats import median, median_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# What words are held to mean, in every entry: "the same" and "no increase" are give or take a twentieth, "little" is a tenth.
SAME, LITTLE = 0.05, 0.1
# Shares are kept as parts of one and written in percent; other units are those of `units.quantity`.
SHARE = "share"


class Span(NamedTuple):
    """A number and its 95 % interval, which is the number itself where it was counted; or why there is none.

    Without `low` and `high` the number has an error that nobody knows, as that of a single process.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    missing: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a number at all."""
        return self.value is not None

    def through(self, change: Callable[[float], float], unit: str | None = None) -> Span:
        """The same number by another measure; `change` only rises or only falls."""
        if self.value is None:
            return self
        ends: tuple[float | None, float | None] = (None, None)
        if self.low is not None and self.high is not None:
            one, other = change(self.low), change(self.high)
            ends = (min(one, other), max(one, other))
        return Span(change(self.value), *ends, self.unit if unit is None else unit)

    def text(self) -> str:
        """For people; a dash where there is no number."""
        if self.value is None:
            return units.MISSING
        exact = self.low == self.high
        if self.unit == SHARE:
            return self.through(lambda share: 100 * share, "%").text()
        if exact:
            whole = self.unit not in units.steps() and float(self.value).is_integer()
            one = self.value == 1 and self.unit in {"cells", "layers", "persons", "times"}
            unit = self.unit.removesuffix("s") if one else self.unit
            return f"{self.value:.0f} {unit}" if whole else units.quantity(self.value, self.unit)
        return units.interval(self.value, self.low, self.high, self.unit)


def exact(value: float, unit: str = "") -> Span:
    """A number without error: counted, computed or published."""
    return Span(value, value, value, unit)


def missing(reason: str) -> Span:
    """No number, and why."""
    return Span(missing=reason)


def sampled(values: Sequence[float], unit: str = "") -> Span:
    """The median of one number per process or round, with its interval where there are enough of them."""
    low, high = median_interval(values) or (None, None)
    return Span(median(values), low, high, unit)


def between(spans: Sequence[Span]) -> str:
    """Several numbers of one unit for people: from the least to the largest; one with its interval."""
    known = sorted((span for span in spans if span.value is not None), key=lambda span: span.value or 0.0)
    if len(known) == 1:
        return known[0].text()
    ends = dict.fromkeys(exact(span.value or 0.0, span.unit).text() for span in (known[0], known[-1]))
    return " to ".join(ends)


def ratio(of: Span, to: Span, unit: str = "") -> Span:
    """One counted number over another; missing where one is, or where the divisor is 0."""
    absent = next((span for span in (of, to) if not span.known), None)
    if absent is not None or of.value is None:
        return absent or missing("nothing to divide")
    return exact(of.value / to.value, unit) if to.value else missing("there is nothing to divide by")


class Band(NamedTuple):
    """What a sentence leads one to expect: a number from `low` to `high`, the ends included unless it is `strict`."""

    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    strict: bool = False

    def holds(self, span: Span) -> bool | None:
        """Whether the number lies inside; None where its interval lies on both sides of an end, or is not known."""
        if span.low is None or span.high is None:
            return None
        if self._below(self.low, span.low) and self._below(span.high, self.high):
            return True
        return False if not self._below(self.low, span.high) or not self._below(span.low, self.high) else None

    def _below(self, one: float, other: float) -> bool:
        return one < other if self.strict else one <= other

    def text(self) -> str:
        """For people: "at most 1", "8 to 9"."""
        low, high = (exact(end, self.unit).text() for end in (self.low, self.high))
        if self.low == self.high:
            return low
        if math.isinf(self.low):
            return f"{'less than' if self.strict else 'at most'} {high}"
        if math.isinf(self.high):
            return f"{'more than' if self.strict else 'at least'} {low}"
        return f"about {low}" if low == high else f"{low} to {high}"


def at_most(value: float, unit: str = "") -> Band:
    """No more than that."""
    return Band(high=value, unit=unit)


def at_least(value: float, unit: str = "") -> Band:
    """No less than that."""
    return Band(low=value, unit=unit)


def more_than(value: float, unit: str = "") -> Band:
    """More, and not as much."""
    return Band(low=value, unit=unit, strict=True)


def less_than(value: float, unit: str = "") -> Band:
    """Less, and not as much."""
    return Band(high=value, unit=unit, strict=True)


def about(value: float, tolerance: float, unit: str = "") -> Band:
    """That, give or take a share of it."""
    return Band(value * (1 - tolerance), value * (1 + tolerance), unit)


def rounds_to(value: float, digit: float, unit: str = "") -> Band:
    """A number as it is stated: all that round to it, where `digit` is the worth of one of its last digit."""
    return Band(value - digit / 2, value + digit / 2, unit)


def same() -> Band:
    """A ratio of two that are the same."""
    return about(1, SAME)


def no_more() -> Band:
    """A ratio to what it is no more than."""
    return at_most(1 + SAME)
