"""What the lecture says of heads for keypoints, and which arm's measures answer it."""

from __future__ import annotations

from ..parts import Contrast, Expected, Side

HEADS = ("connected", "pooled", "heatmap", "integral", "paf")
STRIDES = (2, 4, 8, 16)
SIDE = 64
INPUTS = (0.5, 1.0, 2.0)
"""How the picture is scaled where maps are averaged over scales."""


def arm_name(head: str, stride: int) -> str:
    """The arm of a head whose cells are so many pixels wide."""
    return head + (f"-s{stride}" if stride != STRIDES[0] else "")


# Where a difference of errors is smaller than this, two heads are as exact: a quarter of a pixel.
_ALIKE = 0.25
_MAPS, _DISADVANTAGE, _INTEGRAL, _OPEN = (
    f"Lecture 4, {slide}"
    for slide in (
        "Heatmap-based 2D pose estimation",
        "Heatmap-based 2D pose estimation II",
        "Integral Regression-based 2D pose estimation II",
        "Integral Regression-based 2D pose estimation III",
    )
)
_FIELDS = "Lecture 4, Part affinity fields for associating joints of multiple persons"


def _contrast(  # noqa: PLR0913, PLR0917 - a row of the table below
    name: str, of: tuple[str, str], to: tuple[str, str], expected: Expected, question: str, sentence: str, source: str,
    margin: float = 0.0,
) -> Contrast:  # fmt: skip
    return Contrast(
        id=name, question=question, sentence=sentence, source=source, of=Side(*of), to=Side(*to), expected=expected, margin=margin
    )


def _resolution() -> list[Contrast]:
    question = "How exact is a joint against the size of the map?"
    maps = [
        _contrast(f"map-{SIDE // stride}", (arm_name("heatmap", stride), "median"), ("heatmap", "median"), "higher", question,
                  "The arg-max of a map has no sub-pixel accuracy: the coarser the map, the larger the error.", _DISADVANTAGE)
        for stride in STRIDES[1:]
    ]  # fmt: skip
    integral = [
        _contrast(f"integral-{SIDE // stride}", (arm_name("integral", stride), "median"), (arm_name("heatmap", stride), "median"),
                  "lower", question,
                  "Integral regression is finer than the cells of its map, so that maps of low resolution are possible.",
                  _INTEGRAL)
        for stride in STRIDES
    ]  # fmt: skip
    return [
        *maps,
        *integral,
        _contrast("integral-coarse", ("integral-s8", "median"), ("integral", "median"), "similar", question,
                  "Maps of low resolution are possible.", _INTEGRAL, _ALIKE),
        _contrast("quarter", ("heatmap-s8", "median"), ("heatmap-s8", "median_cell"), "lower",
                  "What does a decoder win below the size of a cell?",
                  "A quarter of a cell towards the higher neighbour makes an arg-max more exact.", "Newell et al. 2016"),
        _contrast("taylor", ("heatmap-s8", "median_taylor"), ("heatmap-s8", "median"), "lower",
                  "What does a decoder win below the size of a cell?",
                  "The top of the bell, by the map's derivatives, is more exact than a quarter of a cell.", "Zhang et al. 2020"),
    ]  # fmt: skip


def _translation() -> list[Contrast]:
    question = "Trained on people in the left half: what happens in the right half?"
    moved = [
        _contrast(f"moved-{head}", (f"{head}-left", "right"), (f"{head}-left", "left"), "higher", question,
                  "One vector for all places has seen no joint there: it does not move with the picture.", _MAPS)
        for head in HEADS[:2]
    ]  # fmt: skip
    kept = [
        _contrast(f"moved-{head}", (f"{head}-left", "right"), (f"{head}-left", "left"), "similar", question,
                  "Fully convolutional networks are translation invariant.", _MAPS, _ALIKE)
        for head in HEADS[2:]
    ]  # fmt: skip
    return moved + kept


def _people() -> list[Contrast]:
    question = "Two people, trained on one: who finds both, who answers with one, and who with a point between?"
    between = [
        _contrast(f"between-{head}", (head, "between"), ("heatmap", "between"), "higher", question, sentence, source)
        for head, sentence, source in (
            ("connected", "A regression has one answer: of two people it is their mean.", _MAPS),
            ("pooled", "A regression has one answer: of two people it is their mean.", _MAPS),
            ("integral", "With two maxima in the map, the predicted position is in the middle of the two.", _OPEN),
        )
    ]
    return [
        *between,
        _contrast("both", ("paf", "found"), ("heatmap", "found"), "higher", question,
                  "Fields say which joints belong together, for any number of people.", _FIELDS),
        _contrast("mixed", ("heatmap", "mixed"), ("paf", "mixed"), "higher", question,
                  "Maps alone hold the joints of both, and do not say whose they are.", _FIELDS),
    ]  # fmt: skip


def _absent() -> list[Contrast]:
    question = "A joint that is covered or out of the frame: what is answered, and can it be told?"
    told = "The height of a map's peak tells whether there is a joint; a coordinate does not."
    return [
        _contrast("told-covered", ("heatmap", "told_covered"), ("connected", "told_covered"), "higher", question, told, _OPEN),
        _contrast("told-cut", ("heatmap", "told_cut"), ("connected", "told_cut"), "higher", question, told, _OPEN),
        _contrast("told-integral", ("integral", "told_covered"), ("connected", "told_covered"), "higher", question,
                  "How much of the softmax lies around its answer tells whether there is a joint.", _OPEN),
        _contrast("told-maps", ("heatmap", "told_covered"), ("integral", "told_covered"), "higher", question,
                  "A map that is trained to be flat where there is no joint tells it better than one that is not.", _OPEN),
        _contrast("guessed", ("connected", "hidden"), ("heatmap", "hidden"), "lower", question,
                  "A regression guesses a covered joint from the others; an arg-max is anywhere.", _OPEN),
    ]  # fmt: skip


def _scale() -> list[Contrast]:
    question = "People of other sizes: what is lost, and what does an average over scales of the picture win back?"
    lost = [
        _contrast(f"size-{size}", ("heatmap", f"found_{size}"), ("heatmap", "found_same"), "lower", question,
                  "Large variations of scale are a disadvantage of maps.", _DISADVANTAGE)
        for size in ("half", "double")
    ]  # fmt: skip
    work = sum(scale**2 for scale in INPUTS)
    won = [
        _contrast(f"scales-{head}-{size}", (head, f"scales_{size}"), (head, f"found_{size}"), "higher", question,
                  f"Averaging over runs on a scaled input overcomes it, for {work:g} times the work.", _DISADVANTAGE)
        for head in HEADS[2:]
        for size in ("half", "double")
    ]  # fmt: skip
    return [
        *lost,
        *won,
        _contrast("scales-heatmap-same", ("heatmap", "scales_same"), ("heatmap", "found_same"), "similar", question,
                  "Averaging over scales costs nothing where the size is that of training.", _DISADVANTAGE, 1.0),
    ]  # fmt: skip


def every() -> tuple[Contrast, ...]:
    """All contrasts, question by question."""
    return (*_resolution(), *_translation(), *_people(), *_absent(), *_scale())
