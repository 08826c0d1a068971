"""What times are taken under: rows that compare stand in one chart, and each chart says its conditions and its machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..rows import AXES, Row, axis_text, varied
from ._points import machine_note, versions_note

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Sequence

    from ...core import Case

# What a network is compared at; its input shape and its weights belong to it.
_OWN = frozenset({"input_shape", "weights", "compression"})
CONDITIONS = tuple(axis for axis in AXES if axis not in _OWN)
_IN_NAME = ("engine", "engine_options", "precision", "device", "batch", "threads")
_LETTER = {"batch": "b", "threads": "t"}
_USUAL = {"phase": "infer", "scenario": "single-stream", "layout": "nchw"}
# Tasks of parts: a layer alone does not stand beside whole networks.
_PARTS = frozenset({"block", "decoding"})
# What a chart says that shows one combination of several.
OTHERS = "Of several ways to run, the one with the most; the others: summary.md."


def networks(rows: Iterable[Row]) -> list[Row]:
    """The rows of whole networks."""
    return [row for row in rows if row.facts.task not in _PARTS]


def measured(rows: Iterable[Row], *columns: str) -> list[Row]:
    """The rows that are ok and have all of these columns, none of them 0."""
    return [row for row in rows if row.result.status == "ok" and all(row.value(column) for column in columns)]


def parts(rows: Iterable[Row], free: Iterable[str] = ()) -> list[list[Row]]:
    """The rows by what they were measured at, the axes in `free` aside, in the order of the plan."""
    axes = [axis for axis in CONDITIONS if axis not in set(free)]
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(getattr(row.case, axis) for axis in axes), []).append(row)
    return list(found.values())


def main(rows: Iterable[Row], free: Iterable[str] = (), count: Callable[[list[Row]], int] = len) -> tuple[list[Row], list[str]]:
    """The part that counts most, the first of equals, and the sentence that says so; empty where there is no row.

    A chart that shows one part of many is of that one: its other rows stand in the table of the summary.
    """
    found = parts(rows, free)
    if not found:
        return [], []
    chosen = max(found, key=count)
    others = sum(map(count, found)) - count(chosen)
    return chosen, [OTHERS] if others else []


def one_machine(rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """The rows of the machine that has most of them, the first of equals, for what divides rows by rows; and the sentence."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.run.machine.fingerprint, []).append(row)
    if len(found) < 2:  # noqa: PLR2004 - one machine alone, or none
        return list(rows), []
    chosen = max(found.values(), key=len)
    return chosen, ["Of several machines, the one with the most rows."]


def alike(first: Row, second: Row) -> bool:
    """Whether two rows were measured on one machine and under the same conditions, so that their times compare."""
    same = first.run.machine.fingerprint == second.run.machine.fingerprint
    return same and all(getattr(first.case, axis) == getattr(second.case, axis) for axis in CONDITIONS)


def told(case: Case, free: Iterable[str] = ()) -> str:
    """The conditions in words, but for the axes in `free`."""
    threads = f"{case.threads} thread{'' if case.threads == 1 else 's'}"
    engine = " ".join([case.engine, *(f"{key}={value}" for key, value in case.engine_options)])
    texts = {
        "engine": engine,
        "precision": case.precision,
        "device": case.device,
        "batch": f"batch {case.batch}",
        "threads": threads,
        **{axis: getattr(case, axis) for axis, value in _USUAL.items() if getattr(case, axis) != value},
    }
    return ", ".join(text for axis, text in texts.items() if axis not in set(free))


def where(rows: Sequence[Row], free: Iterable[str] = ()) -> list[str]:
    """The machine, the conditions, the versions and the day, as the footer of every chart of times has them."""
    return [*machine_note(rows), f"{told(rows[0].case, free)}; {versions_note(rows)}."]


def counted_where(rows: Sequence[Row]) -> str:
    """The same for what is counted, which depends on none of it."""
    ways = list(dict.fromkeys(f"{row.case.engine}, {row.case.precision}" for row in rows))
    here = ways[0] if len(ways) == 1 else "several engines or precisions"
    machine = "; ".join(machine_note(rows))
    return f"The same on every machine, engine and precision; counted here: {machine}; {here}; {versions_note(rows)}."


def name(plain: str, case: Case, rows: Sequence[Row], taken: Counter[str]) -> str:
    """A file name that says the combination, so far as `rows` differ or people ask; two that read the same are numbered."""
    extra = [axis for axis in varied(rows) if axis in CONDITIONS and axis not in _IN_NAME]
    texts = [_LETTER.get(axis, "") + axis_text(case, axis) for axis in (*_IN_NAME, *extra)]
    return numbered("-".join([plain, *(slug for text in texts if (slug := slugged(text)))]), taken)


def slugged(text: str) -> str:
    """Text as a part of a file's name."""
    return re.sub(r"[^\w.]+", "-", text).strip("-")


def numbered(name: str, taken: Counter[str]) -> str:
    """The name, with a number where it is taken."""
    taken[name] += 1
    return name if taken[name] == 1 else f"{name}-{taken[name]}"


def processes(rows: Iterable[Row], column: str = "latency_processes") -> str:
    """How many fresh processes stand behind each number."""
    counts = [int(row.value(column) or 0) for row in rows]
    spread = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    return f"{spread} fresh process{'es' * (max(counts) > 1)}"


def flag_note(labelled: Iterable[tuple[Row, str]]) -> list[str]:
    """What hollow means: each flag, with the networks that carry it unless these are most."""
    given = list({id(row): (row, label) for row, label in labelled}.values())
    flagged: dict[str, list[str]] = {}
    for row, label in given:
        for flag in row.result.flags:
            flagged.setdefault(flag, []).append(label)
    said = [f"{flag} ({_who(labels, len(given))})" for flag, labels in flagged.items()]
    return [f"Hollow: flagged {'; '.join(said)}."] if said else []


def _who(labels: Sequence[str], many: int) -> str:
    return ", ".join(dict.fromkeys(labels)) if len(labels) <= 3 else "all" if len(labels) == many else f"{len(labels)} of {many}"  # noqa: PLR2004 - so many names still read well in a footer
