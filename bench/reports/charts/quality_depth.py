"""Published accuracy against the number of layers with weights, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _quality as quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rows import Protocol, Row
    from ._points import Drawing

# The operators of a convolution or a linear layer, as the counter names them, with a dot for every overload.
_LAYERS = ("aten.convolution", "aten.addmm", "aten.mm", "aten.linear")


def layers(row: Row) -> float | None:
    """How many convolutions and linear layers one forward pass of the network calls; None where that was not counted."""
    for replicate in row.replicates:
        if replicate.counted is not None:
            calls = replicate.counted.operators
            return float(sum(calls.get(name, 0) for name in _LAYERS)) or None
    return None


COST = quality.Cost(
    "depth",
    "number of layers",
    "layers",
    1.0,
    lambda _: "Convolutions and linear layers",
    lambda row: f"{layers(row):.0f} layers",
    counted=True,
    missing="no network was counted",
    note="All convolutions and linear layers of a pass, counted, those of parallel branches and shortcuts too: "
    "so it may be more than the depth in a network's name.",
    value=layers,
)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw each network once: its layers depend on no machine."""
    return quality.draw(rows, protocol, COST)
