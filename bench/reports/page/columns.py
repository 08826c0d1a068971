"""The rows of the page as columns: what the files hold, and what only follows from it, each column once and in full.

A column of numbers has its values in `v`, or, where few rows have one, the rows that do in `i` and only their values in `v`; one
of texts has each different text once in `t` and where it stands in `c`; one that says the same of every row has that in `k`.
Columns without any value are left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from ...results import COLUMNS, row
from ..rows import Protocol, declared, latest
from . import labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core import Direction
    from ..rows import Row

# Which of several runs of a case is the newest: where there are several at all.
REPEAT = "repeat"
# Nobody reads more digits than these, and every one more costs bytes; the file has them all.
_DIGITS = 9
# Numbers that mix what does not compare: the first accuracy that a network declares, in whatever protocol.
_MIXED = frozenset({"quality", "top1", "top5", "top1_published", "top5_published"})
_WIDTHS = ("_low", "_high", "_run_low", "_run_high")
# A column that fewer of the rows fill is shorter with its places written out.
_SPARSE = 0.5
# So many networks have to share a protocol before their density is worth a column of its own.
_SEVERAL = 3


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column as the page reads it. `axis` says whether a chart may have it; `low` and `high` name its interval."""

    name: str
    label: str
    unit: str = ""
    better: str = ""
    about: str = ""
    group: str = ""
    axis: bool = False
    whole: bool = False
    low: str = ""
    high: str = ""
    v: list[float | int | None] | None = None
    i: list[int] | None = None
    t: list[str] | None = None
    c: list[int] | None = None
    k: float | int | str | None = None


def columns(found: Sequence[Row]) -> list[Column]:
    """Every column that has a value in one of the rows: the contract's in its order, what a plugin adds, what follows."""
    flat = [row(one.run, one.result) for one in found]
    known = labels.told()
    names = [*COLUMNS, *(name for name in dict.fromkeys(key for cells in flat for key in cells) if name not in COLUMNS)]
    made = [_text("name", "network", [one.name for one in found], "what was measured, and what was taken out of it", "identity")]
    for name in names:
        values = [cells.get(name) for cells in flat]
        told = known.get(name) or labels.Told(labels.label(name), labels.unit(name), _better(name), "", "identity")
        if all(_is_number(value) for value in values if value is not None):
            made.append(_number(name, told, values, axis=not name.endswith(_WIDTHS) and name not in _MIXED))
        else:
            made.append(_text(name, told.label, [_plain(value) for value in values], told.about, told.group))
    made += [_text("started", "measured on", [one.run.started for one in found], "when its run began", "identity")]
    made += [
        _text("fingerprint", "fingerprint", [one.run.machine.fingerprint for one in found], "times compare within", "identity")
    ]
    kept = {column.name: column for column in [*made, *_followed(found), *_accuracies(found)] if _filled(column)}
    return [_with_ends(column, kept) for column in kept.values()]


def protocols(found: Iterable[Row]) -> list[Protocol]:
    """Every metric and protocol in which an accuracy of these rows is known: first that of most rows, then what was measured."""
    given = list(found)
    counted = {protocol: sum(one.quality(protocol) is not None for one in given) for protocol in declared(given)}
    return sorted((p for p, times in counted.items() if times), key=lambda p: (-counted[p], p.kind, p.metric, p.text))


def accuracy_name(protocol: Protocol) -> str:
    """The name of the column of that protocol."""
    return f"{protocol.kind} {protocol.metric}: {protocol.text}"


