"""Columns that only some scenarios fill: shown where a row has one, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .. import units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Values = Mapping[str, Any]


class Extra(NamedTuple):
    """A heading, the column that decides whether it is shown, and the text of a row that has it."""

    head: str
    column: str
    text: Callable[[Values], str]

    def cell(self, values: Values) -> str:
        """The row's text, an en dash where it has none."""
        return units.MISSING if values.get(self.column) is None else self.text(values)


def best_batch(values: Values) -> str:
    """The best batch of a sweep, and where memory ended."""
    full = values.get("oom_batch")
    return str(values["best_batch"]) if full is None else f"{values['best_batch']} (no memory at {full})"


def first_to_last(values: Values) -> str:
    """Throughput at the beginning and at the end, and what is left of it."""
    first, last = units.rate(values.get("throughput_first_per_s")), units.rate(values.get("throughput_last_per_s"))
    return f"{first} to {last} ({units.percent(values['sustained_ratio'])})"


def stream_balance(values: Values) -> str:
    """How much less the stream that was served least got than the one served most."""
    return units.percent(values["stream_balance"])


def load(values: Values) -> str:
    """The rate of queries that meets the bound, and its 99th percentile."""
    return f"{units.rate(values['server_qps'])} (p99 {units.duration(values.get('server_p99_s'))})"


def energy(values: Values) -> str:
    """Joules per image, and above idle where that is known."""
    above = values.get("energy_above_idle_j")
    whole = units.quantity(values["energy_j"], "J")
    return whole if above is None else f"{whole} ({units.quantity(above, 'J')} above idle)"


def efficiency(values: Values) -> str:
    """The share of the lower ceiling, and which that is."""
    return f"{units.percent(values['efficiency'], 0)} of {values['bound']}"


def part(column: str) -> Callable[[Values], str]:
    """The time of one part of a request."""
    return lambda values: units.duration(values[column])


# The parts of a request from a picture to an answer, in their order, under short headings.
PARTS = ("decode", "resize", "normalise", "transfer", "forward", "postprocess")

EXTRAS = (
    Extra("best batch", "best_batch", best_batch),
    Extra("first to last", "sustained_ratio", first_to_last),
    Extra("stream balance", "stream_balance", stream_balance),
    Extra("queries in bound", "server_qps", load),
    Extra("efficiency", "efficiency", efficiency),
    Extra("energy per image", "energy_j", energy),
    *(Extra(f"{head} (training)", f"train_{head}_s", part(f"train_{head}_s")) for head in ("forward", "backward", "optimizer")),
    *(Extra(name, f"{name}_s", part(f"{name}_s")) for name in PARTS),
)


def shown(rows: Iterable[Values]) -> list[Extra]:
    """The columns that at least one of the rows fills."""
    filled = {column for values in rows for column, value in values.items() if value is not None}
    return [extra for extra in EXTRAS if extra.column in filled]
