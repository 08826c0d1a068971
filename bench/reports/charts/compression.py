"""What is lost and what is gained where networks are made smaller: a chart for each, and one of time against arithmetic."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.lines import Line2D

from ...compression import FINETUNE
from . import _compressed as compressed
from . import _conditions as conditions
from . import _pairs as pairs
from ._marks import REACH, front, paint, paint_front
from ._page import BELOW, POINT, Sheet, blank, compose, foot, panel
from ._points import Drawing, Point
from ._style import COLUMN, INK, NOTE, PAGE, PALETTE, SOFT, TICK, TITLE, is_log, limits, plain, ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..rows import Protocol, Row
    from ._compressed import Form, Network, Quality

WHOLE = True
NAME, TITLE_TEXT = "compression", "Compressed forms"
TIME_NAME, TIME_TITLE = "compression-time", "Measured time left against multiply-accumulates left, over compressed forms"
_HEIGHT, _LEFT, _RIGHT, _BETWEEN = 2.2, 0.46, 0.1, 0.14  # inches
_LEGEND = 0.15
_COLUMNS = {PAGE: 5, COLUMN: 3}  # of the legend
_LETTER, _HANDLE = 0.055, 6  # inches of a letter of the legend, and letters that a mark takes
_MOST = 24  # networks that have a chart of their own
_ACROSS, _WIDE = 4.2, 3.8  # points: a mark, and a digit with some room
_MIB = 2.0**20
# Criteria that come with vbench have a colour of their own in every chart, the others what is left.
_TRAINED = f" + {FINETUNE}"
_KNOWN = ("taylor", "l1-filter", "magnitude", "l2-filter", "apoz", "mean-activation", "codebook", "deep-compression")


class Cost(NamedTuple):
    """A panel: the axis, and what a row costs with the ends of its interval."""

    label: str
    of: Callable[[Row], tuple[float | None, float | None, float | None]]
    timed: bool = False


def _scaled(column: str, factor: float) -> Callable[[Row], tuple[float | None, float | None, float | None]]:
    def found(row: Row) -> tuple[float | None, float | None, float | None]:
        values = [row.value(f"{column}{end}") for end in ("", "_low", "_high")]
        first, low, high = (None if value is None else value * factor for value in values)
        return first, low, high

    return found


def _bytes(row: Row) -> tuple[float | None, float | None, float | None]:
    """What is written to the disk: as encoded, where a form has an encoding, else the weights as they are."""
    encoded, weights = row.value("encoded_bytes"), row.value("weight_bytes")
    found = weights if encoded is None else encoded
    return (None if found is None else found / _MIB), None, None


COSTS = (
    Cost("Request latency (ms)", _scaled("latency_s", 1e3), timed=True),
    Cost("GMACs per image", _scaled("macs", 1e-9)),
    Cost("Size of the weights (MiB)", _bytes),
)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw each network with two forms whose accuracy was measured, and one chart of all forms that were timed."""
    del protocol
    found = compressed.networks(rows)
    if not found:
        reason = "no row is of a compressed network (--compress l1-filter:0.5)"
        return [Drawing(NAME, TITLE_TEXT, reason=reason)]
    known = [(network, quality) for network in found if (quality := compressed.quality(network)) is not None]
    judged = [(network, quality) for network, quality in known if _shown(network)]
    taken: Counter[str] = Counter()
    drawn = [_drawing(network, quality, taken) for network, quality in judged[:_MOST]]
    if not judged:
        reason = "no network has two compressed forms whose accuracy was measured (vbench evaluate)"
        if known:
            reason = "of the compressed forms that were evaluated no cost is known (vbench run, and both files for the report)"
        drawn = [Drawing(NAME, TITLE_TEXT, reason=reason)]
    if len(judged) > _MOST:
        reason = f"{len(judged) - _MOST} more networks have none of their own: the table of the summary has their rows"
        drawn.append(Drawing(f"{NAME}-more", TITLE_TEXT, reason=reason))
    return [*drawn, _time(found)]


def _drawing(network: Network, quality: Quality, taken: Counter[str]) -> Drawing:
    title = f"{TITLE_TEXT} of {network.name}: measured top-1 against latency, MACs and bytes"
    said = compressed.verdicts(network, quality)
    timed = [row for row in network.rows if row.value("latency_s")]
    bars = "bars: 95 % intervals" if any(quality.ends(row)[0] is not None for row in network.rows) else "no interval"
    footer = [
        *(conditions.where(timed) if timed else [conditions.counted_where(network.rows)]),
        f"Top-1: measured here, {quality.protocol}. Number: the ratio or the bits; dashed: Pareto front; {bars}.",
        *said,
        *_without(network, quality),
        *conditions.flag_note((row, row.name.partition("@")[2] or "uncompressed") for row in timed),
    ]
    told = "; ".join(
        f"{form.criterion} {form.strength} {value:.4g} %" for form in network.forms if (value := quality.of(form.row)) is not None
    )
    name = conditions.numbered(f"{NAME}-{conditions.slugged(network.name)}", taken)
    figure = partial(_figure, network, quality, footer)
    return Drawing(
        name, title, figure, f"{title}. {told}. {' '.join(said)}", finding=" ".join([f"{TITLE_TEXT} of {network.name}:", *said])
    )


