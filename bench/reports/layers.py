"""Sensitivity of single layers: what each loses when it alone is made smaller, read from rows of `vbench evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import accuracies, compression, joins, units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..core import Case, Measured
    from .rows import Row

ONLY = "only="


class Alone(NamedTuple):
    """A compression of one layer alone: what was done before, by which criterion, how much, and of which layer."""

    before: str
    criterion: str
    ratio: float
    layer: str


class Cell(NamedTuple):
    """What a ratio leaves: the row with its accuracy, and the change of top-1 in points with its interval, where it is known."""

    ratio: float
    row: Row
    found: Measured
    change: tuple[float, float, float] | None


class Line(NamedTuple):
    """A layer, and what each ratio left."""

    layer: str
    cells: list[Cell]

    def at(self, ratio: float) -> Cell | None:
        """That of this ratio."""
        return next((cell for cell in self.cells if cell.ratio == ratio), None)


class Layers(NamedTuple):
    """The layers of one network, under one criterion, in one protocol; `whole` is the network without any of it."""

    name: str
    criterion: str
    protocol: str
    whole: tuple[Row, Measured] | None
    lines: list[Line]

    @property
    def ratios(self) -> list[float]:
        """All that were tried, ascending."""
        return sorted({cell.ratio for line in self.lines for cell in line.cells})


def alone(text: str) -> Alone | None:
    """What a compression says of one layer alone; None where it says nothing of the kind."""
    *before, last = text.split("+")
    name, *words = last.split(":")
    layer = next((word.removeprefix(ONLY) for word in words if word.startswith(ONLY)), "")
    if not layer:
        return None
    numbers = [word for word in words if _number(word) is not None]
    rest = [word for word in words if word not in numbers[:1] and not word.startswith(ONLY)]
    ratio = _number(numbers[0]) if numbers else None
    if ratio is None:
        return None
    return Alone("+".join(before) or compression.NONE, " ".join([name, *rest]), ratio, layer)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def read(rows: Iterable[Row]) -> list[Layers]:
    """The sensitivities that these rows hold, the layers in the order of the rows, which is that in which they run."""
    given = [(row, accuracy) for row in rows for accuracy in row.result.accuracy]
    wholes = {(joins.key(row.case), accuracy.protocol): (row, accuracy) for row, accuracy in given}
    found: dict[tuple[object, ...], Layers] = {}
    for row, accuracy in given:
        one = alone(row.case.compression)
        if one is None:
            continue
        whole = wholes.get((joins.key(_without(row.case, one.before)), accuracy.protocol))
        key = (joins.key(_without(row.case, one.before)), one.criterion, accuracy.protocol)
        own = found.setdefault(key, Layers(_without(row.case, one.before).label, one.criterion, accuracy.protocol, whole, []))
        line = next((line for line in own.lines if line.layer == one.layer), None)
        if line is None:
            line = Line(one.layer, [])
            own.lines.append(line)
        if line.at(one.ratio) is None:
            change = None if whole is None else accuracies.change(whole[1], accuracy)
            line.cells.append(Cell(one.ratio, row, accuracy, change))
    return list(found.values())


def _without(case: Case, before: str) -> Case:
    import msgspec  # noqa: PLC0415 - only here

    return msgspec.structs.replace(case, compression=before)


def table(own: Layers) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings, and a row for each layer: the top-1 that each ratio leaves, in percent."""
    header = ("layer alone", *(f"{ratio:g}" for ratio in own.ratios))
    rows = [(line.layer, *(_cell(line.at(ratio)) for ratio in own.ratios)) for line in own.lines]
    return header, rows


def _cell(cell: Cell | None) -> str:
    return units.MISSING if cell is None or cell.found.top1 is None else f"{cell.found.top1:.1f}"


def told(own: Layers) -> list[str]:
    """What stands out, in words: the network as it is, and which layer bears least and most."""
    said = []
    if own.whole is not None and own.whole[1].top1 is not None:
        low, high = own.whole[1].low, own.whole[1].high
        said.append(f"As it is: top-1 {units.interval(own.whole[1].top1, low, high, '%')}, {own.protocol}.")
    lost = [(cell.change, line.layer, cell.ratio) for line in own.lines for cell in line.cells if cell.change is not None]
    clear = sorted((change[0], layer, ratio) for change, layer, ratio in lost if change[2] < 0)
    if clear:
        points, layer, ratio = clear[0]
        said.append(f"Most is lost by {layer}: {-points:.1f} points at {ratio:g}.")
    if lost:
        touched = {layer for _, layer, _ in clear}
        calm = list(dict.fromkeys(layer for _, layer, _ in lost if layer not in touched))
        said.append(f"Nothing that these pictures can tell is lost at any ratio by: {', '.join(calm)}." if calm else
                    "Every layer loses something at some ratio.")  # fmt: skip
    return said


def plain(own: Layers) -> dict[str, object]:
    """Everything, for JSON."""
    return {
        "network": own.name, "criterion": own.criterion, "protocol": own.protocol,
        "top1": None if own.whole is None else own.whole[1].top1,
        "layers": [
            {"layer": line.layer, "ratios": [
                {
                    "ratio": cell.ratio, "top1": cell.found.top1, "top1_low": cell.found.low, "top1_high": cell.found.high,
                    **dict(zip(("change", "change_low", "change_high"), cell.change or (), strict=False)),
                }
                for cell in line.cells
            ]}
            for line in own.lines
        ],
        "told": told(own),
    }  # fmt: skip
