"""Columns that only some runs fill: shown where a row has one, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .. import units
from ..metrics.executed import MOSTLY, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..core import Result

    Values = Mapping[str, Any]


class Extra(NamedTuple):
    """A heading, the column that decides whether it is shown, and the text of a row that has it.

    One that is `between` engines and precisions is shown where a run has several: else every row would say the same.
    """

    head: str
    column: str
    text: Callable[[Values], str]
    between: bool = False

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


def executed(values: Values) -> str:
    """The precisions that really ran, what was asked for or not; a row that mostly ran in another one says so first."""
    shares: Mapping[str, float] = values["executed_precision"]
    texts = [f"{precision} {units.percent(share, 0)}" for precision, share in shares.items()]
    other = 1.0 - values["executed_share"] - shares.get(UNKNOWN, 0.0)
    return f"{'mostly ' if other > MOSTLY else ''}{', '.join(texts)}"


def agreement(values: Values) -> str:
    """Signal over error against eager fp32."""
    return units.quantity(values["agreement_sqnr_db"], "dB")


def speedup(values: Values) -> str:
    """How many times as quick as in fp32, with the interval."""
    low, high = values.get("speedup_over_fp32_low"), values.get("speedup_over_fp32_high")
    return units.interval(values["speedup_over_fp32"], low, high, "times", least=1)  # 1 times [0, 2] says less than is known


def on_disk(values: Values) -> str:
    """The bytes of the encoded network, and how many times smaller that is."""
    return f"{units.bytes_(values['encoded_bytes'])} ({values['encoded_ratio']:.3g} times smaller)"


def zeros(values: Values) -> str:
    """The share of the weights that are zero; how many, where the others were not counted."""
    count, rest = values["zeros"], values.get("nonzeros")
    return units.count(count) if rest is None else units.percent(count / (count + rest))


def fidelity(values: Values) -> str:
    """Signal over error against the uncompressed network."""
    return units.quantity(values["fidelity_sqnr_db"], "dB")


def over_uncompressed(values: Values) -> str:
    """How many times as quick as the uncompressed network, with the interval."""
    low, high = (values.get(f"speedup_over_uncompressed_{end}") for end in ("low", "high"))
    return units.interval(values["speedup_over_uncompressed"], low, high, "times")


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
    Extra("executed", "executed_precision", executed, between=True),
    Extra("agreement", "agreement_sqnr_db", agreement, between=True),
    Extra("over fp32", "speedup_over_fp32", speedup, between=True),
    Extra("on disk", "encoded_bytes", on_disk),
    Extra("zeros", "zeros", zeros),
    Extra("fidelity", "fidelity_sqnr_db", fidelity),
    Extra("over uncompressed", "speedup_over_uncompressed", over_uncompressed),
    *(Extra(f"{head} (training)", f"train_{head}_s", part(f"train_{head}_s")) for head in ("forward", "backward", "optimizer")),
    *(Extra(name, f"{name}_s", part(f"{name}_s")) for name in PARTS),
)


def shown(results: Iterable[Result]) -> list[Extra]:
    """The columns that at least one of the rows fills; those between engines and precisions where the rows have several."""
    given = list(results)
    filled = {column for result in given for column, value in result.values.items() if value is not None}
    several = len({(r.case.engine, r.case.engine_options, r.case.precision) for r in given if r.status == "ok"}) > 1
    return [extra for extra in EXTRAS if extra.column in filled and (several or not extra.between)]