def _without(network: Network, quality: Quality) -> list[str]:
    """Why there is no mark of the uncompressed network, where there is none."""
    if network.whole is None:
        return ["The uncompressed network was not measured under the same conditions."]
    return [] if quality.of(network.whole) is not None else ["The uncompressed network was not evaluated in this protocol."]


def _figure(network: Network, quality: Quality, footer: Sequence[str]) -> Figure:
    shown = _shown(network)
    by_criterion = compressed.lines(network)
    width = PAGE if len(shown) > 1 else COLUMN
    longest = max(map(len, by_criterion), default=0) + _HANDLE
    columns = max(1, min(_COLUMNS[width], int(width / (_LETTER * longest))))
    lines = -(-(len(by_criterion) + 1) // columns)
    figure, first = blank(width, _HEIGHT, 0.06 + _LEGEND * lines, _LEFT, _RIGHT)
    first.remove()
    across = (width - _LEFT - _RIGHT - _BETWEEN * (len(shown) - 1)) / len(shown)
    looks = _looks(list(by_criterion))
    for number, cost in enumerate(shown):
        axes = panel(figure, (_LEFT + (across + _BETWEEN) * number, BELOW, across, _HEIGHT))
        _panel(axes, network, quality, cost, looks)
        if number:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("Measured top-1 (%)", fontsize=TITLE, color=INK, labelpad=3)
    known = network.whole is not None and quality.of(network.whole) is not None
    handles = [Line2D([], [], linestyle="", marker="*", color=INK, markersize=6.5, label="uncompressed")] if known else []
    handles += [Line2D([], [], markersize=_ACROSS, linewidth=1.0, label=plain(name), **look) for name, look in looks.items()]
    figure.legend(handles=handles, loc="upper left", ncols=columns, frameon=False, fontsize=TICK, labelcolor=INK,
                  borderaxespad=0.1, handlelength=1.6, handletextpad=0.4, columnspacing=1.2, borderpad=0.1,
                  labelspacing=0.25)  # fmt: skip
    foot(figure, footer)
    return figure


def _shown(network: Network) -> list[Cost]:
    """The costs that are known of two forms at least."""
    return [cost for cost in COSTS if sum(cost.of(form.row)[0] is not None for form in network.forms) > 1]


def _looks(criteria: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A line for each criterion: one colour for one name everywhere, trained or not; chance is grey, and crosses."""
    bare = {name: name.partition(_TRAINED)[0] for name in criteria}
    # How many pictures a criterion looks at, and such, decides its colour only where that tells two of them apart.
    short = {one: " ".join(word for word in one.split(" ") if "=" not in word) for one in bare.values()}
    alone = Counter(short.values())
    bare = {name: short[one] if alone[short[one]] == 1 else one for name, one in bare.items()}
    others = [name for name in dict.fromkeys(bare.values()) if name != compressed.control(name) and name not in _KNOWN]
    order = [*_KNOWN, *others]
    found: dict[str, dict[str, Any]] = {}
    for name in criteria:
        trained = _TRAINED in name
        if name == compressed.control(name):
            found[name] = {"color": SOFT, "marker": "+" if trained else "x"}
            continue
        place = order.index(bare[name])
        marker = "v" if trained else ("o", "s", "^", "D")[place // len(PALETTE) % 4]
        found[name] = {"color": PALETTE[place % len(PALETTE)], "marker": marker}
    return found


def _panel(axes: Axes, network: Network, quality: Quality, cost: Cost, looks: dict[str, dict[str, Any]]) -> None:
    whole = None if network.whole is None else _place(network.whole, quality, cost)
    placed = [(form, at) for form in network.forms if (at := _place(form.row, quality, cost)) is not None]
    _scales(axes, [*(at for _, at in placed), *([] if whole is None else [whole])], cost)
    steps = front((at.x, at.y) for at in [*(at for _, at in placed), *([] if whole is None else [whole])])
    paint_front(axes, steps)
    by_case = {form.row.case.id: at for form, at in placed}
    for criterion, own in compressed.lines(network).items():
        look = looks[criterion]
        points = [by_case[form.row.case.id] for form in own if form.row.case.id in by_case]
        axes.plot([at.x for at in points], [at.y for at in points], linewidth=0.9, zorder=2, gid="line", color=look["color"])
        for at in points:
            _bars(axes, at, look["color"])
            hollow = cost.timed and bool(at.row.result.flags) and look["marker"] not in {"x", "+"}
            axes.plot([at.x], [at.y], linestyle="", marker=look["marker"], markersize=_ACROSS, color=look["color"], gid="point",
                      markerfacecolor="white" if hollow else look["color"], markeredgewidth=0.9, zorder=3)  # fmt: skip
    if whole is not None:
        _bars(axes, whole, INK)
        axes.plot([whole.x], [whole.y], linestyle="", marker="*", markersize=7.5, color=INK, gid="uncompressed", zorder=4)
    _strengths(axes, placed)


def _place(row: Row, quality: Quality, cost: Cost) -> Point | None:
    """Where a row stands in a panel, with its intervals."""
    x, low, high = cost.of(row)
    y = quality.of(row)
    return None if x is None or y is None else Point(row, "", x, y, low, high, *quality.ends(row))


def _bars(axes: Axes, at: Point, hue: str) -> None:
    style: dict[str, Any] = {"color": hue, "linewidth": 0.7, "zorder": 2.2, "gid": "interval"}
    if at.low is not None and at.high is not None:
        axes.hlines(at.y, at.low, at.high, **style)
    if at.y_low is not None and at.y_high is not None:
        axes.vlines(at.x, at.y_low, at.y_high, **style)


def _scales(axes: Axes, points: Sequence[Point], cost: Cost) -> None:
    xs = [edge for at in points for edge in (at.x, at.low, at.high) if edge is not None]
    ys = [edge for at in points for edge in (at.y, at.y_low, at.y_high) if edge is not None]
    log = min(xs) > 0 and is_log([at.x for at in points])
    low, high = limits(min(xs), max(xs), 0.06, log=log, least=0.0 if log else 0.2 * max(xs))
    axes.set_xscale("log" if log else "linear")
    axes.set_xlim(low, high)
    bottom, top = limits(min(ys), max(ys), 0.09, log=False, least=2.0)
    axes.set_ylim(bottom, top)
    ticks(axes.xaxis, low, high, log=log)
    ticks(axes.yaxis, bottom, top, log=False)
    axes.set_xlabel(cost.label, fontsize=TITLE, color=INK, labelpad=3)


def _strengths(axes: Axes, placed: Sequence[tuple[Form, Point]]) -> None:
    """The ratio or the bits once for each place along the axis: beside the lowest mark that has it, where no other one stands.

    What has one place in this panel has others in another: codes that change no arithmetic lie apart by their bytes.
    """
    taken: list[tuple[float, float]] = []
    for strength in filter(None, compressed.strengths([form for form, _ in placed])):
        lowest = min((at for form, at in placed if form.strength == strength), key=lambda at: at.y)
        x, y = axes.transData.transform((lowest.x, lowest.y)) / POINT
        if all(abs(x - left) > _WIDE * len(strength) or abs(y - below) > NOTE for left, below in taken):
            taken.append((float(x), float(y)))
            axes.annotate(plain(strength), (lowest.x, lowest.y), xytext=(2.5, -2.5), textcoords="offset points", ha="left",
                          va="top", fontsize=NOTE, color=SOFT, gid="strength", parse_math=False)  # fmt: skip


def _time(found: Sequence[Network]) -> Drawing:
    """What is left of the time against what is left of the arithmetic: on the diagonal, time follows multiply-accumulates."""
    points = [point for network in found for form in network.forms if (point := _left(form, network.whole)) is not None]
    if not points:
        reason = "no compressed form was timed beside its uncompressed network, under the same conditions"
        return Drawing(TIME_NAME, TIME_TITLE, reason=reason)
    points, rows = _main(points)
    paired = "its 95 % interval, from processes of the same round" if any(p.y_low is not None for p in points) else "none"
    footer = [
        *conditions.where(rows),
        f"Point: median request latency over that of the uncompressed network. Bar: {paired}. Line: time would follow MACs.",
        *conditions.flag_note((point.row, point.label) for point in points),
    ]
    told = ", ".join(f"{p.label} {p.y:.3g} % of the time at {p.x:.3g} % of the MACs" for p in points)
    return Drawing(TIME_NAME, TIME_TITLE, partial(_left_figure, points, footer), f"{TIME_TITLE}. {told}.")


def _main(points: Sequence[Point]) -> tuple[list[Point], list[Row]]:
    """Those of the conditions that most were measured at: times of others do not compare."""
    chosen, _ = conditions.main([point.row for point in points])
    ids = {id(row) for row in chosen}
    return [point for point in points if id(point.row) in ids], chosen


def _left(form: Form, whole: Row | None) -> Point | None:
    ratio = None if whole is None else pairs.latency(form.row, whole)
    macs, before = form.row.value("macs"), None if whole is None else whole.value("macs")
    if ratio is None or not macs or not before:
        return None
    low, high = (None if end is None else 100 * end for end in (ratio.low, ratio.high))
    return Point(form.row, form.row.name, 100 * macs / before, 100 * ratio.value, y_low=low, y_high=high)


def _left_figure(points: Sequence[Point], footer: Sequence[str]) -> Figure:
    def ink(axes: Axes) -> list[float]:
        axes.axline((100, 100), (50, 50), color=SOFT, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1, gid="diagonal")
        return paint(axes, points)

    return compose(points, Sheet(
        xlabel="MACs left (%)",
        ylabel="Request latency left (%)",
        footer=footer,
        paint=ink,
        reach=REACH,
        scales=("linear", "linear"),
        within=[(100.0, 100.0)],
    ))  # fmt: skip
