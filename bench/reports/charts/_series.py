"""From rows to lines: the rows of a network along an axis of whole numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rows import Row, axis_text, machines
from ._lines import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def series(rows: Iterable[Row], axis: str, value: Callable[[Row, str], float | None]) -> list[Line]:
    """A line per network that has a value at two places of the axis at least, in the order of the plan.

    `value` gives the value of a row with "", and the ends of its interval with "_low" and "_high".
    """
    given = list(rows)
    numbers = {machine.fingerprint: number for number, machine in enumerate(machines(given), 1)}
    found: dict[tuple[str, str, str, str], dict[int, Row]] = {}
    for row in given:
        if value(row, "") is not None:
            key = (row.name, axis_text(row.case, "input_shape"), row.case.weights, row.run.machine.fingerprint)
            found.setdefault(key, {})[getattr(row.case, axis)] = row
    kept = {key: dict(sorted(own.items())) for key, own in found.items() if len(own) > 1}
    lines = []
    for key, own in kept.items():
        twins = [other for other in kept if other[0] == key[0]]
        tail = [key[place] for place in (1, 2) if len({other[place] for other in twins}) > 1]
        tail += [f"[{numbers[key[3]]}]"] if len(numbers) > 1 else []
        cells = list(own.values())
        lines.append(Line(
            label=" ".join([key[0], *tail]),
            family=cells[0].family,
            rows=cells,
            xs=[float(x) for x in own],
            ys=[y for row in cells if (y := value(row, "")) is not None],
            lows=[value(row, "_low") for row in cells],
            highs=[value(row, "_high") for row in cells],
        ))  # fmt: skip
    return lines
