"""What a chart draws: a point per network, and the sentences that stand below it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl

from ... import units
from ..rows import axis_text, machines, varied
from ._page import names
from ._style import RC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matplotlib.figure import Figure

    from ..rows import Protocol, Row


NO_PROTOCOL = "no network of this report has a published accuracy"


class Point(NamedTuple):
    """A network in a chart: `x` and `y`, each with the ends of its interval where it has one."""

    row: Row
    label: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    y_low: float | None = None
    y_high: float | None = None

    @property
    def family(self) -> str:
        """The family, which decides the colour."""
        return self.row.family


@dataclass(frozen=True)
class Drawing:
    """A chart that can be written under `name`, or the reason why there is none; `finding` says in a sentence what it shows.

    Its figure is made by `paint` when it is asked for, so that those who only list the charts need not wait for them.
    """

    name: str
    title: str
    paint: Callable[[], Figure] | None = None
    description: str = ""
    reason: str = ""
    finding: str = ""

    @cached_property
    def figure(self) -> Figure | None:
        """The figure; None where there is a reason instead."""
        if self.paint is None:
            return None
        with mpl.rc_context(RC):
            return self.paint()


def chart_name(what: str, protocol: Protocol | None) -> str:
    """The name of a chart's files: the metric, and what it is drawn against."""
    metric = "quality" if protocol is None else re.sub(r"[^a-z0-9]+", "-", protocol.metric.lower()).strip("-")
    return f"{metric}-{what}"


def chart_title(what: str, protocol: Protocol | None) -> str:
    """Its title."""
    return f"{'Published accuracy' if protocol is None else protocol.title} against {what}"


def labelled(rows: Sequence[Row]) -> list[str]:
    """A name for each row of a chart: the network, and what else tells it from a namesake."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    apart = {name: varied(own) if len(own) > 1 else [] for name, own in by_name.items()}
    numbers = {machine.fingerprint: number for number, machine in enumerate(machines(rows), 1)}
    found = []
    for row in rows:
        tail = [axis_text(row.case, axis) for axis in apart[row.name]]
        if len(numbers) > 1:
            tail.append(f"[{numbers[row.run.machine.fingerprint]}]")
        found.append(" ".join([row.name, *tail]))
    return found


def protocol_note(rows: Iterable[Row], protocol: Protocol) -> str:
    """The accuracy protocol, and how many networks were trained by which recipe."""
    accuracies = [a for row in rows if (a := row.accuracy(protocol)) is not None]
    recipes = Counter(a.recipe or a.source for a in accuracies)
    counted = ", ".join(f"{recipe} ({times})" for recipe, times in sorted(recipes.items(), key=lambda item: (-item[1], item[0])))
    return f"{protocol.title}, protocol: {protocol.text}. Weights by: {counted}."


def missing_note(rows: Iterable[Row], protocol: Protocol) -> list[str]:
    """The networks without a published value in this protocol."""
    without = list(dict.fromkeys(row.name for row in rows if row.accuracy(protocol) is None))
    return [f"No {protocol.kind} {protocol.name} in this protocol: {names(without)}."] if without else []


def versions_note(rows: Sequence[Row]) -> str:
    """The versions that measured, and the days."""
    tools = [f"{tool} {' / '.join(found)}" for tool in ("vbench", "torch") if (found := _versions(rows, tool))]
    days = sorted({row.run.started[:10] for row in rows})
    return ", ".join([*tools, days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"])


def _versions(rows: Iterable[Row], tool: str) -> list[str]:
    return sorted({row.run.versions[tool] for row in rows if tool in row.run.versions})


def machine_note(rows: Sequence[Row]) -> list[str]:
    """The machine, or, numbered as the names are, each of several."""
    several = machines(rows)
    texts = []
    for machine in several:
        cores = f"{machine.usable_cores} of {units.count(machine.cores)} cores" if machine.cores else ""
        gpus = [] if all(row.case.device == "cpu" for row in rows) else list(machine.gpus)
        texts.append(", ".join(part for part in (machine.processor or machine.slug, cores, machine.virtual, *gpus) if part))
    if len(texts) == 1:
        return texts
    return ["Times of different machines, mixed as asked: " + "; ".join(f"[{n}] {text}" for n, text in enumerate(texts, 1))]
