"""The charts of the study of keypoints: error against map, left against right, other sizes, and a few pictures answered."""

from __future__ import annotations

import base64
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...reports.charts._lines import spread
from ...reports.charts._page import BELOW, POINT, blank, foot, make_room, panel
from ...reports.charts._points import Drawing
from ...reports.charts._style import COLUMN, INK, LABEL, PAGE, PALETTE, SOFT, TITLE, decades, limits, ticks
from ..judging import Span, rows
from ..text import conditions, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..base import Study
    from ..judging import Row
    from ..log import Log
    from ..parts import Measure
    from ._examples import Example

# The heads' colours, the same in every chart; the last is for the joints that are there.
COLORS = {"connected": PALETTE[2], "pooled": PALETTE[4], "heatmap": PALETTE[0], "integral": PALETTE[1], "paf": PALETTE[7]}
TITLES = {
    "connected": "fully connected",
    "pooled": "global pooling",
    "heatmap": "map, arg-max",
    "integral": "integral",
    "paf": "affinity fields",
}
_HEIGHT, _ROW = 2.3, 0.2  # inches
_NAMES = 1.2  # beside the axes, for the longest name of a line
_STEP = LABEL * 1.35


class Curve(NamedTuple):
    """A line: its name, colour and dashes, and a span at each place along x."""

    name: str
    color: str
    dashes: str
    spans: dict[float, Span]


class Frame(NamedTuple):
    """What a chart of curves has beside them: labels, whether y is logarithmic, levels without an x, and the footer."""

    xlabel: str
    ylabel: str
    log: bool
    flat: Mapping[str, Span]
    footer: Sequence[str]


def draw(
    study: Study, log: Log, sides: Mapping[str, int], sizes: Mapping[str, float], examples: Sequence[Example]
) -> list[Drawing]:
    """All charts; one that lacks its rows says so.

    `sides` are how many cells a side of each arm's maps has, `sizes` how tall people are in the tests of scale.
    """
    every = rows(study, log)
    return [
        _resolution(study, log, every, sides),
        _halves(study, log, every),
        _sizes(study, log, every, sizes),
        _pictures(study, log, examples),
    ]


def _resolution(study: Study, log: Log, every: Mapping[str, Row], sides: Mapping[str, int]) -> Drawing:
    name, title = "keypoints-map", "Error of a joint against the side of the map"
    curves = [
        Curve(label, COLORS[head], dashes, {sides[arm]: every[arm].span(measure) for arm in sides if _of(arm, head, every)})
        for label, head, measure, dashes in (
            ("highest cell", "heatmap", "median_cell", ":"),
            ("a quarter on", "heatmap", "median", "-"),
            ("top of the bell", "heatmap", "median_taylor", "--"),
            ("integral", "integral", "median", "-"),
        )
    ]
    flat = {head: span for head in ("connected", "pooled") if head in every and (span := every[head].span("median")).mean}
    footer = [
        "Median distance between a joint and its answer. Bar: 95 % interval over the seeds. Level line: no map.",
        *conditions(study, log),
    ]
    frame = Frame("Cells along a side of the map", "Median error (px)", True, flat, footer)  # noqa: FBT003 - named above
    return _drawing(name, title, curves, frame, study.measure("median"))


def _of(arm: str, head: str, every: Mapping[str, Row]) -> bool:
    return arm in every and arm.partition("-")[0] == head


def _sizes(study: Study, log: Log, every: Mapping[str, Row], sizes: Mapping[str, float]) -> Drawing:
    name, title = "keypoints-sizes", "Joints found of people of other sizes"
    curves = [
        Curve(f"{TITLES[head]}{more}", COLORS[head], dashes, {x: every[head].span(f"{measure}_{n}") for n, x in sizes.items()})
        for head in COLORS
        if head in every
        for measure, more, dashes in (("found", "", "-"), ("scales", ", scales", ":"))
    ]
    footer = [
        "Dotted, scales: maps averaged over scaled pictures. Bar: 95 % interval over the seeds.",
        *conditions(study, log),
    ]
    frame = Frame("Size against that of training", "Joints found (%)", False, {}, footer)  # noqa: FBT003 - as above
    return _drawing(name, title, curves, frame, study.measure("correct"))


