"""The arms and contrasts of the study of pruning: each criterion at each ratio against random ranking."""

from __future__ import annotations

from ..parts import Arm, Contrast, Measure, Side

NETWORK = "small/plain-8"
TOP1 = Measure(name="top1", title="top-1", unit="%", better="higher")
BEFORE = Measure(name="before", title="top-1 before training", unit="%", better="higher")

WHOLE, TUNED, CONTROL = "whole", "whole-tuned", "random"
RATIOS = ("0.1", "0.3", "0.5", "0.7", "0.85")
# By name: the words behind the ratio, whose criterion it is, and what is said of it.
_FIRST = "Rank neurons by how much they contribute, and remove the low-ranking ones."
_LECTURE = "lecture, reducing the model footprint"
CRITERIA = {
    "random": ("", "", ""),
    "l1-filter": ("", "Li et al. 2017, section 4.4", "The smallest filters go: better than random ones, and than the largest."),
    "l2-filter": ("", f"Li et al. 2017, section 4.4; {_LECTURE}", _FIRST),
    "mean-activation": (":pictures=64", f"Molchanov et al. 2017, section 2.2; {_LECTURE}", _FIRST),
    "apoz": (":pictures=64", f"Hu et al. 2016; {_LECTURE}", "Neurons that are mostly zero are redundant."),
    "taylor": (
        ":pictures=64",
        "Molchanov et al. 2017, sections 2.2 and 3",
        "The change of the loss to first order ranks best among what is cheap.",
    ),
}
STEPS, STEPPED, STEP_RATIOS = 4, ("l1-filter", "taylor"), ("0.7",)
SIMILAR = 2.0  # points, as in the study of classification


def name(criterion: str, ratio: str, steps: int = 1) -> str:
    """What an arm is called."""
    return f"{criterion}:{ratio}" + (f":steps={steps}" if steps > 1 else "")


def _arm(criterion: str, ratio: str, steps: int = 1) -> Arm:
    words = CRITERIA[criterion][0]
    own = f"{criterion}:{ratio}" + (f":steps={steps}" if steps > 1 else "") + words
    return Arm(
        name=name(criterion, ratio, steps), architecture=NETWORK, after=WHOLE, compression=own,
        options={"criterion": criterion, "ratio": ratio} | ({"steps": str(steps)} if steps > 1 else {}),
    )  # fmt: skip


ARMS = (
    Arm(name=WHOLE, architecture=NETWORK),
    Arm(name=TUNED, architecture=NETWORK, after=WHOLE),
    *(_arm(criterion, ratio) for criterion in CRITERIA for ratio in RATIOS),
    *(_arm(criterion, ratio, STEPS) for criterion in STEPPED for ratio in STEP_RATIOS),
)


def _beats(criterion: str, ratio: str, measure: Measure) -> Contrast:
    _, source, sentence = CRITERIA[criterion]
    when = "" if measure is TOP1 else "-before"
    return Contrast(
        id=f"{criterion}-{ratio}{when}", sentence=sentence, source=source, expected="higher", equal=("params", "macs"),
        question=f"Does {criterion} beat random ranking at {ratio}, {'trained' if measure is TOP1 else 'before training'}?",
        of=Side(name(criterion, ratio), measure.name), to=Side(name(CONTROL, ratio), measure.name),
    )  # fmt: skip


CONTRASTS = (
    *(_beats(criterion, ratio, measure) for measure in (TOP1, BEFORE) for criterion in CRITERIA if criterion != CONTROL
      for ratio in RATIOS),
    *(
        Contrast(
            id=f"lost-{ratio}", question=f"What is lost with {ratio} of the channels, trained alike?", expected="similar",
            sentence="Pruned and trained again, a network comes close to what it was.", margin=SIMILAR,
            source="Li et al. 2017, Table 1; lecture, reducing the model footprint",
            of=Side(name("l1-filter", ratio), TOP1.name), to=Side(TUNED, TOP1.name),
        )
        for ratio in RATIOS
    ),
    *(
        Contrast(
            id=f"steps-{criterion}-{ratio}", question=f"Does it help to prune by {criterion} to {ratio} in {STEPS} steps?",
            sentence="Prune a little, train, repeat: better than all at once, at equal training.", expected="higher",
            source="Han et al. 2015, section 3.3; Molchanov et al. 2017, section 2", equal=("params", "macs"),
            of=Side(name(criterion, ratio, STEPS), TOP1.name), to=Side(name(criterion, ratio), TOP1.name),
        )
        for criterion in STEPPED for ratio in STEP_RATIOS
    ),
)  # fmt: skip
