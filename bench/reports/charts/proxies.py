"""Multiply-accumulates and activations against measured time, and which of them puts networks in the order of their times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ... import units
from .. import text
from . import _ranks as ranks
from . import _scatter as scatter
from ._style import INK, TICK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from ..rows import Protocol, Row
    from ._points import Drawing, Point

WHOLE = True
_HEAD = 0.17  # inches, for the correlation above the axes
# What is known without measuring, as people guess the time from it; the first two are drawn.
PROXIES = {"macs": "MACs", "activations": "activations", "params": "parameters", "bytes_moved": "bytes moved"}


def _chart(name: str, column: str, what: str, label: str, factor: float) -> scatter.Scatter:
    return scatter.Scatter(
        name=name,
        title=f"{what} against measured request latency",
        x=scatter.scaled(column, factor),
        y=scatter.scaled("latency_s", 1e3),
        xlabel=label,
        ylabel="Request latency (ms)",
        note="Point: median request latency.",
        reason=f"no network was timed and has {what}",
        low=scatter.scaled("latency_s_low", 1e3),
        high=scatter.scaled("latency_s_high", 1e3),
        told=lambda row: f"{units.count(row.value(column))} in {text.latency(row)}",
    )


CHARTS = (
    _chart("macs-latency", "macs", "Multiply-accumulates", "GMACs per image", 1e-9),
    _chart("activations-latency", "activations", "Activations", "Activations per image (millions)", 1e-6),
)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw both of the same networks: those of the combination of engine, precision and device that most were timed at."""
    del protocol
    able = [row for row in rows if row.value("macs") and row.value("activations")]
    points, _ = scatter.points(able, CHARTS[0])
    said, sentence = judged(points)
    first, *others = [
        scatter.drawing(able, chart, behind=_corner(said.get(column, "")), more=sentence, head=_HEAD)
        for chart, column in zip(CHARTS, PROXIES, strict=False)
    ]
    return [replace(first, finding=" ".join(sentence) if said else ""), *others]


def judged(points: Sequence[Point]) -> tuple[dict[str, str], list[str]]:
    """Of each proxy its rank correlation with the time in words, and a sentence on which is better here."""
    known = [column for column in PROXIES if all(point.row.value(column) for point in points)]
    columns = [[point.row.value(column) or 0.0 for point in points] for column in known]
    found = ranks.correlations(columns, [point.y for point in points]) if known else None
    if found is None:
        return {}, ["Too few networks for a rank correlation."] if points else []
    ends = [found.interval(i) for i in range(len(known))]
    said = {column: f"{rho:.2f} [{low:.2f}, {high:.2f}]" for column, rho, (low, high) in zip(known, found.rho, ends, strict=True)}
    listed = ", ".join(f"{PROXIES[column]} {words}" for column, words in said.items())
    first, *others = sorted(range(len(known)), key=lambda i: -found.rho[i])
    sure = [PROXIES[known[i]] for i in others if found.ahead(first, i)[0] > 0]
    unsure = [PROXIES[known[i]] for i in others if found.ahead(first, i)[0] <= 0]
    better = f"Best here: {PROXIES[known[first]]}"
    better += f", surely better than {' and '.join(sure)}" if sure else ""
    better += f"; whether better than {' and '.join(unsure)} is not decided" if unsure else ""
    return said, [f"Spearman's rank correlation with the time over {len(points)} networks [95 %]: {listed}. {better}."]


def _corner(words: str) -> Callable[[Axes], None]:
    """Write the correlation above the axes."""

    def write(axes: Axes) -> None:
        if words:
            axes.annotate(f"Spearman's rank correlation {words}", (1.0, 1.0), xycoords="axes fraction", xytext=(0, 2),
                          textcoords="offset points", ha="right", va="bottom", fontsize=TICK, color=INK, gid="correlation",
                          annotation_clip=False)  # fmt: skip

    return write
