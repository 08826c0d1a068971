"""The findings of a study for a terminal, as Markdown, and as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import tables, units
from .judging import VERDICTS, judge, rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .base import Study
    from .judging import Finding, Row, Span
    from .log import Log
    from .parts import Measure

ARMS = ("arm", "params", "MACs")
HEADER = ("contrast", "of", "to", "difference", "params", "MACs", "verdict")


def table(study: Study, log: Log) -> str:
    """A line for each arm, a line for each contrast, and a sentence for each."""
    found = judge(study, log)
    parts = [
        tables.aligned((*ARMS, *(_title(m) for m in study.shown())), _arms(study, log), right=range(1, 3 + len(study.shown()))),
        tables.aligned(HEADER, [_cells(finding) for finding in found], right=(3, 4, 5)),
        "\n".join(sentence(finding) for finding in found),
        study.words(log),
        counts(found),
    ]
    return "\n\n".join(part for part in parts if part)


def counts(findings: Sequence[Finding]) -> str:
    """How many there are of each verdict."""
    found = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in VERDICTS}
    return ", ".join(f"{number} {verdict}" for verdict, number in found.items() if number)


def arms(study: Study, log: Log) -> str:
    """The arms as a table of Markdown."""
    return _grid((*ARMS, *(_title(measure) for measure in study.shown())), _arms(study, log))


def _title(measure: Measure) -> str:
    return f"{measure.title} ({measure.unit})"


def _arms(study: Study, log: Log) -> list[tuple[str, ...]]:
    return [
        (name, units.count(row.params), units.count(row.macs), *(shown(row.span(m.name), m) for m in study.shown()))
        for name, row in rows(study, log).items()
    ]


def shown(span: Span, measure: Measure, *, sign: bool = False) -> str:
    """A mean with its interval, in the measure's unit; a dash where there is none."""
    if span.mean is None:
        return units.MISSING
    form = f"{'+' if sign else ''}.{measure.digits}f"
    ends = span.ends
    return f"{span.mean:{form}}" + (f" [{ends[0]:{form}}, {ends[1]:{form}}]" if ends else "")


def _cells(finding: Finding) -> tuple[str, ...]:
    contrast = finding.contrast
    return (
        contrast.id, _side(finding, "of"), _side(finding, "to"), shown(finding.difference, finding.measure, sign=True),
        units.ratio(finding.params), units.ratio(finding.macs), finding.verdict,
    )  # fmt: skip


def _side(finding: Finding, which: str) -> str:
    """An arm, with its measure where the two sides differ in that."""
    side = getattr(finding.contrast, which)
    same = finding.contrast.of.measure == finding.contrast.to.measure
    return side.arm if same else f"{side.arm} ({side.measure})"


def sentence(finding: Finding) -> str:
    """What was found, from the numbers alone."""
    contrast, measure, (mean, *_) = finding.contrast, finding.measure, finding.difference
    if mean is None:
        return f"{contrast.id}: {finding.verdict}. {finding.reason}."
    unit = "points" if measure.unit == "%" else measure.unit
    words = f"{abs(mean):.{measure.digits}f} {unit} {'higher' if mean >= 0 else 'lower'} in {measure.title}"
    said = f"within {contrast.margin:g} {unit}" if contrast.expected == "similar" else contrast.expected
    why = f" ({finding.reason})" if finding.reason else ""
    return (
        f"{contrast.id}: {finding.verdict}. {_side(finding, 'of')} is {words} than {_side(finding, 'to')} ({_sure(finding)})"
        f"{_paid(finding)}; said to be {said}{why}."
    )


def _sure(finding: Finding) -> str:
    """The interval and what it is over."""
    count, ends, digits = len(finding.differences), finding.difference.ends, finding.measure.digits
    seeds = f"{count} seed{'' if count == 1 else 's'}"
    return f"95 % interval {ends[0]:+.{digits}f} to {ends[1]:+.{digits}f} over {seeds}" if ends else seeds


def _paid(finding: Finding) -> str:
    """What the one side costs of the other."""
    ratios = ((finding.params, "parameters"), (finding.macs, "MACs"))
    costs = [f"{units.ratio(ratio)} times the {what}" for ratio, what in ratios if ratio is not None]
    return f", at {' and '.join(costs)}" if costs and finding.of.arm != finding.to.arm else ""


