"""Multiply-accumulates and activations against measured time, and which of them puts networks in the order of their times."""

from __future__ import annotations

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
        note="Point: median request latency, bar: its 95 % interval.",
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
    return [
        scatter.drawing(able, chart, behind=_corner(said.get(column, "")), more=sentence)
        for chart, column in zip(CHARTS, PROXIES, strict=False)
    ]


def judged(points: Sequence[Point]) -> tuple[dict[str, str], list[str]]:
    """Of each proxy its rank correlation with the time in words, and a sentence on which is better here."""
    known = [column for column in PROXIES if all(point.row.value(column) for point in points)]
    columns = [[point.row.value(column) or 0.0 for point in points] for column in known]
    found, _ = ranks.correlations(columns, [point.y for point in points])
    if not found:
        return {}, ["Too few networks for a rank correlation."] if points else []
    said = {column: f"{r.rho:.2f} [{r.low:.2f}, {r.high:.2f}]" for column, r in zip(known, found, strict=True)}
    listed = ", ".join(f"{PROXIES[column]} {words}" for column, words in said.items())
    order = sorted(range(len(known)), key=lambda i: -found[i].rho)
    _, apart = ranks.correlations([columns[i] for i in order], [point.y for point in points])
    first = PROXIES[known[order[0]]]
    sure = [PROXIES[known[i]] for i, (low, _) in zip(order[1:], apart, strict=True) if low > 0]
    open_ = [PROXIES[known[i]] for i, (low, _) in zip(order[1:], apart, strict=True) if low <= 0]
    better = f"Best here: {first}"
    if sure:
        better += f", surely better than {' and '.join(sure)}"
    if open_:
        better += f"; whether better than {' and '.join(open_)} is not decided"
    return said, [f"Spearman's rank correlation with the time over {len(points)} networks [95 %]: {listed}. {better}."]


def _corner(words: str) -> Callable[[Axes], None]:
    """Write the correlation above the axes."""

    def write(axes: Axes) -> None:
        if words:
            axes.annotate(f"Spearman's rank correlation {words}", (1.0, 1.0), xycoords="axes fraction", xytext=(0, -1),
                          textcoords="offset points", ha="right", va="bottom", fontsize=TICK, color=INK, gid="correlation",
                          annotation_clip=False)  # fmt: skip

    return write