def _drawing(name: str, title: str, curves: Sequence[Curve], frame: Frame, measure: Measure) -> Drawing:
    kept = [
        curve._replace(spans={x: span for x, span in sorted(curve.spans.items()) if span.mean is not None}) for curve in curves
    ]
    kept = [curve for curve in kept if curve.spans]
    if not kept:
        return Drawing(name, title, reason="no arm that it is made of was trained")
    told = "; ".join(
        f"{c.name}: " + ", ".join(f"{shown(span, measure)} {measure.unit} at {x:g}" for x, span in c.spans.items()) for c in kept
    )
    return Drawing(name, title, partial(_curves, kept, frame), f"{title}. {told}.")


def _curves(curves: Sequence[Curve], frame: Frame) -> Figure:
    figure, axes = blank(COLUMN, _HEIGHT, 0.06, right=_NAMES)
    means = [span.mean for curve in curves for span in curve.spans.values() if span.mean is not None]
    means += [span.mean for span in frame.flat.values() if span.mean is not None]
    bottom, top = limits(min(means), max(means), 0.06, log=True) if frame.log else (0.0, 104.0)
    places = sorted({x for curve in curves for x in curve.spans})
    axes.set_xscale("log")
    axes.set_yscale("log" if frame.log else "linear")
    axes.set_xlim(*limits(places[0], places[-1], 0.05, log=True))
    axes.set_ylim(bottom, top)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator([float(x) for x in places]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ticks(axes.yaxis, bottom, top, log=frame.log)
    axes.set_xlabel(frame.xlabel, fontsize=TITLE, color=INK, labelpad=3)
    axes.set_ylabel(frame.ylabel, fontsize=TITLE, color=INK, labelpad=3)
    make_room(figure, axes)
    names = []
    for curve in curves:
        values = [span.mean or 0.0 for span in curve.spans.values()]
        axes.plot(list(curve.spans), values, color=curve.color, linestyle=curve.dashes, linewidth=1.1, marker="o",
                  markersize=3.2, zorder=3, gid="line")  # fmt: skip
        for x, span in curve.spans.items():
            _bar(axes, x, span, curve.color, bottom)
        names.append((values[-1], curve.name, curve.color))
    for head, span in frame.flat.items():
        level = span.mean or 0.0
        axes.axhline(level, color=COLORS[head], linewidth=0.8, linestyle=(0, (1, 2)), zorder=2, gid="flat")
        names.append((level, TITLES[head], COLORS[head]))
    _named(axes, names)
    foot(figure, frame.footer)
    return figure


def _bar(axes: Axes, x: float, span: Span, color: str, least: float) -> None:
    if ends := span.ends:
        axes.vlines(x, max(ends[0], least), ends[1], color=color, linewidth=0.8, alpha=0.7, zorder=2.5, gid="interval")


def _named(axes: Axes, names: Sequence[tuple[float, str, str]]) -> None:
    """The lines' names beside the axes, apart from each other."""
    ordered = sorted(names, reverse=True)
    total = axes.get_window_extent().height / POINT
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted = [float(to_axes.transform((axes.get_xlim()[1], value))[1]) * total for value, _, _ in ordered]
    for (_, name, color), at, end in zip(ordered, spread(wanted, _STEP, total), wanted, strict=True):
        axes.plot([1.0, 1.05], [end / total, at / total], transform=axes.transAxes, color=SOFT, linewidth=0.4, clip_on=False,
                  scalex=False, scaley=False, gid="leader")  # fmt: skip
        axes.text(1.06, at / total, name, transform=axes.transAxes, fontsize=LABEL, color=color, va="center", gid="name")


def _halves(study: Study, log: Log, every: Mapping[str, Row]) -> Drawing:
    name, title = "keypoints-halves", "Trained on people in the left half: error in either half"
    found = {
        head: (every[arm].span("left"), every[arm].span("right"))
        for head in COLORS
        if (arm := f"{head}-left") in every and every[arm].span("left").mean and every[arm].span("right").mean
    }
    if not found:
        return Drawing(name, title, reason="no head was trained on people in the left half")
    measure = study.measure("left")
    told = "; ".join(f"{TITLES[h]} {shown(a, measure)} px left, {shown(b, measure)} px right" for h, (a, b) in found.items())
    footer = [
        "Mean distance between a joint and its answer. Bar: 95 % interval over the seeds.",
        "Filled: left half, where it was trained. Hollow: right half, the same pictures moved.",
        *conditions(study, log),
    ]
    return Drawing(name, title, partial(_dumbbells, found, footer), f"{title}. {told}.")


def _dumbbells(found: Mapping[str, tuple[Span, Span]], footer: Sequence[str]) -> Figure:
    figure, axes = blank(COLUMN, _ROW * len(found) + 0.1, 0.06, left=0.95)
    means = [span.mean for spans in found.values() for span in spans if span.mean]
    low, high = limits(min(means), max(means), 0.08, log=True)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    for row, (head, (left, right)) in enumerate(found.items()):
        assert left.mean is not None  # noqa: S101 - so they were chosen
        assert right.mean is not None  # noqa: S101 - as above
        color = COLORS[head]
        axes.plot([left.mean, right.mean], [row, row], color=color, linewidth=0.8, zorder=2, gid="step")
        for span, face in ((left, color), (right, "white")):
            if ends := span.ends:
                axes.hlines(row, max(ends[0], low), min(ends[1], high), color=color, linewidth=2.4, alpha=0.3, zorder=1.5,
                            gid="interval")  # fmt: skip
            axes.plot([span.mean or low], [row], marker="o", markersize=4.2, markerfacecolor=face, markeredgecolor=color,
                      zorder=3, gid="point")  # fmt: skip
    axes.set_yticks(range(len(found)), [TITLES[head] for head in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator(decades(low, high)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("Mean error (px)", fontsize=TITLE, color=INK, labelpad=3)
    foot(figure, footer)
    return figure


def _pictures(study: Study, log: Log, examples: Sequence[Example]) -> Drawing:
    name, title = "keypoints-examples", "What each head answers to a picture of each test"
    if not examples:
        return Drawing(name, title, reason="there are no examples.json and weights beside the log")
    footer = [
        "Circles: the joints that are there, gray where one is covered. Dots and lines: the answer, each person in a colour.",
        f"Seed {examples[0].seed}; one picture of each test, whatever it shows.",
        *conditions(study, log),
    ]
    told = "; ".join(f"{e.title}: {', '.join(f'{h} {len(e.answers[h])}' for h in e.answers)} people" for e in examples)
    return Drawing(name, title, partial(_multiples, examples, footer), f"{title}. {told}.")


def _multiples(examples: Sequence[Example], footer: Sequence[str]) -> Figure:
    heads = [head for head in COLORS if any(head in example.answers for example in examples)]
    left, gap, head_room = 0.9, 0.06, 0.2
    side = (PAGE - left - 0.06 - gap * (len(heads) - 1)) / len(heads)
    tall = (side + gap) * len(examples)
    # Below pictures without an axis there is nothing to keep room for.
    figure, outer = blank(PAGE, tall - BELOW, head_room)
    outer.remove()
    total = float(figure.get_size_inches()[1])
    for row, example in enumerate(examples):
        y = total - head_room - (side + gap) * row - side
        for column, head in enumerate(heads):
            axes = panel(figure, (left + (side + gap) * column, y, side, side))
            _picture(axes, example, example.answers.get(head, ()), COLORS[head])
            if column == 0:
                axes.set_ylabel(example.title, fontsize=LABEL, color=INK, rotation=0, ha="right", va="center", labelpad=4)
            if row == 0:
                axes.set_title(TITLES[head], fontsize=TITLE, color=COLORS[head], pad=3)
    foot(figure, footer)
    return figure


def _picture(axes: Axes, example: Example, answer: Any, color: str) -> None:
    from PIL import Image  # noqa: PLC0415 - only where there are pictures

    pixels = np.asarray(Image.open(BytesIO(base64.b64decode(example.picture))))
    height, width = pixels.shape[:2]
    # Printed dark on light, and pale, so that what is drawn on it can be seen.
    shades = 255 - 0.45 * pixels if pixels.ndim == 2 else 0.5 * pixels + 127  # noqa: PLR2004 - gray or colours
    axes.imshow(shades.astype(np.uint8), cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto", zorder=0)
    axes.grid(visible=False)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[["top", "right"]].set_visible(True)
    axes.spines[["top", "right"]].set_color(SOFT)
    for person in example.people:
        for x, y, seen in person:
            axes.plot([x], [y], marker="o", markersize=5.0, markerfacecolor="none", markeredgecolor=INK if seen else SOFT,
                      markeredgewidth=0.6, linestyle="", alpha=1.0 if seen else 0.6, gid="joint")  # fmt: skip
    for person, shade in zip(answer, (color, *(c for c in PALETTE if c != color)), strict=False):
        for a, b in example.limbs:
            if person[a][2] > 0 and person[b][2] > 0:
                axes.plot([person[a][0], person[b][0]], [person[a][1], person[b][1]], color=shade, linewidth=0.9, gid="limb")
        there = [joint for joint in person if joint[2] > 0]
        axes.plot(
            [j[0] for j in there], [j[1] for j in there], marker="o", markersize=2.2, color=shade, linestyle="", gid="answer"
        )