def conditions(study: Study, log: Log) -> list[str]:
    """What the numbers were made with, a sentence each."""
    head, budget, recipe = log.head, log.head.budget, log.head.recipe
    versions = ", ".join(f"{name} {version}" for name, version in head.versions.items() if name in {"vbench", "torch"})
    seconds = units.clock(sum(trial.seconds for trial in log.trials.values()))
    most = "at most " if head.source else ""
    data = f"{most}{budget.images:,} pictures to train on and {budget.tests:,} to test on, anew for each seed"
    passes = f"{budget.epochs} pass{'' if budget.epochs == 1 else 'es'}"
    passes += f" ({budget.tuning:g} where it goes on from another)" if budget.tuning else ""
    trained = f"{passes} in steps of {budget.batch}, {recipe.optimizer}, rate {recipe.rate:g}, decay {recipe.decay:g}"
    trained += f", gradients clipped at a norm of {recipe.clip:g}" if recipe.clip else ""
    trained += "".join(f"; {arm.name} at a rate of {arm.rate:g}" for arm in head.arms if arm.rate)
    seeds = f"seeds {', '.join(map(str, head.seeds))}; {len(log.trials)} trainings, {seconds} of one core"
    return [
        f"Data: {head.source or study.own}; {data}.",
        f"Each arm: {trained}; the same order of pictures for all arms of a seed.",
        f"Budget {budget.name}, {seeds}. {versions}; {head.machine.processor}; {head.started[:10]}.",
    ]


def markdown(study: Study, log: Log, pictures: Sequence[str] = ()) -> str:
    """A page: conditions, both tables, a section for each contrast, and the charts by file name."""
    found = judge(study, log)
    parts = [
        f"# Study: {study.title}",
        "\n".join(conditions(study, log)),
        arms(study, log),
        _grid(HEADER, [_cells(finding) for finding in found]),
        study.words(log),
        f"{counts(found)}. Differences are paired by seed, with Student's 95 % intervals over the seeds.",
        *(f"![{name}]({name})" for name in pictures),
    ]
    for finding in found:
        contrast = finding.contrast
        parts.append(f"## {contrast.question}\n\n{contrast.sentence} ({contrast.source})\n\n{sentence(finding)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _grid(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def plain(study: Study, log: Log) -> dict[str, Any]:
    """Everything, for JSON."""
    return {
        "study": study.name,
        "study_id": log.head.study_id,
        "budget": log.head.budget.name,
        "source": log.head.source,
        "seeds": list(log.head.seeds),
        "arms": [_row(study, row) for row in rows(study, log).values()],
        "contrasts": [_finding(finding) for finding in judge(study, log)],
    }


def _row(study: Study, row: Row) -> dict[str, Any]:
    return {
        "arm": row.arm.name, "architecture": row.arm.architecture, "compression": row.compression, "params": row.params,
        "macs": row.macs, "weight_bytes": row.weight_bytes,
        "seconds": row.seconds, "failed": _texts(row.failed),
        "measures": {
            measure.name: {**row.span(measure.name)._asdict(), "by_seed": _texts(row.values[measure.name])}
            for measure in study.measures
        },
    }  # fmt: skip


def _finding(finding: Finding) -> dict[str, Any]:
    contrast = finding.contrast
    return {
        "id": contrast.id, "question": contrast.question, "sentence": contrast.sentence, "source": contrast.source,
        "of": {"arm": contrast.of.arm, "measure": contrast.of.measure},
        "to": {"arm": contrast.to.arm, "measure": contrast.to.measure},
        "expected": contrast.expected, "margin": contrast.margin, "verdict": finding.verdict, "reason": finding.reason,
        "difference": finding.difference._asdict(), "by_seed": _texts(finding.differences),
        "params_ratio": finding.params, "macs_ratio": finding.macs, "told": sentence(finding),
    }  # fmt: skip


def _texts(by_seed: Mapping[int, Any]) -> dict[str, Any]:
    """JSON's keys are text."""
    return {str(seed): value for seed, value in by_seed.items()}