def _accuracies(found: Sequence[Row]) -> list[Column]:
    """A column for each metric and protocol, since values of different ones do not compare; and accuracy for its size."""
    made = []
    for protocol in protocols(found):
        values = [one.quality(protocol) for one in found]
        where = "published, not measured here" if protocol.kind == "published" else "measured by vbench evaluate"
        about = f"{where}; protocol: {protocol.text}"
        group = "published" if protocol.kind == "published" else "sampled"
        told = labels.Told(f"{protocol.kind} {protocol.name} ({protocol.text})", "%", "higher", about, group)
        made.append(_number(accuracy_name(protocol), told, values))
        if protocol.metric == "top1" and len({one.name for one in found if one.quality(protocol) is not None}) >= _SEVERAL:
            density = labels.Told(
                f"top-1 per million parameters ({protocol.text})", " %", "higher", f"accuracy density; {about}", group
            )
            made.append(_number(f"density: {protocol.text}", density, [_per_million(one, protocol) for one in found]))
    return made


def _per_million(one: Row, protocol: Protocol) -> float | None:
    quality, params = one.quality(protocol), one.value("params")
    return None if quality is None or not params else quality / params * 1e6


def _followed(found: Sequence[Row]) -> list[Column]:
    """What follows from other columns, and is asked for so often that it has its own."""

    def memory(one: Row) -> float | None:
        device = one.value("peak_device_bytes")
        return one.value("peak_host_bytes") if device is None else device

    def per_image(one: Row, end: str) -> float | None:
        seconds = one.value(f"latency_s{end}")
        return None if seconds is None else seconds / one.case.batch

    about = "of the device where that was measured, else of the process"
    told = labels.Told("peak memory", "B", "lower", about, "derived")
    made = [_number("memory_bytes", told, [memory(one) for one in found])]
    if any(one.case.batch > 1 for one in found):
        about = "request latency over the images of a request, by which requests of different size compare"
        for end in ("", "_low", "_high"):
            told = labels.Told("latency per image", "s", "lower", about, "derived")
            made.append(_number(f"latency_per_image_s{end}", told, [per_image(one, end) for one in found]))
    newest = {id(one) for one in latest(found)}
    if len(newest) < len(found):
        texts = ["newest" if id(one) in newest else "older" for one in found]
        made.append(_text(REPEAT, "of several runs", texts, "whether a later run measured the same case", "identity"))
    return made


def _number(name: str, told: labels.Told, values: Sequence[Any], *, axis: bool = True) -> Column:
    numbers = [_short(value) for value in values]
    known = [value for value in numbers if value is not None]
    whole = all(isinstance(value, int) for value in known)
    same = len(set(numbers)) == 1
    places = [index for index, value in enumerate(numbers) if value is not None]
    sparse = not same and len(known) < _SPARSE * len(numbers)
    kept: list[float | int | None] = [*known] if sparse else numbers
    return Column(
        name=name, label=told.label, unit=told.unit, better=told.better, about=told.about, group=told.group,
        axis=axis and not name.endswith(_WIDTHS), whole=whole, v=None if same else kept,
        i=places if sparse else None, k=numbers[0] if same else None,
    )  # fmt: skip


def _text(name: str, label: str, values: Sequence[str | None], about: str, group: str) -> Column:
    texts = list(dict.fromkeys(value for value in values if value))
    if len(texts) == 1 and all(values):
        return Column(name=name, label=label, about=about, group=group, k=texts[0])
    place = {text: index for index, text in enumerate(texts)}
    return Column(
        name=name, label=label, about=about, group=group, t=texts, c=[place[value] if value else -1 for value in values]
    )


def _filled(column: Column) -> bool:
    return column.k is not None or bool(column.t) or any(value is not None for value in column.v or ())


def _with_ends(column: Column, kept: dict[str, Column]) -> Column:
    """The column with the names of its interval's ends, where it has both."""
    low, high = f"{column.name}_low", f"{column.name}_high"
    return msgspec.structs.replace(column, low=low, high=high) if low in kept and high in kept else column


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _plain(value: Any) -> str | None:
    """Anything that is no number as text: a list with commas, what has parts as JSON."""
    if value is None or isinstance(value, str) or value in ({}, []):
        return value or None
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or None
    return msgspec.json.encode(value).decode()


def _better(name: str) -> Direction:
    return "higher" if name in _MIXED else "none"
